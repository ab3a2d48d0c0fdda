"""The people and groups of a company, and the Directory API's lists of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from google_calendar.service_faults import ApiError, Request
from google_calendar.service_oauth import AUTH, Grant, number
from google_calendar.service_world import Json

USER_SCOPES = frozenset(f"{AUTH}admin.directory.{each}" for each in ("user", "user.readonly"))
MEMBER_SCOPES = frozenset(
    f"{AUTH}admin.directory.{each}" for each in ("group", "group.readonly", "group.member", "group.member.readonly")
)
_PUBLIC = frozenset("kind id etag primaryEmail name emails".split())


@dataclass
class User:
    email: str
    name: str = "Sample Person"
    suspended: bool = False
    archived: bool = False
    admin: bool = False
    org_unit: str = "/"
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """Somebody in a group: `USER`, `GROUP` or `CUSTOMER`; `email` is empty for a whole company."""

    email: str
    type: str = "USER"
    role: str = "MEMBER"
    status: str = "ACTIVE"


@dataclass
class Directory:
    """A company with its domains. `domains` are those whose mailboxes are its users."""

    domains: tuple[str, ...] = ("ours.example",)
    customer: str = "C0sample"
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, tuple[Member, ...]] = field(default_factory=dict)

    def add(self, email: str, name: str = "Sample Person", **fields: object) -> User:
        """Add a user, or replace one: `suspended`, `archived`, `admin`, `org_unit`, `aliases`."""
        self.users[email] = User(email, name, **fields)  # type: ignore[arg-type]
        return self.users[email]

    def remove(self, email: str) -> None:
        """Delete a user: listed no more, and no subject for a service account."""
        del self.users[email]

    def group(self, email: str, *members: str | Member) -> None:
        """Make a group, or replace its members; an address of another group is a member of type GROUP."""
        self.groups[email] = tuple(
            Member(each, "GROUP" if each in self.groups else "USER") if isinstance(each, str) else each
            for each in members
        )

    def list_users(self, request: Request, grant: Grant) -> list[Json]:
        """Return all users that a request asks for. Raises `ApiError`."""
        asked = request.params
        public = asked.get("viewType", "admin_view") == "domain_public"
        self._admit(grant, public=public)
        if "domain" not in asked and "customer" not in asked:
            raise ApiError(400, "badRequest", "Bad Request")
        if asked.get("customer", "my_customer") not in {"my_customer", self.customer}:
            raise ApiError(404, "notFound", "Resource Not Found: customer")
        if "domain" in asked and asked["domain"] not in self.domains:
            raise ApiError(404, "notFound", "Domain not found.")
        users = [user for user in self.users.values() if asked.get("domain") in {None, user.email.partition("@")[2]}]
        tests = [_clause(clause) for clause in re.findall(r"\S+?(?:'[^']*')?(?=\s|$)", asked.get("query", ""))]
        users = [user for user in users if all(test(user) for test in tests)]
        if public:
            users = [user for user in users if not user.suspended and not user.archived]
        return [self.item(user, public=public) for user in sorted(users, key=lambda user: user.email)]

    def list_members(self, request: Request, grant: Grant, group: str) -> list[Json]:
        """Return all members of a group that a request asks for. Raises `ApiError`."""
        self._admit(grant, public=False)
        if group not in self.groups:
            raise ApiError(404, "notFound", "Resource Not Found: groupKey")
        derived = request.params.get("includeDerivedMembership") == "true"
        roles = request.params.get("roles", "").upper().split(",")
        members = self._derived(group, set()) if derived else list(self.groups[group])
        return [_member(each) for each in members if roles == [""] or each.role in roles]

    def item(self, user: User, *, public: bool) -> Json:
        given, _, family = user.name.partition(" ")
        whole: Json = {
            "kind": "admin#directory#user",
            "id": number(user.email),
            "etag": f'"{user.email}"',
            "primaryEmail": user.email,
            "name": {"givenName": given, "familyName": family, "fullName": user.name},
            "isAdmin": user.admin,
            "isDelegatedAdmin": False,
            "suspended": user.suspended,
            "archived": user.archived,
            "emails": [{"address": user.email, "primary": True}, *({"address": alias} for alias in user.aliases)],
            "customerId": self.customer,
            "orgUnitPath": user.org_unit,
            "isMailboxSetup": True,
        }
        whole |= {"aliases": list(user.aliases)} if user.aliases else {}
        whole |= {"suspensionReason": "ADMIN"} if user.suspended else {}
        return {name: value for name, value in whole.items() if not public or name in _PUBLIC}

    def _admit(self, grant: Grant, *, public: bool) -> None:
        user = self.users.get(grant.user)
        if user is None or user.suspended or not (public or user.admin):
            raise ApiError(403, "forbidden", "Not Authorized to access this resource/api")

    def _derived(self, group: str, seen: set[str]) -> list[Member]:
        seen.add(group)
        found: dict[str, Member] = {}
        for member in self.groups.get(group, ()):
            inner = member.type == "GROUP" and member.email not in seen
            for each in self._derived(member.email, seen) if inner else [member]:
                found.setdefault(each.email, each)
        return list(found.values())


def _member(member: Member) -> Json:
    item: Json = {"kind": "admin#directory#member", "etag": '"member"', "id": number(member.email)}
    item |= {"email": member.email} if member.email else {}
    return item | {"role": member.role, "type": member.type, "status": member.status}


def _clause(text: str) -> Callable[[User], bool]:
    """Read one clause of a search for users. Raises `ApiError` (400)."""
    found = re.fullmatch(r"(\w+)(=|:)'?([^']*?)(\*?)'?", text)
    values: dict[str, Callable[[User], str]] = {
        "email": lambda user: user.email,
        "isSuspended": lambda user: str(user.suspended).lower(),
        "isArchived": lambda user: str(user.archived).lower(),
        "isAdmin": lambda user: str(user.admin).lower(),
        "orgUnitPath": lambda user: user.org_unit,
        "name": lambda user: user.name,
    }
    if not found or found[1] not in values:
        raise ApiError(400, "invalid", "Invalid Input: query")
    read, wanted, starts = values[found[1]], found[3], bool(found[4])
    if found[1] == "orgUnitPath":  # a unit contains the units below it
        return lambda user: f"{read(user)}/".startswith(f"{wanted.rstrip('/')}/")
    if starts:
        return lambda user: read(user).startswith(wanted)
    return lambda user: wanted in read(user) if found[2] == ":" else read(user) == wanted
