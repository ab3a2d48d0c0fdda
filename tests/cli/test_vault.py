from __future__ import annotations

from pathlib import Path

import pytest

from calsignal.vault import FileVault, KeyringVault
from cli.desk import REP, Desk


@pytest.fixture
def secretive(desk: Desk) -> Desk:
    desk.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input="hunter2\n")
    return desk


def test_the_key_is_changed_and_every_secret_stays(secretive: Desk) -> None:
    key = secretive.folder / "config" / "vault.key"
    before = key.read_bytes()

    assert secretive.ok("vault", "rekey") == "sealed 1 secret with a new key file\n"

    assert key.read_bytes() != before
    assert secretive.app().vault.get("connection:toy:rep") == "hunter2"


def test_a_passphrase_is_read_from_standard_input_and_never_shown(secretive: Desk) -> None:
    result = secretive.run("vault", "rekey", "--passphrase", input="sample word\n")

    assert result.stdout == "sealed 1 secret with a new passphrase\n"
    assert result.stderr == "hint: set CALSIGNAL_SECRET_KEY to it wherever calsignal runs\n"
    assert "is sealed with a passphrase" in secretive.run("sync").output
    secretive.environ["CALSIGNAL_SECRET_KEY"] = "sample word"
    assert secretive.app().vault.get("connection:toy:rep") == "hunter2"
    assert secretive.run("vault", "rekey", input="another\n").exit_code == 0
    secretive.environ["CALSIGNAL_SECRET_KEY"] = "another"
    back = secretive.run("vault", "rekey", "--key-file")
    assert "hint: unset CALSIGNAL_SECRET_KEY" in back.stderr
    del secretive.environ["CALSIGNAL_SECRET_KEY"]
    assert secretive.app().vault.get("connection:toy:rep") == "hunter2"


def test_a_wrong_key_changes_nothing_and_asks_nothing(secretive: Desk) -> None:
    secretive.run("vault", "rekey", "--passphrase", input="sample word\n")
    secretive.environ["CALSIGNAL_SECRET_KEY"] = "wrong"

    assert "does not open with this key" in secretive.fails(1, "vault", "rekey", input="new\n")

    secretive.environ["CALSIGNAL_SECRET_KEY"] = "sample word"
    assert secretive.app().vault.get("connection:toy:rep") == "hunter2"


def test_no_passphrase_is_none(secretive: Desk) -> None:
    assert "no passphrase was given" in secretive.fails(2, "vault", "rekey", "--passphrase", input="\n")


def test_there_is_nothing_to_change_without_a_file(desk: Desk) -> None:
    assert "there is no vault yet" in desk.fails(2, "vault", "rekey")
    app = desk.app()
    app.__dict__["vault"] = KeyringVault(FileVault(Path("a"), Path("b")))  # type: ignore[arg-type]
    result = desk.run("vault", "rekey", app=app)
    assert result.exit_code == 2
    assert "the secrets are in the keyring of the system" in result.stderr
    assert "rekey" in desk.ok("vault")
