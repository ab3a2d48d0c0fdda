"""Secrets in the store of a team: sealed, bound to their names, opened by one passphrase."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from calsignal.cli import cli
from calsignal.errors import CalsignalError, InputError
from calsignal.store import Store, open_store
from calsignal.vault import ADDRESS_KEY, FileVault, KeyringVault, Shelf, StoreVault, open_vault
from workers.machines import PASSPHRASE, Machine

SECRET = "hunter2-é-🗝"
REP = "a@ours.example"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "store.db") as opened:
        yield opened


def vault_of(store: Store, passphrase: str = PASSPHRASE) -> StoreVault:
    """Return the vault as one machine of the team opens it."""
    return StoreVault(lambda _: store.shelf, passphrase)


def test_every_machine_with_the_passphrase_has_the_secret(store: Store) -> None:
    vault_of(store).set("a", SECRET)

    assert vault_of(store).get("a") == SECRET


def test_another_passphrase_opens_nothing_and_says_so(store: Store) -> None:
    vault_of(store).set("a", SECRET)
    stranger = vault_of(store, "another one")

    uses: list[Callable[[], object]] = [
        lambda: stranger.get("a"),
        lambda: stranger.get("none of this name"),
        lambda: stranger.set("b", "x"),
        lambda: stranger.keep("a", "x"),
        lambda: stranger.replace("a", SECRET, "x"),
    ]
    for use in uses:
        with pytest.raises(CalsignalError, match="do not open with this CALSIGNAL_SECRET_KEY") as caught:
            use()
        assert "other machines" in caught.value.hint
    assert vault_of(store).get("a") == SECRET


def test_nothing_secret_stands_in_the_store(store: Store, tmp_path: Path) -> None:
    vault_of(store).set("a", "hunter2")
    store.close()

    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"hunter2" not in kept
    assert PASSPHRASE.encode() not in kept


def test_a_secret_that_somebody_put_in_the_place_of_another_is_refused(store: Store) -> None:
    vault = vault_of(store)
    vault.set("a", "mine")
    vault.set("b", "theirs")
    theirs = store.shelf.get("b")
    assert theirs is not None

    store.shelf.put("a", theirs)

    with pytest.raises(CalsignalError, match="the secret a in the store is damaged"):
        vault.get("a")


@pytest.mark.parametrize("text", ["", "[]", "nonsense"])
def test_a_damaged_row_is_named(store: Store, text: str) -> None:
    vault = vault_of(store)
    vault.set("a", SECRET)

    store.shelf.put("a", text)
    with pytest.raises(CalsignalError, match="the secret a in the store is damaged"):
        vault.get("a")
    store.shelf.put("lock", text or json.dumps({"salt": "x"}))
    with pytest.raises(CalsignalError, match="the secret lock in the store is damaged"):
        vault_of(store).get("a")


def test_a_store_that_is_not_there_yet_has_no_secrets_and_is_not_made_to_look() -> None:
    made: list[bool] = []

    def find(create: bool) -> Shelf | None:
        made.append(create)
        return None

    vault = StoreVault(find, PASSPHRASE)
    vault.delete("a")

    assert vault.get("a") is None
    assert made == [False, False]


def test_a_new_passphrase_opens_everything_and_the_old_one_nothing(store: Store) -> None:
    vault = vault_of(store)
    vault.set("a", SECRET)
    vault.set("b", "other")

    assert vault.rekey("new passphrase") == 2

    assert vault_of(store, "new passphrase").get("a") == SECRET
    assert vault_of(store, "new passphrase").get("b") == "other"
    with pytest.raises(CalsignalError, match="do not open"):
        vault_of(store).get("a")


def test_a_passphrase_that_is_not_the_present_one_reseals_nothing(store: Store) -> None:
    vault_of(store).set("a", SECRET)

    with pytest.raises(CalsignalError, match="do not open"):
        vault_of(store, "another one").rekey("new passphrase")

    assert vault_of(store).get("a") == SECRET


def test_an_empty_vault_has_nothing_to_reseal(store: Store) -> None:
    assert vault_of(store).rekey("new passphrase") == 0


# --- on PostgreSQL, where several machines write at once --------------------------------------------------------------


def test_machines_that_begin_at_once_agree_on_one_lock(database: str) -> None:
    open_store(database).close()
    gate, kept = threading.Barrier(3), []

    def begin(number: int) -> None:
        with open_store(database) as store:
            gate.wait()
            kept.append(vault_of(store).keep("a", f"of {number}"))

    threads = [threading.Thread(target=begin, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(kept) == 3
    assert len(set(kept)) == 1


def test_of_two_that_renew_one_secret_at_once_one_wins_and_nothing_is_lost(database: str) -> None:
    with open_store(database) as store:
        vault_of(store).set("a", "old")
    gate = threading.Barrier(3)

    def renew(number: int) -> None:
        with open_store(database) as store:
            vault = vault_of(store)
            vault.get("a")  # the key is stretched
            gate.wait()
            vault.replace("a", "old", f"new {number}")

    threads = [threading.Thread(target=renew, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with open_store(database) as store:
        assert str(vault_of(store).get("a")).startswith("new ")
        vault_of(store).rekey("new passphrase")  # locks the table
        assert str(vault_of(store, "new passphrase").get("a")).startswith("new ")


# --- which vault it is ------------------------------------------------------------------------------------------------


def test_the_teams_vault_is_taken_where_there_are_a_shared_store_and_a_key(store: Store, tmp_path: Path) -> None:
    def kind(shelf: Shelf | None, **environ: str) -> type:
        return type(open_vault(tmp_path, tmp_path, environ, (lambda _: shelf) if shelf else None))

    assert kind(store.shelf, CALSIGNAL_SECRET_KEY="x") is StoreVault
    assert kind(store.shelf, CALSIGNAL_SECRET_KEY="x", CALSIGNAL_VAULT="store") is StoreVault
    assert kind(store.shelf, CALSIGNAL_SECRET_KEY="x", CALSIGNAL_VAULT="file") is FileVault
    assert kind(store.shelf) in {FileVault, KeyringVault}
    assert kind(None, CALSIGNAL_SECRET_KEY="x") in {FileVault, KeyringVault}


@pytest.mark.parametrize(
    ("shared", "fact"), [(True, "CALSIGNAL_SECRET_KEY is not set"), (False, "a store that is a file keeps no secrets")]
)
def test_who_insists_on_the_store_is_told_what_is_missing(
    store: Store, tmp_path: Path, shared: bool, fact: str
) -> None:
    find = (lambda _: store.shelf) if shared else None

    with pytest.raises(InputError, match=fact):
        open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "store"}, find)


# --- what an administrator types --------------------------------------------------------------------------------------


def run(machine: Machine, *words: str, typed: str | None = None) -> Result:
    """Type a command at a machine, in this process."""
    with machine.opened() as app:
        return CliRunner().invoke(cli, ["--config", str(machine.config), *words], obj=app, input=typed)


def shared(machine: Machine, rep: str) -> str | None:
    with machine.opened() as app:
        return app.vault.get(f"connection:ics:{rep}")


def own(machine: Machine, rep: str) -> str | None:
    with machine.opened() as app:
        return app.own_vault.get(f"connection:ics:{rep}")


@pytest.fixture
def alone(tmp_path: Path, database: str, machine: Machine) -> Machine:
    """Return a machine that reads two calendars into PostgreSQL, with secrets of its own."""
    environ = {"CALSIGNAL_SECRET_KEY": "", "CALSIGNAL_VAULT": "file"}
    made = Machine(tmp_path / "own", database, machine.authority, environ)
    for rep in (REP, "b@ours.example"):
        typed = f"https://localhost:1/{rep}/basic.ics\n"
        assert run(made, "connect", "ics", "-", "--rep", rep, typed=typed).exit_code == 0
    assert run(made, "accounts", "add", "Acme", "acme.example", "--address", "pal@elsewhere.example").exit_code == 0
    return made


@pytest.fixture
def joined(alone: Machine) -> Machine:
    """Return the same machine with the team's passphrase in its environment."""
    alone.more = {"CALSIGNAL_VAULT": ""}
    return alone


def test_a_machine_moves_its_secrets_to_the_team(joined: Machine, machine: Machine) -> None:
    result = run(joined, "vault", "share")

    assert (result.exit_code, result.stdout) == (0, "ics:a@ours.example: shared\nics:b@ours.example: shared\n")
    assert shared(machine, REP) == f"https://localhost:1/{REP}/basic.ics"
    assert own(joined, REP) is None
    with machine.opened() as there, joined.opened() as here:
        assert there.address_key() == bytes.fromhex(str(here.own_vault.get(ADDRESS_KEY)))


def test_one_connection_alone_can_be_shared(joined: Machine) -> None:
    result = run(joined, "vault", "share", "ics:b@ours.example")

    assert result.stdout == "ics:b@ours.example: shared\n"
    assert own(joined, REP)


def test_sharing_again_keeps_what_the_team_has(joined: Machine) -> None:
    run(joined, "vault", "share")
    with joined.opened() as app:
        app.own_vault.set(f"connection:ics:{REP}", "an older one")

    result = run(joined, "vault", "share")

    assert result.stdout == "ics:a@ours.example: was shared before; that secret stays\n"
    assert str(shared(joined, REP)).startswith("https://")


def test_a_machine_without_the_secret_says_so(joined: Machine, machine: Machine) -> None:
    result = run(machine, "vault", "share", "ics:a@ours.example")

    assert result.exit_code == 3
    assert "another address key" in result.stderr
    assert "`calsignal vault share`, run there" in result.stderr

    run(joined, "vault", "share", "ics:b@ours.example")
    result = run(machine, "vault", "share", "ics:a@ours.example")

    assert (result.exit_code, result.stderr) == (0, "ics:a@ours.example: there is no secret of it here\n")


def test_without_a_passphrase_there_is_nothing_to_share_in(alone: Machine) -> None:
    result = run(alone, "vault", "share")

    assert result.exit_code == 2
    assert "error: there is no store to share secrets in\n" in result.stderr
    assert "CALSIGNAL_SECRET_KEY" in result.stderr


def test_a_passphrase_is_changed(joined: Machine) -> None:
    run(joined, "vault", "share")

    result = run(joined, "vault", "rekey", typed="new sample passphrase\n")

    assert (result.exit_code, result.stdout) == (0, "sealed 3 secrets with a new passphrase\n")
    assert result.stderr == "hint: set CALSIGNAL_SECRET_KEY to it on every machine, then start the workers again\n"
    refused = run(joined, "sync")
    assert refused.exit_code == 1
    assert "error: the secrets in the store do not open with this CALSIGNAL_SECRET_KEY\n" in refused.stderr
    joined.more = {"CALSIGNAL_SECRET_KEY": "new sample passphrase"}
    assert shared(joined, REP)


def test_a_key_file_cannot_seal_what_machines_share(joined: Machine) -> None:
    result = run(joined, "vault", "rekey", "--key-file")

    assert result.exit_code == 2
    assert "which no key file opens" in result.stderr


def test_nothing_shared_is_nothing_resealed(joined: Machine) -> None:
    result = run(joined, "vault", "rekey", typed="new sample passphrase\n")

    assert result.exit_code == 2
    assert "nothing is shared yet" in result.stderr


def test_the_group_alone_shows_its_help(machine: Machine) -> None:
    assert "share" in run(machine, "vault").output


def test_a_check_up_names_the_vault_and_makes_no_store(machine: Machine, database: str) -> None:
    result = run(machine, "doctor", "--offline")

    assert "sealed with CALSIGNAL_SECRET_KEY" in " ".join(result.stdout.split())
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    assert sa.inspect(engine).get_table_names() == []
