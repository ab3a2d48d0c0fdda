"""A sign-in ends at Google when it is disconnected; where it cannot, the secret is forgotten here all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from calsignal.vault import connection_secret
from google_calendar import service_faults as faults
from google_calendar.office import NAME, REP, Office
from google_calendar.service import GoogleService
from google_calendar.service_faults import Fault


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with GoogleService() as service:
        made = Office(tmp_path, service=service)
        made.settle()
        made.box(REP)
        made.sign_in(REP)
        yield made


def kept(office: Office) -> str | None:
    return office.app().vault.get(connection_secret(NAME))


def test_disconnecting_revokes_at_google_and_forgets_here(office: Office) -> None:
    assert office.service.sign_in.refreshers

    result = office.run("disconnect", NAME)

    assert (result.exit_code, result.stdout) == (0, f"disconnected {NAME}; its history stays\n")
    assert result.stderr == f"the sign-in of {REP} at Google is revoked\n"
    assert not office.service.sign_in.refreshers
    assert not office.service.sign_in.tokens
    assert kept(office) is None


def test_a_sign_in_that_had_ended_is_no_failure(office: Office) -> None:
    office.service.revoke(REP)

    result = office.run("disconnect", NAME)

    assert result.exit_code == 0
    assert result.stderr == f"the sign-in of {REP} at Google had ended already\n"
    assert kept(office) is None


@pytest.mark.parametrize(
    ("fault", "fact"),
    [
        (faults.connection_reset(), "cannot be reached"),
        (faults.unavailable(), "cannot answer now (status 503)"),
        (faults.html_page(), "is revoked"),
        (faults.failing(302, "moved", Location="http://elsewhere.example/revoke"), "(status 302)"),
        (faults.failing(403, "forbidden", "quoting 1//sample"), "(status 403)"),
    ],
    ids=["reset", "503", "a page", "redirect", "403"],
)
def test_where_google_does_not_answer_the_secret_is_forgotten_all_the_same(
    office: Office, fault: Fault, fact: str
) -> None:
    office.service.fault(fault, times=9, path="/revoke$")

    result = office.run("disconnect", NAME)

    assert kept(office) is None
    assert f"disconnected {NAME}; its history stays\n" in result.stdout
    assert fact in result.stderr
    assert "1//" not in result.output
    if fact != "is revoked":
        assert result.exit_code == 1
        assert f"{NAME} could not be revoked: " in result.stderr
        assert "hint: its secret is forgotten here all the same; end the sign-in at the service itself" in result.stderr


def test_a_rep_who_is_forgotten_is_revoked_too(office: Office) -> None:
    result = office.run("forget", REP, "--yes")

    assert result.exit_code == 0, result.output
    assert f"the sign-in of {REP} at Google is revoked\n" in result.stderr
    assert not office.service.sign_in.refreshers


def test_the_key_of_a_service_account_is_nothing_to_revoke(office: Office) -> None:
    secret = json.dumps({"kind": "service_account", "key": {}})
    office.app().vault.set(connection_secret(NAME), secret)

    result = office.run("disconnect", NAME)

    assert result.exit_code == 0
    assert "the key of the service account goes on working" in result.stderr
    assert "hint: delete the key: console.cloud.google.com" in result.stderr


def test_what_cannot_be_read_is_told_and_forgotten(office: Office) -> None:
    office.app().vault.set(connection_secret(NAME), "no JSON")

    result = office.run("disconnect", NAME)

    assert result.exit_code == 1
    assert "cannot be read, so it was not revoked" in result.stderr
    assert kept(office) is None
