"""`python -m wasm_pyfix` is the program."""

import sys

from ._program import replace

if __name__ == "__main__":
    sys.exit(replace(sys.argv[1:]))
