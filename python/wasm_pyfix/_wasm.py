"""As much of the binary format of WebAssembly as tells what a side module needs, imports and exports."""

from enum import IntEnum
from typing import Iterator, List, NamedTuple, Optional, Tuple

MAGIC = b"\0asm\x01\0\0\0"
CUSTOM, IMPORT, EXPORT = 0, 2, 7
NEEDED, RUNTIME_PATH = 2, 5


class ExternType(IntEnum):
    """What kind of thing is imported or exported."""

    FUNC = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


class Import(NamedTuple):
    """An import; `type` is the index of its type, of a global or a table the number that stands for its type."""

    kind: ExternType
    module: str
    field: str
    type: Optional[int]


class Export(NamedTuple):
    """An export; `index` is that of the thing among those of its kind."""

    name: str
    kind: ExternType
    index: int  # type: ignore[assignment]  # It hides a method of tuples, as in auditwheel-emscripten.


class _Reader:
    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def byte(self) -> int:
        if self.at >= self.end:
            raise RuntimeError(f"the module ends within something, at offset {self.at:#x}")
        self.at += 1
        return self.data[self.at - 1]

    def _leb(self) -> Tuple[int, int]:
        value, shift, more = 0, 0, 0x80
        while more:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift, more = shift + 7, byte & 0x80
        return value, shift

    def unsigned(self) -> int:
        return self._leb()[0]

    def signed(self) -> int:
        value, bits = self._leb()
        return value - (1 << bits) if value >> (bits - 1) else value

    def take(self, size: int) -> bytes:
        if size > self.end - self.at:
            raise RuntimeError(f"the module ends within something, at offset {self.at:#x}")
        self.at += size
        return self.data[self.at - size : self.at]

    def name(self) -> str:
        return self.take(self.unsigned()).decode()

    def names(self) -> List[str]:
        return [self.name() for _ in range(self.unsigned())]

    def limits(self) -> None:
        has_maximum = self.byte() & 1
        self.unsigned()
        if has_maximum:
            self.unsigned()


def _sections(data: bytes) -> Iterator[Tuple[int, _Reader]]:
    if not data.startswith(MAGIC):
        raise RuntimeError("is no WebAssembly module")
    reader = _Reader(data, len(MAGIC), len(data))
    while reader.at < reader.end:
        kind, size = reader.byte(), reader.unsigned()
        start = reader.at
        reader.take(size)
        yield kind, _Reader(data, start, start + size)


def _section(data: bytes, wanted: int) -> Optional[_Reader]:
    return next((reader for kind, reader in _sections(data) if kind == wanted), None)


def _dylink(data: bytes) -> Tuple[str, _Reader]:
    """The linking metadata, which are the first section: its name, and what is in it."""
    for kind, reader in _sections(data):
        name = reader.name() if kind == CUSTOM else ""
        if name in ("dylink", "dylink.0"):
            return name, reader
        break
    raise RuntimeError("is no side module: it does not begin with linking metadata")


def _subsections(reader: _Reader) -> Iterator[Tuple[int, _Reader]]:
    while reader.at < reader.end:
        kind, size = reader.byte(), reader.unsigned()
        start = reader.at
        reader.take(size)
        yield kind, _Reader(reader.data, start, start + size)


def libraries(data: bytes) -> Tuple[List[str], List[str]]:
    """The libraries that a module needs, and the directories in which they are looked for (RUNTIME_PATH)."""
    name, reader = _dylink(data)
    if name == "dylink":
        for _ in range(4):
            reader.unsigned()
        return reader.names(), []
    needed: List[str] = []
    runtime_path: List[str] = []
    for kind, subsection in _subsections(reader):
        if kind == NEEDED:
            needed += subsection.names()
        elif kind == RUNTIME_PATH:
            runtime_path += subsection.names()
    return needed, runtime_path


def with_names(data: bytes, wanted: int, names: List[str]) -> bytes:
    """The module with another list of names in its linking metadata: `NEEDED` or `RUNTIME_PATH`."""
    name, reader = _dylink(data)
    if name == "dylink":
        raise RuntimeError("has linking metadata of before Emscripten 2.0.30, which are not written anymore")
    end = reader.end
    parts = [(kind, sub.take(sub.end - sub.at)) for kind, sub in _subsections(reader) if kind != wanted]
    encoded = [one.encode() for one in names]
    # They come in the order of their numbers.
    parts.append((wanted, _number(len(encoded)) + b"".join(_sized(one) for one in encoded)))
    parts.sort(key=lambda part: part[0])
    section = _sized(name.encode()) + b"".join(bytes([kind]) + _sized(contents) for kind, contents in parts)
    return MAGIC + bytes([CUSTOM]) + _sized(section) + data[end:]


def _number(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def _sized(contents: bytes) -> bytes:
    return _number(len(contents)) + contents


def exports(data: bytes) -> List[Export]:
    """All exports of a module, in their order."""
    reader = _section(data, EXPORT)
    if reader is None:
        return []
    return [Export(reader.name(), ExternType(reader.byte()), reader.unsigned()) for _ in range(reader.unsigned())]


def imports(data: bytes) -> List[Import]:
    """All imports of a module, in their order."""
    reader = _section(data, IMPORT)
    if reader is None:
        return []
    return [_import(reader) for _ in range(reader.unsigned())]


def _import(reader: _Reader) -> Import:
    module, field, kind = reader.name(), reader.name(), ExternType(reader.byte())
    number: Optional[int] = None
    if kind == ExternType.FUNC:
        number = reader.unsigned()
    elif kind == ExternType.TABLE:
        number = reader.signed()
        reader.limits()
    elif kind == ExternType.MEMORY:
        reader.limits()
    elif kind == ExternType.GLOBAL:
        number = reader.signed()
        reader.byte()
    else:
        reader.byte()
        number = reader.unsigned()
    return Import(kind, module, field, number)
