"""Every number in docs/concepts.md and its pictures is one of the model's."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from calsignal.score.constants import Constants

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = ("firmness", "score", "rescheduled")
SVG = "{http://www.w3.org/2000/svg}"
C = Constants()


def share(number: float) -> str:
    return f"{number:.0%}"


def hours() -> float:
    """Return the hours of the example: one buyer organised, another accepted, one hour, today."""
    return C.past_organized + C.past_accepted


def points() -> float:
    return 100 * hours() / (hours() + C.half_hours)


def score() -> float:
    return C.weight_time * points() + C.weight_rescheduling * C.rescheduling_base


PROSE = (
    f"more than {C.broadcast_people} people, with buyers of {C.broadcast_accounts} accounts or more",
    f"organised counts {C.past_organized * 100:.0f} and {C.future_organized * 100:.0f} percent",
    "goes from 0 to 100",
    f"({C.weight_time} x buyer time + {C.weight_rescheduling} x re-scheduling)",
    f"after {C.half_life_days:.0f} days it counts half",
    "counts in full up to 7 days from now" if C.lead_7_days == 1 else "",
    f"{share(C.lead_14_days)} up to 14 days, {share(C.lead_28_days)} up to 28, {share(C.lead_60_days)} up to 60",
    f"at most {C.max_minutes} minutes, less than {C.min_minutes} are no conversation, and {C.max_buyers} people",
    f"weighs {share(C.series_factor)}",
    f"and {C.half_hours:.0f} hours make 50 points",
    f"begins at {C.rescheduling_base:.0f} points",
    f"by half in {C.half_life_days:.0f} days as well",
    f"is 1 while something firm is booked within {C.next_within_days} days",
    f"with every {C.quiet_half_life_days:.0f} days since",
    f"{hours():.2f} hours, which make {points():.1f} points of time",
    f"leaves {C.rescheduling_base:.0f} points of",
    f"score {score():.1f}.",
    f"plus {C.booked_again_by_buyer:.0f} or plus {C.booked_again:.0f}",
    f"put off 0 and minus {-C.push_by_buyer:.0f}, dropped minus {-C.dropped:.0f}",
    f"within {C.rebook_days} days, the next one is booked and firm | {C.booked_again:+.0f} |",
    f"made it or proposed it | {C.booked_again_by_buyer:+.0f} |",
    f"to an earlier day | {C.moved_earlier_by_buyer:+.0f} |",
    f"by {C.long_push_days} days at most | 0 |",
    f"or by more than {C.long_push_days} days | {C.push_by_buyer:+.0f} |",
    f"can tell who did | {C.push_by_seller_or_unknown} |",
    f"takes its place within {C.drop_days} days | {C.dropped:+.0f} |",
    "declines at once | 0 |",
    f"another time in the {C.mover_evidence_days} days before",
    f"over {C.new_days} days old",
    f"put off {C.stalled_pushes} times or more, or by {C.stalled_push_days} days or more in all",
    f"is booked within {C.next_within_days} days | REAL",
    f"held at most {C.real_after_held_days} days ago | REAL",
    f"than {C.lost_factor:.0f} times the usual gap ({C.lost_min_days:.0f} to {C.lost_max_days:.0f} days)",
    f"than {C.stall_factor} times the usual gap ({C.stall_min_days:.0f} to {C.stall_max_days:.0f} days)",
    f"begins at {C.usual_gap_days:.0f} days",
)
"""What the page says with numbers in it, made from the numbers."""

DRAWN = {
    "firmness": (
        *(share(getattr(C, f"past_{key}")) for key in ("organized", "self_booked", "accepted", "tentative")),
        *(share(getattr(C, f"future_{key}")) for key in ("organized", "self_booked", "accepted", "tentative")),
        share(C.past_silent_on_buyers),
        share(C.future_silent_on_buyers),
        "0%",
    ),
    "score": (
        f"{C.half_hours:.0f} h: 50 points",
        f"{C.quiet_half_life_days:.0f} quiet days: half",
        f"{2 * C.quiet_half_life_days:.0f}: a quarter",
        "100",
        "0",
    ),
    "rescheduled": (
        f"by the buyer, {C.long_push_days} days at most",
        f"+{C.booked_again_by_buyer:.0f}",
        f"+{C.booked_again:.0f}",
        "0",
        f"−{-C.push_by_buyer:.0f}",
        f"−{-C.dropped:.0f}",
    ),
}


def prose() -> str:
    """Return the page on one line, without the targets of links and without commands."""
    text = re.sub(r"\]\([^)]*\)", "]", (DOCS / "concepts.md").read_text(encoding="utf-8"))
    return " ".join(re.sub(r"`calsignal [^`]*`", "", text).split())


def drawing(name: str) -> ET.Element:
    return ET.fromstring((DOCS / f"{name}.svg").read_text(encoding="utf-8"))


def test_the_page_says_the_numbers_of_the_model_and_no_others() -> None:
    page = prose()

    assert [phrase for phrase in PROSE if phrase not in page] == []
    for phrase in sorted(PROSE, key=len, reverse=True):
        page = page.replace(phrase, "")
    assert re.findall(r".{0,30}\d.{0,30}", page) == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_the_numbers_of_the_model_and_no_others(name: str) -> None:
    shown = [text.text or "" for text in drawing(name).iter(f"{SVG}text")]

    assert {text for text in shown if re.search(r"\d", text)} == set(DRAWN[name])


def test_the_bars_are_as_long_as_the_shares() -> None:
    bars = {bar.get("id", ""): float(bar.get("width", "0")) for bar in drawing("firmness").iter(f"{SVG}rect")}

    drawn = {name: width for name, width in bars.items() if name}
    assert len(drawn) == 10
    assert drawn == {name: pytest.approx(180 * getattr(C, name)) for name in drawn}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_stands_alone_and_reads_in_the_dark(name: str) -> None:
    text = (DOCS / f"{name}.svg").read_text(encoding="utf-8")

    assert "prefers-color-scheme: dark" in text
    assert drawing(name).find(f"{SVG}title") is not None
    assert re.findall(r"<script|href|url\(|@import|on\w+=", text) == []
    assert f"({name}.svg)" in (DOCS / "concepts.md").read_text(encoding="utf-8")
