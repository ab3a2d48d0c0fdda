"""A calibration as text, HTML and JSON, and the backtest as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from calsignal.model import Status
from calsignal.reports.account_text import account_text
from calsignal.reports.calibration_html import calibration_html
from calsignal.reports.calibration_json import backtest_json, calibration_json
from calsignal.reports.calibration_text import accepted_line, backtest_text, calibration_text
from calsignal.reports.jsonform import schema, to_json
from calsignal.score.calibration import Backtest, CalibrationReport, hindsight, study
from reports import samples
from score.test_calibration import KEPT, market, row

POOR = [row(f"w{n}", closes=20 + n, won=n < 3) for n in range(5)]
PASSED = CalibrationReport(samples.head(), study(market(240)), {}, None)
REFUSED = CalibrationReport(samples.head(), study(POOR), {"of no account": 2}, None)
IN_FORCE = replace(PASSED, head=samples.head(calibrated=True), in_force=KEPT)
EMPTY = CalibrationReport(samples.head(), study([]), {}, None)
ALL = {"passed": PASSED, "refused": REFUSED, "in force": IN_FORCE, "empty": EMPTY}
every_report = pytest.mark.parametrize("name", ALL)

BACK = Backtest(
    won=8,
    lost=6,
    tables=(
        hindsight(4, [(Status.REAL, n < 7) for n in range(8)] + [(Status.STALLED, False)] * 6),
        hindsight(8, [(Status.SOFT, True), (Status.UNKNOWN, False)]),
        hindsight(12, []),
    ),
    left_out={"of no account": 3},
)


def text(report: CalibrationReport, width: int = 80) -> str:
    return calibration_text(report, width=width, colour=False)


def test_a_refusal_says_what_is_missing() -> None:
    said = " ".join(text(REFUSED).split())

    assert "uncalibrated (3 won, 2 lost; needs 50 and 50)" in said
    assert "It takes 47 more won deals and 48 more lost deals whose calendars were watched." in said
    assert "In force: the default score." in said
    assert "Left out: 2 of no account." in said
    assert "THE TRIAL" not in said


def test_what_passes_shows_its_trial_and_the_command_that_accepts_it() -> None:
    said = text(PASSED)

    assert "passes: AUC" in said
    assert "calsignal calibrate --accept" in said
    for part in ("fitted", "default score", "meetings held", "days since the last meeting", "base rate"):
        assert f"\n  {part}" in said
    for bounds in ("0 to 20 %", "20 to 40 %", "40 to 60 %", "60 to 80 %", "80 to 100 %"):
        assert f"\n  {bounds}" in said
    assert re.search(r"firm buyers +\+\d\.\d{3}", said)


def test_what_is_in_force_is_said() -> None:
    assert "In force: the one accepted Mon 16 Mar." in " ".join(text(IN_FORCE).split())
    assert "uncalibrated" not in text(IN_FORCE)
    assert "60 won and 70 lost deals; score and status stay as they are" in accepted_line(KEPT)


@every_report
@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_page(name: str, width: int) -> None:
    assert max(map(len, text(ALL[name], width).splitlines())) <= width
    assert max(map(len, backtest_text(BACK, width=width, colour=False).splitlines())) <= width


def test_the_backtest_shows_each_status_with_its_bounds() -> None:
    said = backtest_text(BACK, width=80, colour=False)

    assert re.search(r"4 WEEKS BEFORE ─+ 14 deals that existed then", said)
    # 7 of 8: Wilson 53 to 98
    assert re.search(r"REAL +won 7 of 8 +88 % \(53 to 98\)", said)
    assert re.search(r"STALLED +won 0 of 6 +0 % \(0 to 39\)", said)
    assert re.search(r"SOFT +won 1 of 1 +1 of 1, too few", said)
    assert "Left out: 3 of no account." in said


@every_report
def test_the_document_keeps_to_its_published_schema(name: str) -> None:
    shape = schema("calibration")
    Draft202012Validator.check_schema(shape)
    document = json.loads(to_json(calibration_json(ALL[name])))

    Draft202012Validator(shape, format_checker=FormatChecker()).validate(document)

    Draft202012Validator(_closed(shape)).validate(document)
    assert not re.search(r": -?\d+\.\d{5,}", to_json(document))


def _closed(shape: Any) -> Any:  # noqa: ANN401
    if isinstance(shape, dict):
        return {key: False if key == "additionalProperties" else _closed(value) for key, value in shape.items()}
    return [_closed(part) for part in shape] if isinstance(shape, list) else shape


def test_the_document_tells_everything_needed_to_work_a_probability_out() -> None:
    trial = calibration_json(PASSED)["trial"]
    assert PASSED.study.trial is not None

    assert [f["name"] for f in trial["features"]] == [
        "buyer_time",
        "rescheduling",
        "keep",
        "breadth",
        "slips",
        "drops",
    ]
    assert trial["intercept"] == round(PASSED.study.trial.model.intercept, 4)


def test_the_backtest_is_a_part_of_a_document() -> None:
    found = backtest_json(BACK)

    assert [table["weeks"] for table in found["tables"]] == [4, 8, 12]
    assert found["tables"][0]["by_status"][0] == {
        "status": "REAL",
        "won": 7,
        "n": 8,
        "value": 0.875,
        "lower": 0.5291,
        "upper": 0.9776,
        "too_few": False,
    }


class Reader(HTMLParser):
    """Notes elements that were opened and not closed, and what refers to elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elsewhere: list[str] = []
        self.circles = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.circles += tag == "circle"
        self.elsewhere += [value or "" for key, value in attrs if key in ("src", "href") and value and value[0] != "#"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@every_report
def test_the_page_is_whole_and_asks_for_nothing(name: str) -> None:
    reader = Reader()
    page = calibration_html(ALL[name])

    reader.feed(page)

    assert (reader.open, reader.elsewhere) == ([], [])
    assert ALL[name].study.verdict.partition(" ")[0] in page
    trial = ALL[name].study.trial
    assert reader.circles == (sum(b.rows > 0 for b in trial.fitted.bins) if trial else 0)


def test_a_point_lies_where_its_shares_say() -> None:
    trial = PASSED.study.trial
    assert trial is not None
    # 300 units wide from 44 on; 300 high, from 310 up: .5 and .25 lie at 194 and 235
    bins = (replace(trial.fitted.bins[0], rows=4, deals=2, predicted=0.5, observed=0.25),)
    fitted = replace(trial.fitted, bins=bins)

    page = calibration_html(replace(PASSED, study=replace(PASSED.study, trial=replace(trial, fitted=fitted))))

    assert re.search(r'<circle cx="194\.0" cy="235\.0" r="14\.0"', page)
    assert "0 to 20 %: predicted 50 %, came 25 %, 4 Mondays of 2 deals" in page


def test_an_unknown_error_is_said() -> None:
    trial = PASSED.study.trial
    assert trial is not None
    bare = replace(trial, gain_error=None, cutoff=date(2026, 1, 5), fitted=replace(trial.fitted, lower=None))

    said = " ".join(text(replace(PASSED, study=replace(PASSED.study, trial=bare))).split())

    assert "standard error unknown" in said
    assert calibration_json(replace(PASSED, study=replace(PASSED.study, trial=bare)))["trial"]["gain_error"] is None


def test_an_account_shows_its_probability_beside_the_score_once_there_is_one() -> None:
    report = samples.account()
    calibrated = replace(report, result=replace(report.result, win_probability=0.344))

    assert "Win probability" not in account_text(report, width=80, colour=False)
    said = " ".join(account_text(calibrated, width=80, colour=False).split())
    assert "within 90 days: 34 % (calsignal calibrate)." in said
