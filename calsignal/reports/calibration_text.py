"""What `calibrate` found, and what the statuses said before deals closed, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from calsignal.reports.foot import model
from calsignal.reports.layout import BOLD, DIM, GREEN, YELLOW, Cell, Page, Run, cell
from calsignal.reports.words import COLOURS, Calendar, plural
from calsignal.score.audit import Rate
from calsignal.score.calibrated import Calibration, Features
from calsignal.score.calibration import (
    LABEL_DAYS,
    NEEDED,
    Backtest,
    Bin,
    CalibrationReport,
    Evaluation,
    StatusRate,
    Study,
    Trial,
)

FEATURES: Mapping[str, str] = {
    "buyer_time": "buyer time (I)",
    "rescheduling": "re-scheduling (R)",
    "keep": "keep (K)",
    "breadth": "firm buyers",
    "slips": "meetings put off",
    "drops": "meetings dropped",
}
_NAME, _SHARE = 28, 24


def calibration_text(report: CalibrationReport, *, width: int, colour: bool) -> str:
    """Return the calibration in at most `width` columns (at least 40): the verdict, then what it stands on."""
    page = Page(width, colour=colour)
    head, found = report.head, report.study
    calendar = Calendar(head.as_of, ZoneInfo(head.timezone))
    page.rule(Run("CALIBRATION", BOLD), end=f"{calendar.date(head.as_of)} {calendar.today.year}")
    page.line(Run(found.verdict, f"{BOLD};{GREEN if found.passes else YELLOW}"), indent=2, hang=2)
    page.line(next_step(report, calendar), indent=2, hang=2)
    page.blank()
    page.line(used(found), indent=2, hang=2)
    for line in omitted(report.left_out):
        page.line(line, indent=2, hang=2)
    page.blank()
    _rates(page, f"WON WITHIN {LABEL_DAYS} DAYS OF FIRST STANDING IN A STATUS", found.by_status)
    if found.trial is not None:
        _trial(page, found.trial, calendar)
    page.rule(end=model(head))
    return page.text()


def next_step(report: CalibrationReport, calendar: Calendar) -> str:
    """Say what follows from the verdict, and what is in force."""
    kept = report.in_force
    now = f"In force: the one accepted {calendar.date(kept.accepted_at)}." if kept else "In force: the default score."
    if report.study.passes:
        return f"{now} Accept this one with: calsignal calibrate --accept"
    missing = [
        plural(NEEDED - n, f"more {word} deal")
        for n, word in ((report.study.won, "won"), (report.study.lost, "lost"))
        if n < NEEDED
    ]
    wait = f" It takes {' and '.join(missing)} whose calendars were watched." if missing else ""
    return f"{now}{wait}"


def used(found: Study) -> str:
    """Say what the study stands on."""
    sample = found.sample
    text = (
        f"{plural(sample.deals, 'closed deal')} of {plural(sample.accounts, 'account')}, "
        f"looked at on {plural(sample.rows, 'Monday')} in all."
    )
    if found.unknown:
        text += f" On {found.unknown} more nothing could be known."
    return text


def omitted(left_out: Mapping[str, int]) -> Iterator[str]:
    """Say which deals could not be used."""
    if left_out:
        why = "; ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        yield f"Left out: {why}."


def rate_words(rate: Rate) -> str:
    """Write a share with its bounds: `62 % (44 to 77)`, or that there are too few."""
    if rate.value is None:
        return "none"
    if rate.too_few:
        return f"{rate.hits} of {rate.n}, too few"
    return f"{100 * rate.value:.0f} % ({100 * (rate.lower or 0):.0f} to {100 * (rate.upper or 0):.0f})"


def _rates(page: Page, title: str, rates: Sequence[StatusRate]) -> None:
    page.rule(Run(title, BOLD))
    for row in rates:
        if row.rate.n:
            page.row(
                cell(row.status.value, 12, COLOURS.get(row.status, "")),
                cell(f"{row.rate.hits} of {row.rate.n}", 12, right=True),
                cell(rate_words(row.rate), page.rest(12, 12, indent=2)),
                indent=2,
            )
    if not any(row.rate.n for row in rates):
        page.line("No closed deal could be looked at.", indent=2)
    page.blank()


def _trial(page: Page, tried: Trial, calendar: Calendar) -> None:
    page.rule(Run("THE TRIAL", BOLD))
    page.line(trial_words(tried, calendar), indent=2)
    name = min(_NAME, (page.width - 12) // 2)
    share = min(_SHARE, page.rest(name, 6, indent=2))
    page.row(cell("", name), cell("AUC (95 %)", share, BOLD), cell("Brier", 6, BOLD, right=True), indent=2)
    for one in (tried.fitted, tried.default, *tried.baselines):
        page.row(cell(one.name, name), cell(auc_words(one), share), cell(f"{one.brier:.3f}", 6, right=True), indent=2)
    page.row(cell("base rate", name), cell("0.500", share), cell(f"{tried.base_brier:.3f}", 6, right=True), indent=2)
    page.blank()
    _reliability(page, tried.fitted.bins)
    page.rule(Run("WHAT WEIGHS", BOLD), end="per standard deviation, in log-odds")
    for part, weight in weights(tried):
        page.row(cell(part, _NAME), cell(f"{weight:+.3f}", 8, right=True), indent=2)
    page.blank()


def trial_words(tried: Trial, calendar: Calendar) -> str:
    """Say what was learnt from and what was tested on."""
    error = "unknown" if tried.gain_error is None else f"{tried.gain_error:.3f}"
    return (
        f"Learnt from {plural(tried.trained.rows, 'Monday')} of {plural(tried.trained.deals, 'deal')} whose outcome "
        f"was known on {calendar.date(tried.cutoff)} (won: {100 * tried.base_rate:.0f} %), tested on "
        f"{tried.tested.rows} later ones of {plural(tried.tested.deals, 'deal')} of "
        f"{plural(tried.tested.accounts, 'account')}. Gain in AUC {tried.gain:+.3f}, standard error {error}."
    )


def auc_words(one: Evaluation) -> str:
    """Write an AUC with its interval: `0.812 (0.740 to 0.871)`."""
    if one.lower is None or one.upper is None:
        return f"{one.auc:.3f}"
    return f"{one.auc:.3f} ({one.lower:.3f} to {one.upper:.3f})"


def weights(tried: Trial) -> Iterator[tuple[str, float]]:
    """Yield each feature by its name for people, and its weight."""
    for field, weight in zip(Features.__dataclass_fields__, tried.model.weights, strict=True):
        yield FEATURES[field], weight


def _reliability(page: Page, bins: Iterable[Bin]) -> None:
    page.rule(Run("RELIABILITY", BOLD), end="what was predicted, and what came")
    for one in bins:
        page.row(
            cell(bin_words(one), 12),
            cell(percent(one.predicted), 8, right=True),
            cell(percent(one.observed), 8, right=True),
            Cell((Run(size_words(one), DIM),), page.rest(12, 8, 8, indent=2)),
            indent=2,
        )
    page.blank()


def bin_words(one: Bin) -> str:
    """Name a bin: `20 to 40 %`."""
    return f"{100 * one.low:.0f} to {100 * one.high:.0f} %"


def size_words(one: Bin) -> str:
    """Say how much a bin stands on."""
    return f"{plural(one.rows, 'Monday')} of {plural(one.deals, 'deal')}" if one.rows else "nothing"


def percent(value: float | None) -> str:
    """Write a share; `-` where there is none."""
    return "-" if value is None else f"{100 * value:.0f} %"


def accepted_line(kept: Calibration) -> str:
    """Say what accepting did."""
    return (
        f"accepted: reports show a win probability beside the score now, learnt from {kept.won} won and {kept.lost} "
        "lost deals; score and status stay as they are"
    )


def backtest_text(found: Backtest, *, width: int, colour: bool) -> str:
    """Return what the statuses said 4, 8 and 12 weeks before deals closed, in at most `width` columns."""
    page = Page(width, colour=colour)
    page.rule(Run("BACKTEST", BOLD), end="what the statuses said before deals closed")
    page.line(f"{found.won} won, {found.lost} lost; each as its calendars showed it then.", indent=2)
    for line in omitted(found.left_out):
        page.line(line, indent=2, hang=2)
    for table in found.tables:
        page.blank()
        there = f"{plural(table.deals, 'deal')} that existed then"
        page.rule(Run(f"{table.weeks} WEEKS BEFORE", BOLD), end=there)
        for row in table.by_status:
            if row.rate.n:
                page.row(
                    cell(row.status.value, 12, COLOURS.get(row.status, "")),
                    cell(f"won {row.rate.hits} of {row.rate.n}", 14, right=True),
                    cell(rate_words(row.rate), page.rest(12, 14, indent=2)),
                    indent=2,
                )
    return page.text()
