# The module that mixes JavaScript and native exception handling: each half throws through the other.
# The harness puts `LIBRARY` in front.
import ctypes

library = ctypes.CDLL(LIBRARY)
native = [library.native_catch(kind) for kind in range(5)]
both = [library.both(kind) for kind in range(5)]
f"native_catch {native} both {both} live {library.get_live()}"
