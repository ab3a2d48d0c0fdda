from __future__ import annotations

import json

import pytest

from calsignal.vault import connection_secret
from cli import toy
from cli.desk import REP, Desk


def test_connect_is_built_from_what_providers_declare(desk: Desk) -> None:
    assert "toy" in desk.ok("connect")

    help_ = desk.ok("connect", "toy", "--help")

    assert "PLACE  where the calendar is" in help_
    for words in ("--rep TEXT", "whose calendar it is", "--ask-secret", "--label TEXT"):
        assert words in help_


def test_a_calendar_is_authorised_once_and_remembered(desk: Desk) -> None:
    result = desk.run("connect", "toy", "box", "--rep", "Rep+x@ours.example")

    assert result.exit_code == 0
    assert result.stdout == "connected toy:Rep+x (rep@ours.example)\n"
    assert "opening the toy box" in result.stderr
    assert "calsignal sync" in result.stderr
    [kept] = desk.store().connections()
    assert (kept.name, kept.provider, kept.mailbox) == ("toy:Rep+x", "toy", REP)
    assert (kept.place, dict(kept.settings)) == ("box", {})


def test_the_provider_gets_its_options_and_its_section(desk: Desk) -> None:
    desk.write(desk.config.read_text(encoding="utf-8").replace('#shelf = ""', 'shelf = "top"'))

    desk.ok("connect", "toy", "box", "--rep", REP, "--label", "a", "--label", "b")
    desk.ok("connect", "toy", "box", "--rep", REP)

    first, second = toy.provider.asked
    assert first.options == {"place": "box", "rep": REP, "ask_secret": False, "label": ("a", "b"), "team": None}
    assert second.options["label"] is None
    assert first.config == {"shelf": "top"}
    assert not first.allow_private_addresses


def test_a_secret_goes_to_the_vault_and_nowhere_else(desk: Desk) -> None:
    result = desk.run("connect", "toy", "box", "--rep", REP, "--ask-secret", input="hunter2\n")

    assert result.exit_code == 0
    assert desk.app().vault.get(connection_secret("toy:rep")) == "hunter2"
    assert "hunter2" not in result.output
    everything = b"".join(path.read_bytes() for path in desk.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in everything


def test_an_empty_secret_connects_nothing(desk: Desk) -> None:
    assert "no secret was given" in desk.fails(2, "connect", "toy", "box", "--rep", REP, "--ask-secret", input="\n")
    assert not desk.database.exists()


def test_connecting_again_replaces_the_secret(desk: Desk) -> None:
    for secret in ("old", "new"):
        desk.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input=secret)

    assert len(desk.store().connections()) == 1
    assert desk.app().vault.get(connection_secret("toy:rep")) == "new"


def test_connecting_again_without_a_secret_forgets_the_old_one(desk: Desk) -> None:
    desk.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input="old")
    desk.ok("connect", "toy", "box", "--rep", REP)

    assert desk.app().vault.get(connection_secret("toy:rep")) is None


def test_the_providers_refusal_is_told_and_connects_nothing(desk: Desk) -> None:
    said = desk.fails(2, "connect", "toy", "nowhere", "--rep", REP)

    assert said == "error: there is no calendar at nowhere\nhint: name another place\n"
    assert not desk.database.exists()


def test_the_name_of_another_providers_connection_is_taken(connected: Desk) -> None:
    with connected.app().store(create=True) as store:
        store.connect("toy:sam", "other", "sam@ours.example", {}, connected.clock())

    said = connected.fails(2, "connect", "toy", "box", "--rep", "sam@ours.example", "--ask-secret", input="hunter2")

    assert "there is already a connection called toy:sam, of other" in said
    assert connected.app().vault.get(connection_secret("toy:sam")) is None


def test_an_unknown_provider_lists_what_is_installed(desk: Desk) -> None:
    said = desk.fails(2, "connect", "tay", "box")

    assert said == "error: no provider called 'tay'; installed: toy\nhint: did you mean toy?\n"


def test_a_missing_option_is_a_usage_error(desk: Desk) -> None:
    assert "Missing option '--rep'" in desk.fails(2, "connect", "toy", "box")


def test_connecting_without_a_config_points_to_init(bare: Desk) -> None:
    assert "calsignal init" in bare.fails(2, "connect", "toy", "box", "--rep", REP)


# --- a list of people ---------------------------------------------------------------------------------------------


def connect_team(desk: Desk, *who: str) -> str:
    return desk.ok("connect", "toy", "box", "--rep", REP, *(word for one in who for word in ("--team", one)))


def states(desk: Desk) -> dict[str, bool]:
    return {connection.mailbox: connection.retired_at is None for connection in desk.store().connections()}


def test_a_list_of_people_shares_one_secret(desk: Desk) -> None:
    connect_team(desk, "ann@ours.example", "bob@ours.example")

    assert states(desk) == {"ann@ours.example": True, "bob@ours.example": True}
    vault = desk.app().vault
    assert vault.get(connection_secret("toy:ann@ours.example", "toys")) == "key"
    assert vault.get(connection_secret("toy:ann@ours.example")) is None


def test_who_is_not_on_the_list_any_more_is_disconnected_and_who_joined_appears(desk: Desk) -> None:
    connect_team(desk, "ann@ours.example", "bob@ours.example")

    told = connect_team(desk, "bob@ours.example", "cat@ours.example")

    assert states(desk) == {"ann@ours.example": False, "bob@ours.example": True, "cat@ours.example": True}
    assert "disconnected toy:ann@ours.example: not on the list any more; its history stays\n" in told
    assert desk.app().vault.get(connection_secret("any", "toys")) == "key"


def test_a_connection_of_its_own_is_on_no_list(desk: Desk) -> None:
    desk.ok("connect", "toy", "box", "--rep", "own@ours.example")

    connect_team(desk, "ann@ours.example")

    assert states(desk) == {"ann@ours.example": True, "own@ours.example": True}


def test_a_shared_secret_is_forgotten_with_the_last_who_uses_it(desk: Desk) -> None:
    connect_team(desk, "ann@ours.example", "bob@ours.example")

    desk.ok("disconnect", "toy:ann@ours.example")
    kept = desk.app().vault.get(connection_secret("any", "toys"))
    desk.ok("disconnect", "toy:bob@ours.example")

    assert kept == "key"
    assert desk.app().vault.get(connection_secret("any", "toys")) is None


def test_who_is_refused_is_named_and_the_others_are_connected(desk: Desk) -> None:
    team = ("--team", "ann@ours.example", "--team", "no-bob@ours.example")

    result = desk.run("connect", "toy", "box", "--rep", REP, *team)

    assert result.exit_code == 1
    assert "no-bob@ours.example is not connected: nobody of that name" in result.stderr
    assert states(desk) == {"ann@ours.example": True}


def test_one_refusal_in_a_list_connects_nobody(desk: Desk) -> None:
    with desk.app().store(create=True) as store:
        store.connect("toy:bob@ours.example", "other", "bob@ours.example", {}, desk.clock())

    desk.fails(2, "connect", "toy", "box", "--rep", REP, "--team", "ann@ours.example", "--team", "bob@ours.example")

    assert states(desk) == {"bob@ours.example": True}
    assert desk.app().vault.get(connection_secret("any", "toys")) is None


# --- connections ------------------------------------------------------------------------------------------------------


def test_connections_tell_how_fresh_they_are(connected: Desk) -> None:
    assert "toy:rep" in connected.ok("connections")

    connected.ok("sync")

    assert "synced" in connected.ok("connections")


def test_connections_come_as_json_too(connected: Desk) -> None:
    document = json.loads(connected.ok("connections", "--format", "json"))

    assert document["format"] == "calsignal.connections/1"
    assert [one["name"] for one in document["connections"]] == ["toy:rep"]


# --- disconnect -------------------------------------------------------------------------------------------------------


def test_disconnect_forgets_the_secret_and_keeps_the_history(desk: Desk) -> None:
    desk.ok("connect", "toy", "box", "--rep", REP, "--ask-secret", input="hunter2")

    assert desk.ok("disconnect", "toy:rep") == "disconnected toy:rep; its history stays\n"

    assert desk.app().vault.get(connection_secret("toy:rep")) is None
    [kept] = desk.store().connections()
    assert kept.retired_at is not None
    assert "disconnected" in desk.ok("connections")


def test_disconnecting_again_is_no_error(connected: Desk) -> None:
    connected.ok("disconnect", "toy:rep")

    connected.ok("disconnect", "toy:rep")


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1)])
def test_erasing_asks_first(connected: Desk, answer: str, left: int) -> None:
    result = connected.run("disconnect", "toy:rep", "--erase", input=answer)

    assert result.exit_code == 0
    assert ("erased toy:rep: 0 events" in result.stdout) is (left == 0)
    assert ("nothing was removed" in result.stderr) is (left == 1)
    assert len(connected.store().connections()) == left


def test_erasing_asks_nothing_when_told_so(connected: Desk) -> None:
    connected.ok("disconnect", "toy:rep", "--erase", "--yes")

    assert connected.store().connections() == ()


def test_erasing_without_an_answer_erases_nothing(connected: Desk) -> None:
    result = connected.run("disconnect", "toy:rep", "--erase", input="")

    assert result.exit_code == 2
    assert result.stderr.endswith(
        "\nerror: the input ended before the question was answered\nhint: --yes erases without asking\n"
    )
    assert len(connected.store().connections()) == 1


def test_an_unknown_connection_names_the_nearest(connected: Desk) -> None:
    said = connected.fails(2, "disconnect", "toy:reb")

    assert said == "error: no connection called 'toy:reb'\nhint: did you mean toy:rep?\n"
    assert "calsignal connections" in connected.fails(2, "disconnect", "zzzzzz")


def test_a_second_calendar_never_takes_the_place_of_the_first(connected: Desk) -> None:
    said = connected.fails(2, "connect", "toy", "other-box", "--rep", REP)

    assert "reads another calendar already" in said
    assert f"disconnect toy:{REP}" in said or "disconnect" in said
    assert [c.settings for c in connected.store().connections()] != []


def test_a_rep_from_outside_the_team_is_pointed_out(desk: Desk) -> None:
    result = desk.run("connect", "toy", "box", "--rep", "someone@elsewhere.example")

    assert result.exit_code == 0
    assert "note: elsewhere.example is none of the team's domains" in result.stderr
