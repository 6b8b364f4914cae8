"""Where the program is, and running it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Iterator, List, Sequence

#: Names the program, where another one is to be run than that which was installed with this package.
VARIABLE = "WASM_PYFIX"

NAME = "wasm-pyfix.exe" if os.name == "nt" else "wasm-pyfix"


def _places() -> Iterator[Path]:
    """The directories that installers put programs into: of the environment, of the user, and beside `pip install --target`."""
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", scheme="nt_user" if os.name == "nt" else "posix_user"))
    yield Path(__file__).parent.parent / "bin"


def find() -> str:
    """The path of the program: what `WASM_PYFIX` says, or the one that was installed with this package, or the first in `PATH`."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    for place in _places():
        if (place / NAME).is_file():
            return str(place / NAME)
    found = shutil.which(NAME)
    if found is None:
        raise FileNotFoundError(f"there is no {NAME}: install the package wasm-pyfix with pip, or name the program in {VARIABLE}")
    return found


def run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    """Runs the program, and gives what it prints."""
    command: List[str] = [find(), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def replace(arguments: Sequence[str]) -> "int":
    """Runs the program in place of this one, which gets its exit code."""
    command: List[str] = [find(), *arguments]
    if os.name != "nt":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode
