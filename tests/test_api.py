"""The Python API: the same results as the commands, typed, and nothing of it loaded before it is asked for."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

import calsignal
from calsignal import open_store
from calsignal.api import TableName, TeamStore
from calsignal.contract import Attendee
from calsignal.errors import ConfigError, InputError, StoreError
from calsignal.model import Answer
from calsignal.reports.audit_json import audit_json
from calsignal.reports.jsonform import account_json, digest_json, to_json
from cli.conftest import bare, connected, desk  # noqa: F401  # fixtures
from cli.desk import REP, Desk
from fake_provider import EPOCH
from remote_world import event

ROOT = Path(__file__).parent.parent
THEN = EPOCH + timedelta(days=1)
AS_OF = THEN.isoformat()
DEALS = f"""\
Opportunity ID,Opportunity Name,Account Name,Opportunity Owner Email,Amount,Currency,Close Date,Forecast Category,Stage
006-0000001,Rollout,Acme,{REP},480000,EUR,2026-03-31,Commit,Negotiation
"""


@pytest.fixture
def busy(connected: Desk) -> Desk:  # noqa: F811
    """Return a desk with two accounts, a meeting that was answered, and a deal."""
    connected.remote().put(event("one"), event("two", 4, attendees=(Attendee("eve@birch.example"),)))
    connected.ok("accounts", "add", "Acme", "acme.example", "--owner", REP)
    connected.ok("accounts", "add", "Birch", "birch.example")
    connected.ok("sync")
    connected.ok("deals", "import", "-", input=DEALS)
    connected.clock.wait(hours=12)
    answered = replace(event("one"), attendees=(Attendee("ann@acme.example", Answer.ACCEPTED),))
    connected.remote().put(answered)
    connected.ok("sync")
    connected.clock.wait(days=1)
    connected.write('[team]\ndomains = ["ours.example"]\ntimezone = "Europe/Berlin"\n')  # without the toy's section
    return connected


@pytest.fixture
def store(busy: Desk) -> Iterator[TeamStore]:
    environ = {"CALSIGNAL_DATABASE_URL": f"sqlite:///{busy.database}"}
    with open_store(busy.config, environ=environ, clock=busy.clock) as opened:
        yield opened


# --- the same as the commands -----------------------------------------------------------------------------------------


def test_a_digest_is_the_commands(busy: Desk, store: TeamStore) -> None:
    since = ("--since", EPOCH.isoformat())
    mine = ("digest", "--format", "json", "--as-of", AS_OF, *since, "--rep", REP)

    assert to_json(digest_json(store.digest(REP.upper(), since=EPOCH, as_of=THEN))) == busy.ok(*mine)
    assert to_json(digest_json(store.digest(as_of=THEN))) == busy.ok("digest", "--format", "json", "--as-of", AS_OF)


@pytest.mark.parametrize("name", ["Acme", "acme.example", "ann@acme.example", "ACM"])
def test_an_account_is_the_commands_by_whatever_name(busy: Desk, store: TeamStore, name: str) -> None:
    said = busy.ok("account", name, "--format", "json", "--as-of", AS_OF)

    assert to_json(account_json(store.account(name, as_of=THEN))) == said


def test_an_audit_is_the_commands(busy: Desk, store: TeamStore) -> None:
    said = busy.ok("audit", "--format", "json", "--as-of", AS_OF, "--rep", REP, "--period", "7")

    assert to_json(audit_json(store.audit(rep=REP, days=7, as_of=THEN), None)) == said


@pytest.mark.parametrize("table", ["ledger", "meetings", "changes", "accounts", "deals"])
def test_an_export_is_the_commands(busy: Desk, store: TeamStore, tmp_path: Path, table: TableName) -> None:
    said, memory = busy.ok("export", table, "--as-of", AS_OF), io.BytesIO()

    store.export(table, tmp_path / "it.csv", as_of=THEN)
    store.export(table, memory, form="jsonl", as_of=THEN)

    assert (tmp_path / "it.csv").read_bytes().decode() == said
    assert memory.getvalue().decode() == busy.ok("export", table, "--format", "jsonl", "--as-of", AS_OF)
    with store.rows(table, as_of=THEN) as rows:
        assert len(list(rows)) == len(list(csv.reader(io.StringIO(said)))) - 1


def test_accounts_meetings_and_changes_are_those_of_the_account_report(store: TeamStore) -> None:
    first, *rest = store.accounts(as_of=THEN)
    report = store.account("Acme", as_of=THEN)

    assert (first, len(rest)) == (report.result, 1)
    assert [one.meeting for one in store.meetings("acme", as_of=THEN)] == list(report.result.meetings)
    assert {one.account for one in store.meetings(as_of=THEN)} == {"Acme", "Birch"}
    assert [one.change for one in store.changes("Acme", as_of=THEN)] == list(reversed(report.result.changes))


def test_changes_may_be_asked_since_a_moment(store: TeamStore) -> None:
    late = store.changes(since=EPOCH + timedelta(hours=1))

    assert [(one.account, one.change.kind.value, one.good) for one in late] == [("Acme", "answer_changed", True)]
    assert store.changes() == late
    assert store.changes(since=EPOCH + timedelta(hours=13)) == ()


def test_connections_deals_and_suggestions_are_told(store: TeamStore) -> None:
    assert [one.rep for one in store.connections()] == [REP]
    assert [track.now.id for track in store.deals()] == ["006-0000001"]
    assert store.suggestions(3) == ()


# --- now, then, and errors --------------------------------------------------------------------------------------------


def test_now_is_the_clocks(busy: Desk, store: TeamStore) -> None:
    assert store.digest().head.as_of.replace(microsecond=0) == (EPOCH + timedelta(days=1, hours=12))


def test_the_past_has_no_look_ahead(store: TeamStore) -> None:
    before = EPOCH + timedelta(hours=1)

    assert store.changes(since=EPOCH + timedelta(hours=1), as_of=before) == ()


@pytest.mark.parametrize(
    ("moment", "fact"),
    [
        (datetime(2026, 3, 1), "as_of has no time zone"),  # noqa: DTZ001  # that is the point
        (datetime(2027, 1, 1, tzinfo=UTC), "is in the future"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(store: TeamStore, moment: datetime, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as told:
        store.accounts(as_of=moment)

    assert told.value.hint


def test_a_moment_of_which_nothing_is_kept_is_refused(store: TeamStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store._store, "kept_since", lambda: EPOCH)

    assert store.accounts(as_of=EPOCH)
    with pytest.raises(InputError, match="nothing from before 2026-03-02T08:00:00"):
        store.accounts(as_of=EPOCH - timedelta(days=1))


def test_a_naive_since_is_refused(store: TeamStore) -> None:
    with pytest.raises(InputError, match="since has no time zone"):
        store.digest(since=datetime(2026, 3, 1))  # noqa: DTZ001


def test_names_that_mean_nothing_or_several_are_refused(store: TeamStore) -> None:
    with pytest.raises(InputError, match="no account called Acne") as nothing:
        store.account("Acne")
    with pytest.raises(InputError, match="may be Acme or Birch"):
        store.meetings("example")
    with pytest.raises(InputError, match="no table called people"):
        store.export(cast("TableName", "people"), io.BytesIO())
    with pytest.raises(InputError, match="no calendar of nobody@ours"):
        store.digest("nobody@ours.example")
    with pytest.raises(InputError, match="'rep' is no e-mail address"):
        store.audit(rep="rep")

    assert nothing.value.hint == "did you mean Acme?"


def test_a_missing_config_a_bad_one_and_a_missing_store_are_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    with pytest.raises(InputError, match="there is no config file"):
        open_store(file, environ={})
    file.write_text("[tame]\n")
    with pytest.raises(ConfigError) as bad:
        open_store(file, environ={})
    file.write_text('[team]\ndomains = ["ours.example"]\n')
    with pytest.raises(StoreError, match="does not exist yet"):
        open_store(file, environ={"CALSIGNAL_DATABASE_URL": f"sqlite:///{tmp_path / 'no.db'}"})

    assert bad.value.problems


def test_the_config_is_found_as_the_command_line_finds_it(busy: Desk) -> None:
    environ = {
        "CALSIGNAL_CONFIG": str(busy.config),
        "CALSIGNAL_DATABASE_URL": f"sqlite:///{busy.database}",
    }

    with open_store(environ=environ, clock=busy.clock) as opened:
        assert opened.settings.team.domains == ("ours.example",)


# --- the package and the example --------------------------------------------------------------------------------------


def test_the_package_loads_the_api_when_it_is_asked_for() -> None:
    code = "import sys, calsignal; print('calsignal.api' in sys.modules); calsignal.open_store; print(*sys.modules)"
    before, after = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.splitlines()

    assert before == "False"
    assert "calsignal.api" in after.split()
    assert not {"sqlalchemy", "calsignal.config", "calsignal.analysis"} & set(after.split())


def test_the_package_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = calsignal.nothing
    assert set(calsignal.__all__) == {"__version__", "open_store"}


def test_the_example_runs(busy: Desk, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "CALSIGNAL_CONFIG": str(busy.config),
        "CALSIGNAL_DATABASE_URL": f"sqlite:///{busy.database}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "providers")]),
    }
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / "week.py"), str(tmp_path / "accounts.csv")],
        capture_output=True,
        text=True,
        env=environ,
        check=True,
    )

    assert "good changes in seven days" in ran.stdout
    assert "open deals have a calendar behind them" in ran.stdout
    assert "Acme" in (tmp_path / "accounts.csv").read_text(encoding="utf-8")


def test_the_example_tells_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {**os.environ, "CALSIGNAL_CONFIG": str(tmp_path / "none.toml")}
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "week.py")], capture_output=True, text=True, env=environ, check=False
    )

    assert ran.returncode == 1
    assert "there is no config file" in ran.stderr
    assert "calsignal init" in ran.stderr


def test_every_call_of_the_docs_exists() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    named = {line.split("`store.")[1].split("(")[0] for line in text.splitlines() if line.startswith("| `store.")}

    public = {name for name in vars(TeamStore) if not name.startswith("_")} - {"close"}
    assert named == public


def test_the_json_of_a_value_is_the_published_one(store: TeamStore) -> None:
    assert json.loads(to_json(digest_json(store.digest())))["format"] == "calsignal.digest/1"
    assert importlib.import_module("calsignal.api").open_store is open_store
