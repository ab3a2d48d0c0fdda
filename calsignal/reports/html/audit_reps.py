"""The reps' part of the audit's page: hours per week, coverage of next steps, every metric, the contest."""

from __future__ import annotations

from collections.abc import Sequence

from calsignal.reports import audit_words as say
from calsignal.reports.html.charts import Column, Share, columns, shares, spark
from calsignal.reports.html.elements import Safe, el, join
from calsignal.reports.html.frame import Frame, bullets, cell, number, row, section, sortable, strong_then, warning
from calsignal.score.audit import Place, Rate, RepMetrics, SoftShare

DRAWN = 30  # reps in a chart
_FIRST = (("Rep", "text"), ("Place", "number"), ("Eager prospects", "number"), ("Last 2 weeks", "number"))
_LAST = (("Not REAL", "number"), ("Calendars cover", "number"))
_CAPTION = (
    "Every rate with n, out of how many it is, its 95 % bound, and the place by that bound: the lower one; for pushed, "
    "dropped and own moves the upper one."
)
_PLACES = (
    ("Rep", "text"),
    ("Place", "number"),
    ("Eager prospects", "number"),
    ("Rebooks", "number"),
    ("By the buyer", "number"),
    ("Buyer-hours", "number"),
    ("Behind the next", "number"),
    ("Told apart by", "text"),
)


def reps(frame: Frame) -> Safe | None:
    """Return what the period shows of the reps; the notice about the whole team stands before any name."""
    result = frame.result
    if not result.reps:
        return None
    unranked = bullets(f"{found.rep}: {found.not_ranked}" for found in result.reps if not found.ranked)
    return section(
        "reps",
        "Reps",
        f"prospects only, {say.said_of_period(result, frame.calendar)}",
        warning(result.notice),
        el("div", _weeks(frame), _next_steps(result.reps), class_="grid"),
        _table(frame),
        join([el("h3", "Not ranked"), unranked]) if unranked else None,
        far=True,
    )


def _weeks(frame: Frame) -> Safe:
    rows = [
        Column(frame.calendar.date(week.monday).partition(" ")[2], week.hours, whole=week.whole)
        for week in frame.result.total.weeks
    ]
    told = "; ".join(f"{week.name} {week.value:.1f}{'' if week.whole else ' so far'}" for week in rows)
    caption = strong_then("Buyer-hours per week", " of held meetings, by firmness; hatched: this week so far")
    return el("div", el("figure", caption, columns(rows, f"Buyer-hours per week: {told}")), class_="card")


def _next_steps(found: Sequence[RepMetrics]) -> Safe:
    ordered = sorted(found, key=lambda one: _by_bound(one.next_step_coverage))
    shown = ordered[-DRAWN:]
    rows = [_share(one) for one in shown]
    which = f" of the {len(shown)} lowest of {len(found)} reps" if len(shown) < len(found) else " per rep"
    label = "Next-step coverage: " + "; ".join(f"{one.name} {one.said}" for one in rows)
    caption = strong_then(f"Next-step coverage{which}", ", with the range in which it truly lies (95 %)")
    return el("div", el("figure", caption, shares(rows, label)), class_="card")


def _by_bound(share: Rate) -> tuple[bool, float]:
    return share.lower is None or share.too_few, -(share.lower or 0.0)


def _share(one: RepMetrics) -> Share:
    share, name = one.next_step_coverage, say.first_name(one.rep)
    if not share.n:
        return Share(name, None, None, None, "nothing to count")
    said = f"{say.value(share)}, n {share.n}"
    return (
        Share(name, None, None, None, said)
        if share.too_few
        else Share(name, share.value, share.lower, share.upper, said)
    )


# --- every metric -----------------------------------------------------------------------------------------------------


def _table(frame: Frame) -> Safe:
    result = frame.result
    sums = [*result.teams, result.total] if result.rep is None else []
    titles = [*_FIRST, *((metric.label.capitalize(), "number") for metric in say.METRICS), *_LAST]
    bodies = el("tbody", *map(_row, result.reps)), el("tbody", *map(_row, sums), class_="fixed")
    meanings = (part for metric in say.METRICS for part in (el("dt", metric.label), el("dd", metric.meaning)))
    legend = el("details", el("summary", "What these mean"), el("dl", *meanings, class_="meanings"))
    return join([sortable("rep-table", _CAPTION, titles, *bodies, size="widest"), legend])


def _row(found: RepMetrics) -> Safe:
    usual = "usually unknown" if found.trend.usual is None else f"usually {found.trend.usual:.1f}"
    return row(
        say.reps_name(found),
        number("-" if found.rank is None else str(found.rank)),
        number(str(found.eager_prospects), el("small", f"of {found.accounts}"), key=found.eager_prospects),
        number(str(found.trend.recent), el("small", usual), key=found.trend.recent),
        *(_metric(metric, found) for metric in say.METRICS),
        _soft(found.soft_share),
        number(say.percent(found.watch.share)),
    )


def _metric(metric: say.Metric, of: RepMetrics) -> Safe:
    found = metric.of(of)
    drawn = spark([week.hours for week in of.weeks]) if metric.name == "buyer_hours_per_week" and found.n else None
    facts = [f"n {found.n}", say.bound(found, good=metric.good)]
    if isinstance(found, Rate) and found.rank is not None:
        facts.append(f"place {found.rank}")
    if found.left_out:
        facts.append(f"{found.left_out} left out")
    small = el("small", ", ".join(filter(None, facts)), title=found.why or None)
    return number(drawn, say.value(found, metric.mark), small)


def _soft(found: Sequence[SoftShare]) -> Safe:
    if not found:
        return number("-")
    said = " · ".join(f"{say.unit(soft.currency)} {say.percent(soft.value)}" for soft in found)
    counted = " · ".join(f"n {soft.n}" for soft in found)
    first = found[0].value
    return number(said, el("small", counted), key="" if first is None else round(first, 4))


# --- the contest ------------------------------------------------------------------------------------------------------


def contest(frame: Frame) -> Safe:
    """Return the places of the contest, each with the distance to the next, and who does not compete."""
    found = frame.result.contest
    return section(
        "contest",
        "Contest",
        "most eager prospects wins",
        warning(found.notice),
        sortable("places", "Places in the contest.", _PLACES, el("tbody", *map(_place, found.places))),
        bullets(f"{rep} does not compete: {why}" for rep, why in found.outside.items()),
        far=True,
    )


def _place(place: Place) -> Safe:
    return row(
        place.rep,
        number(str(place.place)),
        number(str(place.eager)),
        number(str(place.rebooks)),
        number(str(place.rebooks_by_buyer)),
        number(f"{place.buyer_hours:.1f}"),
        number("wins" if place.behind is None else str(place.behind), key=place.behind or 0),
        cell(place.decided_by),
    )
