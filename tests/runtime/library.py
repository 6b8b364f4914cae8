# Calls the entry point of a fixture library through ctypes; its answer is the trace that it returns.
# The harness puts `LIBRARY`, `ENTRY` and `PRELOAD` in front.
import ctypes
import os

os.chdir(os.path.dirname(LIBRARY))  # libraries are named without a directory

for name in PRELOAD:
    ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
entry = getattr(ctypes.CDLL(LIBRARY), ENTRY)
entry.restype = ctypes.c_char_p
entry().decode()
