from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from calsignal.contract import Attendee, Event
from calsignal.model import Answer, Slot
from calsignal.reports.audit_tables import TABLES
from cli.desk import REP, Desk
from fake_provider import EPOCH

SAM = "sam@ours.example"
DEALS = f"""\
Opportunity ID,Opportunity Name,Account Name,Opportunity Owner Email,Amount,Currency,Close Date,Forecast Category,Stage
006-0000001,Rollout,Acme,{REP},480000,EUR,2026-03-31,Commit,Negotiation
006-0000002,Pilot,Beta,{SAM},120000,EUR,2026-03-31,Commit,Negotiation
006-0000003,Unknown,Nobody Knows,{SAM},50000,EUR,2026-03-31,Pipeline,Negotiation
"""


def meeting(uid: str, days: int, domain: str, rep: str) -> Event:
    start = EPOCH + timedelta(days=days)
    people = (Attendee(rep), Attendee(f"buyer@{domain}", Answer.ACCEPTED))
    return Event(uid, uid, Slot(start, start + timedelta(hours=1)), organizer=rep, attendees=people, subject="Plans")


@pytest.fixture
def team(connected: Desk) -> Desk:
    """Return a desk with two reps, two accounts and three deals, one of which matches nothing."""
    connected.ok("connect", "toy", "box", "--rep", SAM)
    connected.remote().put(meeting("one", 2, "acme.example", REP))
    connected.remote(SAM).put(meeting("two", -20, "beta.example", SAM))
    connected.ok("accounts", "add", "Acme", "acme.example")
    connected.ok("accounts", "add", "Beta", "beta.example")
    connected.ok("sync")
    connected.ok("deals", "import", "-", input=DEALS)
    connected.write(
        '[team]\ndomains = ["ours.example"]\ntimezone = "Europe/Berlin"\n'
        f'[teams]\nNorth = ["{REP}"]\nSouth = ["{SAM}"]\n'
    )
    return connected


def names(desk: Desk, *args: str) -> list[str]:
    document = json.loads(desk.ok("audit", "--format", "json", *args))
    return sorted(deal["name"] for deal in document["forecast"]["deals"])


def test_the_audit_says_which_money_has_a_calendar_behind_it(team: Desk) -> None:
    text = " ".join(team.ok("audit").split())

    assert "650,000 EUR open" in text
    assert "UNKNOWN DEALS 1" in text
    assert "Nobody Knows · Unknown" in text
    assert "A coaching aid, not for pay or employment decisions." in text


def test_the_audit_may_be_narrowed_to_a_team_or_a_rep(team: Desk) -> None:
    assert names(team) == ["Pilot", "Rollout", "Unknown"]
    assert names(team, "--team", "north") == ["Rollout"]
    assert names(team, "--rep", f"Sam+x@{SAM.partition('@')[2]}") == ["Pilot", "Unknown"]
    assert names(team, "--team", "South", "--rep", SAM) == ["Pilot", "Unknown"]


def test_a_rep_sees_what_the_manager_sees_of_them(team: Desk) -> None:
    assert "nobody knows who `me` is" in team.fails(2, "audit", "--rep", "me")

    team.environ["CALSIGNAL_REP"] = SAM

    assert team.ok("audit", "--rep", "me") == team.ok("audit", "--rep", SAM)
    assert names(team) == ["Pilot", "Rollout", "Unknown"]


def test_the_period_and_the_moment_may_be_chosen(team: Desk) -> None:
    document = json.loads(team.ok("audit", "--period", "7", "--format", "json"))
    past = json.loads(team.ok("audit", "--as-of", "2026-03-01", "--format", "json"))

    assert (document["format"], document["period_days"]) == ("calsignal.audit/1", 7)
    assert past["forecast"]["deals"] == []
    assert past["as_of"].startswith("2026-03-01T23:59:59")


@pytest.mark.parametrize("name", TABLES)
def test_each_table_comes_as_csv(team: Desk, name: str) -> None:
    head, *rows = csv.reader(io.StringIO(team.ok("audit", "--format", "csv", "--table", name)))

    assert rows
    assert {len(row) for row in rows} == {len(head)}


def test_csv_is_the_deals_unless_the_contest_or_a_table_is_asked_for(team: Desk) -> None:
    assert team.ok("audit", "--format", "csv").startswith("deal id,deal,account,")
    assert team.ok("audit", "--format", "csv", "--contest").startswith("place,rep,")
    assert "add --format csv" in team.fails(2, "audit", "--table", "reps")


def test_the_page_goes_to_a_file_and_says_so_where_it_does_not(team: Desk, tmp_path: Path) -> None:
    file = tmp_path / "audit.html"

    assert team.ok("audit", "--format", "html", "--output", str(file), "--contest", "--backtest") == ""
    page = file.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert 'id="contest"' in page
    assert 'id="backtest"' in page
    shown = team.run("audit", "--format", "html")
    assert shown.stdout.startswith("<!doctype html>")
    assert "--output audit.html" in shown.stderr


def test_contest_and_backtest_are_shown_where_asked(team: Desk) -> None:
    bare, whole = team.ok("audit"), team.ok("audit", "--contest", "--backtest")

    assert "CONTEST" not in bare
    assert "BACKTEST" not in bare
    assert "CONTEST" in whole
    assert "BACKTEST" in whole
    assert json.loads(team.ok("audit", "--format", "json"))["backtest"] is None
    assert json.loads(team.ok("audit", "--format", "json", "--backtest"))["backtest"]["won"] == 0


def test_markdown_may_be_pasted_anywhere(team: Desk) -> None:
    assert team.ok("audit", "--format", "markdown").startswith("# Audit, ")


@pytest.mark.parametrize(
    ("args", "fact"),
    [
        (("--team", "Nort"), "there is no team called Nort"),
        (("--rep", "nobody@ours.example"), "there is no rep nobody@ours.example"),
        (("--rep", "sam"), "'sam' is no e-mail address"),
        (("--period", "0"), "0 is not in the range"),
        (("--as-of", "2027-01-01"), "is in the future"),
    ],
)
def test_an_audit_that_cannot_be_is_told(team: Desk, args: tuple[str, ...], fact: str) -> None:
    assert fact in team.fails(2, "audit", *args)


def test_an_audit_without_deals_says_what_to_import(connected: Desk) -> None:
    connected.ok("sync")

    assert "calsignal deals import FILE.csv" in connected.ok("audit")


# --- a rep sees what the manager sees ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown", "html"])
def test_a_rep_reads_byte_for_byte_what_the_manager_reads_about_them(team: Desk, form: str) -> None:
    team.clock.wait(days=1)
    question = ("--as-of", f"{EPOCH:%Y-%m-%d}", "--format", form)
    manager = team.ok("audit", "--rep", SAM, *question)

    team.environ["CALSIGNAL_REP"] = SAM.upper()
    own = team.ok("audit", "--rep", "me", *question)

    assert own == manager
    assert SAM in own


def test_the_figures_of_a_rep_are_those_in_the_audit_of_the_whole_team(team: Desk) -> None:
    team.clock.wait(days=1)
    team.environ["CALSIGNAL_REP"] = SAM
    question = ("--as-of", f"{EPOCH:%Y-%m-%d}", "--format", "json")

    own = json.loads(team.ok("audit", "--rep", "me", *question))
    whole = json.loads(team.ok("audit", *question))

    (mine,) = own["reps"]
    assert [row for row in whole["reps"] if row["rep"] == SAM] == [mine]
    assert [d for d in whole["forecast"]["deals"] if d["owner"] == SAM] == own["forecast"]["deals"]
    theirs = {account["name"]: account for account in whole["accounts"]}
    assert own["accounts"]
    assert [theirs[account["name"]] for account in own["accounts"]] == own["accounts"]


def test_who_alone_is_connected_is_me(connected: Desk, team: Desk) -> None:
    assert "nobody knows who `me` is" in team.fails(2, "audit", "--rep", "me")

    team.ok("disconnect", "toy:sam")

    alone = team.ok("audit", "--rep", "me", "--as-of", "2026-03-01", "--format", "json")
    assert json.loads(alone)["rep"] == REP
