"""Two machines with folders of their own share one calendar that a person signed in to; Microsoft renews its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from microsoft_calendar.office import NAME, REP, Home
from microsoft_calendar.service import MicrosoftService
from workers.machines import PASSPHRASE, Machine

PERIOD = timedelta(minutes=30)


@pytest.fixture
def service() -> Iterator[MicrosoftService]:
    with MicrosoftService() as running:
        running.mailbox(REP)
        running.sign_in.rotate = "replace"  # harder than the platform: a refresh token is good for one use
        yield running


@pytest.fixture
def machines(tmp_path: Path, database: str, service: MicrosoftService) -> tuple[Machine, Machine]:
    """Return two machines, at the first of which somebody has signed in."""
    shared = {"CALSIGNAL_DATABASE_URL": database, "CALSIGNAL_VAULT": "", "CALSIGNAL_SECRET_KEY": PASSPHRASE}
    home = Home(tmp_path / "first", service, shared)
    home.settle()
    code, _, err = home.sign_in()
    assert code == 0, err
    needs = dict(home.needs())
    sections = f"[sync]\nevery_minutes = 5\n{home.sections()}"
    first, second = (Machine(tmp_path / name, database, Path(service.ca), needs, sections) for name in ("one", "other"))
    return first, second


def test_a_token_that_one_machine_renews_is_used_by_the_other(
    machines: tuple[Machine, Machine], service: MicrosoftService
) -> None:
    first, second = machines
    renewed = []

    for number, machine in enumerate((second, first, second)):
        service.expire_access_tokens()
        machine.set_ahead(PERIOD * number)
        before = set(service.sign_in.refreshers)
        code, _, err = machine.run("worker", "--once")

        assert (code, err) == (0, f"{NAME}: 0 events read, 0 changes written\n")
        assert len(before) == 1
        renewed.append(before != set(service.sign_in.refreshers))
    assert renewed == [True, True, True]


def test_a_sign_in_while_a_worker_syncs_is_not_lost(
    machines: tuple[Machine, Machine], service: MicrosoftService
) -> None:
    first, _ = machines
    with first.opened() as app:
        from calsignal.sync import access_to

        connection = app.store().connection(NAME)
        access = access_to(connection, app.settings, app.vault, app.retry, app.now)
        app.vault.set(f"connection:{NAME}", "of a new sign-in")
        access.save_secret("renewed from the old sign-in")

        assert app.vault.get(f"connection:{NAME}") == "of a new sign-in"


def test_a_machine_with_another_passphrase_does_not_start(machines: tuple[Machine, Machine]) -> None:
    _, second = machines
    second.more["CALSIGNAL_SECRET_KEY"] = "another sample passphrase"

    code, out, err = second.run("worker", "--once")

    assert (code, out) == (1, "")
    assert err.startswith("error: the secrets in the store do not open with this CALSIGNAL_SECRET_KEY\nhint: ")
