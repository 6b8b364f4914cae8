# Imports the extension module `e_ext` and drives its methods: C++ exceptions that become Python exceptions, Python
# exceptions that pass through C++ frames, and a longjmp.
import sys

sys.path.insert(0, "/t")


def attempt(function, *arguments):
    try:
        return repr(function(*arguments))
    except BaseException as error:
        return f"{type(error).__name__}({error})"


def nested(kind):
    if kind == 0:
        return e_ext.catch_(1)
    try:
        e_ext.throw_(kind)
    except Exception as error:
        return type(error).__name__


def kind_of_failure(function, *arguments):
    try:
        return repr(function(*arguments))
    except ZeroDivisionError:
        return "ZDE"
    except TypeError:
        return "TE"


import e_ext

trace = [f"answer {e_ext.answer}"]
for kind in range(7):
    trace += [attempt(e_ext.throw_, kind), attempt(e_ext.catch_, kind)]
trace += [
    repr(e_ext.apply(lambda x: x * 2, [1, 2, 3])),
    kind_of_failure(e_ext.apply, lambda x: 1 // x, [1, 0]),
    repr(e_ext.apply(nested, range(6))),
    repr(e_ext.i64(2**40)),
    kind_of_failure(e_ext.i64, "x"),
    f"live {e_ext.live()}",
    f"longjmp {e_ext.longjmp()}",
]
" | ".join(trace)
