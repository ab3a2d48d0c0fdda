"""What `calibrate` found, as one HTML file with a plot of what was predicted against what came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from calsignal.model import Status
from calsignal.reports import calibration_text as say
from calsignal.reports.foot import model
from calsignal.reports.html.elements import Safe, document, el
from calsignal.reports.words import Calendar
from calsignal.score.calibration import LABEL_DAYS, Bin, CalibrationReport, Evaluation, StatusRate, Trial

_SIDE, _LEFT, _BELOW = 300, 44, 40  # of the plot, in its own units
_LARGEST, _SMALLEST = 14, 4  # radius of a point
_CLASSES = {status: f"s{number}" for number, status in enumerate(Status)}


def calibration_html(report: CalibrationReport) -> str:
    """Return the calibration as a page that is complete in itself."""
    head, found = report.head, report.study
    calendar = Calendar(head.as_of, ZoneInfo(head.timezone))
    day = f"{calendar.date(head.as_of)} {calendar.today.year}"
    trial = [_trial(found.trial, calendar)] if found.trial is not None else []
    return document(
        f"Calibration, {day}",
        el("header", el("h1", "Calibration"), el("p", f"{day} · {model(head)}")),
        el(
            "main",
            el("p", found.verdict, class_="card" if found.passes else "notice"),
            el("p", say.next_step(report, calendar)),
            el("p", say.used(found)),
            *(el("p", line) for line in say.omitted(report.left_out)),
            *trial,
            el("section", el("h2", "Won, by status"), _rates(found.by_status)),
        ),
    )


def _trial(tried: Trial, calendar: Calendar) -> Safe:
    return el(
        "section",
        el("h2", "The trial"),
        el("p", say.trial_words(tried, calendar)),
        el("div", el("div", _plot(tried.fitted.bins), class_="card"), _measures(tried), class_="grid"),
        el("h2", "What weighs", el("small", "per standard deviation, in log-odds")),
        _table("", ("Part", "Weight"), ((name, f"{weight:+.3f}") for name, weight in say.weights(tried))),
    )


def _measures(tried: Trial) -> Safe:
    found: Sequence[Evaluation] = (tried.fitted, tried.default, *tried.baselines)
    rows = [(one.name, say.auc_words(one), f"{one.brier:.3f}") for one in found]
    caption = "AUC: the chance that a deal that is won ranks above one that is not. Brier: the mean square of the miss."
    return _table(
        caption, ("Ranked by", "AUC (95 %)", "Brier"), [*rows, ("base rate", "0.500", f"{tried.base_brier:.3f}")]
    )


def _rates(rates: Iterable[StatusRate]) -> Safe:
    caption = f"Won within {LABEL_DAYS} days of first standing in the status; each deal counts once per status."
    shown = [one for one in rates if one.rate.n]
    rows = [
        (el("span", r.status.value, class_=_CLASSES[r.status]), f"{r.rate.hits} of {r.rate.n}", say.rate_words(r.rate))
        for r in shown
    ]
    return _table(caption, ("Status", "Won", "Share (95 %)"), rows)


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Safe:
    body = (
        el("tr", el("th", row[0], scope="row"), *(el("td", value, class_="n") for value in row[1:])) for row in rows
    )
    top = el("tr", *(el("th", head, scope="col", class_="n" if number else None) for number, head in enumerate(heads)))
    inside = [el("caption", caption)] if caption else []
    return el("div", el("table", *inside, el("thead", top), el("tbody", *body)), class_="scroll")


# --- the plot -------------------------------------------------------------------------------------------------------


def _x(share: float) -> float:
    return round(_LEFT + share * _SIDE, 1)


def _y(share: float) -> float:
    return round(10 + (1 - share) * _SIDE, 1)


def _plot(bins: Sequence[Bin]) -> Safe:
    told = "; ".join(f"predicted {say.percent(b.predicted)}, came {say.percent(b.observed)}" for b in bins if b.rows)
    width, height = _LEFT + _SIDE + 20, 10 + _SIDE + _BELOW
    drawing = el(
        "svg",
        el("title", f"Reliability: {told}"),
        *_axes(),
        *_points(bins),
        viewbox=f"0 0 {width} {height}",
        role="img",
    )
    text = "What was predicted against what came: on the line the probabilities are true. A point's size is its weight."
    return el("figure", el("figcaption", text), drawing)


def _axes() -> Iterator[Safe]:
    yield el("line", x1=_x(0), y1=_y(0), x2=_x(1), y2=_y(1), class_="now")
    for tick in range(6):
        share = tick / 5
        yield el("line", x1=_x(share), y1=_y(0), x2=_x(share), y2=_y(1), class_="axis")
        yield el("line", x1=_x(0), y1=_y(share), x2=_x(1), y2=_y(share), class_="axis")
        yield el("text", f"{20 * tick} %", x=_x(share), y=_y(0) + 16, class_="mid dim")
        yield el("text", f"{20 * tick} %", x=_x(0) - 6, y=_y(share) + 4, class_="end dim")
    yield el("text", "predicted", x=_x(0.5), y=_y(0) + 34, class_="mid")


def _points(bins: Sequence[Bin]) -> Iterator[Safe]:
    most = max((b.rows for b in bins), default=0)
    known = [(b, b.predicted, b.observed) for b in bins if b.predicted is not None and b.observed is not None]
    if len(known) > 1:
        path = " ".join(f"{_x(predicted)},{_y(observed)}" for _, predicted, observed in known)
        yield el("polyline", points=path, class_="sooner")
    for part, predicted, observed in known:
        radius = round(_SMALLEST + (_LARGEST - _SMALLEST) * (part.rows / most) ** 0.5, 1)
        words = f"{say.bin_words(part)}: predicted {say.percent(predicted)}, came {say.percent(observed)}, "
        yield el(
            "circle",
            el("title", words + say.size_words(part)),
            cx=_x(predicted),
            cy=_y(observed),
            r=radius,
            class_="fa",
        )
