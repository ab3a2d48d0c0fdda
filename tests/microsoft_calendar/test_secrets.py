"""No token, key, code or client secret comes out anywhere, and nothing of a calendar gets into a log.

Everything runs as real processes in which every library logs at DEBUG, through all that can go wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loopback import Fault
from microsoft_calendar import service_faults as faults
from microsoft_calendar.desk import TENANT
from microsoft_calendar.office import ANN, NAME, REP, SAM, Home, Office, nobody_waits
from microsoft_calendar.service import DATA, MicrosoftService
from microsoft_calendar.service_identity import SECRET, Consent
from microsoft_calendar.service_values import weekly

SUBJECT, NOTE, PLACE, GUEST = "Sample secret plan", "Sample note inside", "Sample street 7", "Samplename Guest"
LOUD = """
import http.client, logging, os, warnings
import requests, urllib3, oauthlib, requests_oauthlib, msal, msal.oauth2cli.oauth2, msal.oauth2cli.authcode
with warnings.catch_warnings():
    import O365, O365.connection
logging.basicConfig(filename=os.environ["LOG"], level=logging.DEBUG, force=True)
logging.captureWarnings(True)
warnings.simplefilter("always")
for name in list(logging.root.manager.loggerDict):
    logging.getLogger(name).setLevel(logging.DEBUG)
logging.getLogger("sample").debug("the log is open")
"""
"""What a curious person puts in front: every library is there, and every one of its loggers asked to tell all."""


@dataclass
class Vigil(Home):
    """A home in which everything that was printed or logged is kept."""

    printed: list[str] = field(default_factory=list)

    def run(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        found = super().run("--debug", *words, typed=typed)
        self.printed += found[1:]
        return found

    def sign_in(self, who: str = REP, *more: str) -> tuple[int, str, str]:
        found = super().sign_in(who, *more)
        self.printed += found[1:]
        return found

    def enter_code(self) -> tuple[int, str, str]:
        """Sign in by a code on another device."""
        found = super().run("connect", "microsoft", "--device-code")
        self.printed += found[1:]
        return found

    def app_only(self, *more: str, typed: str = SECRET) -> tuple[int, str, str]:
        return self.run("connect", "microsoft", "--app-only", "--tenant", TENANT, *more, typed=f"{typed}\n")

    @property
    def logged(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def everywhere(self) -> dict[str, bytes]:
        """Return all that a stranger might come to see, but for the file that somebody made a certificate in."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "app.pem"]
        return {"printed": "\n".join(self.printed).encode(), **{path.name: path.read_bytes() for path in files}}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Vigil]:
    with MicrosoftService() as service:
        service.now = datetime.now(UTC).replace(microsecond=0)
        folder = tmp_path / "home"
        made = Vigil(folder, service, {"LOG": str(folder / "log"), "PYTHONWARNINGS": "always"}, LOUD)
        made.settle()
        for who in (REP, SAM):
            service.mailbox(who)
        fill(service)
        yield made


def fill(service: MicrosoftService) -> None:
    guest = {"address": ANN, "name": GUEST, "response": "accepted", "time": service.now}
    box, place = service.mailbox(REP), {"displayName": PLACE}
    keys = [box.add(SUBJECT, service.now + timedelta(days=day - 1), attendees=[guest]) for day in range(3)]
    keys.append(box.add(SUBJECT, service.now + timedelta(days=2), attendees=[guest], recurrence=weekly(times=5)))
    for key in keys:
        box.change(key, body=NOTE, location=place, locations=[place])


def certificate(home: Vigil) -> tuple[str, str]:
    """Write a certificate with its key into a file; return its path, and the key."""
    found = home.service.sign_in.certificate()
    path = home.folder / "app.pem"
    path.write_text(found["private_key"] + found["public_certificate"], encoding="utf-8")
    return str(path), found["private_key"]


def secrets(service: MicrosoftService, *keys: str) -> set[str]:
    """Return everything that must not be seen, also what is good no more."""
    signed, found = service.sign_in, {SECRET}
    for request in service.requests:
        found.add(request.headers.get("authorization", "").partition(" ")[2])
        names = ("code", "code_verifier", "refresh_token", "device_code", "client_assertion", "client_secret")
        found |= {request.body.get(name, "") for name in names}
    for key in keys:
        found |= set(key.splitlines()[1:-1])
    return {*found, *signed.tokens, *signed.refreshers, *signed.codes, *signed.devices} - {""}


def assert_silent(home: Vigil, *keys: str) -> None:
    known = secrets(home.service, *keys)
    for place, content in home.everywhere.items():
        leaked = [secret for secret in known if secret.encode() in content]
        assert not leaked, (place, [each[:6] for each in leaked])
        assert b"PRIVATE KEY" not in content, place
        assert not any(text.encode() in content for text in (NOTE, PLACE, GUEST)), place
    for text in (SUBJECT, ANN, REP, SAM, "eyJ0eXAi", "Bearer", "refresh_token", "client_info"):
        assert text not in home.logged, text
    assert "the log is open" in home.logged


def test_nothing_secret_comes_out_of_a_good_day(home: Vigil) -> None:
    assert home.sign_in()[0] == 0
    for words in ("accounts add Acme acme.example", "sync", "digest", "account Acme", "account Acme --format json"):
        assert home.run(*words.split())[0] == 0
    for words in ("connections", "connections --format json", "doctor", "doctor --names", "doctor --offline"):
        home.run(*words.split())
    home.service.expire_access_tokens()
    assert home.run("sync")[0] == 0
    assert home.sign_in()[0] == 0
    assert home.run("disconnect", NAME)[0] == 0

    assert len(secrets(home.service)) >= 8
    assert SUBJECT in "".join(home.printed)
    assert "calendar.pulled provider=microsoft row=1 calendar=1" in home.logged
    assert_silent(home)


def test_nothing_secret_comes_out_of_a_code_for_another_device(home: Vigil) -> None:
    home.service.consent = Consent(user=REP, pending=1)

    code, out, err = home.enter_code()
    assert home.run("sync")[0] == 0

    assert (code, out) == (0, f"connected {NAME} ({REP})\n")
    assert "enter the code S00000001" in err  # that one is for the person
    assert any("device_code" in request.body for request in home.service.requests)
    assert_silent(home)


def test_nothing_secret_comes_out_of_a_team(home: Vigil) -> None:
    opened, key = certificate(home)
    assert home.app_only("--user", REP, "--user", SAM)[0] == 0
    assert home.run("sync")[0] == 0
    assert home.app_only("--user", REP, "--certificate", opened)[0] == 0
    assert home.app_only("--all-users")[0] == 0
    home.service.expire_access_tokens()
    assert home.run("sync")[0] == 0
    home.run("doctor")
    assert home.app_only("--all-users", typed="another~sample-secret")[0] == 1
    home.service.sign_in.app.secrets.clear()
    home.service.expire_access_tokens()
    assert home.run("sync")[0] == 1
    home.service.sign_in.app.roles = set()
    assert home.app_only("--user", REP, "--certificate", opened)[0] == 1

    assert len(secrets(home.service, key)) >= 20
    assert_silent(home, key, "\nanother~sample-secret\n")


def test_a_client_secret_of_the_environment_is_kept_nowhere(home: Vigil) -> None:
    home.more["CALSIGNAL_MICROSOFT_CLIENT_SECRET"] = SECRET

    assert home.app_only("--user", REP, typed="")[0] == 0
    assert home.run("sync")[0] == 0
    assert_silent(home)
    del home.more["CALSIGNAL_MICROSOFT_CLIENT_SECRET"]
    home.service.expire_access_tokens()
    code, _, err = home.run("sync")

    assert code == 1
    assert "set CALSIGNAL_MICROSOFT_CLIENT_SECRET" in err
    assert_silent(home)


@pytest.mark.parametrize(
    "consent",
    [Consent(refuse=True), Consent(untick=("Calendars.ReadBasic",)), Consent(error=53003)],
    ids=["refused", "unticked", "forbidden"],
)
@pytest.mark.parametrize("way", ["browser", "code"])
def test_nothing_secret_comes_out_of_a_sign_in_that_fails(home: Vigil, consent: Consent, way: str) -> None:
    home.service.consent = consent

    code, _, err = home.sign_in() if way == "browser" else home.enter_code()

    assert code == 1
    assert "Traceback" not in err
    assert_silent(home)


@pytest.mark.parametrize(
    "fault",
    [
        faults.token_error(70000, "invalid_grant"),
        faults.token_error(999999, "strange_thing"),
        faults.html_page(),
        faults.cut_json(),
        faults.truncated_body(),
        faults.connection_reset(),
        faults.unavailable(),
    ],
    ids=["invalid grant", "strange", "a page", "cut", "broken off", "reset", "503"],
)
def test_nothing_secret_comes_out_of_a_token_endpoint_that_fails(home: Vigil, fault: Fault) -> None:
    home.service.fault(fault, times=9, path="/token$")

    code, _, err = home.sign_in()

    assert code == 1
    assert "Traceback" not in err
    assert_silent(home)


FAILURES: dict[str, tuple[str, Fault, int]] = {
    "401": (DATA, faults.unauthorized(), 9),
    "403": (DATA, faults.forbidden(), 1),
    "404": (DATA, faults.not_found(), 1),
    "400": ("/calendarView$", faults.failing(400, "BadRequest", f"quoting {SUBJECT}"), 1),
    "no such status": (DATA, faults.failing(299, "strange", SUBJECT), 1),
    "too long a wait": (DATA, faults.too_many(3600), 1),
    "no quota": (DATA, faults.forbidden("quotaLimitReached"), 1),
    "a strange code": (DATA, faults.forbidden(f"{SUBJECT} {ANN}"), 1),
    "a link elsewhere": (DATA, faults.foreign_next_link(), 1),
    "a refused refresh": ("/token$", faults.token_error(50173), 1),
    "no such app": ("/token$", faults.token_error(700016), 1),
    "a strange refusal": ("/token$", faults.token_error(999999, "strange_thing"), 1),
    "a redirect": (DATA, faults.redirect("http://elsewhere.example/?access_token=x"), 1),
}


def test_nothing_secret_comes_out_of_syncs_that_fail(home: Vigil) -> None:
    assert home.sign_in()[0] == 0
    assert home.run("sync")[0] == 0

    for name, (path, fault, times) in FAILURES.items():
        if path == "/token$":
            home.service.expire_access_tokens()
        home.service.fault(fault, times, path=path)
        code, out, err = home.run("sync")
        home.service.heal()
        assert (code, out) == (1, ""), name
        assert err.startswith(f"{NAME}: "), name
        assert "Traceback" not in err, name
    home.service.revoke()
    for words in ("sync", "connections", "doctor", "digest"):
        home.run(*words.split())

    assert home.sign_in()[0] == 0
    assert home.run("sync")[0] == 0
    assert home.service.asked(".", host="localhost") == []
    assert_silent(home)


# --- the sign-in is gone --------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Return a machine with two connected calendars."""
    with MicrosoftService() as service:
        nobody_waits(service, monkeypatch)
        made = Office(tmp_path, service=service)
        made.settle()
        made.box(REP)
        made.box(SAM)
        made.sign_in(REP)
        made.sign_in(SAM)
        made.ok("accounts", "add", "Acme", "acme.example")
        made.next_day()
        yield made


def test_a_sign_in_that_was_taken_back_is_told_and_going_on_later_loses_nothing(office: Office) -> None:
    mine, theirs = office.box(REP), office.box(SAM)
    day = datetime(2026, 3, 12, 9, tzinfo=UTC)
    name = mine.add("Kick-off", day, attendees=[ANN])
    office.next_day()
    versions = office.rows("versions")

    office.service.revoke(REP)
    mine.move(name, day + timedelta(days=1))
    theirs.add("Other call", day, attendees=[ANN])
    office.wait(hours=12)
    result = office.run("sync")
    office.wait(hours=12)

    assert result.exit_code == 1
    assert f"{NAME}: the sign-in of {REP} has ended\nhint: run `calsignal connect microsoft` again" in result.stderr
    assert f"microsoft:{SAM}: 1 event read, 1 change written" in result.stdout
    assert office.rows("versions") == versions + 1
    states = office.connections()
    assert f"the sign-in of {REP} has ended" in states[NAME]["problem"]
    assert states[f"microsoft:{SAM}"]["problem"] is None
    assert "needs sign-in" in office.ok("connections")

    office.sign_in(REP)
    mine.answer(name, ANN)
    office.next_day()

    assert "needs sign-in" not in office.ok("connections")
    assert office.story() == [
        "2→3 created - → 03-12T10:00 by seller at 03-03T09:00",
        "3→4 created - → 03-12T10:00 by seller at 03-04T09:00",
        f"3→5 answer_changed {ANN} none → accepted at 03-05T09:00",
        "3→5 moved 03-12T10:00 → 03-13T10:00 by seller_or_unknown",
    ]
    assert office.rows("events") == 2


@pytest.mark.parametrize("code", [50173, 65001, 50076, 53003, 50057], ids=str)
def test_whatever_ends_a_sign_in_only_that_connection_needs_another(office: Office, code: int) -> None:
    office.box(SAM).add("Other call", datetime(2026, 3, 12, 9, tzinfo=UTC), attendees=[ANN])
    office.service.sign_in.block(REP, code)
    office.wait(hours=12)

    result = office.run("sync")

    assert result.exit_code == 1
    assert f"microsoft:{SAM}: 1 event read, 1 change written" in result.stdout
    assert office.connections()[NAME]["problem"].startswith("needs sign-in: ")
    assert office.connections()[f"microsoft:{SAM}"]["problem"] is None


def test_signing_in_as_somebody_else_connects_them_and_leaves_the_first_as_it_was(office: Office) -> None:
    office.service.revoke(REP)
    office.box("kim@ours.example")

    office.sign_in("kim@ours.example")
    result = office.run("sync")

    assert result.exit_code == 1
    assert "microsoft:kim@ours.example: 0 events read, 0 changes written" in result.stdout
    assert f"{NAME}: the sign-in of {REP} has ended" in result.stderr


def test_what_is_kept_of_a_sign_in_is_sealed_and_each_renewal_is_kept(office: Office) -> None:
    vault = office.folder / "data" / "vault.json"
    office.service.sign_in.rotate = "replace"
    seen = {vault.read_bytes()}

    for _ in range(3):
        office.service.expire_access_tokens()
        office.next_day()
        seen.add(vault.read_bytes())

    signed = office.service.sign_in
    everything = b"".join(path.read_bytes() for path in office.folder.rglob("*") if path.is_file())
    assert len(seen) == 4
    assert not any(token.encode() in everything for token in {*signed.tokens, *signed.refreshers})
