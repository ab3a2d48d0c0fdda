"""Keep secrets: in the operating system's keyring, or else in an encrypted file, or in the store of a team.

The file holds one sealed table of all secrets, so that not even their names are in clear. It is replaced as a whole,
under a lock, so that two processes never lose each other's secret. Its key is `CALSIGNAL_SECRET_KEY`, any passphrase
(stretched with scrypt and the salt in the file), or a random key in a file of its own in the config folder, made at
first use. No secret is ever part of an error or a repr.

Where the store is a PostgreSQL database and `CALSIGNAL_SECRET_KEY` is set, secrets are kept in the store, so that every
machine of a team has them: each sealed on its own, with its name, by a key stretched from that passphrase with scrypt
and a salt in the store. The names are in clear there: they are those of the connections.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol, TypeVar

from calsignal.errors import CalsignalError, InputError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

ENV_KEY = "CALSIGNAL_SECRET_KEY"
ENV_KIND = "CALSIGNAL_VAULT"
ADDRESS_KEY = "address-key"
"""The name of the key that turns addresses into person keys: 32 random bytes in hexadecimal."""

_SERVICE = "calsignal"

T = TypeVar("T")


class Vault(Protocol):
    """A place for secrets by name. Every method may raise `CalsignalError` when the place is shut or damaged."""

    def get(self, name: str) -> str | None:
        """Return the secret, or None when there is none of this name."""

    def set(self, name: str, secret: str) -> None:
        """Keep the secret, in the place of an older one."""

    def keep(self, name: str, secret: str) -> str:
        """Keep the secret unless there is one of this name; return the one that is kept now."""

    def replace(self, name: str, old: str | None, new: str) -> None:
        """Keep `new` if `old` (None: nothing) is what is kept now; else somebody was faster, and theirs stays."""

    def delete(self, name: str) -> None:
        """Forget the secret; nothing happens when there is none."""


def connection_secret(connection: str, shares: str | None = None) -> str:
    """Return the name under which the secret of a connection is kept, or that which it shares with others."""
    return f"connection:{connection}" if shares is None else f"shared:{shares}"


def address_key(vault: Vault) -> bytes:
    """Return the key that addresses are hashed with; it is made at first use.

    It must never change: person keys in the store would no longer match.
    """
    return bytes.fromhex(vault.get(ADDRESS_KEY) or vault.keep(ADDRESS_KEY, secrets.token_hex(32)))


def open_vault(data_dir: Path, config_dir: Path, environ: Mapping[str, str], shared: FindShelf | None = None) -> Vault:
    """Return the team's vault where there is a shelf that is shared and a key; else the machine's own, see there.

    `CALSIGNAL_VAULT` may insist on `store`, `keyring` or `file`. No secret is touched yet.

    Raises:
        InputError: `CALSIGNAL_VAULT` says something else, or there is nothing of that kind.
    """
    kind, passphrase = environ.get(ENV_KIND, ""), passphrase_of(environ)
    if kind not in ("", "file", "keyring", "store"):
        raise InputError(f"{ENV_KIND} is neither file nor keyring nor store", f"unset {ENV_KIND}, or set it to file")
    if kind in ("", "store") and shared is not None and passphrase is not None:
        return StoreVault(shared, passphrase)
    if kind == "store":
        fact = f"{ENV_KEY} is not set" if shared is not None else "a store that is a file keeps no secrets"
        raise InputError(fact, f"set {ENV_KEY} on PostgreSQL, or unset {ENV_KIND}")
    return own_vault(data_dir, config_dir, environ)


def passphrase_of(environ: Mapping[str, str]) -> str | None:
    """Return what `CALSIGNAL_SECRET_KEY` says, or None."""
    return environ.get(ENV_KEY, "").strip() or None


def own_vault(data_dir: Path, config_dir: Path, environ: Mapping[str, str]) -> Vault:
    """Return the keyring where the system has one, else the encrypted file in `data_dir`; touch no secret yet.

    A file that is there goes on being used: a keyring that turns up later, in a desktop session say, would know
    nothing of what it holds.

    Raises:
        InputError: `CALSIGNAL_VAULT` insists on a keyring, and there is none.
    """
    kind = environ.get(ENV_KIND, "")
    file = FileVault(data_dir / "vault.json", config_dir / "vault.key", passphrase_of(environ))
    if kind == "file" or (kind != "keyring" and file.path.exists()):
        return file
    ring = _keyring()
    if ring is None and kind == "keyring":
        raise InputError("there is no keyring on this system", f"unset {ENV_KIND}: secrets go to an encrypted file")
    return file if ring is None else KeyringVault(ring)


class Ring(Protocol):
    """The part of a keyring backend that is used here."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


def _keyring() -> Ring | None:
    """Return the system's keyring, or None where the library has only stand-ins to offer."""
    import keyring

    try:
        ring = keyring.get_keyring()
        real = ring.priority >= 1 and not type(ring).__module__.endswith((".fail", ".null"))
    except Exception:  # noqa: BLE001  # a backend may fail in any way while it looks for its service
        return None
    return ring if real else None


@dataclass(frozen=True)
class KeyringVault:
    """Secrets in the operating system's keyring; threads take turns there, whatever it bears."""

    ring: Ring
    _turn: AbstractContextManager[object] = field(default_factory=RLock, repr=False, compare=False)

    def get(self, name: str) -> str | None:
        return self._ask("read", lambda: self.ring.get_password(_SERVICE, name))

    def set(self, name: str, secret: str) -> None:
        self._ask("written", lambda: self.ring.set_password(_SERVICE, name, secret))

    def keep(self, name: str, secret: str) -> str:
        kept = self.get(name)
        if kept is None:
            self.set(name, secret)
        return self.get(name) or secret  # as it is by now: the keyring knows no lock

    def replace(self, name: str, old: str | None, new: str) -> None:
        if self.get(name) == old:
            self.set(name, new)

    def delete(self, name: str) -> None:
        if self.get(name) is not None:
            self._ask("changed", lambda: self.ring.delete_password(_SERVICE, name))

    def _ask(self, done: str, request: Callable[[], T]) -> T:
        try:
            with self._turn:
                return request()
        except Exception as error:  # noqa: BLE001  # a backend raises what it likes, and the text may quote what it was given
            raise CalsignalError(
                f"the keyring could not be {done} ({type(error).__name__})",
                f"unlock it and try again, or set {ENV_KIND}=file to keep secrets in an encrypted file",
            ) from None


@dataclass(frozen=True)
class FileVault:
    """Secrets in one encrypted file, sealed with a passphrase or with the key in a file."""

    path: Path
    key_path: Path
    passphrase: str | None = field(default=None, repr=False)

    def get(self, name: str) -> str | None:
        return self._read().get(name)

    def set(self, name: str, secret: str) -> None:
        with self._changing() as table:
            table[name] = secret

    def keep(self, name: str, secret: str) -> str:
        with self._changing() as table:
            return table.setdefault(name, secret)

    def replace(self, name: str, old: str | None, new: str) -> None:
        with self._changing() as table:
            if table.get(name) == old:
                table[name] = new

    def delete(self, name: str) -> None:
        if not self.path.exists():
            return
        with self._changing() as table:
            table.pop(name, None)

    def rekey(self, passphrase: str | None) -> int:
        """Seal everything anew, with a passphrase or (None) with a new random key file; return how many secrets.

        Whenever this is interrupted, the vault opens with the old key or with the new one, and finds it by itself.
        """
        with _told(f"the vault {self.path} cannot be written"), _locked(self.path.with_suffix(".lock")):
            self._settle()
            table = self._read()
            new = replace(self, passphrase=passphrase)
            if passphrase is None:
                write_private(self._pending, _random_key())
                new._put(table, self._pending.read_bytes())  # noqa: SLF001  # one of us
                self._settle()
            else:
                new._write(table)  # noqa: SLF001  # one of us
                self.key_path.unlink(missing_ok=True)
        return len(table)

    @property
    def sealed_with_passphrase(self) -> bool:
        """Say whether the vault as it is opens with a passphrase rather than a key file."""
        with _told(f"the vault {self.path} cannot be read"):
            return self._sealed()[1] is not None

    @property
    def _pending(self) -> Path:
        """Where a new key lies from before the vault is sealed with it until it takes the place of the old one."""
        return self.key_path.with_name(self.key_path.name + ".new")

    def _settle(self) -> None:
        """Bring to its end what an interrupted change of keys has left; under the lock."""
        if not self._pending.exists():
            return
        if self._opens_with(self._pending):
            self._pending.replace(self.key_path)
        else:
            self._pending.unlink()

    def _opens_with(self, key_path: Path) -> bool:
        try:
            replace(self, key_path=key_path)._opened(*self._sealed())  # noqa: SLF001  # one of us
        except CalsignalError:
            return False
        return self._sealed()[1] is None

    @contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        """Give the table to be changed, and put it in the place of the old one; one process at a time."""
        with _told(f"the vault {self.path} cannot be written"):
            _make_folder(self.path.parent)
            with _locked(self.path.with_suffix(".lock")):
                self._settle()
                table = self._read()
                yield table
                self._write(table)

    def _read(self) -> dict[str, str]:
        with _told(f"the vault {self.path} cannot be read"):
            try:
                sealed = self._sealed()
            except FileNotFoundError:
                return {}
            try:
                return self._opened(*sealed)
            except CalsignalError:
                if self._pending.exists() and self._opens_with(self._pending):  # the keys are being changed just now
                    return replace(self, key_path=self._pending)._opened(*self._sealed())  # noqa: SLF001  # one of us
                return self._opened(*self._sealed())  # they may have been, meanwhile

    def _sealed(self) -> tuple[str, object]:
        """Return the ciphertext, and the salt of the passphrase where there is one."""
        try:
            sealed = json.loads(self.path.read_bytes())
            return str(sealed["sealed"]), sealed["salt"]
        except (ValueError, KeyError, TypeError):
            raise CalsignalError(f"the vault {self.path} is damaged", _AGAIN) from None

    def _opened(self, token: str, salt: object) -> dict[str, str]:
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return dict(json.loads(Fernet(self._key(salt)).decrypt(token.encode())))
        except InvalidToken:
            raise CalsignalError(f"the vault {self.path} does not open with this key", self._hint(salt)) from None

    def _write(self, table: Mapping[str, str]) -> None:
        if self.passphrase is None:
            self._make_key()
        self._put(table, None if self.passphrase else self._key_of_file())

    def _put(self, table: Mapping[str, str], key: bytes | None) -> None:
        """Seal the table with a key, or (None) with the passphrase and a new salt."""
        from cryptography.fernet import Fernet

        salt = base64.b64encode(secrets.token_bytes(16)).decode() if key is None else None
        sealed = Fernet(key or self._key(salt)).encrypt(json.dumps(table).encode()).decode()
        write_private(self.path, json.dumps({"version": 1, "salt": salt, "sealed": sealed}).encode())

    def _key(self, salt: object) -> bytes:
        """Return the key that goes with a file: one with a salt was sealed with a passphrase."""
        if salt is None:
            return self._key_of_file()
        if self.passphrase is None:
            raise CalsignalError(f"the vault {self.path} is sealed with a passphrase", f"set {ENV_KEY} to it")
        return _stretch(self.passphrase, str(salt))

    def _key_of_file(self) -> bytes:
        try:
            key = self.key_path.read_bytes().strip()
            whole = len(base64.urlsafe_b64decode(key)) == 32
        except FileNotFoundError:
            raise CalsignalError(f"the key file {self.key_path} is missing", _AGAIN) from None
        except ValueError:
            whole = False
        if not whole:
            raise CalsignalError(f"the key file {self.key_path} is damaged", _AGAIN)
        return key

    def _make_key(self) -> None:
        if not self.key_path.exists():
            write_private(self.key_path, _random_key())

    def _hint(self, salt: object) -> str:
        return _AGAIN if salt is None else f"set {ENV_KEY} to the passphrase that was used first"


class Shelf(Protocol):
    """Sealed texts by name, in a store that machines share; see `calsignal.store.secrets`."""

    def get(self, name: str) -> str | None: ...
    def put(self, name: str, sealed: str) -> None: ...
    def keep(self, name: str, sealed: str) -> str: ...
    def swap(self, name: str, old: str, new: str) -> bool: ...
    def drop(self, name: str) -> None: ...
    def change(self, renew: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None: ...


FindShelf = Callable[[bool], Shelf | None]
"""Return the shelf; told True, make it where there is none yet, else return None."""

_LOCK = "lock"  # the row with the salt, and with a word that opens only with the right key


@dataclass(frozen=True)
class StoreVault:
    """Secrets in the store that a team shares, each sealed with a passphrase that only the machines know."""

    shelf: FindShelf = field(repr=False)
    passphrase: str = field(repr=False)

    def get(self, name: str) -> str | None:
        shelf = self.shelf(False)  # noqa: FBT003  # the shelf is not made
        lock = shelf and shelf.get(_LOCK)
        if not shelf or not lock:
            return None
        key, sealed = self._key_of(lock), shelf.get(name)
        return None if sealed is None else _unsealed(key, name, sealed)

    def set(self, name: str, secret: str) -> None:
        self._made.put(name, _sealed(self._key, name, secret))

    def keep(self, name: str, secret: str) -> str:
        return _unsealed(self._key, name, self._made.keep(name, _sealed(self._key, name, secret)))

    def replace(self, name: str, old: str | None, new: str) -> None:
        if old is None:
            self.keep(name, new)
            return
        sealed = self._made.get(name)
        if sealed is not None and _unsealed(self._key, name, sealed) == old:
            self._made.swap(name, sealed, _sealed(self._key, name, new))

    def delete(self, name: str) -> None:
        if shelf := self.shelf(False):  # noqa: FBT003  # the shelf is not made
            shelf.drop(name)

    def rekey(self, passphrase: str) -> int:
        """Seal everything anew with another passphrase, all or nothing; return how many secrets there are.

        Raises:
            CalsignalError: the present passphrase does not open them.
        """
        count = 0

        def renew(rows: Mapping[str, str]) -> Mapping[str, str]:
            nonlocal count
            if _LOCK not in rows:
                return {}
            lock = _new_lock(passphrase)
            old, new = self._key_of(rows[_LOCK]), _opened(passphrase, lock)
            sealed = {n: _sealed(new, n, _unsealed(old, n, text)) for n, text in rows.items() if n != _LOCK}
            count = len(sealed)
            return {**sealed, _LOCK: lock}

        self._made.change(renew)
        return count

    @property
    def _made(self) -> Shelf:
        shelf = self.shelf(True)  # noqa: FBT003  # the shelf is made
        assert shelf is not None
        return shelf

    @property
    def _key(self) -> Fernet:
        """Return the key to seal with; the first who asks puts the lock on."""
        lock = self._made.get(_LOCK) or self._made.keep(_LOCK, _new_lock(self.passphrase))
        return self._key_of(lock)

    def _key_of(self, lock: str) -> Fernet:
        return _opened(self.passphrase, lock)


def _new_lock(passphrase: str) -> str:
    from cryptography.fernet import Fernet

    salt = base64.b64encode(secrets.token_bytes(16)).decode()
    mark = _sealed(Fernet(_stretch(passphrase, salt)), _LOCK, _SERVICE)
    return json.dumps({"version": 1, "salt": salt, "mark": mark})


def _opened(passphrase: str, lock: str) -> Fernet:
    """Return the key that goes with a lock. Raises `CalsignalError` when the passphrase is not the right one."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        found = json.loads(lock)
        key = Fernet(_stretch(passphrase, str(found["salt"])))
        key.decrypt(str(found["mark"]).encode())
    except InvalidToken:
        fact = f"the secrets in the store do not open with this {ENV_KEY}"
        raise CalsignalError(fact, "set it to the one of the team's other machines") from None
    except (ValueError, KeyError, TypeError):
        raise _damaged(_LOCK) from None
    return key


def _sealed(key: Fernet, name: str, secret: str) -> str:
    """Seal a secret together with its name, so that nobody can put it in the place of another one."""
    return key.encrypt(json.dumps([name, secret]).encode()).decode()


def _unsealed(key: Fernet, name: str, sealed: str) -> str:
    from cryptography.fernet import InvalidToken

    try:
        found, secret = json.loads(key.decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        raise _damaged(name) from None
    if found != name:
        raise _damaged(name)
    return str(secret)


def _damaged(name: str) -> CalsignalError:
    return CalsignalError(f"the secret {name} in the store is damaged", "restore a backup, or connect it again")


_AGAIN = "put the file back from a backup, or delete the vault and run `calsignal connect` again"


def _random_key() -> bytes:
    return base64.urlsafe_b64encode(secrets.token_bytes(32))


@lru_cache(maxsize=4)
def _stretch(passphrase: str, salt: str) -> bytes:
    """Derive a Fernet key from a passphrase with scrypt (RFC 7914; N = 2^14, r = 8, p = 1).

    Remembered, since a sync opens the same file for each mailbox, and this is made to be slow.
    """
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    try:
        raw = base64.b64decode(salt)
    except ValueError:
        raw = b""
    return base64.urlsafe_b64encode(Scrypt(salt=raw, length=32, n=2**14, r=8, p=1).derive(passphrase.encode()))


@contextmanager
def _told(fact: str) -> Iterator[None]:
    """Turn what the file system says into a sentence."""
    try:
        yield
    except OSError as error:
        raise CalsignalError(f"{fact}: {error.strerror}", "check the folder's owner and free space") from error


def write_private(path: Path, content: bytes) -> None:
    """Write a file for its owner alone, its folder too; a reader sees the old or the new one, never a half.

    Raises:
        OSError: the file system's own.
    """
    _make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file; another process waits."""
    with path.open("ab") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # gives up after ten seconds
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)  # falls with the file
            yield
