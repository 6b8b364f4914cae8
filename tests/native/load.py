# Calls the entry of every library of a variant and drives its extension module; their answers by file, as JSON. Those that others need
# come last: what they define is then visible to all that is loaded later, and fixtures have classes of the same name.
import ctypes
import json
import os
import sys

os.chdir("/t")
ctypes.CDLL("libd_dep.so", ctypes.RTLD_GLOBAL)


def extension():
    *statements, answer = open("extension.py").read().strip().split("\n")
    scope = {}
    exec("\n".join(statements), scope)
    return eval(answer, scope)


def answer(name):
    print(name, file=sys.stderr)
    if name == "e_ext":
        return extension()
    library = ctypes.CDLL(name + ".so", ctypes.RTLD_GLOBAL if name == "a_eh" else ctypes.RTLD_LOCAL)
    entry = library.user_run if name == "d_user" else library.run_all
    entry.restype = ctypes.c_char_p
    return entry().decode()


names = {file.removesuffix(".so") for file in os.listdir() if file.endswith(".so")} - {"libd_dep"}
last = [name for name in ("a_eh", "d_user") if name in names]
json.dumps({name + ".so": answer(name) for name in sorted(names.difference(last)) + last})
