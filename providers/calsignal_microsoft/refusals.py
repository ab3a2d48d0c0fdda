"""What the sign-in service's refusals mean, and what to do about each. Pure.

Microsoft tells a reason by number (`AADSTS65001`) beside the words of OAuth 2.0 (RFC 6749 section 5.2). The numbers are
finer, and may change: one that is not known falls back to the word, and is named so that it can be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from calsignal.errors import CalsignalError, InputError, NeedsSignIn, Retriable, SourceError

AGAIN = "run `calsignal connect microsoft` again"
_APP = "entra.microsoft.com: App registrations > your app"
_ENTERPRISE = "entra.microsoft.com: Enterprise apps > your app"


class _Meaning(NamedTuple):
    """A refusal in words; `{who}` stands for the mailbox or the account, `{tenant}` for the tenant."""

    kind: type[CalsignalError]
    fact: str
    hint: str


_ENDED = _Meaning(NeedsSignIn, "the sign-in of {who} has ended", AGAIN)
_MEANINGS = {
    "ended": _ENDED,
    "proof": _Meaning(NeedsSignIn, "Microsoft wants {who} to sign in anew, with a second factor maybe", AGAIN),
    "blocked": _Meaning(
        NeedsSignIn,
        "a rule of the organization (Conditional Access) does not allow this sign-in of {who}",
        "leave out --device-code, which is often forbidden; else ask an administrator to allow the app",
    ),
    "consent": _Meaning(
        NeedsSignIn,
        "an administrator has to allow the app before {who} can sign in",
        f"{_ENTERPRISE} > Permissions > Grant admin consent; then {AGAIN}",
    ),
    "declined": _Meaning(NeedsSignIn, "the sign-in was refused", f"{AGAIN}, and press Accept"),
    "assigned": _Meaning(
        NeedsSignIn,
        "{who} is not among the users of the app",
        f"{_ENTERPRISE} > Users and groups > Add user/group; then {AGAIN}",
    ),
    "account": _Meaning(
        NeedsSignIn, "the account of {who} is switched off, locked or gone", "ask an administrator of your organization"
    ),
    "abandoned": _Meaning(NeedsSignIn, "nobody entered the code in time", f"{AGAIN} when you are ready"),
    "app": _Meaning(
        InputError,
        "Microsoft knows no app with this client id in the tenant {tenant}",
        f"compare with {_APP} > Overview: Application (client) ID and Directory (tenant) ID",
    ),
    "tenant": _Meaning(
        InputError,
        "Microsoft knows no tenant {tenant}",
        f"give the Directory (tenant) ID of {_APP} > Overview, or a domain of your organization, as --tenant",
    ),
    "single": _Meaning(
        InputError,
        "the app is registered for one organization, and --tenant does not name it",
        f"give the Directory (tenant) ID of {_APP} > Overview as --tenant",
    ),
    "stranger": _Meaning(
        InputError,
        "the account is none of the organization {tenant}",
        f"sign in with an account of it, or open the app to others: {_APP} > Authentication > Supported account types",
    ),
    "consumers": _Meaning(
        InputError,
        "the app is registered for personal accounts alone, and --tenant means another kind",
        "give --tenant consumers",
    ),
    "public": _Meaning(
        InputError,
        "the app is no public client, so nobody can sign in to it from here",
        f"{_APP} > Authentication: http://localhost under Mobile and desktop applications; for --device-code set "
        "Allow public client flows to Yes",
    ),
    "redirect": _Meaning(
        InputError,
        "the app does not know the address http://localhost",
        f"{_APP} > Authentication > Add Redirect URI > Mobile and desktop applications: http://localhost",
    ),
    "scope": _Meaning(
        InputError,
        "the app may not ask for these permissions",
        f"{_APP} > API permissions > Add a permission > Microsoft Graph; docs/microsoft.md names them",
    ),
    "secret": _Meaning(
        NeedsSignIn,
        "the client secret of the app is not the right one",
        f"{_APP} > Certificates & secrets: take the Value of the secret, not its ID",
    ),
    "secret over": _Meaning(
        NeedsSignIn,
        "the client secret of the app has expired",
        f"{_APP} > Certificates & secrets > New client secret; then connect again with --app-only",
    ),
    "certificate": _Meaning(
        NeedsSignIn,
        "the app does not know the certificate, or it has expired",
        f"{_APP} > Certificates & secrets > Certificates: compare thumbprints; then connect again with --certificate",
    ),
    "clock": _Meaning(
        SourceError, "Microsoft says that the clock of this machine is wrong", "set it by a time server, then try again"
    ),
    "authority": _Meaning(
        InputError,
        "Microsoft does not know the host of authority in [microsoft]",
        "if it is a gateway of your own, set instance_discovery = false there",
    ),
    "code": _Meaning(NeedsSignIn, "the browser’s answer does not belong to this sign-in", AGAIN),
    "busy": _Meaning(Retriable, "Microsoft cannot answer the sign-in now", "try again later"),
}
_NUMBERS = {
    "ended": "50173 70008 700081 700082 700084 70043 50089 50132 50133 50085 70000",
    "proof": "50072 50074 50076 50078 50079 50158 50055 50144 50058 16000 50097",
    "blocked": "53000 53001 53002 53003 53011 530002 530003 530032 530034 530036 50005",
    "consent": "65001 90094 90095 90008 650052",
    "declined": "65004",
    "assigned": "50105",
    "account": "50034 50053 50057",
    "app": "700016 700011 90013",
    "tenant": "90002 900023 900021 50059 900382",
    "single": "50194",
    "stranger": "50020 90072 500212 50178 51004",
    "consumers": "9002331 9002346 9002325",
    "public": "7000218 700025",
    "redirect": "50011 500113",
    "scope": "70011 650053 650057 65002 500011 650056",
    "secret": "7000215 7000216",
    "secret over": "7000222",
    "certificate": "700027 700030 700023 700031",
    "clock": "700024 50013",
    "code": "54005 501481 50148 9002313",
    "busy": "90033 90024 90006 90012 50196 50087 90090",
}
_BY_NUMBER = {int(number): meaning for meaning, numbers in _NUMBERS.items() for number in numbers.split()}
_BY_WORD = {
    "invalid_client": "secret",
    "invalid_grant": "ended",
    "bad_token": "ended",
    "token_expired": "ended",
    "interaction_required": "proof",
    "login_required": "proof",
    "basic_action": "proof",
    "additional_action": "proof",
    "user_password_expired": "proof",
    "consent_required": "consent",
    "access_denied": "declined",
    "authorization_declined": "declined",
    "expired_token": "abandoned",
    "code_expired": "abandoned",
    "unauthorized_client": "app",
    "invalid_tenant": "tenant",
    "invalid_instance": "authority",
    "invalid_scope": "scope",
    "invalid_resource": "scope",
    "bad_verification_code": "code",
    "temporarily_unavailable": "busy",
    "server_error": "busy",
}


def refusal(answer: Mapping[str, object], who: str = "", tenant: str = "") -> CalsignalError:
    """Say what an error of the sign-in service means for `who`, who signed in to `tenant`; "" at a first sign-in.

    Returns:
        InputError for what is wrong with the app or the options, NeedsSignIn, Retriable or another SourceError.
    """
    numbers = _numbers(answer)
    known = [_BY_NUMBER[number] for number in numbers if number in _BY_NUMBER]
    words = [str(answer.get(name) or "") for name in ("suberror", "error")]
    known += [_BY_WORD[word] for word in words if word in _BY_WORD]
    if known:
        meaning = "code" if known[0] == "ended" and not who else known[0]  # nothing can have ended that has not begun
        kind, fact, hint = _MEANINGS[meaning]
        return kind(fact.format(who=who or "the account", tenant=tenant or "that was named"), hint)
    named = [word for word in words[1:] if re.fullmatch(r"[A-Za-z_]{3,40}", word)]
    named += [f"AADSTS{number}" for number in numbers[:1]]
    hint = (
        f"look it up: https://login.microsoftonline.com/error?code={numbers[0]}" if numbers else "see docs/microsoft.md"
    )
    what = f" ({', '.join(named)})" if named else ""
    return SourceError(f"Microsoft refused the sign-in{what}", hint)


def is_transient(answer: Mapping[str, object]) -> bool:
    """Say whether the same request may succeed later."""
    return isinstance(refusal(answer), Retriable)


def _numbers(answer: Mapping[str, object]) -> list[int]:
    """Return the numbers of a refusal: from their own list, else out of the text, as the first leg has only that."""
    listed = answer.get("error_codes")
    found = [code for code in listed if type(code) is int] if isinstance(listed, list) else []
    return found or [
        int(number) for number in re.findall(r"AADSTS(\d{4,9})\b", str(answer.get("error_description") or ""))
    ]
