from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.delivery import Hook, read, send
from calsignal.delivery.address import Service
from calsignal.delivery.chat import payload, plain, retry_after, slack, teams
from calsignal.delivery.letter import Note, Span, disarmed
from calsignal.errors import CalsignalError
from delivery import letters
from delivery.letters import PINGS, STAMP, Patience
from delivery.servers import HookServer

TOKEN = "T0/B0/s3cretT0ken"


def hook(server: HookServer, service: str = "", host: str = "localhost") -> Hook:
    found = read(f"{service and service + '+'}https://{host}:{server.server_port}/services/{TOKEN}")
    assert isinstance(found, Hook)
    return found


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(part)


def parts(value: Any, kind: str) -> Iterator[Any]:  # noqa: ANN401 # JSON
    """Yield the parts of a message that are of a type."""
    if isinstance(value, dict):
        if value.get("type") == kind:
            yield value
        for part in value.values():
            yield from parts(part, kind)
    if isinstance(value, list):
        for part in value:
            yield from parts(part, kind)


def test_slack_gets_rich_text(hooks: HookServer) -> None:
    send(hook(hooks, "slack"), letters.WELL, STAMP, Patience().retry)

    path, headers, _ = hooks.got[0]
    assert path == f"/services/{TOKEN}"
    assert headers["content-type"] == "application/json"
    runs = list(parts(hooks.last, "text"))
    assert "".join(run["text"] for run in runs) == "Tue 17 Mar\nFirst: Acme · Answer the buyer.\n+ 2 more\n"
    assert [run["text"] for run in runs if run.get("style")] == ["Tue 17 Mar\n", "First: Acme"]
    assert (hooks.last["unfurl_links"], hooks.last["unfurl_media"]) == (False, False)


def test_teams_gets_a_card(hooks: HookServer) -> None:
    send(hook(hooks, "teams"), letters.WELL, STAMP, Patience().retry)

    [attachment] = hooks.last["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [run["text"] for run in parts(card, "TextRun") if run.get("weight")] == ["Tue 17 Mar", "First: Acme"]


def test_a_webhook_gets_both_the_lines_and_the_report(hooks: HookServer) -> None:
    send(hook(hooks), letters.WELL, STAMP, Patience().retry)

    assert hooks.last == {
        "format": "calsignal.note/1",
        "title": "Tue 17 Mar",
        "text": "First: Acme · Answer the buyer.\n+ 2 more",
        "report": letters.WELL.text,
    }


# --- strangers --------------------------------------------------------------------------------------------------------


def test_a_stranger_can_ping_nobody_in_slack() -> None:
    found = slack(letters.HOSTILE.note)

    assert {part["type"] for part in parts_of_any_type(found)} == {"rich_text", "rich_text_section", "text"}
    assert "<" not in found["text"]
    assert not re.search(r"@\w|://|\]\(", found["text"])
    assert PINGS in [run["text"] for run in parts(found, "text")]  # shown as it is, since there it is only text


def test_a_stranger_can_ping_nobody_in_teams() -> None:
    found = teams(letters.HOSTILE.note)

    assert {part["type"] for part in parts_of_any_type(found)} == {
        "message",
        "AdaptiveCard",
        "RichTextBlock",
        "TextRun",
    }
    assert "entities" not in json.dumps(found)


def parts_of_any_type(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "type" in value:
            yield value
        for part in value.values():
            yield from parts_of_any_type(part)
    if isinstance(value, list):
        for part in value:
            yield from parts_of_any_type(part)


@given(st.text(st.sampled_from("@<>[]()!:/.wW&channel "), max_size=40))
def test_nothing_pings_or_links_in_a_text_that_was_disarmed(text: str) -> None:
    found = disarmed(text)

    assert found.replace("\u2060", "") == text
    assert not re.search(r"[@<](?!\u2060)|://|\]\(|www\.", found, re.IGNORECASE)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_word_of_a_stranger_is_text_and_nothing_else(text: str) -> None:
    note = Note("title", ((Span(text), Span(text, bold=True)),))

    for made, kind in ((slack(note), "text"), (teams(note), "TextRun")):
        shown = "".join(run["text"] for run in parts(made, kind))
        assert shown.count(text) >= 2 if text else shown
        json.dumps(made).encode()


def test_the_services_are_told_apart() -> None:
    found = {service: payload(service, letters.WELL) for service in Service}

    assert {tuple(sorted(one)) for one in found.values()} == {
        ("blocks", "text", "unfurl_links", "unfurl_media"),
        ("attachments", "type"),
        tuple(sorted(plain(letters.WELL))),
    }


# --- what goes wrong --------------------------------------------------------------------------------------------------


def refused(found: Hook, patience: Patience | None = None) -> str:
    with pytest.raises(CalsignalError) as caught:
        send(found, letters.WELL, STAMP, (patience or Patience()).retry)
    said = f"{caught.value} -> {caught.value.hint}"
    assert "s3cret" not in said
    assert "Acme" not in said
    return said


def test_a_busy_service_is_asked_again_when_it_said(hooks: HookServer) -> None:
    hooks.answers = [(429, {"Retry-After": "7"}), (503, {})]
    patience = Patience()

    send(hook(hooks), letters.WELL, STAMP, patience.retry)

    assert patience.waits == [7.0, 2.0]
    assert len(hooks.got) == 3


def test_a_service_that_asks_for_much_patience_is_left_for_later(hooks: HookServer) -> None:
    hooks.answers = [(429, {"Retry-After": "3600"})]

    said = refused(hook(hooks))

    assert said == "localhost cannot take it now (status 429) -> try again later; what was delivered is not sent twice"


@pytest.mark.parametrize(
    ("status", "fact"),
    [
        (404, "refuses the address (status 404)"),
        (400, "refuses what was sent (status 400)"),
        (302, "leads elsewhere (status 302)"),
    ],
)
def test_a_refusal_is_final(hooks: HookServer, status: int, fact: str) -> None:
    hooks.answers = [(status, {"Location": f"https://localhost:{hooks.server_port}/other"})]
    patience = Patience()

    assert fact in refused(hook(hooks), patience)
    assert patience.waits == []
    assert len(hooks.got) == 1


def test_a_certificate_that_is_not_valid_gets_nothing(hooks: HookServer) -> None:
    assert "certificate of 127.0.0.1 is not valid" in refused(hook(hooks, host="127.0.0.1"))
    assert hooks.got == []


def test_nobody_there_is_tried_again() -> None:
    patience = Patience()
    found = read(f"https://localhost:1/{TOKEN}")
    assert isinstance(found, Hook)

    assert "localhost cannot be reached" in refused(found, patience)
    assert len(patience.waits) == 4


def test_an_address_that_no_client_takes_is_refused() -> None:
    found = read(f"https://{'a' * 70}.example/{TOKEN}")
    assert isinstance(found, Hook)

    assert "aaa" in refused(found)


def test_no_library_logs_anything(hooks: HookServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    logging.getLogger("urllib3").setLevel(1)
    hooks.answers = [(500, {})]

    send(hook(hooks), letters.WELL, STAMP, Patience().retry)

    assert caplog.records == []
    logging.getLogger("sample").warning("after it logs work again")
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "Tue, 17 Mar 2026 07:31:00 GMT", "Date": "Tue, 17 Mar 2026 07:30:00 GMT"}, 60.0),
        ({"Retry-After": "Tue, 17 Mar 2026 07:29:00 GMT", "Date": "Tue, 17 Mar 2026 07:30:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_waiting_time_is_read_in_both_forms(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after(headers) == wait
