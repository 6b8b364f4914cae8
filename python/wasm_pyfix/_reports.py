"""What the program reports, as data. The members are those of its JSON: `docs/report.md` and `docs/check.md` say what they mean."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True)
class Tool:
    """Who made the report."""

    name: str
    version: str


@dataclass(frozen=True)
class Failure:
    """Why something failed. `wasm-pyfix explain CODE` tells more of a code."""

    code: str
    message: str
    offset: Optional[int]


@dataclass(frozen=True)
class Notice:
    """What the user should know."""

    code: str
    severity: str
    message: str


@dataclass(frozen=True)
class Left:
    """What a pass left alone."""

    code: str
    what: str
    why: str
    count: int


@dataclass(frozen=True)
class Pass:
    """What one pass did to one module."""

    name: str = field(metadata={"member": "pass"})
    changed: Mapping[str, int]
    names: Mapping[str, Any]
    left: Tuple[Left, ...]
    notices: Tuple[Notice, ...]


@dataclass(frozen=True)
class Module:
    """A side module."""

    path: Optional[str]
    renamed_to: Optional[str]
    grafted_from: Optional[str]
    status: str
    size_before: int
    size_after: int
    passes: Tuple[Pass, ...]


@dataclass(frozen=True)
class Input:
    """What became of one input for one target."""

    input: str
    targets: Tuple[str, ...]
    kind: Optional[str]
    status: str
    output: Optional[str]
    file_name: Optional[str]
    size_before: Optional[int]
    size_after: Optional[int]
    sha256: Optional[str]
    notices: Tuple[Notice, ...]
    modules: Tuple[Module, ...]
    error: Optional[Failure]


@dataclass(frozen=True)
class Totals:
    """All inputs together."""

    inputs: int
    upgraded: int
    unchanged: int
    refused: int
    errors: int
    modules: int
    modules_changed: int
    size_before: int
    size_after: int


@dataclass(frozen=True)
class Report:
    """The report of `upgrade`."""

    schema_version: int
    tool: Tool
    target: str
    targets: Tuple[str, ...]
    dry_run: bool
    exit_code: int
    inputs: Tuple[Input, ...]
    totals: Totals
    lock: Optional[str]
    lock_unfit: Tuple[str, ...]
    notices: Tuple[Notice, ...]
    error: Optional[Failure]


@dataclass(frozen=True)
class Finding:
    """Something that keeps an input from loading or running, or may."""

    code: str
    severity: str
    path: Optional[str]
    symbol: Optional[str]
    message: str
    prevents: Optional[str]
    remedy: str
    fixable: bool


@dataclass(frozen=True)
class Checked:
    """What was found in one input."""

    input: str
    kind: Optional[str]
    findings: Tuple[Finding, ...]
    abi3: Tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class CheckReport:
    """The report of `check`."""

    schema_version: int
    tool: Tool
    target: str
    strict: bool
    exit_code: int
    inputs: Tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether there is nothing that makes it fail."""
        return self.exit_code == 0


def build(kind: "type[T]", value: Dict[str, Any]) -> T:
    """A report from its JSON. Members that are not known here are ignored, since later versions may have more."""
    hints = get_type_hints(kind)
    members = {}
    for known in dataclasses.fields(kind):  # type: ignore[arg-type]
        member = known.metadata.get("member", known.name)
        members[known.name] = _convert(hints[known.name], value[member])
    return kind(**members)


def _convert(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if dataclasses.is_dataclass(kind):
        return build(kind, value)  # type: ignore[arg-type]
    if get_origin(kind) is Union:
        return _convert(get_args(kind)[0], value)
    if get_origin(kind) is tuple:
        return tuple(_convert(get_args(kind)[0], item) for item in value)
    return value
