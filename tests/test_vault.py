from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keyring.backends import fail, null

from calsignal import vault as vault_module
from calsignal.errors import CalsignalError, InputError
from calsignal.store import open_store
from calsignal.vault import (
    FileVault,
    KeyringVault,
    StoreVault,
    Vault,
    address_key,
    connection_secret,
    open_vault,
)

SECRET = "hunter2-é-🗝"


class FakeRing(keyring.backend.KeyringBackend):
    """A keyring in memory that can be locked."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check(username)
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check(password)
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError(username)
        del self.kept[service, username]

    def _check(self, text: str) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked(f"cannot handle {text}")


class WeakRing(FakeRing):
    priority = 0.5  # type: ignore[assignment]  # a stand-in's


@pytest.fixture
def ring() -> Iterator[FakeRing]:
    before = keyring.get_keyring()
    fake = FakeRing()
    keyring.set_keyring(fake)
    yield fake
    keyring.set_keyring(before)


def file_vault(folder: Path, passphrase: str | None = None) -> FileVault:
    return FileVault(folder / "data" / "vault.json", folder / "config" / "vault.key", passphrase)


@pytest.fixture(params=["keyring", "key file", "passphrase", "store"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    if request.param == "keyring":
        yield KeyringVault(FakeRing())
    elif request.param == "store":
        with open_store(tmp_path / "store.db") as store:
            yield StoreVault(lambda _: store.shelf, "correct horse")
    else:
        yield file_vault(tmp_path, "correct horse" if request.param == "passphrase" else None)


# --- what every vault does --------------------------------------------------------------------------------------------


def test_a_secret_is_kept_until_it_is_forgotten(vault: Vault) -> None:
    assert vault.get("a") is None

    vault.set("a", "old")
    vault.set("b", "other")
    vault.set("a", SECRET)

    assert (vault.get("a"), vault.get("b")) == (SECRET, "other")

    vault.delete("a")

    assert (vault.get("a"), vault.get("b")) == (None, "other")


def test_forgetting_what_is_not_there_is_no_error(vault: Vault) -> None:
    vault.delete("a")
    vault.set("b", SECRET)
    vault.delete("a")

    assert vault.get("b") == SECRET


def test_the_first_secret_that_is_kept_stays(vault: Vault) -> None:
    assert vault.keep("a", "first") == "first"
    assert vault.keep("a", "second") == "first"
    assert vault.get("a") == "first"


def test_a_renewed_secret_takes_the_place_of_the_one_it_came_from_and_of_no_other(vault: Vault) -> None:
    vault.set("a", "first")

    vault.replace("a", "first", "renewed")
    vault.replace("a", "first", "too late")
    vault.replace("b", "gone", "too late")
    vault.replace("c", None, "made")
    vault.replace("c", None, "too late")

    assert (vault.get("a"), vault.get("b"), vault.get("c")) == ("renewed", None, "made")


def test_the_address_key_is_made_once(vault: Vault) -> None:
    key = address_key(vault)

    assert len(key) == 32
    assert address_key(vault) == key


def test_a_vault_does_not_show_its_secrets(vault: Vault) -> None:
    vault.set("a", SECRET)

    assert "hunter2" not in repr(vault)
    assert "correct horse" not in repr(vault)


def test_the_secret_of_a_connection_has_a_name_of_its_own() -> None:
    assert connection_secret("address-key") != vault_module.ADDRESS_KEY


# --- which one --------------------------------------------------------------------------------------------------------


def test_the_keyring_is_preferred(ring: FakeRing, tmp_path: Path) -> None:
    found = open_vault(tmp_path, tmp_path, {})
    found.set("a", SECRET)

    assert ring.kept == {("calsignal", "a"): SECRET}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring, WeakRing])
def test_a_stand_in_is_no_keyring(
    ring: FakeRing, tmp_path: Path, backend: type[keyring.backend.KeyringBackend]
) -> None:
    keyring.set_keyring(backend())

    assert isinstance(open_vault(tmp_path, tmp_path, {}), FileVault)
    with pytest.raises(InputError, match="there is no keyring on this system"):
        open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "keyring"})


def test_a_backend_that_breaks_is_no_keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken() -> keyring.backend.KeyringBackend:
        raise RuntimeError("no bus")

    monkeypatch.setattr(keyring, "get_keyring", broken)

    assert isinstance(open_vault(tmp_path, tmp_path, {}), FileVault)


def test_the_environment_may_insist(ring: FakeRing, tmp_path: Path) -> None:
    assert isinstance(open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "file"}), FileVault)
    assert isinstance(open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "keyring"}), KeyringVault)
    with pytest.raises(InputError, match="neither file nor keyring nor store"):
        open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "paper"})


def test_a_file_that_is_there_goes_on_being_used(ring: FakeRing, tmp_path: Path) -> None:
    open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "file"}).set("a", SECRET)

    assert open_vault(tmp_path, tmp_path, {}).get("a") == SECRET


def test_the_passphrase_comes_from_the_environment(tmp_path: Path) -> None:
    environ = {"CALSIGNAL_VAULT": "file", "CALSIGNAL_SECRET_KEY": "any words\n"}

    open_vault(tmp_path, tmp_path / "config", environ).set("a", SECRET)

    assert open_vault(tmp_path, tmp_path, environ | {"CALSIGNAL_SECRET_KEY": "any words"}).get("a") == SECRET
    assert not (tmp_path / "config").exists()


# --- the keyring ------------------------------------------------------------------------------------------------------


def test_a_locked_keyring_is_told_without_what_it_was_given() -> None:
    ring = FakeRing()
    vault = KeyringVault(ring)
    ring.locked = True

    with pytest.raises(CalsignalError, match=r"the keyring could not be written \(KeyringLocked\)") as caught:
        vault.set("a", SECRET)

    assert "unlock it" in caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_the_files_are_for_their_owner_alone(tmp_path: Path, passphrase: str | None) -> None:
    file_vault(tmp_path, passphrase).set("a", SECRET)

    files = [path for path in tmp_path.rglob("vault.*") if path.suffix != ".lock"]

    assert len(files) == (2 if passphrase is None else 1)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}


def test_nothing_is_in_clear(tmp_path: Path) -> None:
    file_vault(tmp_path, "correct horse").set("name-of-it", SECRET)

    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert not any(word in everything for word in (b"hunter2", b"name-of-it", b"correct horse"))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = file_vault(tmp_path)
    vault.set("a", "old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CalsignalError, match="cannot be written: No space left on device"):
        vault.set("a", "new")
    monkeypatch.undo()

    assert vault.get("a") == "old"
    assert sorted(path.name for path in vault.path.parent.iterdir()) == ["vault.json", "vault.lock"]


def test_another_passphrase_does_not_open_it(tmp_path: Path) -> None:
    file_vault(tmp_path, "correct horse").set("a", SECRET)
    before = file_vault(tmp_path).path.read_bytes()

    other = file_vault(tmp_path, "battery staple")
    for refused in (partial(other.get, "a"), partial(other.set, "a", "x"), partial(other.delete, "a")):
        with pytest.raises(CalsignalError, match="does not open with this key") as caught:
            refused()
        assert "CALSIGNAL_SECRET_KEY" in caught.value.hint

    assert file_vault(tmp_path).path.read_bytes() == before


def test_a_forgotten_passphrase_is_named(tmp_path: Path) -> None:
    file_vault(tmp_path, "correct horse").set("a", SECRET)

    with pytest.raises(CalsignalError, match="sealed with a passphrase") as caught:
        file_vault(tmp_path).get("a")

    assert caught.value.hint == "set CALSIGNAL_SECRET_KEY to it"


def test_a_passphrase_that_comes_later_takes_over_at_the_next_change(tmp_path: Path) -> None:
    file_vault(tmp_path).set("a", SECRET)
    later = file_vault(tmp_path, "correct horse")

    assert later.get("a") == SECRET
    later.set("b", "x")

    assert later.get("a") == SECRET
    with pytest.raises(CalsignalError, match="sealed with a passphrase"):
        file_vault(tmp_path).get("a")


def test_a_passphrase_is_stretched_once_for_what_is_read_again(tmp_path: Path) -> None:
    vault = file_vault(tmp_path, "correct horse")
    vault.set("a", SECRET)
    before = vault_module._stretch.cache_info().misses

    read = [file_vault(tmp_path, "correct horse").get("a") for _ in range(3)]

    assert read == [SECRET] * 3
    assert vault_module._stretch.cache_info().misses == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"sealed": "x"}', b"\xff"])
def test_a_damaged_vault_is_told(tmp_path: Path, content: bytes) -> None:
    vault = file_vault(tmp_path)
    vault.set("a", SECRET)
    vault.path.write_bytes(content)

    with pytest.raises(CalsignalError, match="is damaged") as caught:
        vault.get("a")

    assert "backup" in caught.value.hint


def test_a_vault_changed_by_one_letter_does_not_open(tmp_path: Path) -> None:
    vault = file_vault(tmp_path, "correct horse")
    vault.set("a", SECRET)
    content = json.loads(vault.path.read_text())

    for changed in ({"sealed": "A" + content["sealed"][1:]}, {"salt": "x"}, {"salt": 7}, {"sealed": "ü"}):
        vault.path.write_text(json.dumps(content | changed))
        with pytest.raises(CalsignalError, match="does not open"):
            vault.get("a")


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xff", b"A" * 45])
def test_a_damaged_key_file_is_told(tmp_path: Path, content: bytes) -> None:
    vault = file_vault(tmp_path)
    vault.set("a", SECRET)
    vault.key_path.write_bytes(content)

    with pytest.raises(CalsignalError, match=r"the key file .* is damaged"):
        vault.get("a")


def test_a_lost_key_file_is_not_made_anew(tmp_path: Path) -> None:
    vault = file_vault(tmp_path)
    vault.set("a", SECRET)
    vault.key_path.unlink()

    with pytest.raises(CalsignalError, match=r"the key file .* is missing"):
        vault.set("b", "x")

    assert not vault.key_path.exists()


def test_the_key_of_another_vault_does_not_open_it(tmp_path: Path) -> None:
    mine, other = file_vault(tmp_path / "mine"), file_vault(tmp_path / "other")
    mine.set("a", SECRET)
    other.set("a", SECRET)
    mine.key_path.write_bytes(other.key_path.read_bytes())

    with pytest.raises(CalsignalError, match="does not open with this key") as caught:
        mine.get("a")

    assert "CALSIGNAL_SECRET_KEY" not in caught.value.hint


def test_a_vault_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    vault = file_vault(tmp_path)
    vault.path.mkdir(parents=True)

    with pytest.raises(CalsignalError, match="cannot be read"):
        vault.get("a")


def test_two_threads_lose_nothing(tmp_path: Path) -> None:
    def write(who: int) -> None:
        for n in range(8):
            file_vault(tmp_path).set(f"{who}-{n}", str(n))

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [file_vault(tmp_path).get(f"{who}-{n}") for who in range(4) for n in range(8)] == [
        str(n) for _ in range(4) for n in range(8)
    ]


def test_two_processes_agree_on_one_address_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from calsignal.vault import *;"
        "folder = Path(sys.argv[1]);"
        "print(address_key(open_vault(folder, folder, {'CALSIGNAL_VAULT': 'file'})).hex())"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    keys = {run.communicate(timeout=60)[0] for run in runs}

    assert len(keys) == 1
    assert len(keys.pop().strip()) == 64


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, content: dict[str, str]) -> None:
    vault = file_vault(tmp_path_factory.mktemp("any"))

    for name, secret in content.items():
        vault.set(name, secret)

    assert {name: vault.get(name) for name in content} == content


# --- another key ------------------------------------------------------------------------------------------------------


def test_a_new_key_file_opens_the_vault_and_the_old_one_does_not(tmp_path: Path) -> None:
    vault = file_vault(tmp_path)
    vault.set("a", "1")
    old_key, old_vault = vault.key_path.read_bytes(), vault.path.read_bytes()

    assert vault.rekey(None) == 1

    assert file_vault(tmp_path).get("a") == "1"
    assert vault.key_path.read_bytes() != old_key
    assert vault.path.read_bytes() != old_vault
    vault.key_path.write_bytes(old_key)
    with pytest.raises(CalsignalError, match="does not open with this key"):
        vault.get("a")


def test_a_passphrase_takes_the_place_of_the_key_file_and_back(tmp_path: Path) -> None:
    vault = file_vault(tmp_path)
    vault.set("a", "1")

    vault.rekey("sample new")

    assert not vault.key_path.exists()
    assert vault.sealed_with_passphrase
    with pytest.raises(CalsignalError, match="sealed with a passphrase"):
        vault.get("a")
    opened = replace(vault, passphrase="sample new")
    assert opened.get("a") == "1"
    opened.rekey(None)
    assert (file_vault(tmp_path).get("a"), vault.sealed_with_passphrase) == ("1", False)


class Cut(Exception):
    """The power fails."""


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("passphrase", [None, "sample new"], ids=["key file", "passphrase"])
def test_a_change_of_keys_that_is_cut_off_anywhere_loses_nothing(
    tmp_path: Path, step: int, passphrase: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = file_vault(tmp_path)
    vault.set("a", "1")
    steps = iter(range(100))

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def cut(*args: object, **more: object) -> object:
            if next(steps) == step:
                raise Cut
            return call(*args, **more)

        return cut

    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    with suppress(Cut):
        vault.rekey(passphrase)
    monkeypatch.undo()

    now = replace(vault, passphrase=passphrase) if vault.sealed_with_passphrase else vault
    assert now.get("a") == "1"
    now.set("b", "2")
    assert (now.get("a"), now.get("b")) == ("1", "2")
    assert not list(tmp_path.rglob("*.new"))


def test_processes_that_renew_at_once_lose_no_refresh_token_even_while_the_key_changes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from calsignal.vault import *\n"
        "vault = open_vault(Path(sys.argv[1]), Path(sys.argv[1]), {'CALSIGNAL_VAULT': 'file'})\n"
        "for n in range(12):\n"
        "    if sys.argv[2] == 'key': vault.rekey(None)\n"
        "    else:\n"
        "        vault.set('connection:' + sys.argv[2], f'{sys.argv[2]} {n}')\n"
        "        assert vault.get('connection:' + sys.argv[2]) == f'{sys.argv[2]} {n}'\n"
    )
    open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "file"}).set("address-key", "00")

    runs = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), who]) for who in ("ann", "bob", "key")]

    assert [run.wait(timeout=120) for run in runs] == [0, 0, 0]
    vault = open_vault(tmp_path, tmp_path, {"CALSIGNAL_VAULT": "file"})
    names = ("connection:ann", "connection:bob", "address-key")
    assert [vault.get(name) for name in names] == ["ann 11", "bob 11", "00"]
