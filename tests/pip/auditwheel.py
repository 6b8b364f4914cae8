"""Compares `wasm_pyfix.auditwheel` with auditwheel-emscripten itself.

The arguments are a directory, which has the wheel `demo` that needs libraries, these in `prefix/lib`, and others in `real`.
"""

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import auditwheel_emscripten as theirs
from auditwheel_emscripten.repair import modify_needed

from wasm_pyfix import auditwheel as ours

here = Path(sys.argv[1])
demo = here / "demo-1.0-cp313-cp313-pyodide_2025_0_wasm32.whl"
prefix = here / "prefix"


def raised(function, *arguments):
    """What is raised."""
    try:
        function(*arguments)
    except Exception as error:
        return type(error)
    raise AssertionError(arguments)


def unpacked(name):
    """A directory with the files of the wheel."""
    directory = here / name
    with zipfile.ZipFile(demo) as archive:
        archive.extractall(directory)
    return directory


def plain(things):
    """Without the classes, which are others."""
    return {name: [tuple(one) for one in of] for name, of in things.items()}


def once(function, file):
    """What auditwheel says of a file. It can be asked once for one path."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / file.name
        shutil.copytree(file, copy) if file.is_dir() else shutil.copy(file, copy)
        return {str(file) if name == str(copy) else name: of for name, of in function(copy).items()}


modules = sorted((here / "modules").iterdir())
wheels = [demo, *sorted((here / "real").iterdir())]
assert len(modules) > 1 and len(wheels) > 1
for file in [*wheels, *modules, unpacked("shown")]:
    assert ours.show(file) == theirs.show(file), file
    assert plain(ours.get_exports(str(file))) == plain(once(theirs.get_exports, file)), file
    assert plain(ours.get_imports(file)) == plain(once(theirs.get_imports, file)), file
assert ours.show_wheel(demo) == theirs.show_wheel(demo)
assert ours.show_dylib(modules[0]) == theirs.show_dylib(modules[0])
[export, *_] = next(iter(ours.get_exports(modules[0]).values()))
assert export.kind.name == "FUNC" and export.kind == once(theirs.get_exports, modules[0])[str(modules[0])][0].kind
for wrong in [here / "missing.whl", here / "demo-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", Path(__file__)]:
    assert raised(ours.show, wrong) == raised(theirs.show, wrong) == RuntimeError, wrong

# What pyodide-build does with an unpacked wheel, by each of both.
libraries = ours.resolve_sharedlib(demo, prefix)
assert libraries == theirs.resolve_sharedlib(demo, prefix) and len(libraries) == 2, libraries
assert ours.resolve_sharedlib(str(demo), [here, prefix]) == libraries
assert raised(ours.resolve_sharedlib, demo, here) == raised(theirs.resolve_sharedlib, demo, here) == RuntimeError
for mangle in (True, False):
    left, right = unpacked(f"ours-{mangle}"), unpacked(f"theirs-{mangle}")
    copied = ours.copylib(left, libraries, "demo.libs", mangle=mangle)
    expected = theirs.copylib(right, libraries, "demo.libs", mangle=mangle)
    assert {name: path.relative_to(left) for name, path in copied.items()} == {
        name: path.relative_to(right) for name, path in expected.items()
    }
    if mangle:
        ours.modify_needed(left, copied)
        modify_needed(right, expected)
    ours.modify_runtime_path(left, "demo.libs")
    theirs.modify_runtime_path(right, "demo.libs")
    assert ours.show(left) == theirs.show(right) == theirs.show(left) == ours.show(right), ours.show(left)
    # Nothing is left to do.
    assert ours.resolve_sharedlib(left, here / "nowhere") == {}
assert raised(ours.modify_runtime_path, left, "x.libs") == raised(theirs.modify_runtime_path, right, "x.libs")

# A whole wheel: the same libraries under the same kind of name, each found; and the wheel is upgraded.
for mangle in (True, False):
    repaired = ours.repair(demo, prefix, here / f"out-{mangle}", mangle=mangle)
    (here / f"expected-{mangle}").mkdir()
    expected = theirs.repair(demo, prefix, here / f"expected-{mangle}", mangle=mangle)
    assert repaired.name == expected.name and repaired.is_file()
    # `WHEEL` has a build number, after which the file is named.
    [written] = expected.parent.iterdir()
    with zipfile.ZipFile(repaired) as archive, zipfile.ZipFile(written) as other:
        assert archive.testzip() is None
        count = [sum(name.startswith("demo.libs/") and name.endswith(".so") for name in of.namelist()) for of in (archive, other)]
        assert count == [2, 2], count
        assert ("demo.libs/libone.so" in archive.namelist()) is not mangle
    assert ours.resolve_sharedlib(repaired, here / "nowhere") == {}, ours.show(repaired)
(here / "in-place").mkdir()
in_place = Path(shutil.copy(demo, here / "in-place"))
assert ours.repair(in_place, prefix, None) == in_place and len(ours.show(in_place)) == 3
assert raised(ours.repair, demo, here, here) == raised(theirs.repair, demo, here, here) == RuntimeError
