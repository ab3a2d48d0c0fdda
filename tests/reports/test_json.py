from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from calsignal.model import Answer, ChangeKind, Status
from calsignal.reports.audit_json import audit_json
from calsignal.reports.jsonform import (
    account_json,
    accounts_json,
    connections_json,
    deliveries_json,
    digest_json,
    doctor_json,
    schema,
    suggestions_json,
    to_json,
)
from calsignal.reports.tables import Route
from reports import audit_samples, samples

BERLIN = ZoneInfo(samples.ZONE)

DOCUMENTS = {
    "digest": digest_json(samples.digest()),
    "digest, empty": digest_json(samples.empty()),
    "digest, crowd": digest_json(samples.crowd()),
    "digest, hostile": digest_json(samples.hostile()),
    "digest, unwell": digest_json(samples.unwell()),
    "account": account_json(samples.account()),
    "account, tangled": account_json(samples.account(samples.TANGLED)),
    "account, unknown": account_json(samples.account(samples.ACCOUNTS[-1])),
    "accounts": accounts_json(samples.NAMED),
    "audit": audit_json(audit_samples.audit(), audit_samples.BACKTEST),
    "audit, empty": audit_json(audit_samples.empty()),
    "audit, hostile": audit_json(audit_samples.hostile()),
    "audit, unwell": audit_json(audit_samples.unwell()),
    "connections": connections_json(samples.STATES, now=samples.AS_OF, zone=BERLIN),
    "deliveries": deliveries_json(
        [
            Route("mail", "mail", "smtp.ours.example", ("each",), samples.AS_OF),
            Route("lost", None, None, (), None, "no address is kept under 'lost'"),
        ],
        zone=BERLIN,
    ),
    "doctor": doctor_json(samples.CHECKUP, now=samples.AS_OF, zone=BERLIN, offline=False),
    "doctor, well": doctor_json(samples.CHECKUP_WELL, now=samples.AS_OF, zone=BERLIN, offline=True),
    "suggestions": suggestions_json(samples.SUGGESTIONS),
}
SCHEMAS = ("digest", "account", "accounts", "audit", "connections", "deliveries", "doctor", "suggestions")
every_document = pytest.mark.parametrize("name", DOCUMENTS)


def objects(shape: object) -> Iterator[dict[str, Any]]:
    """Yield every part of a schema that describes an object."""
    if isinstance(shape, dict):
        if shape.get("type") == "object":
            yield shape
        for part in shape.values():
            yield from objects(part)
    elif isinstance(shape, list):
        for part in shape:
            yield from objects(part)


@every_document
def test_every_document_keeps_to_its_published_schema(name: str) -> None:
    shape = schema(name.partition(",")[0])
    Draft202012Validator.check_schema(shape)

    Draft202012Validator(shape, format_checker=FormatChecker()).validate(json.loads(to_json(DOCUMENTS[name])))


@every_document
def test_every_field_that_is_written_is_described(name: str) -> None:
    closed = schema(name.partition(",")[0])
    for part in objects(closed):
        part["additionalProperties"] = False

    Draft202012Validator(closed).validate(json.loads(to_json(DOCUMENTS[name])))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_described_field_has_a_type(name: str) -> None:
    for part in objects(schema(name)):
        assert part["required"]
        assert part["additionalProperties"] is True
        assert all(field.keys() & {"type", "enum", "const", "$ref", "anyOf"} for field in part["properties"].values())


def test_the_score_has_one_decimal_and_other_numbers_four() -> None:
    account = account_json(samples.account())["account"]

    assert account["score"] == 52.7
    assert account["buyer_time"] == {
        "raw_hours": 4.0,
        "firm_hours": 3.5,
        "effective_hours": 2.5072,
        "points": 45.5266,
    }
    assert [act["now"] for act in account["rescheduling"]["acts"]] == [6.7929, 6.7295, 0.0]


@every_document
def test_no_number_has_more_than_four_decimals(name: str) -> None:
    assert not re.search(r": -?\d+\.\d{5,}", to_json(DOCUMENTS[name]))


def test_a_number_that_rounds_to_nothing_has_no_sign() -> None:
    made = samples.result("X", Status.LOST, "Quiet.", score=-0.00001)

    assert '"score": 0.0' in to_json(digest_json(samples.digest((made,))))


def test_moments_carry_the_offset_of_the_zone_on_their_day_and_days_are_dates() -> None:
    summer = samples.meeting(samples.at(7, 1, 8), 30, "Pilot")
    whole_day = samples.meeting(date(2026, 3, 20), 0, "Fair")
    report = samples.account(meetings=(summer, whole_day))

    document = account_json(report)

    assert document["as_of"] == "2026-03-16T08:00:00+01:00"
    assert document["meetings"][0]["start"] == "2026-07-01T10:00:00+02:00"
    assert (document["meetings"][1]["start"], document["meetings"][1]["all_day"]) == ("2026-03-20", True)


def test_an_offset_with_seconds_falls_back_to_utc() -> None:
    ancient = replace(samples.digest(), since=datetime(1850, 1, 1, tzinfo=UTC))

    assert digest_json(ancient)["since"] == "1850-01-01T00:00:00+00:00"


def test_unknown_is_null_and_never_zero() -> None:
    account = account_json(samples.account(samples.ACCOUNTS[-1]))["account"]

    assert account["status"] == "UNKNOWN"
    assert account["score"] is None
    assert account["keep"] is None
    assert set(account["buyer_time"].values()) == {None}
    assert {value for name, value in account["rescheduling"].items() if name != "acts"} == {None}


def test_an_address_nobody_knows_is_null_beside_a_stable_person() -> None:
    buyers = digest_json(samples.digest())["today"][0]["buyers"]

    assert buyers[1]["email"] is None
    assert buyers[1]["person"] == "person-@dahliaoptics.example"


def test_a_stale_status_carries_no_question_mark() -> None:
    account = digest_json(samples.unwell())["accounts"][0]

    assert (account["status"], account["stale"]) == ("REAL", True)
    assert account["stale_calendars"] == ["google-tom/Team", "google-tom/primary"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Answer.NOT_VISIBLE, "not_visible"),
        (samples.at(3, 19), "2026-03-19T11:00:00+01:00"),
        (date(2026, 3, 19), "2026-03-19"),
        ("anything", "anything"),
        (None, None),
    ],
)
def test_from_and_to_are_answers_moments_or_words(value: object, written: str | None) -> None:
    change = samples.change(ChangeKind.MOVED, before=value, after=value)

    document = account_json(samples.account(changes=(change,)))["changes"][0]

    assert (document["from"], document["to"]) == (written, written)


def test_text_stays_as_it_was_and_steers_no_terminal() -> None:
    subject = samples.HOSTILE + samples.WIDE

    text = to_json({"subject": subject})

    assert json.loads(text)["subject"] == subject
    assert samples.WIDE in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", text)


@given(st.text(st.characters(), max_size=40))
def test_any_text_can_be_written_as_utf8(text: str) -> None:
    written = to_json({"subject": text})

    assert json.loads(written.encode("utf-8"))["subject"] == re.sub("[\ud800-\udfff]", "\ufffd", text)


def test_keys_keep_the_documented_order() -> None:
    head = ["format", "as_of", "timezone", "model", "connections", "skipped"]

    assert list(digest_json(samples.digest()))[:7] == [*head, "rep"]
    assert list(account_json(samples.account())) == [*head, "account", "meetings", "changes", "effects"]
    assert to_json({"b": 1, "a": 2}) == '{\n  "b": 1,\n  "a": 2\n}\n'


def test_what_two_schemas_share_is_the_same_in_both() -> None:
    shared: dict[str, object] = {}

    for name in SCHEMAS:
        for part, definition in schema(name).get("$defs", {}).items():
            assert shared.setdefault(part, definition) == definition


def test_every_published_schema_stands_alone() -> None:
    for name in SCHEMAS:
        document = schema(name)
        wanted = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(document)))
        assert wanted == set(document.get("$defs", {}))
