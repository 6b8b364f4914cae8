"""The commands of the program as functions."""

import json
import os
from typing import Any, Dict, Iterable, List, Optional, Sequence, Union

from ._program import run
from ._reports import CheckReport, Failure, Report, build

PathLike = Union[str, "os.PathLike[str]"]


class WasmPyfixError(RuntimeError):
    """The program failed. `code` tells why, as `wasm-pyfix explain` knows it; `report` is the whole report, where there is one."""

    def __init__(self, failure: Failure, report: Optional[Report] = None) -> None:
        super().__init__(failure.message)
        self.code = failure.code
        self.report = report


def _paths(path: Union[PathLike, Iterable[PathLike]]) -> List[str]:
    if isinstance(path, (str, os.PathLike)):
        return [os.fspath(path)]
    return [os.fspath(one) for one in path]


def _repeated(option: str, values: Union[None, PathLike, Iterable[PathLike]]) -> List[str]:
    return [] if values is None else [word for value in _paths(values) for word in (option, value)]


def _document(arguments: Sequence[str]) -> Dict[str, Any]:
    """What the program prints as JSON."""
    done = run(arguments)
    try:
        document: Dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        message = done.stderr.decode(errors="replace").strip() or f"the program ended with {done.returncode} and said nothing"
        raise WasmPyfixError(Failure("defect", message, None)) from None
    # Wrong usage, and targets that cannot be used: there is nothing else in the document.
    if "inputs" not in document and document.get("error"):
        raise WasmPyfixError(build(Failure, document["error"]))
    return document


def upgrade(
    path: Union[PathLike, Iterable[PathLike]],
    outdir: Optional[PathLike],
    *,
    target: Union[None, str, Iterable[str]] = None,
    options: Sequence[str] = (),
) -> Report:
    """Upgrades modules, wheels and archives into the directory `outdir`, or in place where that is `None`.

    `target` is a platform, a release of Pyodide, `auto` for the platform that each wheel is for already, or several of them; without it
    the program's default. `options` are further words of the command line, such as `["-O0"]`. Names and hashes of the results are in the
    report. Raises `WasmPyfixError`, which has the report, if an input failed or was refused; the others are written all the same.
    """
    into = ["--in-place"] if outdir is None else ["-o", os.path.join(os.fspath(outdir), "")]
    arguments = ["upgrade", "--json", "--quiet", *into, *_repeated("--target", target), *options, "--", *_paths(path)]
    report = build(Report, _document(arguments))
    if report.exit_code != 0:
        errors = [one.error for one in report.inputs if one.error is not None]
        raise WasmPyfixError(report.error or errors[0], report)
    return report


def check(
    path: Union[PathLike, Iterable[PathLike]],
    *,
    target: Optional[str] = None,
    main: Union[None, PathLike, Iterable[PathLike]] = None,
    options: Sequence[str] = (),
) -> CheckReport:
    """Tells what keeps modules, wheels and archives from loading and running on `target`, by default the platform of their tags."""
    arguments = ["check", "--json", *_repeated("--target", target), *_repeated("--main", main), *options, "--", *_paths(path)]
    return build(CheckReport, _document(arguments))


def show(path: Union[PathLike, Iterable[PathLike]], *, options: Sequence[str] = ("--no-upgrade",)) -> Dict[str, Any]:
    """What is in modules, wheels and archives, as `docs/show.md` describes it. Without `--no-upgrade`, also what `upgrade` would do."""
    return _document(["show", "--json", *options, "--", *_paths(path)])


def diff(old: PathLike, new: PathLike, *, options: Sequence[str] = ()) -> Dict[str, Any]:
    """What differs between two modules, wheels or archives, as `docs/diff.md` describes it."""
    document = _document(["diff", "--json", *options, "--", os.fspath(old), os.fspath(new)])
    if document.get("error"):
        raise WasmPyfixError(build(Failure, document["error"]))
    return document
