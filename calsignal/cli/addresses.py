"""The addresses that reports are sent to: secrets of the vault, by the names that the config uses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calsignal.cli.app import App, nearest
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.delivery import Address

_INDEX = "deliveries"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True)
class Addresses:
    """What `calsignal deliver add` kept. A keyring lists nothing, so that the vault holds a list of the names too."""

    app: App

    def names(self) -> tuple[str, ...]:
        """Return the names, in order."""
        return tuple(sorted(json.loads(self.app.vault.get(_INDEX) or "[]")))

    def get(self, name: str) -> Address:
        """Return an address. Raises `InputError` where there is none of that name."""
        from calsignal.delivery import read

        text = self.app.vault.get(secret_name(name))
        if text is None:
            near = nearest(name, self.names())
            hint = f"calsignal deliver add {name}"
            raise InputError(f"no address is kept under {name!r}", f"{near} else: {hint}" if near else hint)
        return read(text, private=self.app.settings.privacy.private_addresses)

    def keep(self, name: str, text: str) -> tuple[Address, bool]:
        """Keep an address, and return it; say whether there was one of that name.

        Raises:
            InputError: the name or the address cannot be used.
        """
        from calsignal.delivery import check, read

        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} is no name for an address", "use letters, digits, dots and dashes")
        private = self.app.settings.privacy.private_addresses
        found = read(text, private=private)
        check(found, private=private)
        known = self.names()
        self.app.vault.set(_INDEX, json.dumps(sorted({*known, name})))
        self.app.vault.set(secret_name(name), text)
        return found, name in known

    def forget(self, name: str) -> None:
        """Forget an address. Raises `InputError` where there is none of that name."""
        known = self.names()
        if name not in known:
            raise InputError(f"no address is kept under {name!r}", nearest(name, known) or "`calsignal deliver list`")
        self.app.vault.delete(secret_name(name))
        self.app.vault.set(_INDEX, json.dumps([other for other in known if other != name]))

    def secrets(self) -> tuple[str, ...]:
        """Return the names under which the vault holds all of this."""
        names = self.names()
        return (_INDEX, *map(secret_name, names)) if names else ()


def secret_name(name: str) -> str:
    """Return the name under which the vault holds an address."""
    return f"delivery:{name}"
