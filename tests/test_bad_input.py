"""What is handed in badly is told in one sentence with the next step, and nothing is half-written or lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from calsignal.contract import Calendar, Page
from calsignal.retry import Retry
from calsignal_ics.feed import Limits
from cli import toy
from cli.desk import REP
from fake_provider import EPOCH, FakeSource
from house import NAME, Feed, House, answering, meetings
from ics.conftest import authority, running, server  # noqa: F401  # fixtures
from ics.feed_server import FeedServer, Handler
from remote_world import event

FEED_PATH = "/private-5ecret/basic.ics"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """Return a desk with an account, a calendar file that was read, and a toy calendar that was not."""
    monkeypatch.setattr(toy, "provider", toy.Toy())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("calsignal.retry.Retry", partial(Retry, attempts=1))
    made = House(tmp_path)
    made.settle()
    (tmp_path / "rep.ics").write_bytes(meetings(EPOCH))
    made.ok("connect", "ics", "rep.ics", "--rep", REP)
    made.ok("accounts", "add", "Acme", "acme.example")
    made.ok("sync")
    made.clock.wait(hours=1)
    return made


def refused(house: House, code: int, *args: str, fact: str, hint: str, typed: str | None = None) -> None:
    """Check that a command says one sentence and one hint, and changes nothing."""
    before = house.ledger()

    said = house.fails(code, *args, input=typed).splitlines()

    assert len(said) == 2, said
    assert said[0].startswith("error: ")
    assert fact in said[0]
    assert said[1].startswith("hint: ")
    assert hint in said[1]
    assert house.ledger() == before


# --- what is typed ----------------------------------------------------------------------------------------------------

LONG = "a" * 5000

TYPED: dict[str, tuple[tuple[str, ...], str, str]] = {
    "an unknown account": (("account", "Acne"), "there is no account called Acne", "did you mean Acme?"),
    "an unknown account to remove": (("accounts", "remove", "Acne"), "no account called 'Acne'", "did you mean Acme?"),
    "an unknown connection": (("sync", "ics:sam@ours.example"), "no connection called", f"did you mean {NAME}?"),
    "an unknown rep": (("digest", "--rep", "sam@ours.example"), "sam@ours.example", f"did you mean {REP}?"),
    "a domain twice": (("accounts", "add", "Beta", "acme.example"), "already belongs to the account Acme", "remove it"),
    "a public suffix": (("accounts", "add", "Beta", "co.uk"), "co.uk is a public suffix", "company.co.uk"),
    "a free-mail domain": (("accounts", "add", "Beta", "gmail.com"), "is a free-mail domain", "--address someone@"),
    "an IP address": (("accounts", "add", "Beta", "192.0.2.1"), "is an IP address", "the company's e-mail"),
    "a team domain": (("accounts", "add", "Beta", "ours.example"), "ours.example is your own domain", ""),
    "the future": (("digest", "--as-of", "2099-01-01"), "is in the future", "for the past or for now"),
    "no date": (("digest", "--as-of", "\x1b[2Jtoday"), "is no ISO date", "write it as 2026-03-31"),
    "no such calendar": (("connect", "ics", "none.ics", "--rep", REP), "no such file or folder", "give a path"),
    "an endless path": (("connect", "ics", LONG, "--rep", REP), "no such file or folder", "give a path"),
    "an invisible name": (
        ("connect", "ics", "rep.ics", "--rep", REP, "--name", "a\x1b[31mb"),
        "characters that cannot be seen",
        "name it otherwise",
    ),
    "no place to write to": (("digest", "--output", "no/where"), "cannot be written: No such file", "another file"),
}


@pytest.mark.parametrize("typed", TYPED)
def test_a_mistake_is_one_sentence_and_the_next_step(house: House, typed: str) -> None:
    args, fact, hint = TYPED[typed]

    refused(house, 2, *args, fact=fact, hint=hint)


@pytest.mark.parametrize(
    "args",
    [
        ("https://feed.example/private-5ecret/basic.ics",),
        ("connect", "https://feed.example/private-5ecret/basic.ics"),
        ("connect", "ics", "a", "https://jane:5ecret@feed.example/?key=5ecret", "--rep", REP),
        ("sync", "https://feed.example/private-5ecret/basic.ics"),
        ("account", "webcal://feed.example?5ecret"),
        ("sync", "--accept", "HTTPS://feed.example#5ecret"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_the_address_of_a_feed_in_the_wrong_place_is_not_repeated(
    house: House, args: tuple[str, ...], debug: bool
) -> None:
    result = replace(house, debug=debug).run(*args)

    assert result.exit_code == 2
    assert "feed.example/..." in result.stderr
    assert "5ecret" not in result.output


def test_a_row_that_cannot_be_read_takes_no_other_with_it(house: House) -> None:
    table = 'name,domain\nBeta,beta.example\n"Gamma,gamma.example\n'

    result = house.run("accounts", "import", "-", input=table)

    assert (result.exit_code, result.stdout) == (1, "1 added, 0 changed, 0 unchanged, 1 refused\n")
    first, *_ = result.stderr.splitlines()
    assert first.startswith("line 3: ")
    assert [account.name for account in house.store().accounts()] == ["Acme", "Beta"]


def test_a_config_with_three_mistakes_tells_all_three_and_leaves_the_store_alone(house: House) -> None:
    before = house.ledger()
    house.write('[team]\ndomains = ["com"]\ntimezone = "Mars"\n[sync]\nhistory = 3\n')

    for command in (("sync",), ("digest",), ("accounts", "remove", "Acme"), ("disconnect", NAME)):
        said = house.fails(2, *command)
        assert said.count("hint: ") == 3
        assert "has 3 problems" in said
    assert house.ledger() == before


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_folder_in_the_place_of_the_store_is_told(house: House) -> None:
    house.database.unlink()
    house.database.mkdir()

    for command in ("sync", "digest", "connections"):
        refused(house, 3, command, fact="cannot be opened", hint="check that it is a file")


def test_a_store_of_a_newer_program_is_not_touched(house: House) -> None:
    with closing(sqlite3.connect(house.database)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")

    for command in (("sync",), ("digest",), ("accounts", "remove", "Acme"), ("disconnect", NAME, "--erase", "--yes")):
        refused(house, 3, *command, fact="made by a newer calsignal", hint="upgrade calsignal")


def test_a_store_that_is_in_use_is_told_and_left_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from calsignal import store

    monkeypatch.setattr(store, "open_store", partial(store.open_store, busy_seconds=0.0))
    (house.folder / "rep.ics").write_bytes(meetings(EPOCH, 5))
    with closing(sqlite3.connect(house.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        for command in (("sync",), ("accounts", "remove", "Acme"), ("disconnect", NAME)):
            refused(house, 3, *command, fact="is in use by another program", hint="wait until that has finished")
        house.ok("digest")
    house.ok("sync")


@pytest.mark.parametrize("name", ["with blanks", "ünïcode", "a?b=c", "a#b", "100%41", "a%"])
def test_the_store_is_where_the_folder_says_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    house = House(tmp_path / name)
    house.folder.mkdir()
    house.settle()

    house.ok("accounts", "add", "Acme", "acme.example")

    assert house.database.is_file()
    assert "Acme" in house.ok("accounts", "list")


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_lost_vault_is_told_and_not_made_anew(house: House) -> None:
    vault = house.folder / "data" / "vault.json"
    vault.unlink()

    refused(house, 3, "sync", fact="another address key", hint="CALSIGNAL_SECRET_KEY")

    assert not vault.exists()


def test_a_vault_sealed_otherwise_is_told_and_nothing_is_written(house: House) -> None:
    house.environ["CALSIGNAL_SECRET_KEY"] = "right"
    house.ok("connect", "ics", "-", "--rep", "sam@ours.example", input="https://feed.example/5ecret\n")
    sealed = house.folder / "data" / "vault.json"
    before = sealed.read_bytes()
    house.environ["CALSIGNAL_SECRET_KEY"] = "wrong"

    for command in ("sync", "disconnect ics:sam@ours.example", "connect ics - --rep jo@ours.example"):
        said = house.fails(1, *command.split(), input="https://feed.example/5ecret\n").splitlines()
        assert "does not open with this key" in said[0]
        assert said[1].startswith("hint: set CALSIGNAL_SECRET_KEY")
    assert sealed.read_bytes() == before
    assert "jo@ours.example" not in house.ok("connections")


# --- feeds ------------------------------------------------------------------------------------------------------------


def endless(handler: Handler) -> None:
    """Say that 2 GB are coming, and send them bit by bit as long as somebody listens."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(2 * 2**30))
    handler.end_headers()
    handler.wfile.write(b"BEGIN:VCALENDAR\r\n")
    while not handler.server.over.is_set():
        handler.wfile.write(b"X-NOTHING:" + b"x" * 2**20 + b"\r\n")


def never(handler: Handler) -> None:
    handler.server.over.wait(5)


FEEDS: dict[str, tuple[Callable[[Handler], object], str, str]] = {
    "401": (answering(401), "refuses the address (status 401)", "get the calendar's secret address anew"),
    "404": (answering(404), "there is no feed at localhost under this address any more", "check the address"),
    "500": (answering(500), "localhost cannot answer now (status 500)", "try again later"),
    "a page": (answering(200, b"<html>Sign in</html>"), "what localhost sends is not an iCalendar file", "nothing was"),
    "half": (answering(200, meetings(EPOCH)[:-20]), "breaks off before END:VCALENDAR", "nothing was changed"),
    "2 GB": (endless, "the feed at localhost is larger than 1 MB", "check the address"),
    "never": (never, "localhost takes too long to answer", "it will be tried again"),
}


@pytest.mark.parametrize("failure", FEEDS)
def test_a_feed_that_fails_loses_nothing_and_stops_no_other(
    house: House,
    failure: str,
    server: FeedServer,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("calsignal_ics.feed.Limits", lambda: Limits(read=0.5, total=1, size=2**20))
    feed = server.respond = Feed(meetings(EPOCH, 12))
    house.ok("connect", "ics", "-", "--rep", "sam@ours.example", input=server.url(FEED_PATH))
    house.ok("sync")
    before = house.ledger()
    feed.fails, fact, hint = FEEDS[failure]
    house.clock.wait(hours=1)

    result = house.run("sync")

    assert result.exit_code == 1
    assert result.stdout == f"{NAME}: 0 events read, 0 changes written\n"
    problem, step = result.stderr.splitlines()
    assert problem.startswith("ics:sam@ours.example: ")
    assert fact in problem
    assert step.startswith(f"hint: {hint}")
    assert house.ledger() == before
    assert fact[:30] in " ".join(house.ok("connections").split())
    server.respond = Feed(meetings(EPOCH, 13))
    house.clock.wait(hours=1)
    assert "ics:sam@ours.example: 13 events read, 1 change written" in house.ok("sync")


# --- providers --------------------------------------------------------------------------------------------------------


class Broken(FakeSource):
    """Fails in one method with a mistake of its own."""

    where = ""

    def __getattribute__(self, name: str) -> object:
        if name == Broken.where:
            raise PermissionError("/home/jane/5ecret")
        return super().__getattribute__(name)


@pytest.mark.parametrize("where", ["open", "calendars", "pull", "find"])
def test_a_mistake_of_a_provider_is_that_connections_problem(
    house: House, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    remote = toy.provider.remotes["sam@ours.example"]
    remote.put(event("one"))
    house.ok("sync")
    remote.drop("one")
    house.clock.wait(hours=1)

    def opened(_access: object) -> FakeSource:
        if where == "open":
            raise PermissionError("/home/jane/5ecret")
        return Broken(remote)

    monkeypatch.setattr(toy.provider, "open", opened)
    monkeypatch.setattr(Broken, "where", where)
    result = house.run("sync")

    assert result.exit_code == 1
    assert result.stdout == f"{NAME}: 0 events read, 0 changes written\n"
    assert result.stderr.splitlines()[0] == "toy:sam: the provider toy failed (PermissionError)"
    assert "5ecret" not in result.output


# --- clocks and other processes ---------------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_is_told_and_writes_nothing(house: House) -> None:
    house.clock.wait(days=-2)
    (house.folder / "rep.ics").write_bytes(meetings(EPOCH, 2))
    before = house.ledger()

    result = house.run("sync")

    assert (result.exit_code, result.stdout) == (1, "")
    fact, hint = result.stderr.splitlines()
    assert "this machine's clock is behind the last sync, of 2026-03-02 08:00 UTC" in fact
    assert hint == "hint: set the clock right, then sync again"
    assert house.ledger() == before
    house.clock.wait(days=3)
    assert "2 events read, 1 change written" in house.ok("sync")


@pytest.fixture
def meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes another process run a command while the toy calendar is being read."""
    house.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    remote = toy.provider.remotes["sam@ours.example"]
    remote.put(event("one"))

    def during(*args: str) -> None:
        class Slow(FakeSource):
            def pull(self, calendar: Calendar, cursor: str | None) -> Iterator[Page]:
                yield from super().pull(calendar, cursor)
                replace(house).ok(*args)

        monkeypatch.setattr(toy.provider, "open", lambda _access: Slow(remote))

    return during


def test_an_account_that_is_removed_during_a_sync_leaves_no_address(
    house: House, meanwhile: Callable[..., None]
) -> None:
    meanwhile("accounts", "remove", "Acme")

    house.ok("sync", "toy:sam")

    assert b"@acme.example" not in house.kept()
    assert b"Sample call" not in house.kept()


def test_a_connection_that_is_erased_during_a_sync_stays_erased(house: House, meanwhile: Callable[..., None]) -> None:
    meanwhile("disconnect", "toy:sam", "--erase", "--yes")

    result = house.run("sync")

    assert result.exit_code == 0
    assert "toy:sam: 0 events read, 0 changes written\n" in result.stdout
    assert "toy:sam" not in house.ok("connections")


# --- terminals --------------------------------------------------------------------------------------------------------


MAIN = "from calsignal.cli import main; main()"


def process(
    house: House, *args: str, before: str = "", code: str = MAIN, **more: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in a process of its own; `before` is shell that goes before it, such as a redirection."""
    environ = {**os.environ, "CALSIGNAL_VAULT": "file", **more}
    house.write(house.config.read_text(encoding="utf-8").replace("[toy]", ""))  # it is not installed
    for name in ("data", "config"):
        home = house.folder / f"xdg-{name}"
        home.mkdir()
        (home / "calsignal").symlink_to(house.folder / name)
        environ[f"XDG_{name.upper()}_HOME"] = str(home)
    shell = ["sh", "-c", f'{before}\nexec "$@"', "sh", sys.executable, "-W", "error", "-c", code, *args]
    return subprocess.run(shell, env=environ, capture_output=True, timeout=60, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_told(house: House) -> None:
    done = process(house, "accounts", "list", before="exec >/dev/full")

    assert done.returncode == 1
    assert (
        done.stderr == b"error: the result cannot be written: No space left on device\nhint: write it to a --output\n"
    )


@pytest.mark.parametrize("closed", ["exec >&-", "exec 2>&-", "exec <&-", "exec <&- >&- 2>&-"])
def test_closed_streams_do_no_harm(house: House, closed: str) -> None:
    before = house.ledger()

    done = process(house, "accounts", "list", before=closed)

    assert done.returncode == 0
    assert done.stderr == b""
    assert house.ledger() == before


@pytest.mark.parametrize(
    "environ",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"CALSIGNAL_REP": "", "CALSIGNAL_SECRET_KEY": "", "CALSIGNAL_VAULT": "", "COLUMNS": "", "TERM": "", "TZ": ""},
    ],
)
def test_a_poor_environment_does_no_harm(house: House, environ: dict[str, str]) -> None:
    house.ok("accounts", "add", "Kōbe 神戸", "kobe.example")

    done = process(house, "digest", **environ)

    assert done.returncode == 0
    assert done.stderr == b""
    assert b"Acme" in done.stdout


def test_an_interrupted_sync_leaves_the_store_as_it_was(house: House) -> None:
    (house.folder / "rep.ics").write_bytes(meetings(EPOCH, 5))
    before = house.ledger()
    interrupt = "lambda path: os.kill(os.getpid(), signal.SIGINT) or time.sleep(30)"
    code = f"import os, signal, time; from calsignal_ics import files; files.content = {interrupt}; {MAIN}"

    done = process(house, "sync", code=code)

    said = b"interrupted: 0 of 1 done\nics:rep@ours.example: not synced\n"
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", said)
    assert house.ledger() == before
