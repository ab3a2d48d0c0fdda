"""No token, key, code or client secret comes out anywhere, and nothing of a calendar gets into a log.

Everything runs as real processes in which every library logs at DEBUG, through all that can go wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from google_calendar import service_faults as faults
from google_calendar.desk import ADMIN, READER, private_key
from google_calendar.office import ANN, NAME, REP, SAM, Home, Office
from google_calendar.service import DATA, GoogleService
from google_calendar.service_faults import Fault
from google_calendar.service_oauth import Consent

SUBJECT, NOTE, PLACE, GUEST = "Sample secret plan", "Sample note inside", "Sample street 7", "Samplename Guest"
LOUD = """
import http.client, logging, os, warnings
import httplib2, requests, urllib3, oauthlib, requests_oauthlib
import google.auth.transport.requests, google.oauth2._client, google.oauth2.credentials, google.oauth2.service_account
import google_auth_httplib2, google_auth_oauthlib.flow, googleapiclient.discovery, googleapiclient.http
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

    @property
    def logged(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def everywhere(self) -> dict[str, bytes]:
        """Return all that a stranger might come to see, but for the files that Google's console handed out."""
        handed = {"client.json", "key.json"}
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name not in handed]
        return {"printed": "\n".join(self.printed).encode(), **{path.name: path.read_bytes() for path in files}}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Vigil]:
    with GoogleService() as service:
        service.now = datetime.now(UTC).replace(microsecond=0)
        folder = tmp_path / "home"
        more = {"LOG": str(folder / "log"), "PYTHONWARNINGS": "always", "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google"}
        made = Vigil(folder, service, more, LOUD)
        made.settle()
        for who in (REP, SAM, ADMIN):
            service.mailbox(who)
        service.directory.add(ADMIN, admin=True)
        fill(service)
        yield made


def fill(service: GoogleService) -> None:
    guest = {"email": ANN, "displayName": GUEST, "responseStatus": "accepted"}
    for number in range(3):
        start = service.now + timedelta(days=number - 1)
        service.mailbox(REP).add(SUBJECT, start, attendees=[guest], description=NOTE, location=PLACE)


def key(home: Vigil) -> str:
    home.service.sign_in.keys.setdefault(READER, private_key())
    path = home.folder / "key.json"
    path.write_text(json.dumps(home.service.service_account_key()), encoding="utf-8")
    return str(path)


def secrets(service: GoogleService) -> set[str]:
    """Return everything that must not be seen, also what is good no more."""
    signed, found = service.sign_in, set[str]()
    for request in service.requests:
        found.add(request.headers.get("authorization", "").partition(" ")[2])
        names = ("code", "code_verifier", "refresh_token", "assertion", "client_secret")
        found |= {request.body.get(name, "") for name in names}
    if READER in signed.keys:
        found |= set(service.service_account_key()["private_key"].splitlines()[1:-1])
    return {*found, *signed.tokens, *signed.refreshers, signed.client_secret} - {""}


def assert_silent(home: Vigil) -> None:
    known = secrets(home.service)
    for place, content in home.everywhere.items():
        leaked = [secret for secret in known if secret.encode() in content]
        assert not leaked, (place, [each[:6] for each in leaked])
        assert b"PRIVATE KEY" not in content, place
        assert not any(text.encode() in content for text in (NOTE, PLACE, GUEST)), place
    for text in (SUBJECT, ANN, REP, SAM, "ya29.", "Bearer"):
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
    assert "calendar.pulled provider=google row=1 calendar=1" in home.logged
    assert_silent(home)


def test_nothing_secret_comes_out_of_a_team(home: Vigil) -> None:
    opened = key(home)
    assert home.run("connect", "google", "--service-account", opened, "--as", REP, "--as", SAM)[0] == 0
    assert home.run("connect", "google", "--service-account", opened, "--all-users", "--admin", ADMIN)[0] == 0
    assert home.run("sync")[0] == 0
    home.run("doctor")
    home.service.sign_in.delegated = frozenset()
    assert home.run("sync")[0] == 1
    assert home.run("connect", "google", "--service-account", opened, "--as", REP)[0] == 1
    assert home.run("connect", "google", "--service-account", opened, "--all-users", "--admin", ADMIN)[0] == 1

    assert len(secrets(home.service)) >= 20
    assert_silent(home)


@pytest.mark.parametrize(
    "consent",
    [Consent(refuse=True), Consent(untick=("calendar.events.owned.readonly",)), Consent(untick=("openid",))],
    ids=["refused", "unticked", "nameless"],
)
def test_nothing_secret_comes_out_of_a_sign_in_that_fails(home: Vigil, consent: Consent) -> None:
    home.service.consent = consent

    code, _, err = home.sign_in()

    assert code == 1
    assert "Traceback" not in err
    assert_silent(home)


@pytest.mark.parametrize(
    "fault",
    [
        faults.oauth_error("invalid_grant", "quoting 4/sample-code"),
        faults.oauth_error("strange_thing", "quoting sample-client-secret"),
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
    "410 twice": (DATA, faults.full_sync_required(), 2),
    "400": (DATA, faults.failing(400, "badRequest", f"quoting {SUBJECT}"), 1),
    "no such status": (DATA, faults.failing(299, "strange", SUBJECT), 1),
    "too long a wait": (DATA, faults.too_many(3600), 1),
    "no quota": (DATA, faults.forbidden("quotaExceeded"), 1),
    "no scope": (DATA, faults.forbidden("insufficientPermissions"), 1),
    "a refused refresh": ("/token$", faults.oauth_error("invalid_grant", "quoting 1//sample"), 1),
    "no client": ("/token$", faults.oauth_error("invalid_client", "quoting sample-client-secret"), 1),
    "a strange refusal": ("/token$", faults.oauth_error("strange_thing", "quoting sample-client-secret"), 1),
    "a redirect": (DATA, faults.failing(302, "moved", Location="http://elsewhere.example/?access_token=x"), 1),
}


def test_nothing_secret_comes_out_of_syncs_that_fail(home: Vigil) -> None:
    assert home.sign_in()[0] == 0
    assert home.run("sync")[0] == 0

    for name, (path, fault, times) in FAILURES.items():
        if path != DATA:
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
    assert_silent(home)


# --- the sign-in is gone --------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Return a machine with two connected calendars."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with GoogleService() as service:
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
    assert f"{NAME}: the sign-in of {REP} has ended\nhint: run `calsignal connect google` again" in result.stderr
    assert f"google:{SAM}: 1 event read, 1 change written" in result.stdout
    assert office.rows("versions") == versions + 1
    states = {each["name"]: each for each in json.loads(office.ok("connections", "--format", "json"))["connections"]}
    assert f"the sign-in of {REP} has ended" in states[NAME]["problem"]
    assert states[f"google:{SAM}"]["problem"] is None
    assert "needs sign-in" in office.ok("connections")

    office.sign_in(REP)
    told = office.ok("connections")
    mine.answer(name, ANN)
    office.next_day()

    assert "needs sign-in" not in told + office.ok("connections")
    assert office.story() == [
        "2→3 created - → 03-12T10:00 by seller at 03-03T09:00",
        "3→4 created - → 03-12T10:00 by seller at 03-04T09:00",
        f"3→5 answer_changed {ANN} none → accepted",
        "3→5 moved 03-12T10:00 → 03-13T10:00 by seller_or_unknown",
    ]
    assert office.rows("events") == 2


def test_signing_in_as_somebody_else_connects_them_and_leaves_the_first_as_it_was(office: Office) -> None:
    office.service.revoke(REP)
    office.box("kim@ours.example")
    office.service.consent = replace(office.service.consent, user="kim@ours.example")

    office.sign_in("kim@ours.example")
    result = office.run("sync")

    assert result.exit_code == 1
    assert "google:kim@ours.example: 0 events read, 0 changes written" in result.stdout
    assert f"{NAME}: the sign-in of {REP} has ended" in result.stderr
