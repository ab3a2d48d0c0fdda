"""`connect microsoft`: a person signs in, or an app reads for a team. What to remember comes out."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from calsignal.contract import Access, Authorised, ConnectRequest, Finding, Option, Setting, Source
from calsignal.errors import InputError, NeedsSignIn

if TYPE_CHECKING:
    from .auth import Certificate, Door
    from .directory import Graph, User

_MINE = ("device_code", "no_browser", "port")
_WHO = ("user", "all_users", "group")
_SOON = timedelta(days=30)
_TRIES = 3
_TENANT_WIDE = ("Calendars.Read", "Calendars.ReadWrite", "Calendars.ReadBasic.All")
STEPS = (
    "people sign in to Microsoft through an app of your own organization; one of you registers it, once:",
    "1. entra.microsoft.com: Entra ID > App registrations: press New registration",
    "2. Name calsignal; Supported account types: Accounts in this organizational directory only; press Register",
    "3. Authentication > Add Redirect URI > Mobile and desktop applications: http://localhost; press Configure",
    "4. API permissions > Add a permission > Microsoft Graph > Delegated permissions: {scopes}; press Add permissions",
    "5. for --device-code alone: Authentication > Settings > Allow public client flows: Yes; press Save",
    "6. Overview: copy Application (client) ID and Directory (tenant) ID",
    "7. run `calsignal connect microsoft --client-id ID --tenant ID`; the config can name both, in [microsoft]",
    "for personal accounts (outlook.com) choose in step 2 the kind that includes them, and leave out --tenant.",
    "docs/microsoft.md has the details.",
)
APP_STEPS = (
    "the app reads by itself; one of you registers it, once:",
    "1. entra.microsoft.com: Entra ID > App registrations: press New registration",
    "2. Name calsignal; Supported account types: Accounts in this organizational directory only; press Register",
    "3. Certificates & secrets > Certificates > Upload certificate, or Client secrets > New client secret",
    "4. let an administrator allow it to read the mailboxes of sales and no others: docs/microsoft.md",
    "5. Overview: copy Application (client) ID and Directory (tenant) ID",
    "6. run `calsignal connect microsoft --app-only --client-id ID --tenant ID --user someone@your-company`",
)

_FILTER = "\"MemberOfGroup -eq '$($group.DistinguishedName)'\""
POWERSHELL = (
    "Connect-ExchangeOnline",
    "New-ServicePrincipal -AppId {client_id} -ObjectId OBJECT-ID -DisplayName calsignal",
    "$group = Get-Group sales@ours.example",
    f"New-ManagementScope -Name calsignal -RecipientRestrictionFilter {_FILTER}",
    'New-ManagementRoleAssignment -App OBJECT-ID -Role "Application Calendars.Read" -CustomResourceScope calsignal',
)
"""What limits the app to the mailboxes of one group: RBAC for Applications has no role that reads less."""


class MicrosoftProvider:
    """Microsoft 365 and Outlook.com calendars, read-only."""

    name = "microsoft"
    about = "a Microsoft 365 or Outlook.com calendar, or those of a whole organization"
    at_once = 8  # limits are for each mailbox, which gets one request at a time; an app has 2,000 a second
    settings: tuple[Setting, ...] = (
        Setting("client_id", str, None, "the Application (client) ID of your app in Microsoft Entra"),
        Setting("tenant", str, "common", "the Directory (tenant) ID or a domain of your organization"),
        Setting("authority", str, "https://login.microsoftonline.com", "where people sign in"),
        Setting("graph_url", str, "https://graph.microsoft.com", "where calendars are read"),
        Setting(
            "instance_discovery",
            bool,
            default=True,
            help="ask Microsoft whether it knows the host of authority; false for a gateway of your own",
        ),
    )
    options: tuple[Option, ...] = (
        Option("client_id", "the Application (client) ID of your app, where the config names none"),
        Option("tenant", "the Directory (tenant) ID or a domain of your organization; before that of the config"),
        Option("device_code", "sign in on another device, by typing a code there", flag=True),
        Option("no_browser", "print the address to sign in at, and open no browser", flag=True),
        Option("port", "the port of this machine at which the browser answers; a free one otherwise"),
        Option("app_only", "the app reads by itself, for a team; nobody signs in", flag=True),
        Option("user", "with --app-only: a mailbox to read; again for more", multiple=True),
        Option("all_users", "with --app-only: read everybody's; whoever left is disconnected", flag=True),
        Option("group", "with --app-only: read a group's members; an address, a name or an id", multiple=True),
        Option("certificate", "with --app-only: a FILE with certificate and key, in place of a client secret"),
    )

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        """Authorise one mailbox by a sign-in, or several by an app that reads by itself.

        Raises:
            InputError: options that contradict each other, an app that cannot be used, nobody to connect.
            NeedsSignIn: the sign-in or the app was refused.
            SourceError: Microsoft gave no answer.
        """
        _check(request.options)
        return _team(request) if request.options.get("app_only") else (_person(request),)

    def revoke(self, access: Access) -> Finding:
        """Say that Microsoft lets no app end a sign-in, and where a person does."""
        if access.settings.get("user") == "me":
            where = "take the app away at https://myapps.microsoft.com, or ask an administrator to revoke your sessions"
            return Finding("Microsoft has no way for an app to end a sign-in; what was kept of it is gone here", where)
        where = "delete the secret or the certificate in Microsoft Entra: App registrations > Certificates & secrets"
        return Finding("the secret of the app goes on working wherever there is a copy of it", where)

    def open(self, access: Access) -> Source:
        """Return a source; the modules that read calendars are loaded only now."""
        from .source import MicrosoftSource

        return MicrosoftSource(access)


# --- what was typed ---------------------------------------------------------------------------------------------------


def _check(options: Mapping[str, object]) -> None:
    """Refuse options that contradict each other, by name. Raises `InputError`."""
    given = [name for name, value in options.items() if value]
    if "app_only" not in given:
        _refuse(given, (*_WHO, "certificate"), "goes with --app-only only")
        if "device_code" in given:
            _refuse(given, ("port",), "does not go with --device-code: no browser answers here")
        return
    _refuse(given, _MINE, "does not go with --app-only: nobody signs in")
    chosen = [name for name in _WHO if name in given]
    if not chosen:
        raise InputError("--app-only lacks the mailboxes", "name them with --user, or take --group or --all-users")
    _refuse(given, chosen[1:], f"does not go with {_flag(chosen[0])}")


def _refuse(given: Sequence[str], wrong: Sequence[str], why: str) -> None:
    named = [_flag(name) for name in wrong if name in given]
    if named:
        hint = "leave one of them out; `calsignal connect microsoft --help` tells"
        raise InputError(f"{', '.join(named)} {why}", hint)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _typed(request: ConnectRequest, name: str) -> str:
    return str(request.options.get(name) or "").strip()


def _several(request: ConnectRequest, name: str) -> tuple[str, ...]:
    """Return the values of an option that may be given again, each once."""
    value = request.options.get(name)
    typed = value if isinstance(value, tuple | list) else ()
    return tuple(dict.fromkeys(str(each).strip() for each in typed))


def _port(request: ConnectRequest) -> int:
    typed = _typed(request, "port")
    if typed and not (typed.isascii() and typed.isdigit() and 0 < int(typed) < 65536):
        raise InputError("--port is no port", "give a number from 1 to 65535")
    return int(typed or 0)


def _path(typed: str) -> Path:
    try:
        return Path(typed).expanduser()
    except RuntimeError:  # there is no home folder to expand ~ to
        return Path(typed)


def _door(request: ConnectRequest, steps: Sequence[str]) -> Door:
    """Return where to sign in, and through which app; tell how to register one where none is named."""
    from . import auth

    where = auth.authority(request.config, _typed(request, "tenant"))
    client_id = _typed(request, "client_id") or str(request.config.get("client_id") or "").strip()
    if not client_id:
        scopes = ", ".join(auth.wanted(read_text=request.read_text))
        for step in steps:
            request.tell(step.format(scopes=scopes))
        raise InputError("there is no app to sign in through", "register one by these steps, and give its --client-id")
    if not client_id.isprintable() or " " in client_id or "/" in client_id:
        raise InputError("the client id is none", "copy Application (client) ID from Overview of your app")
    return auth.Door(client_id, where, bool(request.config.get("instance_discovery", True)))


# --- one person -------------------------------------------------------------------------------------------------------


def _browse(url: str) -> bool:
    """Open the browser, which inherits the environment but for the secret in it."""
    import webbrowser

    from . import auth

    kept = os.environ.pop(auth.SECRET_VARIABLE, None)
    try:
        return webbrowser.open(url)
    finally:
        if kept is not None:
            os.environ[auth.SECRET_VARIABLE] = kept


def _person(request: ConnectRequest) -> Authorised:
    from . import auth, directory

    port = _port(request)
    auth.endpoint(request.config)  # before anybody signs in for nothing
    door = _door(request, STEPS)
    names = auth.wanted(read_text=request.read_text)
    scopes = [auth.permission(name, request.config) for name in names]
    if request.options.get("device_code"):
        found = auth.device_sign_in(door, scopes, tell=request.tell, wait=time.sleep)
    else:
        browser = None if request.options.get("no_browser") else _browse
        found = auth.sign_in(door, scopes, tell=request.tell, browser=browser, port=port)
    with closing(directory.Graph(lambda: found.token, request.config, request.retry)) as graph:
        mailbox = graph.whose(found.names)
    return Authorised(mailbox, _name(mailbox), found.secret, {"scopes": " ".join(names), "user": "me"})


def _name(mailbox: str) -> str:
    return f"{MicrosoftProvider.name}:{mailbox}"


# --- a team -----------------------------------------------------------------------------------------------------------


def _team(request: ConnectRequest) -> tuple[Authorised, ...]:
    """Connect the mailboxes that an app reads by itself; all of them share what it signs in with."""
    from . import auth, directory

    door = _door(request, APP_STEPS)
    if auth.tenant_of(door.authority).lower() in auth.COMMON:
        raise InputError("--app-only lacks the tenant", "name it: --tenant with the Directory (tenant) ID of your app")
    scope = auth.everything(request.config)
    secret, certificate = _credential(request)
    kept = [auth.app_secret(door, secret, certificate, scope)]
    signed = auth.Signed(kept[0], "", request.config, kept.append)
    with closing(signed), closing(directory.Graph(signed.token, request.config, request.retry)) as graph:
        token = request.retry(signed.token)
        _warn(request, auth.granted_roles(token))
        tenant = auth.token_tenant(token) or auth.tenant_of(door.authority)
        if request.options.get("user"):
            roster, users = None, _some(request, graph, door)
        else:
            roster, users = _everybody(request, graph, door, tenant)
    shares = f"microsoft app {door.client_id}"
    return tuple(
        Authorised(each.mailbox, _name(each.mailbox), kept[-1], {"scopes": scope, "user": each.id}, "", shares, roster)
        for each in users
    )


def _credential(request: ConnectRequest) -> tuple[str | None, Certificate | None]:
    """Return the secret or the certificate of the app; neither where the secret is to be found in the environment."""
    import os

    from . import auth

    if typed := _typed(request, "certificate"):
        path = _path(typed)
        return None, _good(request, path, auth.read_certificate(path))
    if os.environ.get(auth.SECRET_VARIABLE, "").strip():
        request.tell(f"the client secret is taken from {auth.SECRET_VARIABLE}, and not kept: each sync needs it there")
        return None, None
    return request.ask_secret("client secret of the app"), None


def _good(request: ConnectRequest, path: Path, certificate: Certificate) -> Certificate:
    """Refuse a certificate that has expired; tell of one that soon will."""
    left = certificate.ends - datetime.now(UTC)
    day = f"{certificate.ends:%Y-%m-%d}"
    if left <= timedelta():
        raise InputError(f"the certificate in {path} expired on {day}", "make a new one, and upload it to the app")
    if left < _SOON:
        request.tell(f"note: the certificate in {path} expires on {day}; connect again with a new one before that")
    return certificate


def _warn(request: ConnectRequest, roles: frozenset[str]) -> None:
    """Tell what the app may do beyond what is asked of it.

    Grants for the whole tenant stand in the app's token; those that Exchange makes by role, for some mailboxes, do not.
    """
    wide = [name for name in _TENANT_WIDE if name in roles]
    if wide and not request.options.get("all_users"):
        request.tell(
            f"warning: the app holds {', '.join(wide)} for the whole organization; unless an application access policy "
            "limits it, it can read every mailbox. docs/microsoft.md tells how to limit it to some"
        )
    writes = sorted(name for name in roles if name.startswith("Calendars.") and "Write" in name)
    if writes:
        request.tell(
            f"warning: the app may write to calendars ({', '.join(writes)}); calsignal never does: take it away"
        )


def _some(request: ConnectRequest, graph: Graph, door: Door) -> tuple[User, ...]:
    """Return the mailboxes that were named; each is tried out with one small request."""
    from .directory import NotAllowed, User

    found: dict[str, User] = {}
    refused: list[NeedsSignIn] = []
    for typed in _users(request):
        try:
            mailbox = graph.owner(typed)
            found[mailbox] = User(typed, mailbox)
        except NeedsSignIn as problem:
            refused.append(problem)
            request.refused(f"{typed} is not connected: {problem}; {problem.hint}")
    _explain(request, door, any(isinstance(problem, NotAllowed) for problem in refused))
    if not found:
        raise NeedsSignIn("no mailbox was connected", "mend what is said above, then run the command again")
    return tuple(found.values())


def _users(request: ConnectRequest) -> tuple[str, ...]:
    from .directory import address

    found = [address(each) for each in _several(request, "user")]
    if None in found:
        raise InputError("--user is not an e-mail address", "write it as --user someone@ours.example")
    return tuple(dict.fromkeys(each for each in found if each))


def _everybody(request: ConnectRequest, graph: Graph, door: Door, tenant: str) -> tuple[str, tuple[User, ...]]:
    """Return everybody who is meant, and the name of the list.

    One mailbox is tried out in the place of all: what the app may read was granted once, and a request for each of 500
    would be a sync of its own. One that cannot be read all the same shows at the next sync.
    """
    from .directory import NoMailbox, NotAllowed, active_users

    roster, users = active_users(graph, _several(request, "group"), tenant, request.tell)
    for each in users[:_TRIES]:
        try:
            graph.owner(each.id)
        except NoMailbox:
            continue  # an address without a license; the next one may have one
        except NotAllowed:
            _explain(request, door, True)  # noqa: FBT003
            hint = "have one of these steps done, then run the command again"
            raise NeedsSignIn(f"the app may not read the calendar of {each.mailbox}", hint) from None
        break
    return roster, users


def _explain(request: ConnectRequest, door: Door, needed: bool) -> None:
    """Tell an administrator's steps where a permission is what lacks."""
    for step in allowing(door.client_id) if needed else ():
        request.tell(step)


def allowing(client_id: str) -> tuple[str, ...]:
    """Return what an administrator does to let the app read calendars, step by step."""
    return (
        "let an administrator allow the app to read calendars, in one of two ways:",
        "a) those of one group alone (RBAC for Applications), in Exchange Online PowerShell;",
        "   OBJECT-ID is that of entra.microsoft.com: Enterprise apps > your app > Overview:",
        *(f"   {line.format(client_id=client_id)}" for line in POWERSHELL),
        "b) those of everybody: entra.microsoft.com: App registrations > your app > API permissions:",
        "   Add a permission > Microsoft Graph > Application permissions: Calendars.ReadBasic.All (with link_text in",
        "   the config: Calendars.Read); then Grant admin consent",
        "it takes effect within 30 minutes, at times after 2 hours; then run this command again",
    )
