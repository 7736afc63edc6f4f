"""Programs that a benchmark compares, each a process of its own.

A module has `prepare(config)`, which gives a function that does the work once and says how long it
took. Modules import no more than one library, and nothing of hornbook but in hornbook's own
contenders: the interpreter of a peer has no hornbook.
"""
