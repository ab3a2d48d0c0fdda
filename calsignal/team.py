"""Who is who for this team: from the settings, the connected mailboxes and the accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from calsignal.config import Settings
from calsignal.directory import Directory, normalise
from calsignal.errors import InputError
from calsignal.model import Account, Role
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


def mailbox_of(text: str, settings: Settings) -> str:
    """Return the mailbox of the rep whose address, or another address of theirs, this is.

    Raises:
        InputError: it is no e-mail address.
    """
    try:
        address = normalise(text)
    except InputError as error:
        raise InputError(f"{text!r} is no e-mail address", "`calsignal connections` shows the reps") from error
    return settings.team.aliases.get(address, address)


def called(text: str, accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Return the accounts that somebody may mean: by name, domain or address, else by a part of name or domain.

    What fits exactly goes before what begins so, and that before what holds it somewhere.
    """
    wanted, known = " ".join(text.casefold().split()), tuple(accounts)
    domain = wanted.rpartition("@")[2]
    rules = (
        lambda a: wanted == a.name.casefold(),
        lambda a: wanted in a.addresses,
        lambda a: any(domain == d or domain.endswith(f".{d}") for d in a.domains),
        lambda a: a.name.casefold().startswith(wanted) or any(d.startswith(wanted) for d in a.domains),
        lambda a: wanted in a.name.casefold() or any(wanted in d for d in a.domains),
    )
    return next((found for rule in rules if wanted and (found := tuple(filter(rule, known)))), ())


def one_called(text: str, accounts: Iterable[Account]) -> Account:
    """Return the one account that somebody means.

    Raises:
        InputError: no account is called so, or several are; they are named.
    """
    known = tuple(accounts)
    found = called(text, known)
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{text} may be {_or(sorted(a.name for a in found))}", "name one of them")
    names = {a.name.casefold(): a.name for a in known}
    near = get_close_matches(text.casefold(), names, 1)
    hint = f"did you mean {names[near[0]]}?" if near else "see all with: calsignal accounts list"
    raise InputError(f"there is no account called {text}", hint)


_FEW = 8


def _or(names: Sequence[str]) -> str:
    rest = f" or one of {len(names) - _FEW} more" if len(names) > _FEW else ""
    listed = list(names[:_FEW])
    return ", ".join(listed) + rest if rest else " or ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))
