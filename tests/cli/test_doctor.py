from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import Result
from jsonschema import Draft202012Validator

from calsignal.contract import Access, Attendee, CheckUp, Event, Finding
from calsignal.errors import CalsignalError, NeedsSignIn, Retriable, SourceError
from calsignal.model import Answer, Skipped, Slot
from calsignal.registry import GROUP
from calsignal.reports.jsonform import schema
from calsignal.vault import ADDRESS_KEY, connection_secret
from cli import toy
from cli.desk import REP, Desk
from fake_provider import EPOCH, FakeSource, Remote
from house import House

SECRET = "s3same-open-9f8e7d6c"
FEED = "https://feeds.hidden-host.example/private-5ecret/basic.ics?t0ken=abc123"


@dataclass
class CheckedSource(FakeSource):
    """Says at a check-up what it was told to say."""

    says: Callable[[], CheckUp] = CheckUp

    def check(self) -> CheckUp:
        return self.says()


@dataclass
class Checked(toy.Toy):
    says: Callable[[], CheckUp] = CheckUp

    def open(self, access: Access) -> CheckedSource:
        return CheckedSource(super().open(access).remote, says=self.says)


@pytest.fixture
def checked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """Return the provider of a desk, which says of a check-up what a test wants."""
    provider = Checked()
    monkeypatch.setattr(toy, "provider", provider)
    desk.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input=SECRET)
    return provider


@pytest.fixture
def well(connected: Desk) -> Desk:
    """Return a desk where nothing is wrong."""
    connected.environ["HOME"] = str(connected.folder)
    connected.remote().put(meeting(0))
    connected.ok("sync")
    connected.ok("accounts", "add", "Acme", "acme.example")
    return connected


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal.cli.doctor.BUSY_SECONDS", 0.0)


def raising(error: Exception) -> Callable[[], CheckUp]:
    def says() -> CheckUp:
        raise error

    return says


def flat(text: str) -> str:
    return " ".join(text.split())


def finds(desk: Desk, fact: str, step: str = "", *args: str) -> str:
    """Run the check-up, which has to find a problem with its next step and to go on to the end; return all it said."""
    result = desk.run("doctor", *args)
    said = flat(result.output)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in said
    assert re.search(rf"!! (?:\S+ #\d: )?{re.escape(fact)}", said), result.output
    if step:
        assert f"{fact} next: {step}" in said, result.output
    assert re.search(r"ACCOUNTS ─+ .* \d+ problems?\.", said), result.output
    return said


def meeting(number: int) -> Event:
    start = EPOCH + timedelta(days=3, hours=number % 8)
    return Event(
        id=f"event-{number}",
        uid=f"uid-{number}",
        slot=Slot(start, start + timedelta(minutes=30)),
        organizer=REP,
        attendees=(Attendee(REP), Attendee("buyer@acme.example", Answer.ACCEPTED)),
        subject="Secret plans",
    )


# --- the whole --------------------------------------------------------------------------------------------------------


def test_where_nothing_is_wrong_all_is_well(well: Desk) -> None:
    result = well.run("doctor")

    assert result.exit_code == 0
    assert "!!" not in result.stdout
    assert result.stdout.endswith("All is well.\n")
    assert "ok  the file is ~/config/config.toml" in result.stdout
    assert "ok  toy #1: synced 0 s ago; the calendar may be read" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_check_up_changes_nothing(well: Desk) -> None:
    def kept() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in well.folder.rglob("*") if path.is_file()}

    before = kept()

    well.ok("doctor")

    assert kept() == before


def test_a_check_up_of_nothing_makes_nothing(bare: Desk) -> None:
    said = finds(bare, "there is no config file at")

    assert "next: run `calsignal init` to write one" in said
    assert "-- there is none yet" in said
    assert "!! no calendar is connected next: `calsignal connect --help` lists the ways" in said
    assert not any(path.is_file() for path in bare.folder.rglob("*"))


def test_the_json_keeps_to_its_schema(well: Desk) -> None:
    well.clock.wait(days=2)

    result = well.run("doctor", "--format", "json")

    document = json.loads(result.stdout)
    Draft202012Validator(schema("doctor")).validate(document)
    assert (result.exit_code, document["well"], document["problems"]) == (1, False, 1)
    [stale] = [check for check in document["checks"] if check["state"] == "problem"]
    assert (stale["code"], stale["connection"]) == ("connection.stale", "toy #1")
    assert stale["next"].startswith("`calsignal sync`")


def test_the_result_can_be_written_to_a_file(well: Desk) -> None:
    file = well.folder / "found.txt"

    well.ok("doctor", "--output", str(file))

    assert file.read_text(encoding="utf-8").endswith("All is well.\n")


# --- program ----------------------------------------------------------------------------------------------------------


def with_points(desk: Desk, *points: EntryPoint) -> Result:
    app = desk.app()
    app.points = points
    return desk.run("doctor", app=app)


def test_a_provider_that_cannot_be_loaded_is_named(well: Desk) -> None:
    mine = EntryPoint("toy", "cli.toy:provider", GROUP)

    result = with_points(well, mine, EntryPoint("odd", "cli.no_such_module:provider", GROUP))

    assert result.exit_code == 1
    assert "!! the provider 'odd' cannot be loaded" in flat(result.output)
    assert "next: reinstall the package that brings it, or uninstall it" in flat(result.output)
    assert "ok  toy #1: synced" in result.output


def test_two_packages_of_one_name_are_told(well: Desk) -> None:
    result = with_points(well, EntryPoint("toy", "a:b", GROUP), EntryPoint("toy", "c:d", GROUP))

    assert result.exit_code == 1
    assert "!! two packages provide 'toy': a and c next: uninstall one of them" in flat(result.output)


def test_a_provider_that_has_gone_is_told(well: Desk) -> None:
    result = with_points(well)

    assert "!! unknown #1: no provider called 'toy'; none is installed" in flat(result.output)


# --- config -----------------------------------------------------------------------------------------------------------


def test_every_problem_of_the_config_comes_with_its_step_and_the_rest_is_looked_at(well: Desk) -> None:
    well.write("[team]\ndomains = ['ours.example']\ntimezon = 'UTC'\n[sync]\nhistory_days = -1\n[tem]\n")

    said = finds(well, "line 3: [team] has no key '…'", "did you mean timezone?")

    assert "!! line 5: [sync] history_days is out of range next: write a number of days" in said
    assert "!! line 6: there is no section […] next: did you mean team?" in said
    assert "ok 1 team domain" in said
    assert "ok toy #1: synced" in said


def test_a_config_that_is_not_toml_leaves_the_usual_places(well: Desk) -> None:
    well.write("team = [")

    said = finds(well, "it is not TOML")

    assert "ok ~/data/calsignal.sqlite3: schema" in said
    assert "ok toy #1: synced" in said


def test_a_store_that_only_a_broken_config_knows_is_not_called_missing(desk: Desk) -> None:
    desk.write("[store\nurl = 'sqlite:////data/elsewhere.db'")

    said = finds(desk, "it is not TOML")

    assert "-- where it is stands in the config, which cannot be read" in said
    assert "-- they cannot be looked at while the store does not open" in said


# --- store ------------------------------------------------------------------------------------------------------------


def test_a_store_in_use_says_so_and_the_rest_is_looked_at(well: Desk) -> None:
    with closing(sqlite3.connect(well.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        said = finds(well, "the store ~/data/calsignal.sqlite3 is in use by another program", "wait until that has")

    assert "ok toy #1: synced" in said


def test_a_store_that_may_only_be_read_says_so(well: Desk) -> None:
    well.environ["CALSIGNAL_DATABASE_URL"] = f"sqlite:///file:{well.database}?mode=ro&uri=true"

    said = finds(well, "the store")

    assert "cannot be written to next: check the permissions of the file and of its folder" in said
    assert "ok toy #1: synced" in said


@pytest.mark.parametrize(
    ("revision", "fact", "step"),
    [
        ("9999", "was made by a newer calsignal (schema 9999", "upgrade calsignal"),
        (
            "0000",
            "has the schema 0000, and this calsignal wants",
            "run `calsignal sync`: it brings the store up to date",
        ),
    ],
)
def test_a_schema_of_another_time_is_told_and_left_alone(well: Desk, revision: str, fact: str, step: str) -> None:
    with closing(sqlite3.connect(well.database)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", [revision])
        raw.commit()

    said = finds(well, f"the store ~/data/calsignal.sqlite3 {fact}")

    assert f"next: {step}" in said
    with closing(sqlite3.connect(well.database)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (revision,)


def test_a_damaged_store_is_found_out(well: Desk) -> None:
    with closing(sqlite3.connect(well.database)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [page] = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'gaps'").fetchone()
        [size] = raw.execute("PRAGMA page_size").fetchone()
    content = bytearray(well.database.read_bytes())
    content[(page - 1) * size : page * size] = b"\xa5" * size
    well.database.write_bytes(content)

    said = flat(well.run("doctor").output)

    assert re.search(r"!! (the database is damaged|the store \S+ is damaged) next: restore a backup", said), said
    assert "problem" in said


def test_a_row_that_makes_no_sense_stops_nothing_else(well: Desk) -> None:
    with closing(sqlite3.connect(well.database)) as raw:
        raw.execute("UPDATE connections SET settings = 'jane@acme.example'")
        raw.commit()

    said = finds(well, "something went wrong that should not (JSONDecodeError)", "please report it")

    assert "acme" not in said
    assert "ok kept in an encrypted file" in said


def test_a_file_that_is_no_store_is_told(well: Desk) -> None:
    well.database.write_bytes(b"no database at all" * 100)

    finds(well, "the store ~/data/calsignal.sqlite3 is not a calsignal store", "move that file away")


def test_a_url_that_cannot_be_understood_is_told_and_not_shown(well: Desk) -> None:
    well.environ["CALSIGNAL_DATABASE_URL"] = "hunter2"

    said = finds(well, "the url of the store cannot be understood")

    assert "hunter2" not in said
    assert "with another database" in said


def test_another_address_key_than_the_stores_is_found_out(well: Desk) -> None:
    for other in ("00" * 32, "no hexadecimal"):
        well.app().vault.set(ADDRESS_KEY, other)
        finds(well, "the vault does not hold the address key that it was written with")

    well.app().vault.delete(ADDRESS_KEY)
    finds(well, "the vault does not hold the address key that it was written with")


def test_a_clock_that_was_set_back_is_found_out(well: Desk) -> None:
    well.clock.wait(hours=-5)

    finds(
        well,
        "the last sync ended 5 h after what this machine's clock shows: it was set back",
        "set the clock right; until then `calsignal sync` writes nothing",
    )


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_files_that_others_may_read_are_named_with_the_command_that_mends_it(well: Desk) -> None:
    (well.folder / "data" / "vault.json").chmod(0o640)
    (well.folder / "config" / "vault.key").chmod(0o604)

    said = finds(well, "~/data/vault.json is open to others than you (mode 0640)", "`chmod 600 ~/data/vault.json`")

    assert "!! ~/config/vault.key is open to others than you (mode 0604)" in said


def test_a_vault_that_does_not_open_is_told_once_and_no_service_is_asked(checked: Checked, desk: Desk) -> None:
    desk.ok("sync")
    (desk.folder / "data" / "vault.json").write_text("{}", encoding="utf-8")
    checked.says = raising(AssertionError())

    said = finds(desk, "the vault /tmp".partition(" /")[0])

    assert said.count("is damaged") == 1
    assert "-- whether the vault fits it cannot be told while that does not open" in said
    assert "ok toy #1: synced" in said


def test_a_vault_that_is_none_is_told(well: Desk) -> None:
    well.environ["CALSIGNAL_VAULT"] = "drawer"

    finds(well, "CALSIGNAL_VAULT is neither file nor keyring nor store", "unset CALSIGNAL_VAULT, or set it to file")


class Ring:
    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(SECRET)


def test_a_keyring_that_is_shut_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.get_keyring", Ring)
    desk.environ["CALSIGNAL_VAULT"] = "keyring"

    said = finds(desk, "the keyring could not be read (RuntimeError)", "unlock it and try again")

    assert SECRET not in said


def test_a_secret_that_got_lost_is_told_with_the_sign_in(house: House) -> None:
    house.ok("connect", "ics", "-", "--rep", REP, input=FEED)
    house.app().vault.delete(connection_secret(f"ics:{REP}"))

    said = finds(
        house,
        "needs sign-in: the address of the feed is not known any more (the vault holds no secret for it)",
        "connect it again",
    )

    assert "0 of 1 connection has a secret in it" in said


# --- connections ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "fact", "step"),
    [
        (NeedsSignIn("the consent was withdrawn", "sign in"), "needs sign-in: the consent was withdrawn", "sign in"),
        (NeedsSignIn("it is over"), "needs sign-in: it is over", "connect it again; `calsignal connect --help`"),
        (Retriable("the service is busy", "later"), "the service is busy", "later"),
        (SourceError("no such calendar"), "no such calendar", "try again"),
        (CalsignalError("nothing works", "mend it"), "nothing works", "mend it"),
        (ValueError(SECRET), "the provider failed (ValueError)", "update calsignal"),
    ],
)
def test_what_a_service_refuses_is_told_and_the_others_are_asked(
    checked: Checked, desk: Desk, error: Exception, fact: str, step: str
) -> None:
    desk.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    desk.ok("sync")
    answers: Iterator[Callable[[], CheckUp]] = iter([raising(error), lambda: CheckUp((Finding("sam may be read"),))])

    def says() -> CheckUp:
        return next(answers)()

    checked.says = says

    said = finds(desk, fact, step)

    assert "ok toy #2: synced 0 s ago; sam may be read" in said
    assert SECRET not in said


def test_what_a_check_up_finds_is_told_with_its_step(checked: Checked, desk: Desk) -> None:
    desk.ok("sync")
    findings = (Finding("signed in"), Finding("the directory may not be read", "tick the box", problem=True))
    checked.says = lambda: CheckUp(findings)

    said = finds(desk, "the directory may not be read", "tick the box")

    assert "ok toy #1: synced 0 s ago; signed in" in said


@pytest.mark.parametrize(("seconds", "fact"), [(-61, "61 s ahead of"), (300, "5 min behind")])
def test_a_clock_that_is_off_the_services_is_told_with_what_it_breaks(
    checked: Checked, desk: Desk, seconds: float, fact: str
) -> None:
    checked.says = lambda: CheckUp(service_time=desk.clock.at + timedelta(seconds=seconds))

    said = finds(desk, f"our clock is {fact} that of the service: sign-ins may be refused")

    assert "next: let the system set its clock by the network" in said


def test_a_clock_within_a_minute_agrees(checked: Checked, desk: Desk) -> None:
    checked.says = lambda: CheckUp(service_time=desk.clock.at + timedelta(seconds=59))

    assert "ok  our clock agrees with 1 service within 60 s" in desk.run("doctor").output


def test_a_service_time_without_a_zone_stops_nothing(checked: Checked, desk: Desk) -> None:
    checked.says = lambda: CheckUp(service_time=datetime(2026, 3, 2))  # noqa: DTZ001  # the mistake in question

    finds(desk, "the provider failed (TypeError)")


def test_offline_asks_no_service(checked: Checked, desk: Desk) -> None:
    desk.remote().put(meeting(0))
    desk.ok("sync")
    desk.ok("accounts", "add", "Acme", "acme.example")
    checked.says = raising(AssertionError())

    result = desk.run("doctor", "--offline")

    assert result.exit_code == 0
    assert "ok  toy #1: synced" in result.output
    assert result.output.endswith("All is well. No service was asked (--offline).\n")


def test_a_held_calendar_is_told_with_the_command_that_accepts_it(connected: Desk) -> None:
    remote = connected.remote()
    remote.put(*(meeting(n) for n in range(12)))
    connected.ok("sync")
    remote.drop(*(f"event-{n}" for n in range(12)))
    connected.clock.wait(hours=1)
    connected.run("sync")

    fact = "1 calendar is held: most of what lay ahead had gone"
    said = finds(connected, fact, "if that is right: `calsignal sync --accept NAME`")
    named = flat(connected.run("doctor", "--names").output)

    assert "what that row of `calsignal connections` is called" in said
    assert "`calsignal sync --accept toy:rep`" in named
    connected.clock.wait(hours=1)
    connected.ok("sync", "--accept", "toy:rep")
    assert "held" not in connected.run("doctor").output


def test_what_was_never_synced_or_not_for_long_is_told(connected: Desk) -> None:
    finds(connected, "it was never synced", "`calsignal sync NAME`")
    connected.ok("sync")
    connected.clock.wait(hours=23)
    assert "not synced" not in connected.run("doctor").output
    connected.clock.wait(hours=25)

    said = finds(connected, "not synced for 2 d", "`calsignal sync`, every day")

    assert "-- the last sync was 2 d ago; it should run every day" in said


def test_a_failure_of_the_last_sync_is_told_once(connected: Desk) -> None:
    connected.ok("sync")
    connected.remote().broken = SourceError("the box is jammed", "shake it")
    connected.run("sync")

    said = finds(connected, "the box is jammed", "shake it")
    offline = finds(connected, "the last sync failed: the box is jammed; shake it", "", "--offline")

    assert said.count("the box is jammed") == 1
    assert "next: `calsignal sync NAME` shows whether it still does" in offline


def test_gaps_and_skipped_items_are_notes(well: Desk) -> None:
    remote = well.remote()
    remote.deltas = True
    remote.put(meeting(1))
    remote.skipped = (Skipped("toy:rep", "event-secret", "it has no start"),)
    remote.expired_before = 9
    well.clock.wait(hours=1)
    well.ok("sync")

    result = well.run("doctor")

    assert result.exit_code == 0
    said = flat(result.output)
    assert "-- toy #1: 1 gap, in which changes may have been missed; 1 item could not be read" in said
    assert "event-secret" not in said


def test_disconnected_ones_are_counted_and_not_asked(well: Desk) -> None:
    well.ok("disconnect", "toy:rep")

    said = finds(well, "no calendar is connected")

    assert "-- 1 more, disconnected" in said


def test_many_that_are_well_are_counted(connected: Desk) -> None:
    connected.remote().put(meeting(0))
    with connected.store() as store:
        for number in range(25):
            mailbox = f"rep{number}@ours.example"
            toy.provider.remotes[mailbox] = remote = Remote()
            remote.put(replace(meeting(number), organizer=mailbox))
            store.connect(f"toy:rep{number}", "toy", mailbox, {}, connected.clock())
    connected.ok("sync")

    said = flat(connected.run("doctor").output)

    assert said.count("synced 0 s ago") == 20
    assert "ok 6 more connections are well" in said


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_no_account_yet_points_to_the_suggestions(connected: Desk) -> None:
    connected.ok("sync")

    finds(connected, "there is no account yet, and so nothing to report", "`calsignal accounts suggest`")


# --- what does not fit together ---------------------------------------------------------------------------------------


def test_a_mailbox_outside_the_teams_domains_is_told(well: Desk) -> None:
    well.ok("connect", "toy", "box", "--rep", "kim@new-brand.example")

    said = finds(well, "1 connected rep has a mailbox in none of the team's domains", "add their domain to `domains`")

    assert "new-brand" not in said
    well.write('[team]\ndomains = ["ours.example", "new-brand.example"]\n')
    assert "in none of the team's domains" not in flat(well.run("doctor").output)


def test_a_rep_of_a_team_whose_calendar_nobody_connected_is_told(well: Desk) -> None:
    well.write(f'[team]\ndomains = ["ours.example"]\n\n[teams]\nNorth = ["{REP}", "lost@ours.example"]\n')

    said = finds(well, "1 rep of [teams] has no connected calendar", "connect it, or mend the address in [teams]")

    assert "lost@" not in said


def test_a_calendar_that_shows_nobody_from_outside_is_told(connected: Desk) -> None:
    connected.remote().put(*(replace(meeting(number), attendees=()) for number in range(20)))
    connected.ok("accounts", "add", "Acme", "acme.example")
    assert "nobody from outside" not in flat(connected.run("doctor").output)
    connected.ok("sync")

    finds(
        connected,
        "nobody from outside your team is on any event of it, and so there is nothing to report",
        "if there are such meetings, it hides who is on them: publish it with all details",
    )

    connected.remote().put(meeting(20))
    connected.ok("sync")
    assert "nobody from outside" not in flat(connected.run("doctor").output)


def test_accounts_that_nobody_on_any_event_belongs_to_are_told(connected: Desk) -> None:
    connected.remote().put(meeting(1))
    connected.ok("accounts", "add", "Acme", "acme-group.example")
    connected.ok("sync")

    finds(connected, "nobody of 1 account is on any event, but 1 guest of no account", "`calsignal accounts suggest`")

    connected.ok("accounts", "add", "Acme Ltd", "acme.example")
    assert "ok 2 accounts" in flat(connected.run("doctor").output)


def test_deals_of_companies_that_are_no_accounts_are_told(well: Desk) -> None:
    rows = "id,name,account,amount\n1,Big,Acme,5\n2,Old,Nobody Ltd,5\n"
    well.ok("deals", "import", "-", "--currency", "EUR", input=rows)

    said = finds(well, "1 of 2 open deals has an account that is none here", "`calsignal audit` names them")

    assert "Nobody Ltd" not in said


# --- what may be pasted -----------------------------------------------------------------------------------------------

NEVER = (
    *("@", "ours.example", "acme", "hidden-host", "5ecret", "t0ken", "abc123", "s3same", "9f8e7d6c", "Secret plans"),
    *("Merger", "Layoffs", "hunter2", "jane", "event-1", "\x1b", "\u202e", "Acme"),
)


def test_nothing_that_names_anybody_can_be_pasted_by_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = House(tmp_path / "home" / "jane doe")
    home.folder.mkdir(parents=True)
    home.environ["HOME"] = str(home.folder)
    monkeypatch.chdir(tmp_path)
    provider = Checked()
    monkeypatch.setattr(toy, "provider", provider)
    home.settle()
    home.ok("connect", "ics", "-", "--rep", REP, "--name", "Merger", input=FEED)
    (home.folder / "Layoffs.ics").write_text("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", encoding="utf-8")
    home.ok("connect", "ics", str(home.folder / "Layoffs.ics"), "--rep", REP)
    home.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input=SECRET)
    home.ok("accounts", "add", "Acme", "acme.example")
    toy.provider.remotes[REP].put(meeting(1))
    monkeypatch.setattr("calsignal.retry.Retry.__call__", lambda _, request: request())
    home.run("sync")
    with home.store() as store:
        [row] = [row for row in store.connections() if row.name == "toy:rep"]
        store.calendar(row, "primary", "Merger\x1b[31m of \u202eJane", home.clock())
    spoken = (
        f"Merger\x1b[31m of \u202eJane: {REP} may not read {FEED} with {SECRET} in {home.folder}/Layoffs.ics",
        "ask jane@acme.example at https://intranet.ours.example/jane, \x1b]0;owned\x07 mail.acme.com or 10.0.0.7",
    )
    provider.says = lambda: CheckUp((Finding(*spoken, problem=True), Finding(spoken[0])))
    home.write(home.config.read_text(encoding="utf-8").replace("[sync]", "[sync]\n'hunter2 jane@ours.example' = 1"))

    for args in ((), ("--offline",), ("--format", "json"), ("--output", "-")):
        result = home.run("doctor", *args)
        assert result.exit_code == 1
        assert [word for word in NEVER if word in result.output.replace("…@…", "")] == [], result.output
        assert str(tmp_path) not in result.output
    provider.says = raising(NeedsSignIn(*spoken))
    refused = home.run("doctor").output
    assert [word for word in NEVER if word in refused.replace("…@…", "")] == [], refused


def test_a_store_named_by_a_url_is_shown_as_its_file(well: Desk) -> None:
    well.environ["CALSIGNAL_DATABASE_URL"] = f"sqlite:///file:{well.database}?mode=rw&uri=true"

    assert "ok  ~/data/calsignal.sqlite3: schema" in well.ok("doctor")


def test_names_are_printed_when_asked_for_and_secrets_never(checked: Checked, desk: Desk) -> None:
    desk.ok("sync")
    checked.says = lambda: CheckUp((Finding(f"{REP} has {SECRET}\x1b[31m at {desk.folder}", "ask", problem=True),))

    said = desk.run("doctor", "--names").output

    assert REP in flat(said)
    assert "toy:rep" in said
    assert str(desk.config) in flat(said).replace(" ", "")
    assert SECRET not in said
    assert "\x1b" not in said


def test_a_config_named_on_the_command_line_keeps_its_name(well: Desk) -> None:
    (well.folder / "jane.toml").write_text("[team]\ndomains = ['ours.example']\n", encoding="utf-8")

    result = well.run("--config", "jane.toml", "doctor")
    missing = well.run("--config", "jane/none.toml", "doctor")

    assert "ok  the file is ….toml" in result.output
    assert "jane" not in result.output + missing.output
    assert "there is no config file at …/….toml" in missing.output


def test_a_machine_that_nobody_knows_stays_unnamed(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "JaneOS")
    monkeypatch.setattr("platform.machine", lambda: "jane's laptop")
    monkeypatch.setattr("pathlib.Path.home", raising(RuntimeError()))

    assert "another system, SQLAlchemy" in well.ok("doctor")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(toy, "provider", toy.Toy())
    made = House(tmp_path)
    made.settle()
    return made
