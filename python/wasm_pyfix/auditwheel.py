"""The functions of auditwheel-emscripten 0.3, with its arguments and results, so that code that calls them needs another import alone.

`repair` is done by the program, and so the wheel is also upgraded for the platforms in its own tags, which it keeps. All else only reads, or
changes what it is asked to change.
"""

import hashlib
import os
import re
import shutil
import zipfile
from collections import deque
from pathlib import Path, PurePosixPath
from typing import Callable, Deque, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from . import _wasm
from ._calls import WasmPyfixError, upgrade
from ._wasm import Export, ExternType, Import

__all__ = [
    "Export",
    "ExternType",
    "Import",
    "copylib",
    "get_exports",
    "get_imports",
    "modify_needed",
    "modify_runtime_path",
    "repair",
    "resolve_sharedlib",
    "show",
    "show_dylib",
    "show_wheel",
]

T = TypeVar("T")
AnyPath = Union[str, Path]

#: NEEDED, and the directories of RUNTIME_PATH.
Libraries = Tuple[List[str], List[str]]

_LIBRARY = re.compile(r"(\.so(\.\d+)*|\.wasm)$")
_PLATFORM = re.compile(r"-(?:pyemscripten|pyodide|emscripten)_[^-]+\.whl$")


def _modules_in(directory: Path) -> List[Path]:
    return [path for path in sorted(directory.glob("**/*")) if _LIBRARY.search(path.name) and path.is_file()]


def _contents(file: Path) -> Iterator[Tuple[str, bytes]]:
    """The names and contents of all modules in an unpacked wheel, a wheel or an archive, or of the one module."""
    if not file.exists():
        raise RuntimeError(f"no such file: {file}")
    if file.is_dir():
        for path in _modules_in(file):
            yield path.relative_to(file).as_posix(), path.read_bytes()
    elif file.suffix in (".whl", ".zip"):
        if file.suffix == ".whl" and not _PLATFORM.search(file.name):
            raise RuntimeError(f"{file} is not an emscripten wheel")
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if _LIBRARY.search(name):
                    yield name, archive.read(name)
    elif _LIBRARY.search(file.name):
        yield str(file), file.read_bytes()
    else:
        raise RuntimeError(f"unknown file type: {file}")


def _each(file: AnyPath, read: Callable[[bytes], T]) -> Dict[str, T]:
    found = {}
    for name, contents in _contents(Path(file)):
        try:
            found[name] = read(contents)
        except (RuntimeError, ValueError) as error:
            raise RuntimeError(f"{name}: {error}") from None
    return found


def show(wheel_or_so_file: AnyPath) -> Dict[str, Libraries]:
    """What each module of a wheel, an unpacked wheel or an archive, or a module by itself, needs, and its RUNTIME_PATH."""
    return _each(wheel_or_so_file, _wasm.libraries)


def show_wheel(wheel_file: Path) -> Dict[str, Libraries]:
    """As `show`, of a wheel."""
    return show(wheel_file)


def show_dylib(dylib_file: Path) -> Libraries:
    """As `show`, of one module, whatever its name."""
    return _wasm.libraries(Path(dylib_file).read_bytes())


def get_exports(wheel_or_so_file: AnyPath) -> Dict[str, List[Export]]:
    """The exports of each module."""
    return _each(wheel_or_so_file, _wasm.exports)


def get_imports(wheel_or_so_file: AnyPath) -> Dict[str, List[Import]]:
    """The imports of each module."""
    return _each(wheel_or_so_file, _wasm.imports)


def _directories(libdir: Union[AnyPath, Sequence[AnyPath]]) -> List[Path]:
    """Where libraries are looked for, given the directory or prefix of each build."""
    given = [libdir] if isinstance(libdir, (str, Path)) else list(libdir)
    below = ("", "lib", "lib/wasm32-emscripten/pic", "lib/wasm32-emscripten")
    return [Path(directory) / part for directory in given for part in below]


def _is_found(module: str, library: str, modules: Sequence[str], runtime_path: Sequence[str]) -> bool:
    """Whether a module of a wheel finds a library of it along its RUNTIME_PATH."""
    own = PurePosixPath(module).parent.as_posix()
    places = (os.path.normpath(f"{path.replace('$ORIGIN', own)}/{library}").replace("\\", "/") for path in runtime_path)
    return any(place in modules for place in places)


def resolve_sharedlib(wheel_file: AnyPath, libdir: Union[AnyPath, List[AnyPath]]) -> Dict[str, Path]:
    """The files in `libdir` that the modules of a wheel need, and those that these need in turn, by their names.

    Raises `RuntimeError` for a library that is nowhere.
    """
    directories = _directories(libdir)
    of_wheel = show(wheel_file)
    waiting: Deque[Tuple[str, Libraries]] = deque(of_wheel.items())
    found: Dict[str, Path] = {}
    while waiting:
        module, (needed, runtime_path) = waiting.popleft()
        for library in needed:
            if library in found or _is_found(module, library, list(of_wheel), runtime_path):
                continue
            places = (directory / library for directory in directories)
            place = next((place for place in places if place.exists()), None)
            if place is None:
                raise RuntimeError(f"Cannot find a library: {library} (required by {module})")
            found[library] = place
            waiting.append((str(place), show_dylib(place)))
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _with_digest(path: Path) -> str:
    """The name of a library with the beginning of its hash in it, as auditwheel makes it."""
    base, dot, rest = path.name.partition(".")
    if not dot:
        raise ValueError(f"Shared library name must contain a period: {path.name}")
    suffix = "-" + _digest(path)[:8]
    return path.name if base.endswith(suffix) else f"{base}{suffix}.{rest}"


def copylib(wheel_extract_dir: AnyPath, dep_map: Mapping[str, Path], dest_dir: str, mangle: bool = True) -> Dict[str, Path]:
    """Copies the libraries of `resolve_sharedlib` into the directory `dest_dir` of an unpacked wheel.

    With `mangle` their names get a hash, which `modify_needed` then tells the modules.
    """
    directory = Path(wheel_extract_dir) / dest_dir
    if directory.is_symlink():
        raise RuntimeError(f"Library directory cannot be a symlink: {directory}")
    directory.mkdir(parents=True, exist_ok=True)
    copied = {}
    for library, source in dep_map.items():
        copy = directory / (_with_digest(source) if mangle else library)
        if not copy.exists():
            shutil.copy(source, copy)
        elif _digest(copy) != _digest(source):
            raise RuntimeError(f"Library destination conflicts with source: {copy}")
        copied[library] = copy
    return copied


def modify_needed(wheel_extract_dir: AnyPath, dep_map: Mapping[str, Path]) -> None:
    """Has the modules of an unpacked wheel need the libraries by the names of the files in `dep_map`."""
    for module in _modules_in(Path(wheel_extract_dir)):
        contents = module.read_bytes()
        needed, _ = _wasm.libraries(contents)
        new = [dep_map[name].name if name in dep_map else name for name in needed]
        if new != needed:
            module.write_bytes(_wasm.with_names(contents, _wasm.NEEDED, new))


def modify_runtime_path(wheel_extract_dir: AnyPath, runtime_path: str) -> None:
    """Adds the directory `runtime_path` of an unpacked wheel to the RUNTIME_PATH of all its modules."""
    directory = Path(wheel_extract_dir) / runtime_path
    if not directory.exists():
        raise AssertionError(f"lib directory not found: {directory}")
    for module in _modules_in(Path(wheel_extract_dir)):
        relative = os.path.relpath(directory.resolve(), module.resolve().parent)
        entry = "$ORIGIN" if relative == "." else f"$ORIGIN/{Path(relative).as_posix()}"
        contents = module.read_bytes()
        _, paths = _wasm.libraries(contents)
        if entry not in paths:
            module.write_bytes(_wasm.with_names(contents, _wasm.RUNTIME_PATH, [*paths, entry]))


def repair(
    wheel_file: AnyPath,
    libdir: Union[AnyPath, List[AnyPath]],
    outdir: Optional[AnyPath],
    lib_sdir: str = ".libs",
    modify_rpath: bool = True,
    mangle: bool = True,
    *,
    options: Sequence[str] = ("-O0",),
) -> Path:
    """Puts the libraries that a wheel needs into it, and gives the path of the new wheel, in `outdir` or in place of the old one.

    The wheel is also upgraded, for the platforms in its tags. `options` are more words of the command line: without `-O0`, it gets smaller.
    For `pyodide_2024_0`, whose loader reads no RUNTIME_PATH, none is written. The program puts libraries into `<distribution>.libs` and has modules look there, so that another `lib_sdir`, and not to
    `modify_rpath`, is a `ValueError`.
    """
    if lib_sdir != ".libs" or not modify_rpath:
        raise ValueError("wasm-pyfix puts libraries into <distribution>.libs, and has modules look there")
    wheel = Path(wheel_file)
    resolve_sharedlib(wheel, libdir)
    directories = [directory for directory in _directories(libdir) if directory.is_dir()]
    words = [word for directory in directories for word in ("--libdir", str(directory))]
    words += [] if mangle else ["--isolate", "none"]
    try:
        report = upgrade(wheel, outdir, target="auto", options=[*words, *options])
    except WasmPyfixError as error:
        raise RuntimeError(f"{wheel}: {error}") from error
    return Path(report.inputs[0].output or wheel)
