"""A rep's digest is the same whether it is made for them alone or out of the team's."""

from __future__ import annotations

from pathlib import Path

import pytest

from calsignal.analysis import digest
from calsignal.errors import InputError
from calsignal.mornings import Mornings, connected_reps
from cli import toy
from cli.desk import REP
from delivery.office import SAM, Office, meeting


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Return an office on its second day: each rep has a meeting today, one was added, and one account is of both."""
    monkeypatch.setattr(toy, "provider", toy.Toy())
    made = Office(tmp_path)
    made.settle()
    made.clock.wait(days=1)
    for rep, name in ((REP, "shared"), (SAM, "shared"), (SAM, "gamma")):
        made.remote(rep).put(meeting(f"{name}-{rep}", 1, f"{name}.example", rep))
    made.ok("accounts", "add", "Shared", "shared.example")
    made.ok("accounts", "add", "Gamma", "gamma.example", "--owner", "owner@ours.example")
    made.ok("sync")
    return made


def test_a_rep_gets_what_they_would_get_alone(office: Office) -> None:
    app = office.app()
    made = Mornings.of(app.store(), app.settings, app.now)

    alone = {rep: digest(app.store(), app.settings, app.now, rep) for rep in (REP, SAM, "owner@ours.example")}

    assert {rep: made.of_rep(rep) for rep in alone} == alone
    names = [{one.account.name for one in found.accounts} for found in alone.values()]
    assert names == [{"Acme", "Shared"}, {"Beta", "Shared", "Gamma"}, {"Gamma"}]
    assert [len(found.today) for found in alone.values()] == [2, 2, 0]
    assert [bool(found.changes) for found in alone.values()] == [True, True, True]
    assert alone[SAM].first_action is not None
    app.close()


def test_of_somebody_unknown_nothing_is_made(office: Office) -> None:
    app = office.app()

    with pytest.raises(InputError, match="no calendar of nobody@"):
        Mornings.of(app.store(), app.settings, app.now).of_rep("nobody@ours.example")
    app.close()


def test_reps_are_those_with_a_calendar_and_an_address(office: Office) -> None:
    office.deliveries('each = ["mail"]', '[delivery.reps]\n"sam@ours.example" = []\n"new@ours.example" = ["mail"]')
    app = office.app()

    assert connected_reps(app.store(), app.settings) == ("new@ours.example", REP)
    app.close()


def test_a_rep_whose_calendar_was_disconnected_gets_nothing(office: Office) -> None:
    office.deliveries('each = ["mail"]')
    office.ok("disconnect", "toy:sam")
    app = office.app()

    assert connected_reps(app.store(), app.settings) == (REP,)
    app.close()
