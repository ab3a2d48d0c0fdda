"""`connect google`: a person signs in, or a service account reads for a team. What to remember comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calsignal.contract import Access, Authorised, ConnectRequest, Finding, Option, Setting, Source, Window
from calsignal.errors import InputError, NeedsSignIn

if TYPE_CHECKING:
    from .auth import Key

PRIMARY = "primary"
_MINE = ("client_secrets", "no_browser", "port")
_FILTERS = ("domain", "group", "users")
STEPS = (
    "people sign in to Google through an app of your own company; one of you makes it, once:",
    "1. console.cloud.google.com: choose a project of your company, or make one",
    "2. APIs & Services > Library > Google Calendar API: press Enable",
    "3. Google Auth platform > Branding: press Get started; App name calsignal, your address as User support email",
    "4. in the same form, Audience: choose Internal; then your address as Contact information, and Create",
    "5. Google Auth platform > Data Access: press Add or remove scopes, add {scopes}, press Update, then Save",
    "6. Google Auth platform > Clients: press Create client; Application type Desktop app; Create; Download JSON",
    "7. run `calsignal connect google --client-secrets FILE`; the config can name the file: [google] client_secrets",
    "Internal needs Google Workspace. An app that is External and in Testing works for its test users only, and",
    "Google ends each of their sign-ins after 7 days. docs/google.md has the details.",
)


class GoogleProvider:
    """Google Calendar, read-only."""

    name = "google"
    about = "a Google calendar, or those of a whole Google Workspace"
    at_once = 8  # of 50 ms each, their requests stay below the 10,000 a minute that a project has
    settings: tuple[Setting, ...] = (
        Setting("client_secrets", str, None, "the client file of your desktop app, as Google's console gives it"),
        Setting("api_endpoint", str, None, "another address of Google's services, for a private gateway"),
    )
    options: tuple[Option, ...] = (
        Option("client_secrets", "FILE of your desktop app, where the config names none"),
        Option("no_browser", "print the address to sign in at, and open no browser", flag=True),
        Option("port", "the port of this machine at which the browser answers; a free one otherwise"),
        Option(
            "calendar",
            "a calendar to read, by name or id; again for more; `primary` is the main one, else read alone",
            multiple=True,
        ),
        Option("service_account", "FILE with the key of a service account that reads for a team"),
        Option("as", "a mailbox that the service account reads; again for more", multiple=True),
        Option("all_users", "read every active user of your Google Workspace; whoever left is disconnected", flag=True),
        Option("admin", "with --all-users: an administrator, who looks into the directory"),
        Option("domain", "with --all-users: only users of this domain; again for more", multiple=True),
        Option("group", "with --all-users: only members of this group; again for more", multiple=True),
        Option("users", "with --all-users: only users whose addresses stand in this FILE, one a line"),
    )

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        """Authorise one mailbox by a sign-in, or several by a service account.

        Raises:
            InputError: options that contradict each other, a file that cannot be used, nobody to connect.
            NeedsSignIn: the sign-in or the service account was refused.
            SourceError: Google gave no answer.
        """
        _check(request.options)
        if not request.options.get("service_account"):
            return (_person(request),)
        return _all_users(request) if request.options.get("all_users") else _some(request)

    def revoke(self, access: Access) -> Finding:
        """End the sign-in of a user at Google. Raises `SourceError` where that cannot be done now."""
        from .revoking import revoke

        return revoke(access)

    def open(self, access: Access) -> Source:
        """Return a source; the modules that read calendars are loaded only now."""
        from .source import GoogleSource

        return GoogleSource(access)


# --- what was typed ---------------------------------------------------------------------------------------------------


def _check(options: Mapping[str, object]) -> None:
    """Refuse options that contradict each other, by name. Raises `InputError`."""
    given = [name for name, value in options.items() if value]
    named = options.get("calendar")
    if isinstance(named, tuple | list) and not all(str(each).strip() for each in named):
        raise InputError("--calendar names no calendar", "leave it out to read the main one, or give a name or an id")
    if "service_account" not in given:
        _refuse(given, ("as", "all_users", "admin", *_FILTERS), "goes with --service-account only")
        return
    _refuse(given, _MINE, "does not go with --service-account: nobody signs in")
    if "all_users" in given:
        _refuse(given, ("as",), "does not go with --all-users")
        _refuse(given, ("calendar",), "does not go with --all-users, which reads everybody's main calendar")
        if "admin" not in given:
            raise InputError("--all-users lacks --admin", "name an administrator: --admin someone@your-company")
        return
    _refuse(given, ("admin", *_FILTERS), "goes with --all-users only")
    if "as" not in given:
        raise InputError("--service-account lacks the mailboxes", "name them with --as, or take --all-users --admin")


def _refuse(given: Sequence[str], wrong: Sequence[str], why: str) -> None:
    named = [f"--{name.replace('_', '-')}" for name in wrong if name in given]
    if named:
        raise InputError(f"{', '.join(named)} {why}", "leave one of them out; `calsignal connect google --help` tells")


def _typed(request: ConnectRequest, name: str) -> str:
    return str(request.options.get(name) or "").strip()


def _several(request: ConnectRequest, name: str) -> tuple[str, ...]:
    """Return the values of an option that may be given again, each once."""
    value = request.options.get(name)
    typed = value if isinstance(value, tuple | list) else ()
    return tuple(dict.fromkeys(str(each).strip() for each in typed))


def _addresses(name: str, typed: Sequence[str]) -> tuple[str, ...]:
    from .directory import address

    found = [address(each) for each in typed]
    if None in found:
        raise InputError(f"--{name} is not an e-mail address", f"write it as --{name} someone@ours.example")
    return tuple(dict.fromkeys(each for each in found if each))


def _port(request: ConnectRequest) -> int:
    typed = _typed(request, "port")
    if typed and not (typed.isascii() and typed.isdigit() and 0 < int(typed) < 65536):
        raise InputError("--port is no port", "give a number from 1 to 65535")
    return int(typed or 0)


# --- one person -------------------------------------------------------------------------------------------------------


def _person(request: ConnectRequest) -> Authorised:
    import webbrowser

    from . import auth

    port, calendars = _port(request), _several(request, "calendar")
    scopes = [auth.EVENTS, auth.OPENID, auth.EMAIL] + ([auth.CALENDAR_LIST] if calendars else [])
    client = auth.read_client(_client_file(request, scopes))
    browser = None if request.options.get("no_browser") else webbrowser.open
    signed_in = auth.sign_in(client, scopes, tell=request.tell, browser=browser, port=port)
    chosen = _choose(request, signed_in.mailbox, signed_in.secret, calendars)
    settings = {"scopes": " ".join(signed_in.scopes), **chosen}
    return Authorised(signed_in.mailbox, _name(signed_in.mailbox), signed_in.secret, settings)


def _name(mailbox: str) -> str:
    return f"{GoogleProvider.name}:{mailbox}"


def _client_file(request: ConnectRequest, scopes: Sequence[str]) -> Path:
    typed = _typed(request, "client_secrets") or str(request.config.get("client_secrets") or "").strip()
    if not typed:
        for step in STEPS:
            request.tell(step.format(scopes=", ".join(scopes)))
        raise InputError("there is no client file to sign in with", "make one by these steps, then run step 7")
    return _path(typed)


def _path(typed: str) -> Path:
    try:
        return Path(typed).expanduser()
    except RuntimeError:  # there is no home folder to expand ~ to
        return Path(typed)


# --- calendars --------------------------------------------------------------------------------------------------------


def _choose(request: ConnectRequest, mailbox: str, secret: str, named: Sequence[str]) -> dict[str, str]:
    """Find the calendars that were named, and return the setting that holds them.

    Raises:
        InputError: a name is not known, means several, or belongs to somebody else.
    """
    if not named:
        return {}
    listed = list(_listed(request, mailbox, secret))
    chosen = dict(_one(request, mailbox, name, listed) for name in named)
    if PRIMARY not in chosen:
        request.tell("the main calendar is not among them; to read it too, add --calendar primary")
    return {"calendars": json.dumps([list(each) for each in chosen.items()], ensure_ascii=False)}


def _listed(request: ConnectRequest, mailbox: str, secret: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of the calendar list, page after page."""
    from .client import as_page, open_service, paged

    nothing = Window(datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(0, UTC))  # no event is read
    access = Access(mailbox, {}, request.config, secret, lambda _: None, nothing, request.retry)
    with closing(open_service(access)) as client:

        def ask(onward: Mapping[str, str]) -> Mapping[str, Any]:
            return request.retry(lambda: as_page(client.calendar_list(**onward), "items"))

        for each in paged(ask, f"the list of calendars of {mailbox}"):
            yield from (
                entry for entry in each.get("items", ()) if isinstance(entry, dict) and isinstance(entry.get("id"), str)
            )


def _one(request: ConnectRequest, mailbox: str, name: str, listed: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return id and name of the calendar that one --calendar means; an id goes before a name."""
    if name.lower() in {PRIMARY, mailbox}:
        return PRIMARY, mailbox
    found = [each for each in listed if each.get("id") == name] or [each for each in listed if name in _names(each)]
    if any(each.get("primary") for each in found):
        return PRIMARY, mailbox
    if len(found) != 1:
        mine = sorted(_names(each)[0] for each in listed if each.get("accessRole") == "owner")
        request.tell(f"the calendars that {mailbox} owns: {', '.join(mine)}")
        fact = f"--calendar {name!r} means {len(found)} calendars" if found else f"no calendar is called {name!r}"
        raise InputError(fact, "give one of the names above, or the id that stands in the settings of the calendar")
    if found[0].get("accessRole") != "owner":
        hint = "connect its owner: that mailbox reads it; calsignal asks for owned calendars only"
        raise InputError(f"{mailbox} does not own the calendar {name!r}", hint)
    return str(found[0]["id"]), _names(found[0])[0]


def _names(entry: Mapping[str, Any]) -> list[str]:
    """Return what a calendar is called: the owner of the list may have another word for it than its maker."""
    return [str(entry[key]) for key in ("summaryOverride", "summary", "id") if entry.get(key)]


# --- a team -----------------------------------------------------------------------------------------------------------


def _some(request: ConnectRequest) -> tuple[Authorised, ...]:
    """Connect the mailboxes that were named; each is tried out with one token."""
    from . import auth

    mailboxes = _addresses("as", _several(request, "as"))
    calendars = _several(request, "calendar")
    scopes = (auth.EVENTS, auth.CALENDAR_LIST) if calendars else (auth.EVENTS,)
    key = auth.read_key(_path(_typed(request, "service_account")))
    found, refused = [], []
    for mailbox in mailboxes:
        try:
            request.retry(lambda who=mailbox: auth.verify(key.secret(scopes), who))  # type: ignore[misc]
            chosen = _choose(request, mailbox, key.secret(scopes), calendars)
            found.append(_delegated(key, mailbox, chosen))
        except NeedsSignIn as problem:
            refused.append(problem)
            request.refused(f"{mailbox} is not connected: {problem}; {problem.hint}")
    _explain(request, key, scopes, refused)
    if not found:
        raise NeedsSignIn("no mailbox was connected", "mend what is said above, then run the command again")
    return tuple(found)


def _explain(request: ConnectRequest, key: Key, scopes: Sequence[str], refused: Sequence[NeedsSignIn]) -> None:
    """Tell an administrator's steps where delegation is what lacks."""
    from . import auth

    if any(isinstance(problem, auth.NotDelegated) for problem in refused):
        for step in auth.delegation_steps(key, scopes):
            request.tell(step)


def _all_users(request: ConnectRequest) -> tuple[Authorised, ...]:
    """Connect everybody who is meant.

    One mailbox is tried out in the place of all: delegation holds for the whole company, and a token for each of 500
    would be 500 requests at once. A mailbox that cannot be read all the same shows at the next sync.
    """
    from . import auth, directory

    (admin,) = _addresses("admin", [_typed(request, "admin")])
    source = _path(_typed(request, "users")).absolute() if _typed(request, "users") else None
    question = directory.Question(
        admin,
        tuple(domain.lower().removeprefix("@") for domain in _several(request, "domain")),
        _addresses("group", _several(request, "group")),
        str(source or ""),
        directory.read_list(source) if source else frozenset(),
    )
    key = auth.read_key(_path(_typed(request, "service_account")))
    try:
        mailboxes = directory.active_users(question, key, request.config, request.retry, request.tell)
        request.retry(lambda: auth.verify(key.secret(), mailboxes[0]))
    except auth.NotDelegated as problem:
        _explain(request, key, (auth.EVENTS, *question.scopes), [problem])
        raise NeedsSignIn(str(problem), "have these steps done, then run the command again") from None
    return tuple(_delegated(key, mailbox, {}, question.roster) for mailbox in mailboxes)


def _delegated(key: Key, mailbox: str, chosen: Mapping[str, str], roster: str | None = None) -> Authorised:
    from . import auth

    shares = f"google service account {key.client_email}"
    settings = {"scopes": auth.EVENTS, **chosen}
    return Authorised(mailbox, _name(mailbox), key.secret(), settings, shares=shares, roster=roster)
