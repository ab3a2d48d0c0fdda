"""Who works here, and whose calendar is whose: what Graph tells of people, groups and mailboxes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from calsignal.contract import Retry, json_text
from calsignal.errors import InputError, NeedsSignIn, Retriable, SourceError

from . import auth
from .client import as_page, paged
from .refusals import AGAIN

_REQUEST_SECONDS = 60.0
_A_PAGE = 999
_ADDRESS = re.compile(r"[^\s@,;<>\"'#]+@[^\s@,;<>\"'#]+")
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FIELDS = "id,mail,userPrincipalName,accountEnabled,userType"
_GUEST = "#ext#"
_CONSENT = "then Grant admin consent: entra.microsoft.com, App registrations > your app > API permissions"


class NotAllowed(NeedsSignIn):
    """The app may not read this mailbox."""


class NoMailbox(NeedsSignIn):
    """There is no such mailbox, or none in the cloud."""


class _Unknown(SourceError):
    """There is no such thing."""


@dataclass(frozen=True)
class User:
    """Somebody with a mailbox; `id` stays when the address changes."""

    id: str
    mailbox: str


def address(text: str) -> str | None:
    """Return an address in lower case; None where it is none."""
    typed = text.strip().lower()
    return typed if _ADDRESS.fullmatch(typed) else None


class Graph:
    """Graph as one sign-in sees it: one attempt a request, all of them through `retry`."""

    def __init__(self, token: Callable[[], str], config: Mapping[str, object], retry: Retry) -> None:
        """Make no request yet. Raises `InputError` for an address that cannot be used."""
        self._token, self._retry = token, retry
        self._root = auth.endpoint(config)
        self._session = auth.session()

    def close(self) -> None:
        self._session.close()

    def whose(self, names: Sequence[str]) -> str:
        """Return the mailbox of who signed in; `names` are what the sign-in calls the account.

        The name that one signs in with need not be an address that anybody writes to: the mailbox goes first.

        Raises:
            NeedsSignIn: it is a guest here, or has no address.
        """
        found = self._get("me", {"$select": "mail,userPrincipalName"}, lambda *_: None)
        mail, upn = (str(found.get(name) or "") for name in ("mail", "userPrincipalName"))
        if _GUEST in upn.lower():
            fact = "this account is a guest of the organization, and has its calendar elsewhere"
            raise NeedsSignIn(fact, f"{AGAIN}, with --tenant and the organization that the account belongs to")
        mailbox = next((known for each in (mail, upn, *names) if (known := address(each))), None)
        if mailbox is None:
            raise NeedsSignIn("Microsoft did not say whose calendar this is", AGAIN)
        return mailbox

    def owner(self, user: str) -> str:
        """Try out whether the app may read a calendar, without reading an event; return the mailbox's own address.

        Raises:
            NotAllowed, NoMailbox: it may not, or there is none.
        """
        path = f"users/{quote(user, safe='@')}/calendar"
        found = self._get(path, {"$select": "id,owner"}, partial(_about_mailbox, user))
        owner = found.get("owner")
        return address(str(owner.get("address") or "") if isinstance(owner, dict) else "") or user

    def users(self) -> Iterator[Mapping[str, Any]]:
        """Yield the users of the tenant who may sign in."""
        query = {"$select": _FIELDS, "$filter": "accountEnabled eq true", "$top": _A_PAGE}
        yield from self._items("users", query, _about_users)

    def group(self, typed: str) -> str:
        """Return the id of a group that is named by id, address or name.

        Raises:
            InputError: it is not known, or several have this name.
        """
        if _ID.fullmatch(typed):
            return typed.lower()
        field = "mail" if address(typed) else "displayName"
        quoted = typed.replace("'", "''")
        query = {"$filter": f"{field} eq '{quoted}'", "$select": "id,displayName"}
        found = [str(each.get("id")) for each in self._items("groups", query, _about_groups)]
        if not found:
            raise InputError(f"there is no group {typed}", "check --group; it takes an address, a name or an id")
        if len(found) > 1:
            hint = f"take its id; these have the name: {', '.join(sorted(found))}"
            raise InputError(f"--group {typed} means {len(found)} groups", hint)
        return found[0]

    def members(self, group: str) -> Iterator[Mapping[str, Any]]:
        """Yield the users who are in a group, or in a group in it."""
        query = {"$select": _FIELDS, "$top": _A_PAGE}
        try:
            for row in self._items(f"groups/{group}/transitiveMembers", query, _about_groups):
                if str(row.get("@odata.type") or "#microsoft.graph.user") == "#microsoft.graph.user":
                    _insist_on_seeing(row)
                    yield row
        except _Unknown:
            raise InputError(f"there is no group {group}", "check the id of --group") from None

    def _items(self, path: str, query: Mapping[str, object], explain: _Explain) -> Iterator[Mapping[str, Any]]:
        """Yield what all pages of a list hold; a page may be empty and lead on."""

        def ask(link: str | None) -> Mapping[str, Any]:
            where, asked = (path, query) if link is None else (self._safe(link), {})
            return self._retry(lambda: as_page(self._once(where, asked, explain)))

        for answer in paged(ask, "the directory"):
            yield from (row for row in answer["value"] if isinstance(row, dict))

    def _safe(self, url: str) -> str:
        """Refuse a next link that leads elsewhere: the token would go with it."""
        root = urlsplit(self._root)
        try:
            link = urlsplit(url)
        except ValueError:  # brackets without an address in them
            link = urlsplit("")
        if (link.scheme, link.netloc.lower()) != (root.scheme, root.netloc.lower()):
            raise SourceError(f"{root.hostname} leads to another host", "check graph_url in [microsoft]")
        return url

    def _get(self, path: str, query: Mapping[str, object], explain: _Explain) -> Mapping[str, Any]:
        return self._retry(lambda: self._once(path, query, explain))

    def _once(self, path: str, query: Mapping[str, object], explain: _Explain) -> Mapping[str, Any]:
        url = path if path.startswith("https://") else f"{self._root}{path}"
        host = str(urlsplit(url).hostname)
        headers = {"Authorization": f"Bearer {self._token()}"}
        with auth.reaching(host):
            answer = self._session.get(
                url,
                params={name: str(value) for name, value in query.items()},
                headers=headers,
                timeout=_REQUEST_SECONDS,
                allow_redirects=False,
            )
        status, body = answer.status_code, _body(answer)
        if status == 200 and body is not None:
            return body
        if status in {200, 408, 429} or status >= 500:
            fact = f"{host} gives no answer at present (status {status})"
            raise Retriable(fact, "try again later", retry_after=auth.waiting_time(answer.headers))
        raise explain(status, _word(body)) or _other(host, status)


_Explain = Callable[[int, str], SourceError | None]
"""Turn a status and Graph's word for an error into what it means here; None for what nobody foresaw."""


def _body(answer: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
    try:
        found = json.loads(json_text(answer.content))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _word(body: Mapping[str, Any] | None) -> str:
    error = (body or {}).get("error")
    return str(error.get("code") or "") if isinstance(error, dict) else ""


def _other(host: str, status: int) -> SourceError:
    if status == 401:
        return NeedsSignIn(f"{host} does not accept the sign-in", AGAIN)
    return SourceError(f"{host} refused the question (status {status})", "see docs/microsoft.md")


def _about_mailbox(user: str, status: int, code: str) -> SourceError | None:
    if status == 403:
        hint = "let an administrator allow it, as told below; it takes up to 2 hours to take effect"
        return NotAllowed(f"the app may not read the calendar of {user}", hint)
    if code == "MailboxNotEnabledForRESTAPI":
        return NoMailbox(f"{user} has no mailbox in the cloud", "name somebody who has a license for Exchange Online")
    if status in {400, 404}:
        hint = "name the user principal name, as the Microsoft 365 admin center shows it, or the id"
        return NoMailbox(f"Microsoft knows no user {user}", hint)
    return None


def _about_users(status: int, _code: str) -> SourceError | None:
    if status == 403:
        return NeedsSignIn("the app may not list users", f"add the application permission User.Read.All, {_CONSENT}")
    return None


def _about_groups(status: int, _code: str) -> SourceError | None:
    if status == 403:
        hint = f"add the application permissions GroupMember.Read.All and User.Read.All, {_CONSENT}"
        return NeedsSignIn("the app may not look into groups", hint)
    return _Unknown("there is no such group", "check --group") if status == 404 else None


def _insist_on_seeing(row: Mapping[str, Any]) -> None:
    """Notice that an app sees ids of members and nothing else, which Graph does without a word."""
    if all(row.get(name) is None for name in ("mail", "userPrincipalName", "accountEnabled")):
        hint = f"add the application permission User.Read.All, {_CONSENT}"
        raise NeedsSignIn("the app may see that a group has members, and not who they are", hint)


# --- a list of people -------------------------------------------------------------------------------------------------


def active_users(
    graph: Graph, groups: Sequence[str], tenant: str, tell: Callable[[str], None]
) -> tuple[str, tuple[User, ...]]:
    """Return a name for the list, and the people with a mailbox who are meant, sorted by it.

    All of the tenant, or those in one of the `groups`; who may not sign in and who is a guest is left out.

    Raises:
        InputError: nobody is meant, or a group is not known. An empty list would disconnect everybody.
        NeedsSignIn: the app may not look.
        Retriable, SourceError: the directory gave no answer.
    """
    ids = sorted({graph.group(each) for each in groups})
    rows = [row for each in ids for row in graph.members(each)] if ids else list(graph.users())
    ours = [row for row in rows if row.get("accountEnabled") and not _is_guest(row)]
    found = {mailbox: str(row["id"]) for row in ours if (mailbox := address(str(row.get("mail") or "")))}
    odd = len({str(row.get("id")) for row in ours} - set(found.values()))
    if odd:
        tell(f"{odd} users without a mailbox are left out")
    if not found:
        asked = f"in {', '.join(groups)}" if groups else "in the tenant"
        raise InputError(f"nobody {asked} has a mailbox and may sign in", "check the group, then run it again")
    which = "".join(f", group {each}" for each in ids)
    users = tuple(User(found[mailbox], mailbox) for mailbox in sorted(found))
    return f"microsoft all-users {tenant}{which}", users


def _is_guest(row: Mapping[str, Any]) -> bool:
    upn = str(row.get("userPrincipalName") or "").lower()
    return str(row.get("userType") or "Member") == "Guest" or _GUEST in upn
