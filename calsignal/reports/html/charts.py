"""Charts as inline SVG: values in, elements out. Numbers stand beside the marks, so that colour tells nothing alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from calsignal.reports.html.elements import Safe, el, join, text
from calsignal.reports.safe import clean, cut

_LETTER = 7.2  # pixels that a letter takes at most on average


def svg(width: float, height: float, label: str, *children: Safe, class_: str | None = None) -> Safe:
    """Return a drawing that says in words what it shows."""
    return el(
        "svg",
        *children,
        viewbox=f"0 0 {_px(width)} {_px(height)}",
        width=_px(width),
        height=_px(height),
        role="img",
        aria_label=label,
        class_=class_,
    )


def shared_marks() -> Safe:
    """Return what the charts of a page point to: a hatch, and the tips of arrows. It takes no room."""
    tips = (
        el(
            "marker",
            el("path", d="M0 0 8 4 0 8z"),
            id=name,
            markerWidth=8,
            markerHeight=8,
            refX=7,
            refY=4,
            orient="auto",
            markerUnits="userSpaceOnUse",
        )
        for name in ("tip", "back")
    )
    hatch = el(
        "pattern",
        el("path", d="M0 6 6 0M-1 1 1-1M5 7 7 5", fill="none", stroke_width=1.2),
        id="hatch",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    )
    return el("svg", el("defs", hatch, *tips), width=0, height=0, class_="unseen", aria_hidden="true")


def _px(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _text(x: float, y: float, words: str, class_: str | None = None) -> Safe:
    return el("text", words, x=_px(x), y=_px(y), class_=class_)


def _fitting(words: str, width: float) -> str:
    return cut(clean(words), max(3, int(width / _LETTER)))


# --- bars lying down --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """A bar from 0 to `value`; where `part` is given, the rest is hatched. `said` stands at its end."""

    name: str
    value: float
    said: str
    fill: str
    part: float | None = None


def bars(rows: Sequence[Bar], label: str, width: float = 380, names: float = 98) -> Safe:
    """Draw bars below each other, names to the left and what they say above the end of the line."""
    largest = max((row.value for row in rows), default=0) or 1
    longest = max((len(row.said) for row in rows), default=0) * _LETTER
    room = width - names - longest - 8
    return svg(
        width,
        24 * len(rows),
        label,
        *(
            part
            for number, row in enumerate(rows)
            for part in _bar(row, 24 * number, names, room * row.value / largest)
        ),
    )


def _bar(row: Bar, y: float, x: float, size: float) -> Iterator[Safe]:
    yield _text(x - 8, y + 16, row.name, "end")
    full = size if row.part is None or not row.value else size * row.part / row.value
    if row.part is not None and size > full:
        yield el("rect", x=_px(x), y=_px(y + 4.5), width=_px(max(size, 1)), height=15, class_="hatch")
    if full or row.part is None:
        yield el("rect", x=_px(x), y=_px(y + 4), width=_px(max(full, 1.5)), height=16, class_=row.fill)
    yield _text(x + max(size, 1.5) + 6, y + 16, row.said)


# --- columns ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of `value`; one that is not `whole` is hatched, since its time still runs."""

    name: str
    value: float
    whole: bool = True


def columns(rows: Sequence[Column], label: str, width: float = 460, height: float = 180) -> Safe:
    """Draw columns beside each other, each with its value above and every other one with its name below."""
    largest = max((row.value for row in rows), default=0) or 1
    step, ground = width / max(len(rows), 1), height - 22
    drawn = [el("line", x1=0, x2=_px(width), y1=_px(ground), y2=_px(ground), class_="axis")]
    for number, row in enumerate(rows):
        tall, x = (ground - 20) * row.value / largest, number * step
        drawn.append(
            el(
                "rect",
                x=_px(x + step * 0.14),
                y=_px(ground - tall),
                width=_px(step * 0.72),
                height=_px(tall),
                class_="fa" if row.whole else "hatch",
            )
        )
        drawn.append(_text(x + step / 2, ground - tall - 5, f"{row.value:.1f}", "mid"))
        if (len(rows) - 1 - number) % 2 == 0:
            drawn.append(_text(x + step / 2, height - 4, row.name, "mid dim"))
    return svg(width, height, label, *drawn, class_="fine")


def spark(values: Sequence[float]) -> Safe:
    """Draw a line as high as a word; the numbers stand beside it, so it says nothing aloud."""
    largest, step = max(values, default=0) or 1, 72 / max(len(values) - 1, 1)
    points = " ".join(f"{_px(1 + n * step)},{_px(18 - 16 * value / largest)}" for n, value in enumerate(values))
    return el("svg", el("polyline", points=points), viewbox="0 0 74 20", class_="spark", aria_hidden="true")


# --- shares with their bounds -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """A share with its bounds, from 0 to 1; None where it says nothing (too few)."""

    name: str
    value: float | None
    lower: float | None
    upper: float | None
    said: str


def shares(rows: Sequence[Share], label: str, width: float = 460, names: float = 104, said: float = 118) -> Safe:
    """Draw a dot for each share, and the range in which the truth lies behind it."""
    room = width - names - said - 16
    drawn = []
    for tick in (0.0, 0.5, 1.0):
        x = _px(names + room * tick)
        drawn.append(el("line", x1=x, x2=x, y1=18, y2=_px(24 * len(rows) + 22), class_="axis"))
        drawn.append(_text(names + room * tick, 12, f"{100 * tick:.0f} %", "mid dim"))
    for number, row in enumerate(rows):
        y = 24 * number + 34
        drawn.append(_text(names - 12, y + 4, _fitting(row.name, names - 12), "end"))
        if row.lower is not None and row.upper is not None and row.value is not None:
            low, high = names + room * row.lower, names + room * row.upper
            drawn.append(el("line", x1=_px(low), x2=_px(high), y1=y, y2=y, class_="range"))
            drawn.append(el("circle", cx=_px(names + room * row.value), cy=y, r=5, class_="dot"))
        drawn.append(_text(names + room + 16, y + 4, row.said))
    return svg(width, 24 * len(rows) + 24, label, *drawn, class_="fine")


# --- a timeline -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spot:
    """A meeting on a day. `kind` is how it is drawn: `owned`, `firm`, `maybe`, `asked` or `gone`."""

    on: date
    kind: str
    said: str


@dataclass(frozen=True)
class Arrow:
    """A move from one day to another; `ours` is by us or unknown, and drawn broken."""

    start: date
    end: date
    ours: bool
    said: str


_GROUND, _LANES, _LANE, _NEAR = 74.0, 4, 13.0, 11.0


def timeline(
    spots: Sequence[Spot], arrows: Sequence[Arrow], first: date, last: date, today: date, label: str, width: float = 900
) -> Safe:
    """Draw meetings on a line from `first` to `last`, moves as arrows above it from the old day to the new one."""
    days = max((last - first).days, 1)

    def x(on: date) -> float:
        return 10 + (width - 20) * min(max((on - first).days, 0), days) / days

    lanes = [-_NEAR] * _LANES
    drawn = [el("line", x1=0, x2=_px(width), y1=_px(_GROUND), y2=_px(_GROUND), class_="axis")]
    drawn.append(_months(first, last, x(first), x(last)))
    drawn.append(el("line", x1=_px(x(today)), x2=_px(x(today)), y1=4, y2=_px(_GROUND + _LANES * _LANE), class_="now"))
    drawn += [_arrow(arrow, x(arrow.start), x(arrow.end)) for arrow in arrows if x(arrow.start) != x(arrow.end)]
    deepest = 0
    for spot in sorted(spots, key=lambda spot: spot.on):
        at = x(spot.on)
        lane = next((n for n, end in enumerate(lanes) if at - end >= _NEAR), _LANES - 1)
        lanes[lane], deepest = at, max(deepest, lane)
        drawn.append(mark(spot.kind, at, _GROUND + lane * _LANE, spot.said))
    height = _GROUND + deepest * _LANE + 30
    drawn += _names_of_months(first, last, x(first), x(last), height - 4)
    at = x(today)
    drawn.append(_text(at + (5 if at < width / 2 else -5), 12, "today", "dim" if at < width / 2 else "end dim"))
    return svg(width, height, label, *drawn, class_="line")


def _arrow(arrow: Arrow, start: float, end: float) -> Safe:
    later = end > start
    top = _GROUND - 12 - min(42, 8 + abs(end - start) * 0.22)
    kind = ("later" if later else "sooner") + (" ours" if arrow.ours else "")
    middle = f"Q{_px((start + end) / 2)} {_px(2 * top - _GROUND + 9)}"
    path = f"M{_px(start)} {_px(_GROUND - 7)}{middle} {_px(end)} {_px(_GROUND - 8)}"
    return el("path", el("title", arrow.said), d=path, class_=kind, marker_end=f"url(#{'tip' if later else 'back'})")


def mark(kind: str, x: float, y: float, said: str | None = None) -> Safe:
    """Draw a meeting by how firm it is: a diamond, a disc, a ring, a small ring, or a cross."""
    title = el("title", said) if said else None
    left, right, up, down = x - 4, x + 4, y - 4, y + 4
    if kind == "gone":
        cross = f"M{_px(left)} {_px(up)}L{_px(right)} {_px(down)}M{_px(left)} {_px(down)}L{_px(right)} {_px(up)}"
        return el("path", title, d=cross, class_="gone")
    if kind == "owned":
        diamond = f"M{_px(x)} {_px(y - 6.5)}L{_px(x + 6.5)} {_px(y)} {_px(x)} {_px(y + 6.5)} {_px(x - 6.5)} {_px(y)}z"
        return el("path", title, d=diamond, class_="firm")
    return el("circle", title, cx=_px(x), cy=_px(y), r={"firm": 5, "maybe": 4}.get(kind, 3), class_=kind)


_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _starts(first: date, last: date) -> Iterator[date]:
    """Yield the first days of months after `first`."""
    day = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    while day <= last:
        yield day
        day = (day + timedelta(days=32)).replace(day=1)


def _places(first: date, last: date, left: float, right: float) -> Iterator[tuple[float, date]]:
    days = max((last - first).days, 1)
    every = ceil(days / 400)
    for number, day in enumerate(_starts(first, last)):
        if number % every == 0:
            yield left + (right - left) * (day - first).days / days, day


def _months(first: date, last: date, left: float, right: float) -> Safe:
    ticks = "".join(f"M{_px(x)} {_px(_GROUND - 4)}v8" for x, _ in _places(first, last, left, right))
    return el("path", d=ticks or "M0 0", class_="axis")


def _names_of_months(first: date, last: date, left: float, right: float, y: float) -> Iterable[Safe]:
    for x, day in _places(first, last, left, right):
        yield _text(x, y, f"1 {_NAMES[day.month - 1]}", "mid dim")


def legend(entries: Iterable[tuple[Safe, str]]) -> Safe:
    """Return what the marks of a chart mean, each with a small drawing of it."""
    items = (
        el("li", el("svg", drawing, viewbox="0 0 30 14", aria_hidden="true"), text(words)) for drawing, words in entries
    )
    return el("ul", join(items), class_="legend")


def sample_arrow(*, later: bool, ours: bool) -> Safe:
    """Return a short arrow for a legend."""
    kind = ("later" if later else "sooner") + (" ours" if ours else "")
    path = "M2 11Q15-1 26 9" if later else "M28 11Q15-1 4 9"
    return el("path", d=path, class_=kind, marker_end=f"url(#{'tip' if later else 'back'})")
