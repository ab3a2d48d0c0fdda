"""Who works here: the users of a Google Workspace and the members of its groups, by the Admin SDK Directory API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from calsignal.contract import Retry, json_text
from calsignal.errors import InputError, NeedsSignIn, Retriable, SourceError

from . import auth
from .client import as_page, base, paged

_GOOGLE = "https://admin.googleapis.com/"
_REQUEST_SECONDS = 60.0
_USERS_A_PAGE = 500
_MEMBERS_A_PAGE = 200
_ADDRESS = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")
_BUSY = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "backendError"})


@dataclass(frozen=True)
class Question:
    """Which users are meant: all active ones of the company, or those that pass every filter that is given.

    domains, groups   addresses in one of these domains; members of one of these groups, through other groups too
    listed            addresses out of the file `source`
    """

    admin: str
    domains: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    source: str = ""
    listed: frozenset[str] = frozenset()

    @property
    def roster(self) -> str:
        """Name the list that the answer makes, the same each time that the same question is asked."""
        filters = [f"domain {domain}" for domain in sorted(self.domains)]
        filters += [f"group {group}" for group in sorted(self.groups)]
        filters += [f"file {self.source}"] if self.source else []
        return f"google all-users {self.admin.rpartition('@')[2]}" + "".join(f", {each}" for each in filters)

    @property
    def scopes(self) -> tuple[str, ...]:
        return (auth.DIRECTORY_USERS, auth.DIRECTORY_MEMBERS) if self.groups else (auth.DIRECTORY_USERS,)


class _Unknown(SourceError):
    """There is no such thing."""


@dataclass(frozen=True)
class _User:
    id: str
    address: str


@dataclass
class _Members:
    """What the walk through groups has found; `everyone` where the whole company is a member."""

    people: set[str] = field(default_factory=set)
    everyone: bool = False

    def have(self, user: _User) -> bool:
        return self.everyone or user.address in self.people or user.id in self.people


def address(text: str) -> str | None:
    """Return an address in lower case; None where it is none."""
    typed = text.strip().lower()
    return typed if _ADDRESS.fullmatch(typed) else None


def read_list(path: Path) -> frozenset[str]:
    """Read a file of addresses, one a line; empty lines and those that begin with # are left out.

    Raises:
        InputError: it cannot be read, holds none, or a line holds something else.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "check the path and its permissions") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8", "save it as UTF-8, with one address a line") from None
    typed = {number: address(line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")}
    wrong = [str(number) for number, found in typed.items() if found is None]
    if wrong:
        raise InputError(f"{path} holds no address in line {', '.join(wrong[:5])}", "write one address a line")
    if not typed:
        raise InputError(f"{path} holds no address", "write one address a line")
    return frozenset(found for found in typed.values() if found)


def active_users(
    question: Question, key: auth.Key, config: Mapping[str, object], retry: Retry, tell: Callable[[str], None]
) -> tuple[str, ...]:
    """Return the main addresses of the active users that are meant, sorted; suspended and archived ones are left out.

    Raises:
        InputError: nobody is meant, or a group is not known. An empty list would disconnect everybody.
        NeedsSignIn: the administrator may not look, or the service account may not act for them.
        Retriable, SourceError: the directory gave no answer.
    """
    with closing(_Directory(question, key, config, retry)) as directory:
        users = list(directory.users(tell))
        meant = directory.members() if question.groups else _Members(everyone=True)
    chosen = {user.address for user in users if meant.have(user) and _passes(user, question)}
    _name_absent(question, {user.address for user in users}, tell)
    if not chosen:
        raise InputError(f"no active user is meant by {question.roster!r}", "check the filters, then run it again")
    return tuple(sorted(chosen))


def _passes(user: _User, question: Question) -> bool:
    in_domain = not question.domains or user.address.rpartition("@")[2] in question.domains
    return in_domain and (not question.source or user.address in question.listed)


def _name_absent(question: Question, known: set[str], tell: Callable[[str], None]) -> None:
    absent = sorted(question.listed - known)
    if absent:
        tell(f"no active users, so left out, are {len(absent)} of {question.source}: {', '.join(absent)}")


class _Directory:
    """The Directory API as one administrator sees it: one attempt a request, all of them through `retry`."""

    def __init__(self, question: Question, key: auth.Key, config: Mapping[str, object], retry: Retry) -> None:
        from google.auth.transport.requests import AuthorizedSession

        self._question, self._retry = question, retry
        endpoint = str(config.get("api_endpoint") or "")
        self._root = f"{base(endpoint) if endpoint else _GOOGLE}admin/directory/v1"
        credentials = auth.credentials(key.secret(question.scopes), question.admin, lambda _: None)
        self._session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._session.close()  # type: ignore[no-untyped-call]

    def users(self, tell: Callable[[str], None]) -> Iterator[_User]:
        """Yield the active users; aliases are not asked for, and an entry without a usable address is counted."""
        fields = "nextPageToken,users(id,primaryEmail,suspended,archived)"
        odd = 0
        for item in self._items("users", "users", customer="my_customer", maxResults=_USERS_A_PAGE, fields=fields):
            main = address(str(item.get("primaryEmail") or ""))
            if main is None:
                odd += 1
            elif not (item.get("suspended") or item.get("archived")):
                yield _User(str(item.get("id") or ""), main)
        if odd:
            tell(f"{odd} users without a usable address are left out")

    def members(self) -> _Members:
        """Walk through the groups of the question and the groups in them, each once, whatever circle they form.

        A group in a group that is not found is another company's: nobody in it is a user of this one.
        """
        found = _Members()
        waiting, seen = list(self._question.groups), set(self._question.groups)
        while waiting:
            name = waiting.pop()
            try:
                items = list(self._group(name))
            except _Unknown:
                if name in self._question.groups:
                    raise InputError(f"there is no group {name}", "check the address of --group") from None
                continue
            for item in items:
                names = {str(item.get("id") or ""), str(item.get("email") or "").lower()} - {""}
                if item.get("type") == "GROUP":
                    waiting += sorted(names, key=lambda each: "@" not in each)[:1] if not names & seen else []
                    seen |= names
                elif item.get("type") == "CUSTOMER":
                    found.everyone = True
                else:
                    found.people |= names
        return found

    def _group(self, name: str) -> Iterator[Mapping[str, Any]]:
        fields = "nextPageToken,members(id,email,type)"
        path = f"groups/{quote(name, safe='')}/members"
        yield from self._items(path, "members", maxResults=_MEMBERS_A_PAGE, fields=fields)

    def _items(self, path: str, kind: str, **params: str | int) -> Iterator[Mapping[str, Any]]:
        """Yield what all pages of a list hold; a page may be empty and lead on."""

        def ask(onward: Mapping[str, str]) -> Mapping[str, Any]:
            return self._retry(lambda: as_page(self._page(path, {**params, **onward}), kind))

        for each in paged(ask, f"the directory's list of {kind}"):
            yield from (item for item in each.get(kind, ()) if isinstance(item, dict))

    def _page(self, path: str, params: Mapping[str, str | int]) -> Mapping[str, Any]:
        import requests

        try:
            url = f"{self._root}/{path}"
            answer = self._session.get(url, params=params, timeout=_REQUEST_SECONDS, allow_redirects=False)
        except requests.RequestException:  # a body cut short is one as well
            host = urlsplit(self._root).hostname
            raise Retriable(f"{host} cannot be reached", "check the network, then run the command again") from None
        body = _body(answer.content)
        if answer.status_code == 200 and isinstance(body, dict):
            return body
        raise _problem(answer.status_code, _reasons(body), auth.waiting_time(answer.headers), self._question)


def _body(content: bytes) -> object:
    try:
        return json.loads(json_text(content))
    except (ValueError, RecursionError):
        return None


def _reasons(body: object) -> Sequence[str]:
    """Return the machine's words for an error."""
    error = body.get("error") if isinstance(body, dict) else None
    listed = error.get("errors") if isinstance(error, dict) else None
    rows = listed if isinstance(listed, list) else ()
    return [str(each.get("reason")) for each in rows if isinstance(each, dict)]


def _problem(status: int, reasons: Sequence[str], wait: float | None, question: Question) -> SourceError | InputError:
    """Say what an error of the Directory API means."""
    if status in {200, 408, 429} or status >= 500 or (status == 403 and _BUSY & set(reasons)):
        fact = f"the directory of Google Workspace gives no answer at present (status {status})"
        return Retriable(fact, "run the command again later", retry_after=wait)
    if "accessNotConfigured" in reasons:
        hint = "console.cloud.google.com: APIs & Services > Library > Admin SDK API, press Enable"
        return InputError("the Admin SDK API is not enabled in the project of the service account", hint)
    if status in {401, 403}:
        hint = "name one who may read users and groups: --admin someone@your-company"
        return NeedsSignIn(f"{question.admin} may not read the directory of your Google Workspace", hint)
    if status == 404:
        return _Unknown("the directory of Google Workspace does not know what was asked for", "see docs/google.md")
    return SourceError(
        f"the directory of Google Workspace refused the question (status {status})", "see docs/google.md"
    )
