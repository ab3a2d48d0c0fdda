"""Who is who for this team: from the settings, the connected mailboxes and the accounts."""

from __future__ import annotations

from collections.abc import Mapping

from calsignal.config import Settings
from calsignal.directory import Directory
from calsignal.model import Role
from calsignal.store import Store


def team_directory(store: Store, settings: Settings) -> Directory:
    """Return the directory in force now; matching happens on reading, so it holds for every moment."""
    return Directory(
        team_domains=frozenset(settings.team.domains),
        mailboxes=frozenset(c.mailbox for c in store.connections()),
        aliases=settings.team.aliases,
        accounts=store.accounts(),
        ignored_addresses=frozenset(settings.ignore.addresses),
        ignored_domains=frozenset(settings.ignore.domains),
        delegates=_delegates(store, settings.delegates),
    )


def _delegates(store: Store, delegates: Mapping[str, str]) -> Mapping[str, tuple[str, str]]:
    """Return assistant -> (the principal's person key, address); a principal on no event yet stands by the address."""
    if not delegates:
        return {}
    keys = {email: person for person, _, email in store.people() if email is not None}
    return {assistant: (keys.get(chief, chief), chief) for assistant, chief in delegates.items()}


def forget_strangers(store: Store, settings: Settings) -> None:
    """Take back the addresses and subjects that nobody on the team has a reason to know any more.

    Called when accounts lost a domain or an address: what is left of their people is a keyed hash and a domain.
    """
    directory = team_directory(store, settings)
    store.forget_addresses(lambda *who: directory.who_is(*who).role in (Role.SELLER, Role.BUYER))
    store.forget_subjects(lambda *who: directory.who_is(*who).role is Role.BUYER)
