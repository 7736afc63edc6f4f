"""Benchmarks side by side with peers: contenders take turns on one machine, beside its limits.

`suite.run` runs one; `hornbook bench` is its command line. Contenders are processes of their own,
each in the interpreter that has its library.
"""
