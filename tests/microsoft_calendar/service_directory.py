"""People, groups and tenants, and Graph's lists of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import NAMESPACE_DNS, uuid5

from microsoft_calendar.service_faults import ApiError
from microsoft_calendar.service_values import Json

OURS = "7a1d3f5e-0000-4000-8000-0000000000aa"
"""The tenant of the company."""

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant in which all personal accounts live."""

SEVERAL = ("common", "organizations", "consumers")

USER_SCOPES = frozenset({"User.ReadBasic.All", "User.Read.All", "Directory.Read.All"})
GROUP_SCOPES = frozenset({"Group.Read.All", "Directory.Read.All", "GroupMember.Read.All"})

_USUAL = ("id", "displayName", "givenName", "surname", "mail", "userPrincipalName")
_MORE = ("accountEnabled", "userType", "proxyAddresses", "createdDateTime")
_CLAUSE = re.compile(r"(?P<name>\w+) eq (?P<value>true|false|null|'(?:[^']|'')*')")


@dataclass
class Person:
    """An account. `tenant` is a GUID; a personal account's is that of all consumers."""

    address: str
    name: str = "Sample Person"
    upn: str = ""
    mail: str | None = None
    enabled: bool = True
    user_type: str = "Member"
    tenant: str = OURS
    id: str = ""

    def __post_init__(self) -> None:
        self.upn = self.upn or self.address
        self.id = self.id or object_id(self.address)
        self.mail = self.address if self.mail is None else self.mail or None

    @property
    def personal(self) -> bool:
        return self.tenant == CONSUMERS

    def wire(self) -> Json:
        given, _, family = self.name.partition(" ")
        return {
            "id": self.id.replace("-", "")[:16] if self.personal else self.id,
            "displayName": self.name,
            "givenName": given,
            "surname": family or None,
            "mail": self.mail,
            "userPrincipalName": self.upn,
            "accountEnabled": self.enabled,
            "userType": self.user_type,
            "proxyAddresses": [f"SMTP:{self.mail}"] if self.mail else [],
            "createdDateTime": "2020-01-01T00:00:00Z",
        }


@dataclass
class Group:
    """A group; its members are addresses of people and of other groups. `devices` have no address at all."""

    address: str
    name: str
    members: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    id: str = ""

    def __post_init__(self) -> None:
        self.id = self.id or object_id(self.address)

    def wire(self) -> Json:
        return {"id": self.id, "displayName": self.name, "mail": self.address, "mailEnabled": True}


@dataclass
class Directory:
    """The accounts that there are. People of `domains` are in the company's tenant."""

    domains: tuple[str, ...] = ("ours.example", "ours.onmicrosoft.example")
    tenant: str = OURS
    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    # What tests do

    def add(self, address: str, name: str = "Sample Person", *, personal: bool = False, **fields: object) -> Person:
        """Add an account, or replace one: `upn`, `mail` ("" for none), `enabled`, `user_type`, `tenant`.

        An account without a mailbox can sign in and is listed; Graph answers `MailboxNotEnabledForRESTAPI` for it.
        """
        domain = address.partition("@")[2]
        home = CONSUMERS if personal else self.tenant if domain in self.domains else object_id(domain)
        self.people[address] = Person(address, name, **{"tenant": home, **fields})  # type: ignore[arg-type]
        return self.people[address]

    def remove(self, address: str) -> None:
        """Delete an account."""
        del self.people[address]

    def group(self, address: str, *members: str, name: str = "", devices: tuple[str, ...] = ()) -> Group:
        """Make a group, or replace its members; an address of another group nests that one."""
        self.groups[address] = Group(address, name or address.partition("@")[0], members, devices)
        return self.groups[address]

    # What the service asks

    def find(self, name: str, tenant: str | None = None) -> Person | None:
        """Return the account with this id, address or user principal name."""
        lower = name.lower()
        for each in self.people.values():
            known = {each.id, each.id.replace("-", "")[:16], each.upn.lower(), each.address.lower()}
            if lower in known and tenant in {None, each.tenant}:
                return each
        return None

    def tenants(self) -> dict[str, str]:
        """Return the tenants by every name that an authority may have for them."""
        named = dict.fromkeys(self.domains, self.tenant) | {self.tenant: self.tenant, CONSUMERS: CONSUMERS}
        for each in self.people.values():
            domain = each.address.partition("@")[2]
            named |= {each.tenant: each.tenant} | ({} if each.personal else {domain: each.tenant})
        return named

    def users(self, tenant: str, clauses: str) -> list[Json]:
        """Return the users of a tenant that fit a filter. Raises `ApiError`."""
        rows = [each.wire() for each in self.people.values() if each.tenant == tenant]
        return [row for row in rows if fits(row, clauses)]

    def groups_like(self, clauses: str) -> list[Json]:
        """Return the groups that fit a filter. Raises `ApiError`."""
        return [row for row in (each.wire() for each in self.groups.values()) if fits(row, clauses)]

    def members(self, name: str, *, deep: bool) -> list[Json]:
        """Return the members of a group, those of groups in it too if `deep`. Raises `ApiError`: 404."""
        group = next((each for each in self.groups.values() if each.id == name), None)
        if group is None:
            message = f"Resource '{name}' does not exist or one of its queried reference-property objects are not"
            raise ApiError(404, "Request_ResourceNotFound", f"{message} present.")
        seen: dict[str, Json] = {}
        for row in self._walk(group, set(), deep=deep):
            seen.setdefault(row["id"], row)
        return list(seen.values())

    def _walk(self, group: Group, seen: set[str], *, deep: bool) -> Iterator[Json]:
        for device in group.devices:
            yield {"@odata.type": "#microsoft.graph.device", "id": object_id(device), "displayName": device}
        for address in group.members:
            inner = self.groups.get(address)
            if inner is None:
                yield {"@odata.type": "#microsoft.graph.user", **self._member(address).wire()}
                continue
            yield {"@odata.type": "#microsoft.graph.group", **inner.wire()}
            if deep and address not in seen:
                yield from self._walk(inner, seen | {address}, deep=deep)

    def _member(self, address: str) -> Person:
        return self.people.get(address) or Person(address, user_type="Guest")


def object_id(name: str) -> str:
    """Return the GUID that something has in the directory."""
    return str(uuid5(NAMESPACE_DNS, name))


def chosen(row: Json, select: str | None) -> Json:
    """Return the fields of a user or group that were asked for, or the usual ones. Raises `ApiError`: 400."""
    kind = {name: value for name, value in row.items() if name.startswith("@")}
    if not select:
        return kind | {name: value for name, value in row.items() if name not in _MORE}
    names = select.split(",")
    unknown = [name for name in names if name not in {*row, *_USUAL, *_MORE}]
    if unknown:
        raise ApiError(400, "Request_BadRequest", f"Could not find a property named '{unknown[0]}'.")
    return kind | {name: row[name] for name in names if name in row}


def fits(row: Json, clauses: str) -> bool:
    """Tell whether a row fits `a eq 'x' and b eq true`. Raises `ApiError`: 400."""
    for clause in filter(None, re.split(r" and ", clauses)):
        found = _CLAUSE.fullmatch(clause.strip())
        if found is None or found["name"] not in row:
            raise ApiError(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
        literal = {"true": True, "false": False, "null": None}
        text = found["value"]
        wanted = literal[text] if text in literal else text[1:-1].replace("''", "'")
        held = row[found["name"]]
        if (held.lower() if isinstance(held, str) else held) != (wanted.lower() if isinstance(wanted, str) else wanted):
            return False
    return True
