"""Microsoft's identity platform: consent, codes, device codes, tokens and apps, with the checks that it makes."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from loopback import Reply, Request
from microsoft_calendar.service_directory import CONSUMERS, SEVERAL, Directory, Person
from microsoft_calendar.service_faults import ApiError
from microsoft_calendar.service_values import Json

LIFE = timedelta(seconds=3599)
IDLE = timedelta(days=90)
"""How long an access token and an unused refresh token live."""

GUID = "5f0c6e1a-0000-4000-8000-0000000000c1"
"""The client id of the sample app."""

SECRET = "sample~client-secret"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRAPH = "https://graph.microsoft.com"
_OPENID = ("openid", "profile", "email", "offline_access")
_ADMIN = frozenset({"User.Read.All", "Group.Read.All", "GroupMember.Read.All", "Directory.Read.All"})
_TRACE = "0c1d2e3f-0000-4000-8000-00000000feed"

_ERRORS: Mapping[int, tuple[str, str, str]] = {
    50011: ("invalid_request", "", "The redirect URI of the request is none of the application's."),
    50020: ("invalid_grant", "", "User account does not exist in this tenant and cannot access it."),
    50034: ("invalid_grant", "", "The user account does not exist in the directory."),
    50057: ("invalid_grant", "", "The user account is disabled."),
    50076: ("interaction_required", "basic_action", "You must use multi-factor authentication to access it."),
    50079: ("interaction_required", "basic_action", "You must enroll in multi-factor authentication."),
    50173: ("invalid_grant", "bad_token", "The provided grant has expired due to it being revoked."),
    50194: ("invalid_request", "", "Application is not configured as a multi-tenant application."),
    53003: ("interaction_required", "message_only", "Access has been blocked by Conditional Access policies."),
    65001: ("invalid_grant", "consent_required", "The user or administrator has not consented to use the application."),
    65004: ("access_denied", "", "User declined to consent to access the app."),
    70000: ("invalid_grant", "", "The provided code or token is malformed."),
    70008: ("invalid_grant", "bad_token", "The provided code or token has expired due to inactivity."),
    70011: ("invalid_scope", "", "The provided request must include a 'scope' input parameter that is valid."),
    70016: ("authorization_pending", "", "OAuth 2.0 device flow error. Authorization is pending. Continue polling."),
    70018: ("invalid_grant", "", "Invalid verification code."),
    70019: ("expired_token", "", "Verification code expired."),
    70020: ("expired_token", "", "The provided value for the device code is expired."),
    90002: ("invalid_tenant", "", "Tenant not found. Check that it is the correct tenant."),
    90094: ("access_denied", "", "Admin consent is required for the permissions requested by this application."),
    501481: ("invalid_grant", "", "The Code_Verifier does not match the code_challenge."),
    700016: ("unauthorized_client", "", "Application was not found in the directory."),
    700027: ("invalid_client", "", "Client assertion contains an invalid signature."),
    700082: ("invalid_grant", "bad_token", "The refresh token has expired due to inactivity."),
    7000215: ("invalid_client", "", "Invalid client secret provided."),
    7000218: ("invalid_client", "", "The request body must contain: 'client_assertion' or 'client_secret'."),
    7000222: ("invalid_client", "", "The provided client secret keys for app are expired."),
    7000229: ("unauthorized_client", "", "The client application is missing service principal in the tenant."),
}  # fmt: skip


class Refused(Exception):
    """An AADSTS error."""

    def __init__(self, code: int, name: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.name = name


def aadsts(code: int, now: datetime, *, name: str | None = None, suberror: str | None = None) -> Reply:
    """Make an error answer of the token endpoint; a code without an entry has to be given its name."""
    usual, kind, text = _ERRORS.get(code, ("invalid_grant", "", "Sample error."))
    name, suberror = name or usual, kind if suberror is None else suberror
    time = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    body: Json = {
        "error": name,
        "error_description": f"AADSTS{code}: {text} Trace ID: {_TRACE} Correlation ID: {_TRACE} Timestamp: {time}",
        "error_codes": [code],
        "timestamp": time,
        "trace_id": _TRACE,
        "correlation_id": _TRACE,
    }
    return _json(body | ({"suberror": suberror} if suberror else {}), 401 if name == "invalid_client" else 400)


@dataclass
class Consent:
    """What the person in front of the browser, or with the code of a device, does.

    user     the account that signs in; None takes the `login_hint` or else the first account that fits the tenant
    refuse   presses "Cancel"
    never    closes the window, or does not type the code, without an answer
    untick   scopes that are not granted
    admin    may consent for the whole company
    error    the browser comes back with this AADSTS code, or shows it and does not come back if `shown`
    pending, slow_down   how many polls of a device are answered so before the person is done
    """

    user: str | None = None
    refuse: bool = False
    never: bool = False
    untick: tuple[str, ...] = ()
    admin: bool = False
    error: int | None = None
    shown: bool = False
    pending: int = 0
    slow_down: int = 0


@dataclass
class App:
    """The app as it is registered.

    audience        `AzureADandPersonalMicrosoftAccount`, `AzureADMultipleOrgs` or `AzureADMyOrg`
    public          "Allow public client flows": without it a device code or a sign-in needs a secret
    secrets         each with the time when it expires, or None
    certificates    registered certificates, by SHA-1 thumbprint in hex
    roles           application permissions that an admin granted for the whole tenant
    scoped          of RBAC for Applications: roles with the mailboxes for which alone they hold
    users_consent   people may consent for themselves; without it everything needs an admin (90094)
    """

    client_id: str = GUID
    audience: str = "AzureADandPersonalMicrosoftAccount"
    public: bool = True
    redirects: tuple[str, ...] = ("http://localhost",)
    secrets: dict[str, datetime | None] = field(default_factory=lambda: {SECRET: None}, repr=False)
    certificates: dict[str, x509.Certificate] = field(default_factory=dict)
    roles: set[str] = field(default_factory=lambda: {"Calendars.Read", "User.Read.All", "GroupMember.Read.All"})
    scoped: dict[str, frozenset[str]] = field(default_factory=dict)
    users_consent: bool = True


@dataclass
class Grant:
    """What a token is good for; `user` is empty for an app by itself."""

    user: str
    scopes: tuple[str, ...]
    expires: datetime
    tenant: str
    family: str = ""

    @property
    def app_only(self) -> bool:
        return not self.user


@dataclass
class _Code:
    user: str
    scopes: tuple[str, ...]
    tenant: str
    redirect: str
    challenge: str
    nonce: str


@dataclass
class _Device:
    scopes: tuple[str, ...]
    tenant: str
    expires: datetime
    polls: int = 0


@dataclass
class SignIn:
    """The state of the sign-in.

    rotate      "keep": each refresh gives a new refresh token and the old one stays good, as the platform does;
                "replace": the old one ends
    life        how long access tokens live by the service's clock, which is what `expires_in` says
    interval    seconds between polls of a device code, as told to the client; `device_life`: how long the code lives
    hosts       what the instance discovery knows
    blocked     AADSTS codes by user: each refresh and sign-in of this user is refused so
    """

    now: Callable[[], datetime]
    directory: Directory
    consent: Consent = field(default_factory=Consent)
    app: App = field(default_factory=App)
    rotate: str = "keep"
    life: timedelta = LIFE
    interval: int = 0
    device_life: timedelta = timedelta(minutes=15)
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    blocked: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict, repr=False)
    refreshers: dict[str, Grant] = field(default_factory=dict, repr=False)
    revoked: set[str] = field(default_factory=set, repr=False)
    consented: dict[str, set[str]] = field(default_factory=dict)
    codes: dict[str, _Code] = field(default_factory=dict, repr=False)
    devices: dict[str, _Device] = field(default_factory=dict, repr=False)

    # What tests do

    def issue(self, user: str, *scopes: str) -> Json:
        """Sign in without a browser, and return what the token endpoint would answer."""
        person = self._account(user, "common")
        self.consented.setdefault(user, set()).update(scopes)
        return self._give(person, (*_OPENID, *scopes))

    def app_token(self, tenant: str | None = None) -> str:
        """Return an access token of the app by itself, with the roles that it has now."""
        return str(self._give_app(tenant or self.directory.tenant)["access_token"])

    def expire(self, user: str | None = None) -> None:
        """End the access tokens of a user ("" for the app), or all of them."""
        for grant in self.tokens.values():
            if user in {None, grant.user}:
                grant.expires = self.now()

    def revoke(self, user: str | None = None) -> None:
        """End all tokens of a user, or of everybody, as a change of the password does: a refresh is 50173."""
        self.expire(user)
        self.revoked.update(token for token, grant in self.refreshers.items() if user in {None, grant.user})

    def withdraw(self, user: str) -> None:
        """Take back the consent of a user: the next refresh is 65001."""
        self.consented.pop(user, None)

    def block(self, user: str, code: int, name: str | None = None) -> None:
        """Refuse every refresh and sign-in of a user ("" for the app) with an AADSTS code."""
        self.blocked[user] = (code, name)

    def unblock(self, user: str) -> None:
        """Take a block back."""
        del self.blocked[user]

    def certificate(self, *, registered: bool = True) -> Json:
        """Make a key with a certificate.

        Returns `private_key` and `public_certificate` (PEM text), `thumbprint` (SHA-1) and `thumbprint_sha256` (hex).
        """
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sample app")])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
            .sign(key, hashes.SHA256())
        )
        thumbprint = made.fingerprint(hashes.SHA1()).hex().upper()
        if registered:
            self.app.certificates[thumbprint] = made
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "private_key": private.decode(),
            "public_certificate": made.public_bytes(serialization.Encoding.PEM).decode(),
            "thumbprint": thumbprint,
            "thumbprint_sha256": made.fingerprint(hashes.SHA256()).hex().upper(),
        }

    # Endpoints

    def respond(self, request: Request, root: str) -> Reply | None:
        """Answer a request of the identity platform; None where the path is none of its."""
        parts = request.path.strip("/").split("/")
        if request.path == "/common/discovery/instance":
            return self._instance(request, root)
        if len(parts) < 2 or parts[1] not in {"v2.0", "oauth2"}:
            return None
        endpoints: dict[str, Callable[[Request, str, str], Reply]] = {
            "v2.0/.well-known/openid-configuration": self._configuration,
            "oauth2/v2.0/authorize": self._authorize,
            "oauth2/v2.0/token": self._token,
            "oauth2/v2.0/devicecode": self._devicecode,
        }
        endpoint = endpoints.get("/".join(parts[1:]))
        if endpoint is None:
            return None
        try:
            self._known(parts[0])
            return endpoint(request, parts[0], root)
        except Refused as error:
            return aadsts(error.code, self.now(), name=error.name)

    def allowed(self, request: Request) -> Grant:
        """Return what the request's token is good for. Raises `ApiError`: 401."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.tokens.get(token)
        if kind == "Bearer" and grant and grant.expires > self.now():
            return grant
        text = "Lifetime validation failed, the token is expired." if grant else "Access token is empty or malformed."
        challenge = 'Bearer realm="", error="invalid_token"'
        raise ApiError(401, "InvalidAuthenticationToken", text, WWW_Authenticate=challenge)

    # Discovery

    def _known(self, tenant: str) -> None:
        if tenant not in SEVERAL and tenant not in self.directory.tenants():
            raise Refused(90002)

    def _instance(self, request: Request, root: str) -> Reply:
        asked = urlsplit(request.params.get("authorization_endpoint", ""))
        if asked.hostname not in self.hosts:
            return _json({"error": "invalid_instance", "error_description": "AADSTS50049: Unknown instance."}, 400)
        tenant = asked.path.strip("/").split("/")[0]
        host = asked.hostname
        known = {"preferred_network": host, "preferred_cache": host, "aliases": list(self.hosts)}
        found = f"{root}/{tenant}/v2.0/.well-known/openid-configuration"
        return _json({"tenant_discovery_endpoint": found, "api-version": "1.1", "metadata": [known]})

    def _configuration(self, request: Request, tenant: str, root: str) -> Reply:
        base = f"{root}/{tenant}"
        named = "{tenantid}" if tenant in SEVERAL else self.directory.tenants()[tenant]
        return _json(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"{root}/{named}/v2.0",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "response_types_supported": ["code", "id_token", "code id_token"],
                "scopes_supported": list(_OPENID),
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            }
        )

    # The browser

    def _authorize(self, request: Request, tenant: str, root: str) -> Reply:
        asked = request.params if request.method == "GET" else request.body
        redirect = asked.get("redirect_uri", "")
        if asked.get("client_id") != self.app.client_id:
            return _page(700016)
        if not self._registered(redirect):
            return _page(50011)
        if asked.get("response_type") != "code" or not asked.get("scope"):
            return _page(70011)
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return _page(501481)
        if self.consent.never:
            return _html("Pick an account")
        back = {"state": asked["state"]} if "state" in asked else {}
        try:
            back |= self._decided(asked, tenant)
        except Refused as error:
            if self.consent.shown or error.code in {50020, 50034, 50194, 90094}:
                return _page(error.code)
            name, _, text = _ERRORS.get(error.code, ("invalid_request", "", "Sample error."))
            back |= {"error": name, "error_description": f"AADSTS{error.code}: {text}"}
        return _send_back(redirect, back, asked.get("response_mode", "query"))

    def _decided(self, asked: Mapping[str, str], tenant: str) -> dict[str, str]:
        """Return what the browser takes back from a person. Raises `Refused`."""
        if self.consent.error:
            raise Refused(self.consent.error)
        if self.consent.refuse:
            raise Refused(65004)
        person = self._account(self.consent.user or asked.get("login_hint"), tenant)
        scopes = self._consent(person, tuple(_short(scope) for scope in asked["scope"].split()))
        code = f"1.{secrets.token_urlsafe(48)}"
        self.codes[code] = _Code(
            person.address,
            scopes,
            tenant,
            asked["redirect_uri"],
            asked.get("code_challenge", ""),
            asked.get("nonce", ""),
        )
        more = {"client_info": _client_info(person)} if asked.get("client_info") == "1" else {}
        return {"code": code, "session_state": _TRACE} | more

    def _consent(self, person: Person, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Return the scopes that a person grants. Raises `Refused`: 90094."""
        known = self.consented.setdefault(person.address, set())
        wanted = [scope for scope in asked if scope not in _OPENID and scope not in known]
        if wanted and not self.consent.admin and (not self.app.users_consent or _ADMIN & set(wanted)):
            raise Refused(90094)
        granted = tuple(scope for scope in asked if scope not in self.consent.untick)
        known.update(scope for scope in granted if scope not in _OPENID)
        return granted

    def _account(self, name: str | None, tenant: str) -> Person:
        """Return the account that signs in at a tenant. Raises `Refused`."""
        fitting = [each for each in self.directory.people.values() if self._fits(each, tenant)]
        if name is None:
            if not fitting:
                raise Refused(50034)
            person = fitting[0]
        else:
            found = self.directory.find(name)
            if found is None:
                raise Refused(50034)
            person = found
        if person.address in self.blocked:
            raise Refused(*self.blocked[person.address])
        if self.app.audience == "AzureADMyOrg" and tenant in SEVERAL:
            raise Refused(50194)
        if person not in fitting or (person.personal and self.app.audience != "AzureADandPersonalMicrosoftAccount"):
            raise Refused(50020)
        if not person.enabled:
            raise Refused(50057)
        return person

    def _fits(self, person: Person, tenant: str) -> bool:
        if tenant in SEVERAL:
            return tenant == "common" or person.personal == (tenant == "consumers")
        return self.directory.tenants()[tenant] == person.tenant

    def _registered(self, redirect: str) -> bool:
        """Tell whether an address is one of the app's; of loopback addresses the port does not count."""
        parts = urlsplit(redirect)
        loopback = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}
        bare = f"http://{parts.hostname}{parts.path.rstrip('/')}" if loopback else redirect
        return bare in self.app.redirects

    # Tokens

    def _devicecode(self, request: Request, tenant: str, root: str) -> Reply:
        self._client(request)
        scopes = tuple(_short(scope) for scope in request.body.get("scope", "").split())
        code = secrets.token_urlsafe(32)
        self.devices[code] = _Device(scopes, tenant, self.now() + self.device_life)
        user_code = f"S{len(self.devices):08d}"
        page = f"{root}/devicelogin"
        text = f"To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
        return _json(
            {
                "user_code": user_code,
                "device_code": code,
                "verification_uri": page,
                "expires_in": int(self.device_life.total_seconds()),
                "interval": self.interval,
                "message": text,
            }
        )

    def _token(self, request: Request, tenant: str, root: str) -> Reply:
        grants: dict[str, Callable[[Request, str], Json]] = {
            "authorization_code": self._from_code,
            "refresh_token": self._from_refresh,
            DEVICE: self._from_device,
            "device_code": self._from_device,
            "client_credentials": self._from_app,
        }
        grant = grants.get(request.body.get("grant_type", ""))
        if request.method != "POST" or grant is None:
            raise Refused(70000, "unsupported_grant_type")
        self._prove(request, f"{root}/{tenant}/oauth2/v2.0/token")
        given = grant(request, tenant)
        if request.body.get("client_info") == "1" and "home" in given:
            given["client_info"] = given["home"]
        given.pop("home", None)
        return _json(given, Cache_Control="no-store, no-cache", Pragma="no-cache")

    def _client(self, request: Request) -> None:
        if request.body.get("client_id") != self.app.client_id:
            raise Refused(700016)

    def _prove(self, request: Request, address: str) -> None:
        """Check that the app is who it says. Raises `Refused`."""
        self._client(request)
        body = request.body
        if "client_assertion" in body:
            self._assertion(body["client_assertion"], address)
        elif "client_secret" in body:
            secret = body["client_secret"]
            if secret not in self.app.secrets:
                raise Refused(7000215)
            expires = self.app.secrets[secret]
            if expires and expires <= self.now():
                raise Refused(7000222)
        elif not self.app.public or body["grant_type"] == "client_credentials":
            raise Refused(7000218)

    def _assertion(self, text: str, address: str) -> None:
        """Check a certificate's word for the app. Its times are those of the machine: msal has no other clock."""
        signed, _, signature = text.rpartition(".")
        try:
            head, claims = (json.loads(_bytes(part)) for part in signed.split("."))
            certificate = self._certificate(head)
            fill = _PSS if head["alg"] == "PS256" else padding.PKCS1v15()
            public = certificate.public_key()
            assert isinstance(public, rsa.RSAPublicKey)
            public.verify(_bytes(signature), signed.encode(), fill, hashes.SHA256())
        except (ValueError, KeyError, InvalidSignature):
            raise Refused(700027) from None
        right = {claims.get("iss"), claims.get("sub")} == {self.app.client_id} and claims.get("aud") == address
        if not right or not 0 < claims["exp"] - claims["iat"] <= 86400:
            raise Refused(700027)

    def _certificate(self, head: Mapping[str, str]) -> x509.Certificate:
        for certificate in self.app.certificates.values():
            prints = {certificate.fingerprint(kind()) for kind in (hashes.SHA1, hashes.SHA256)}
            if _bytes(head.get("x5t#S256") or head.get("x5t", "")) in prints:
                return certificate
        raise KeyError("certificate")

    def _from_code(self, request: Request, tenant: str) -> Json:
        code = self.codes.pop(request.body.get("code", ""), None)
        if code is None or code.redirect != request.body.get("redirect_uri"):
            raise Refused(70000)
        digest = hashlib.sha256(request.body.get("code_verifier", "").encode()).digest()
        if code.challenge and _base64(digest) != code.challenge:
            raise Refused(501481)
        return self._give(self._account(code.user, tenant), code.scopes, nonce=code.nonce)

    def _from_device(self, request: Request, tenant: str) -> Json:
        name = request.body.get("device_code") or request.body.get("code", "")
        device = self.devices.get(name)
        if device is None:
            raise Refused(70018)
        if device.expires <= self.now():
            raise Refused(70020)
        device.polls += 1
        consent = self.consent
        if consent.never or device.polls <= consent.pending:
            raise Refused(70016)
        if device.polls <= consent.pending + consent.slow_down:
            raise Refused(70016, "slow_down")
        del self.devices[name]
        if consent.error:
            raise Refused(consent.error)
        if consent.refuse:
            raise Refused(65004, "authorization_declined")
        person = self._account(consent.user, device.tenant)
        return self._give(person, self._consent(person, device.scopes))

    def _from_refresh(self, request: Request, tenant: str) -> Json:
        token = request.body.get("refresh_token", "")
        grant = self.refreshers.get(token)
        if grant is None:
            raise Refused(70000)
        if token in self.revoked:
            raise Refused(50173)
        if grant.expires <= self.now():
            raise Refused(700082)
        person = self._account(grant.user, tenant)
        asked = tuple(_short(scope) for scope in request.body.get("scope", " ".join(grant.scopes)).split())
        known = self.consented.get(grant.user, set())
        if not known.issuperset(scope for scope in asked if scope not in _OPENID):
            raise Refused(65001)
        if self.rotate == "replace":
            del self.refreshers[token]
        return self._give(person, asked)

    def _from_app(self, request: Request, tenant: str) -> Json:
        scopes = request.body.get("scope", "").split()
        if len(scopes) != 1 or not scopes[0].endswith("/.default"):
            raise Refused(70011)
        if tenant in SEVERAL or self.directory.tenants()[tenant] == CONSUMERS:
            raise Refused(7000229)
        if "" in self.blocked:
            raise Refused(*self.blocked[""])
        return self._give_app(self.directory.tenants()[tenant])

    def _give_app(self, tenant: str) -> Json:
        roles = tuple(sorted(self.app.roles))
        token = self._access(Grant("", roles, self.now() + self.life, tenant), None)
        seconds = int(self.life.total_seconds())
        return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}

    def _give(self, person: Person, scopes: tuple[str, ...], nonce: str = "") -> Json:
        data = tuple(scope for scope in scopes if scope not in _OPENID)
        token = self._access(Grant(person.address, data, self.now() + self.life, person.tenant), person)
        seconds = int(self.life.total_seconds())
        shown = [scope for scope in scopes if scope != "offline_access"]
        given: Json = {
            "token_type": "Bearer",
            "scope": " ".join(shown),
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token,
            "home": _client_info(person),
        }
        if "offline_access" in scopes:
            refresh = f"{'M.C5_' if person.personal else '1.A'}{secrets.token_urlsafe(48)}"
            self.refreshers[refresh] = Grant(person.address, scopes, self.now() + IDLE, person.tenant)
            given["refresh_token"] = refresh
        if "openid" in scopes:
            given["id_token"] = self._id_token(person, nonce)
        return given

    def _access(self, grant: Grant, person: Person | None) -> str:
        if person and person.personal:  # no JWT: only Graph can read it
            token = f"EwB{secrets.token_urlsafe(60)}"
        else:
            claims: Json = {"aud": GRAPH, "iss": f"https://sts.windows.net/{grant.tenant}/", "tid": grant.tenant}
            claims |= {"appid": self.app.client_id, "ver": "1.0", "exp": int(grant.expires.timestamp())}
            claims |= {"jti": secrets.token_hex(8)}
            mine: Json = {"idtyp": "app"} | ({"roles": list(grant.scopes)} if grant.scopes else {})
            claims |= {"scp": " ".join(grant.scopes), "oid": person.id, "upn": person.upn} if person else mine
            token = _jwt(claims)
        self.tokens[token] = grant
        return token

    def _id_token(self, person: Person, nonce: str) -> str:
        now = int(self.now().timestamp())
        claims: Json = {"aud": self.app.client_id, "iss": f"https://login.service.example/{person.tenant}/v2.0"}
        claims |= {"iat": now, "nbf": now, "exp": now + 3600, "oid": person.id, "tid": person.tenant, "ver": "2.0"}
        claims |= {"sub": hashlib.sha256(person.id.encode()).hexdigest()[:43], "name": person.name}
        claims |= {"preferred_username": person.address if person.personal else person.upn}
        return _jwt(claims | ({"nonce": nonce} if nonce else {}))


_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)


def _client_info(person: Person) -> str:
    return _base64(json.dumps({"uid": person.id, "utid": person.tenant}).encode())


def _short(scope: str) -> str:
    """Return a scope without the resource before it."""
    return scope.rpartition("/")[2] if "://" in scope else scope


def _json(value: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=utf-8", **named})


def _html(text: str, status: int = 200) -> Reply:
    return Reply(status, f"<!doctype html>{text}".encode(), {"Content-Type": "text/html; charset=utf-8"})


def _page(code: int) -> Reply:
    return _html(f"<title>Sign in</title>AADSTS{code}: {_ERRORS[code][2]}" if code in _ERRORS else f"AADSTS{code}")


def _send_back(redirect: str, values: Mapping[str, str], mode: str) -> Reply:
    """Send the browser back: with a form that sends itself, or with a redirect."""
    if mode != "form_post":
        return Reply(302, b"", {"Location": f"{redirect}{'#' if mode == 'fragment' else '?'}{urlencode(values)}"})
    inputs = "".join(f'<input type="hidden" name="{n}" value="{html.escape(v)}">' for n, v in values.items())
    script = "<script>document.forms[0].submit()</script>"
    return _html(f'<form method="POST" action="{html.escape(redirect)}">{inputs}</form>{script}')


def _jwt(claims: Mapping[str, Any]) -> str:
    """Write claims in the form of a JWT; its signature is a random one."""
    head = _base64(json.dumps({"typ": "JWT", "alg": "RS256", "kid": "sample"}).encode())
    return f"{head}.{_base64(json.dumps(claims).encode())}.{_base64(secrets.token_bytes(32))}"


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
