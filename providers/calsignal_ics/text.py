"""Bytes -> components and their properties (RFC 5545 3.1 to 3.4), forgiving and in one pass.

Lines are only sorted into components here; a value is read when somebody asks for it. One broken value can so never
take its neighbours with it, and what nobody needs (alarms, descriptions) costs nothing.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_DEEPEST = 50
_SIDE_BY_SIDE = frozenset(("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"))  # none holds another of its kind
_FOLD = re.compile(rb"\r?\n[ \t]")
_HEAD = re.compile(r'((?:[^":]++|"[^"]*+")*+):')  # possessive: lines of any length are read in one pass
_PARAM = re.compile(r';([^=;:"]++)=((?:"[^"]*+"|[^";]++)*+)')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class NotACalendar(ValueError):
    """Say why some bytes are not a whole iCalendar object."""


class Unreadable(ValueError):
    """Say why one event cannot be read; the reason holds no text of the calendar."""


@dataclass(frozen=True)
class Property:
    """One property: parameters by upper-case name, quotes removed, and the raw value."""

    params: Mapping[str, str]
    value: str

    @property
    def text(self) -> str:
        """The value as text (RFC 5545 3.3.11) on one line."""
        return _ESCAPE.sub(lambda found: " " if found[1] in "nN" else found[1], self.value).strip()


@dataclass
class Component:
    """A component: the raw lines by upper-case property name, and the components inside."""

    name: str
    lines: dict[str, list[str]] = field(default_factory=dict)
    children: list[Component] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Property]:
        """Yield the properties of a name in an order that does not depend on the file's."""
        yield from map(read, sorted(self.lines.get(name, ())))

    def get(self, name: str) -> Property | None:
        return next(self.all(name), None)

    def value(self, name: str) -> str:
        """Return the raw value of a property, trimmed; empty if it is not there."""
        found = self.get(name)
        return found.value.strip() if found else ""

    def inside(self, name: str) -> Iterator[Component]:
        return (child for child in self.children if child.name == name)

    def canonical(self, without: frozenset[str] = frozenset()) -> str:
        """Return the component as text that does not depend on the order of lines and parts."""
        own = sorted(line for name, lines in self.lines.items() if name not in without for line in lines)
        inner = sorted(child.canonical(without) for child in self.children)
        return "\n".join([f"BEGIN:{self.name}", *own, *inner, f"END:{self.name}"])


def calendars(data: bytes) -> list[Component]:
    """Return the VCALENDAR objects of a file or an answer; raises `NotACalendar` unless all are complete."""
    root = Component("")
    open_ones = [root]
    for line in _lines(data):
        name = _name(line)
        if name == "BEGIN":
            _begin(open_ones, _marker(line))
        elif name == "END":
            _end(open_ones, _marker(line))
        elif name:
            open_ones[-1].lines.setdefault(name, []).append(line)
    found = list(_walk(root, "VCALENDAR"))
    if any(component.name == "VCALENDAR" for component in open_ones):
        raise NotACalendar("breaks off before END:VCALENDAR")
    if not found:
        raise NotACalendar("is not an iCalendar file")
    return found


def _walk(component: Component, name: str) -> Iterator[Component]:
    """Yield the components of a name, also those inside another: some writers wrap calendars twice."""
    for child in component.children:
        if child.name == name:
            yield child
        yield from _walk(child, name)


def _begin(open_ones: list[Component], name: str) -> None:
    if name in _SIDE_BY_SIDE:
        _end(open_ones, name)  # the one before was never closed
    if len(open_ones) > _DEEPEST:
        raise NotACalendar("nests components too deeply")
    child = Component(name)
    open_ones[-1].children.append(child)
    open_ones.append(child)


def _end(open_ones: list[Component], name: str) -> None:
    """Close the innermost component of that name, and with it all that was left open inside."""
    for depth in range(len(open_ones) - 1, 0, -1):
        if open_ones[depth].name == name:
            del open_ones[depth:]
            return


def _lines(data: bytes) -> Iterator[str]:
    """Yield unfolded lines. A fold may cut a character in two, so bytes are joined before they are decoded."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    data = _FOLD.sub(b"", data.removeprefix(codecs.BOM_UTF8))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        yield from (_decode(line) for line in data.replace(b"\r", b"\n").split(b"\n"))
    else:
        yield from text.replace("\r", "\n").split("\n")


def _decode(line: bytes) -> str:
    """Read a line as UTF-8, else as what Windows programs write, else byte by byte."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def _name(line: str) -> str:
    end = min((at for at in (line.find(":"), line.find(";")) if at >= 0), default=0)
    return line[:end].strip().upper()


def _marker(line: str) -> str:
    return line.partition(":")[2].strip().upper()


def read(line: str) -> Property:
    """Read one content line; a quote that nobody closed is taken for a letter."""
    found = _HEAD.match(line) if '"' in line else None
    head, _, value = line.partition(":") if found is None else (found[1], ":", line[found.end() :])
    return Property({name.strip().upper(): _unquoted(text) for name, text in _PARAM.findall(head)}, value)


def _unquoted(text: str) -> str:
    return text.replace('"', "").strip()
