"""Machine code for the few loops that no compiler of arrays makes well, on the user's processor.

LLVM compiles them when they are first needed (llvmlite: no compiler on the machine, and nothing
built when hornbook is installed). docs/decisions/native.md says which loops, why, and how fast.
"""
