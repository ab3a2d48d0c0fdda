from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from calsignal.contract import Attendee, Event
from calsignal.model import Answer, Slot
from cli.desk import REP, Desk
from fake_provider import EPOCH


def meeting(uid: str, days: int, domain: str, rep: str = REP) -> Event:
    start = EPOCH + timedelta(days=days)
    people = (Attendee(rep), Attendee(f"buyer@{domain}", Answer.ACCEPTED))
    return Event(uid, uid, Slot(start, start + timedelta(hours=1)), organizer=rep, attendees=people, subject="Plans")


@pytest.fixture
def busy(connected: Desk) -> Desk:
    """Return a desk with two reps, an account each, and a meeting each."""
    connected.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    connected.remote().put(meeting("one", 2, "acme.example"))
    connected.remote("sam@ours.example").put(meeting("two", 3, "beta.example", "sam@ours.example"))
    connected.ok("accounts", "add", "Acme", "acme.example")
    connected.ok("accounts", "add", "Beta", "beta.example")
    connected.ok("sync")
    return connected


def listed(desk: Desk, *args: str) -> list[str]:
    return [one["name"] for one in json.loads(desk.ok("digest", "--format", "json", *args))["accounts"]]


# --- digest -----------------------------------------------------------------------------------------------------------


def test_the_digest_shows_every_account_or_those_of_a_rep(busy: Desk) -> None:
    text = busy.ok("digest")

    assert "Acme" in text
    assert "Beta" in text
    assert sorted(listed(busy)) == ["Acme", "Beta"]
    assert listed(busy, "--rep", "Rep@ours.example") == ["Acme"]


def test_the_rep_may_come_from_the_environment(busy: Desk) -> None:
    busy.environ["CALSIGNAL_REP"] = "sam@ours.example"

    assert listed(busy) == ["Beta"]
    assert listed(busy, "--rep", REP) == ["Acme"]


def test_a_rep_is_known_by_another_address(busy: Desk) -> None:
    busy.write('[team]\ndomains = ["ours.example"]\n[team.aliases]\n"r@ours.example" = "rep@ours.example"\n')

    assert listed(busy, "--rep", "r@ours.example") == ["Acme"]


def test_the_past_has_no_look_ahead(busy: Desk) -> None:
    document = json.loads(busy.ok("digest", "--format", "json", "--as-of", "2026-03-01"))

    assert document["as_of"] == "2026-03-01T23:59:59.999999+01:00" or document["as_of"].startswith(
        "2026-03-01T23:59:59"
    )
    assert {one["status"] for one in document["accounts"]} == {"UNKNOWN"}


def test_what_changed_may_be_asked_since_a_day(busy: Desk) -> None:
    busy.clock.wait(days=1)

    assert json.loads(busy.ok("digest", "--format", "json", "--since", "2026-03-02"))["changes"] is not None
    assert "is later than the moment" in busy.fails(2, "digest", "--since", "2026-03-04")


@pytest.mark.parametrize(
    ("args", "fact", "hint"),
    [
        (
            ("--rep", "rap@ours.example"),
            "no calendar of rap@ours.example is connected",
            "did you mean rep@ours.example?",
        ),
        (("--rep", "rep"), "'rep' is no e-mail address", "calsignal connections"),
        (("--as-of", "2026-03-09"), "2026-03-09 is in the future", "the past or for now"),
        (("--as-of", "monday"), "'monday' is no ISO date or time", "2026-03-31"),
        (("--since", "monday"), "'monday' is no ISO date or time", "2026-03-31"),
    ],
)
def test_a_digest_that_cannot_be_is_told(busy: Desk, args: tuple[str, ...], fact: str, hint: str) -> None:
    first, second = busy.fails(2, "digest", *args).splitlines()

    assert fact in first
    assert hint in second


def test_a_digest_may_go_to_a_file(busy: Desk, tmp_path: Path) -> None:
    assert busy.ok("digest", "--output", str(tmp_path / "digest.txt")) == ""
    assert "Acme" in (tmp_path / "digest.txt").read_text(encoding="utf-8")
    assert "Acme" in busy.ok("digest", "--output", "-")


def test_all_leaves_nothing_out(busy: Desk) -> None:
    rows = "".join(f"Firm {n:02},firm-{n:02}.example\n" for n in range(40))
    busy.ok("accounts", "import", "-", input=f"name,domain\n{rows}")

    assert "--all" in busy.ok("digest")
    assert "Firm 39" in busy.ok("digest", "--all")


def test_a_digest_before_anything_was_connected_says_how_to_begin(desk: Desk) -> None:
    assert "connect a calendar first" in desk.fails(3, "digest")


def test_a_digest_without_a_config_points_to_init(bare: Desk) -> None:
    said = bare.fails(2, "digest")

    assert f"error: there is no config file at {bare.config}" in said
    assert "hint: run `calsignal init`" in said


# --- account ----------------------------------------------------------------------------------------------------------


def test_an_account_is_shown_in_full(busy: Desk) -> None:
    text = busy.ok("account", "acme")
    document = json.loads(busy.ok("account", "Acme", "--format", "json"))

    assert "Plans" in text
    assert document["format"] == "calsignal.account/1"
    assert document["account"]["name"] == "Acme"


def test_an_unknown_account_names_the_nearest(busy: Desk) -> None:
    assert "did you mean Acme?" in busy.fails(2, "account", "Acne")


# --- demo -------------------------------------------------------------------------------------------------------------


def test_the_demo_needs_nothing_and_leaves_nothing(bare: Desk) -> None:
    result = bare.run("demo")

    assert result.exit_code == 0
    audited, _, digested = result.stdout.partition(" · robin@ours.example\n")
    assert "Granite Bank" in audited
    assert "FIRST" in digested
    assert "this team is made up" in result.stderr
    assert list(bare.folder.iterdir()) == []


def test_the_demo_comes_as_json_and_as_a_page_too(bare: Desk, tmp_path: Path) -> None:
    bare.ok("demo", "--format", "json", "--output", str(tmp_path / "demo.json"), "--html", str(tmp_path / "demo.html"))

    assert "Granite Bank" in (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))["format"] == "calsignal.digest/1"
