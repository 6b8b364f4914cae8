# Times the functions of one set of modules; the answer is a line `module function nanoseconds checksum` for each, per call.
# The benchmark puts `DIRECTORY`, `CASES` (pairs of module and function) and `SAMPLES` in front.
#
# The loop is inside the module, so one call through ctypes stands for thousands. V8 compiles a function twice: quickly at first, well
# in the background once it is hot; the better code runs from the next call of the function on. Hence many calls, and time to compile.
import ctypes
import os
import time

# One call is to take so long, in seconds: much longer than a call through ctypes, short enough that some samples meet no disturbance.
SAMPLE = 0.01
WARM_UP = 0.2


def timed(function, n):
    start = time.perf_counter()
    checksum = function(n)
    return time.perf_counter() - start, checksum


def measure(function):
    n, total = 1000, 0.0
    while total < WARM_UP:
        elapsed, _ = timed(function, n)
        total += elapsed
        if elapsed < SAMPLE:
            n *= 2
    time.sleep(0.02)
    # The code may have become faster since.
    while timed(function, n)[0] < SAMPLE:
        n *= 2
    best = min(timed(function, n)[0] for _ in range(SAMPLES))
    return best / n * 1e9, function(1000)


os.chdir(DIRECTORY)
libraries = {module: ctypes.CDLL(f"{DIRECTORY}/{module}.so") for module, _ in CASES}
lines = []
for module, name in CASES:
    nanoseconds, checksum = measure(getattr(libraries[module], name))
    lines.append(f"{module} {name} {nanoseconds} {checksum}")
"\n".join(lines)
