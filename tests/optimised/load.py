# Loads every side module below the current directory by itself and says of each what is in it, or why it does not load.
import ctypes
import importlib.machinery
import importlib.util
import pathlib


def extension(name, path):
    loader = importlib.machinery.ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, str(path), loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return sorted(dir(module))


def load(path):
    name = path.name.split(".")[0]
    try:
        if b"PyInit_" + name.encode() in path.read_bytes():
            return extension(name, path)
        return ctypes.CDLL(str(path)) and "a library"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


paths = sorted(path for path in pathlib.Path.cwd().rglob("*.so"))
"\n".join(f"{path}: {load(path)}" for path in paths)
