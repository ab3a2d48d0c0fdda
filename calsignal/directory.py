"""Tell who is who: an address is a seller, a buyer of an account, a resource or a third party. Pure.

First match wins: resource, seller, buyer, third party. Matching happens on reading, so that a new account changes
every figure at once; a person whose address was never kept still matches by the domain and by the keyed hash.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Protocol

from calsignal.errors import InputError
from calsignal.model import Account, Participant, Role

FREE_MAIL = frozenset(
    """
    126.com 139.com 163.com aim.com aol.com bigpond.com bluewin.ch btinternet.com charter.net comcast.net cox.net
    duck.com earthlink.net fastmail.com fastmail.fm free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net
    googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com
    icloud.com inbox.lv interia.pl laposte.net libero.it live.co.uk live.com live.de live.fr live.nl mac.com mail.com
    mail.de mail.ru me.com msn.com naver.com o2.pl onet.pl online.de orange.fr outlook.com outlook.de outlook.es
    outlook.fr pm.me posteo.de proton.me protonmail.ch protonmail.com qq.com rediffmail.com rocketmail.com sbcglobal.net
    seznam.cz sfr.fr shaw.ca sina.com sky.com t-online.de telus.net terra.com.br tiscali.it tuta.com tutanota.com
    uol.com.br verizon.net virgilio.it virginmedia.com wanadoo.fr web.de wp.pl yahoo.ca yahoo.co.in yahoo.co.jp
    yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com
    """.split(),
)
"""Domains whose addresses belong to persons, not to companies: never matched by domain."""

NOTE_TAKERS = frozenset(
    """
    airgram.io assistant.gong.io avoma.com circleback.ai fathom.video fellow.app fireflies.ai grain.com krisp.ai
    laxis.tech meetgeek.ai notta.ai otter.ai read.ai sembly.ai supernormal.com tactiq.io tldv.io
    """.split(),
)
"""Domains of note-taker bots: resources, unless an account claims the domain."""

ROOMS = frozenset({"resource.calendar.google.com"})
"""Domains whose addresses are rooms whatever the event says."""

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def normalise(address: str) -> str:
    """Return the address in lower case, without `mailto:` and `+tag`, its domain in ASCII.

    Raises:
        InputError: it is no address.
    """
    local, at, host = address.strip().lower().removeprefix("mailto:").rpartition("@")
    local = local.strip().partition("+")[0]
    if not (local and at) or any(c.isspace() or not c.isprintable() for c in local):
        raise InputError("this is no e-mail address", "write it as name@company.example")
    return f"{local}@{normalise_domain(host)}"


def normalise_domain(text: str) -> str:
    """Return a domain in lower case ASCII without a final dot (RFC 5890 A-labels).

    Raises:
        InputError: it is no domain name.
    """
    name = text.strip().lower().rstrip(".")
    try:
        ascii_name = name.encode("idna").decode("ascii") if not name.isascii() else name
    except UnicodeError:
        ascii_name = ""
    if len(ascii_name) > 253 or not ascii_name or not all(_LABEL.fullmatch(part) for part in ascii_name.split(".")):
        raise InputError("this is no domain name", "write it as company.example")
    return ascii_name


def is_domain(text: str) -> bool:
    """Say whether `text` is a domain name as it would be kept; strangers write anything after an @."""
    try:
        return normalise_domain(text) == text
    except InputError:
        return False


def check_domain(text: str) -> str:
    """Return `text` as the domain of a company, normalised; a leading `@` or `https://www.` is forgiven.

    Raises:
        InputError: an IP address, a public suffix, a free-mail domain or nonsense.
    """
    bare = re.sub(r"^(https?://(www\.)?|@)", "", text.strip().lower()).partition("/")[0]
    if _is_ip(bare):
        raise InputError(f"{bare} is an IP address, not a domain", "give the domain of the company's e-mail addresses")
    name = normalise_domain(bare)
    if name in FREE_MAIL:
        raise InputError(
            f"{name} is a free-mail domain: everybody has an address there",
            f"name the person instead: calsignal accounts add NAME --address someone@{name}",
        )
    if registrable(name) is None:
        raise InputError(f"{name} is a public suffix, not a company", f"write the whole domain, as in company.{name}")
    return name


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


class _Suffixes(Protocol):
    def privatesuffix(self, domain: str) -> str | None: ...


@cache
def _suffixes() -> _Suffixes:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def registrable(host: str) -> str | None:
    """Return the part of a host name that somebody registered: `acme.co.uk` of `eu.acme.co.uk`.

    By the public suffix list. None for a public suffix itself and for an IP address.
    """
    if _is_ip(host):  # the list takes the last number for a top-level domain
        return None
    return _suffixes().privatesuffix(host)


def parents(host: str) -> Iterable[str]:
    """Yield the host itself and each domain above it, longest first."""
    while host:
        yield host
        host = host.partition(".")[2]


@dataclass(frozen=True)
class Who:
    """What a person is to us; `account` is the name of the buyer's account. `person` stands for the principal."""

    role: Role
    person: str
    email: str | None
    account: str | None = None


@dataclass(frozen=True)
class Directory:
    """Everything that decides who is who.

    `mailboxes` are connected ones and their aliases. `delegates` maps an assistant's address to the principal's
    (person key, address).
    """

    team_domains: frozenset[str] = frozenset()
    mailboxes: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    accounts: tuple[Account, ...] = ()
    ignored_addresses: frozenset[str] = frozenset()
    ignored_domains: frozenset[str] = frozenset()
    delegates: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def _by_domain(self) -> dict[str, str]:
        return {domain: account.name for account in self.accounts for domain in account.domains}

    @cached_property
    def _by_address(self) -> dict[str, str]:
        return {address: account.name for account in self.accounts for address in account.addresses}

    @cached_property
    def _by_person(self) -> dict[str, str]:
        return {person: account.name for account in self.accounts for person in account.addresses.values()}

    @cached_property
    def _known(self) -> dict[tuple[str, str, str | None, bool], Who]:
        return {}

    def who(self, participant: Participant) -> Who:
        """Say what a participant is to us."""
        p = participant
        return self.who_is(p.person, p.domain, p.email, resource=p.resource)

    def who_is(self, person: str, domain: str, email: str | None, *, resource: bool = False) -> Who:
        """Say what the person with this key, host and (where kept) address is to us."""
        key = (person, domain, email, resource)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._decide(person, domain, email, resource=resource)
        return found

    def _decide(self, person: str, domain: str, email: str | None, *, resource: bool) -> Who:
        if email is not None and email in self.delegates:
            person, email = self.delegates[email]
            domain = email.rpartition("@")[2]
        if resource or self._is_ignored(domain, email):
            return Who(Role.RESOURCE, person, email)
        if self.is_seller(domain, email):
            return Who(Role.SELLER, person, email)
        account = self._account(person, domain, email)
        return Who(Role.BUYER if account else Role.THIRD_PARTY, person, email, account)

    def _is_ignored(self, domain: str, email: str | None) -> bool:
        if email in self.ignored_addresses:
            return True
        above = set(parents(domain))
        return bool(above & (self.ignored_domains | ROOMS)) or (
            bool(above & NOTE_TAKERS) and above.isdisjoint(self._by_domain)
        )

    def is_seller(self, domain: str, email: str | None) -> bool:
        """Say whether this is one of ours: a connected mailbox, its alias, or a team domain and what is below it."""
        if email is not None and (email in self.mailboxes or email in self.aliases):
            return True
        return not self.team_domains.isdisjoint(parents(domain))

    def _account(self, person: str, domain: str, email: str | None) -> str | None:
        named = self._by_person.get(person) or (self._by_address.get(email) if email else None)
        if named or domain in FREE_MAIL:
            return named
        return next((self._by_domain[d] for d in parents(domain) if d in self._by_domain), None)

    def mailbox(self, email: str | None) -> str | None:
        """Return the mailbox that an address of ours belongs to: itself, or what it is an alias of."""
        return None if email is None else self.aliases.get(email, email)


def rep_of(address: str, directory: Directory) -> str:
    """Return the mailbox that stands for one of our addresses: its alias resolved, an assistant's principal."""
    mailbox = directory.mailbox(address) or address
    chief = directory.delegates.get(mailbox) or directory.delegates.get(address)
    return directory.mailbox(chief[1]) or chief[1] if chief else mailbox
