"""Google's sign-in: consent, codes, tokens and service accounts, with the checks that Google makes."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from google_calendar.service_faults import ApiError, Reply, Request, answer
from google_calendar.service_world import Json

AUTH = "https://www.googleapis.com/auth/"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE = "https://oauth2.googleapis.com/token"
"""For whom google-auth makes out an assertion, wherever it sends it."""
LIFE = timedelta(seconds=3599)
LONGEST_ASSERTION = timedelta(hours=1)

_LONG = {"email": f"{AUTH}userinfo.email", "profile": f"{AUTH}userinfo.profile"}


@dataclass
class Consent:
    """What the person in front of the browser does.

    user     the account that is signed in; None takes the `login_hint` of the request or else the first mailbox
    refuse   presses "Cancel"
    untick   scopes whose boxes are cleared, in full or by the part after `/auth/`
    never    closes the window without an answer
    """

    user: str | None = None
    refuse: bool = False
    untick: tuple[str, ...] = ()
    never: bool = False

    def grants(self, scope: str) -> bool:
        return not any(scope in {each, AUTH + each} for each in self.untick)


@dataclass
class Grant:
    """What a token is good for. `refresh` is None for a service account."""

    user: str
    scopes: tuple[str, ...]
    expires: datetime
    client: str
    refresh: str | None = None


@dataclass
class _Code:
    user: str
    scopes: tuple[str, ...]
    redirect: str
    challenge: str
    offline: bool


class OAuthError(Exception):
    """An error of the token endpoint."""

    def __init__(self, name: str, description: str, status: int = 400) -> None:
        super().__init__(name)
        self.reply = answer({"error": name, "error_description": description}, status)


@dataclass
class SignIn:
    """The state of the sign-in.

    rotate        each refresh gives a new refresh token and ends the old one
    testing       the app is in Testing: the answer tells that the refresh token lives for 7 days, and it does
    delegated     scopes that the admin allowed the service account; None allows every scope
    clock         where given, an assertion's `iat` and `exp` have to fit this time; else only their distance is checked
    """

    now: Callable[[], datetime]
    accounts: Callable[[], list[str]]
    consent: Consent = field(default_factory=Consent)
    client_id: str = "sample-client.apps.service.example"
    client_secret: str = "sample-client-secret"
    rotate: bool = False
    testing: bool = False
    delegated: frozenset[str] | None = None
    clock: Callable[[], datetime] | None = None
    tokens: dict[str, Grant] = field(default_factory=dict, repr=False)
    refreshers: dict[str, tuple[Grant, datetime | None]] = field(default_factory=dict, repr=False)
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict, repr=False)
    codes: dict[str, _Code] = field(default_factory=dict, repr=False)

    # What tests do

    def issue(self, user: str, *scopes: str, client: str | None = None) -> tuple[str, str]:
        """Make an access token and a refresh token without a sign-in, and return both."""
        given = self._give(user, tuple(_full(scope) for scope in scopes), client or self.client_id, refresh=True)
        return given["access_token"], given["refresh_token"]

    def expire(self, user: str | None = None) -> None:
        """End the access tokens of a user, or of everybody."""
        for grant in self.tokens.values():
            if user in {None, grant.user}:
                grant.expires = self.now()

    def revoke(self, user: str | None = None) -> None:
        """End all tokens of a user, or of everybody: the next refresh is `invalid_grant`."""
        for table in (self.tokens, self.refreshers):
            for token, grant in _grants(table):
                if user in {None, grant.user}:
                    del table[token]

    # Endpoints

    def authorize(self, request: Request) -> Reply:
        """Answer the authorization address: the consent is given at once, and the browser is sent back."""
        asked = request.params
        if asked.get("client_id") != self.client_id:
            return _page(401, "Error 401: invalid_client")
        if not _loopback(asked.get("redirect_uri", "")):
            return _page(400, "Error 400: redirect_uri_mismatch")
        if asked.get("response_type") != "code" or not asked.get("scope"):
            return _page(400, "Error 400: invalid_request")
        if self.consent.never:
            return _page(200, "Choose an account")
        back = {"state": asked["state"]} if "state" in asked else {}
        if self.consent.refuse:
            return _redirect(asked["redirect_uri"], {"error": "access_denied"} | back)
        user = self.consent.user or asked.get("login_hint") or self.accounts()[0]
        scopes = tuple(_full(scope) for scope in asked["scope"].split() if self.consent.grants(scope))
        code = f"4/{secrets.token_urlsafe(24)}"
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return _page(400, "Error 400: invalid_request")
        offline = asked.get("access_type") == "offline"
        self.codes[code] = _Code(user, scopes, asked["redirect_uri"], asked.get("code_challenge", ""), offline)
        return _redirect(asked["redirect_uri"], back | {"code": code, "scope": " ".join(scopes)})

    def token(self, request: Request, address: str) -> Reply:
        """Answer the token endpoint that stands at `address`."""
        grants: dict[str, Callable[[], Json]] = {
            "authorization_code": lambda: self._from_code(request),
            "refresh_token": lambda: self._from_refresh(request),
            JWT_BEARER: lambda: self._from_assertion(request.body.get("assertion", ""), address),
        }
        try:
            grant = grants.get(request.body.get("grant_type", ""))
            given = grant() if grant and request.method == "POST" else None
        except OAuthError as error:
            return error.reply
        if given is None:
            return OAuthError("unsupported_grant_type", "Invalid grant_type").reply
        return answer(given, Cache_Control="no-cache, no-store, max-age=0, must-revalidate")

    def revoked(self, request: Request) -> Reply:
        """Answer the revocation endpoint."""
        token = request.body.get("token") or request.params.get("token", "")
        grant = self.tokens.get(token) or self.refreshers.get(token, (None, None))[0]
        if grant is None:
            return OAuthError("invalid_token", "Token expired or revoked").reply
        for table in (self.tokens, self.refreshers):
            for name, each in _grants(table):
                if (each.user, each.client) == (grant.user, grant.client):
                    del table[name]
        return answer({})

    def allowed(self, request: Request, scopes: frozenset[str]) -> Grant:
        """Return what the request's token is good for. Raises `ApiError`: 401, or 403 where no scope suffices."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.tokens.get(token)
        if kind != "Bearer" or grant is None or grant.expires <= self.now():
            challenge = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
            raise ApiError(401, "authError", location="Authorization", details=[], WWW_Authenticate=challenge)
        if not scopes & set(grant.scopes):
            detail = {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com"}
            detail |= {"@type": "type.googleapis.com/google.rpc.ErrorInfo"}
            challenge = 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'
            raise ApiError(403, "insufficientPermissions", details=[detail], WWW_Authenticate=challenge)
        return grant

    # Files

    def client_secrets(self, root: str) -> Json:
        """Return the client file of a desktop app whose addresses are at `root`."""
        return {
            "installed": {
                "client_id": self.client_id,
                "project_id": "sample-project",
                "auth_uri": f"{root}/o/oauth2/auth",
                "token_uri": f"{root}/token",
                "auth_provider_x509_cert_url": f"{root}/oauth2/v1/certs",
                "client_secret": self.client_secret,
                "redirect_uris": ["http://localhost"],
            }
        }

    def service_account_key(self, root: str, email: str) -> Json:
        """Return the key file of a service account; a key is made the first time."""
        if email not in self.keys:
            self.keys[email] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = self.keys[email].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": "sample-project",
            "private_key_id": hashlib.sha1(private).hexdigest(),
            "private_key": private.decode(),
            "client_email": email,
            "client_id": "100000000000000000001",
            "auth_uri": f"{root}/o/oauth2/auth",
            "token_uri": f"{root}/token",
            "universe_domain": "googleapis.com",
        }

    # Inside

    def _client(self, request: Request) -> str:
        name, password = request.body.get("client_id", ""), request.body.get("client_secret", "")
        kind, _, basic = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            name, _, password = base64.b64decode(basic).decode().partition(":")
        if name != self.client_id:
            raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
        if password != self.client_secret:
            raise OAuthError("invalid_client", "The provided client secret is invalid.", 401)
        return name

    def _from_code(self, request: Request) -> Json:
        client = self._client(request)
        code = self.codes.pop(request.body.get("code", ""), None)
        if code is None:
            raise OAuthError("invalid_grant", "Malformed auth code.")
        if request.body.get("redirect_uri") != code.redirect:
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        digest = hashlib.sha256(request.body.get("code_verifier", "").encode()).digest()
        if code.challenge and _base64(digest) != code.challenge:
            raise OAuthError("invalid_grant", "Invalid code verifier.")
        return self._give(code.user, code.scopes, client, refresh=code.offline)

    def _from_refresh(self, request: Request) -> Json:
        client, token = self._client(request), request.body.get("refresh_token", "")
        grant, dies = self.refreshers.get(token, (None, None))
        if grant is None or grant.client != client or (dies and dies <= self.now()):
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        if self.rotate:
            del self.refreshers[token]
        return self._give(grant.user, grant.scopes, client, refresh=self.rotate)

    def _from_assertion(self, assertion: str, address: str) -> Json:
        claims = self._claims(assertion)
        if claims.get("aud") not in {address, GOOGLE}:
            raise OAuthError("invalid_grant", "Invalid JWT: Failed audience check.")
        scopes = str(claims.get("scope", "")).split()
        if not scopes:
            raise OAuthError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        user, account = claims.get("sub"), claims["iss"]
        if user is not None and user not in self.accounts():
            raise OAuthError("invalid_grant", "Invalid email or User ID")
        if user is not None and self.delegated is not None and not self.delegated.issuperset(scopes):
            text = "Client is unauthorized to retrieve access tokens using this method, or client not authorized"
            raise OAuthError("unauthorized_client", f"{text} for any of the scopes requested.", 401)
        return self._give(user or account, tuple(scopes), account, refresh=False)

    def _claims(self, assertion: str) -> Json:
        """Read an assertion whose signature and times are right."""
        signed, _, signature = assertion.rpartition(".")
        try:
            claims: Json = json.loads(_bytes(signed.split(".")[1]))
            self.keys[claims["iss"]].public_key().verify(
                _bytes(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except (ValueError, KeyError, IndexError, InvalidSignature):
            raise OAuthError("invalid_grant", "Invalid JWT Signature.") from None
        life = timedelta(seconds=claims["exp"] - claims["iat"])
        fits = self.clock is None or claims["iat"] - 300 <= self.clock().timestamp() < claims["exp"]
        if not timedelta(0) < life <= LONGEST_ASSERTION or not fits:
            text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            raise OAuthError("invalid_grant", f"{text} Check your iat and exp values in the JWT claim.")
        return claims

    def _give(self, user: str, scopes: tuple[str, ...], client: str, *, refresh: bool) -> Json:
        token = f"ya29.{secrets.token_urlsafe(40)}"
        grant = Grant(user, scopes, self.now() + LIFE, client)
        self.tokens[token] = grant
        given: Json = {"access_token": token, "expires_in": int(LIFE.total_seconds()), "token_type": "Bearer"}
        if client == self.client_id:
            given["scope"] = " ".join(scopes)
        if refresh:
            grant.refresh = given["refresh_token"] = f"1//{secrets.token_urlsafe(40)}"
            dies = self.now() + timedelta(days=7) if self.testing else None
            self.refreshers[grant.refresh] = (grant, dies)
            given |= {"refresh_token_expires_in": 604799} if self.testing else {}
        if "openid" in scopes:
            given["id_token"] = self._id_token(user, client, email=_LONG["email"] in scopes)
        return given

    def _id_token(self, user: str, client: str, *, email: bool) -> str:
        """Return an identity token in the form of a JWT; its signature is a random one."""
        now = int(self.now().timestamp())
        claims: Json = {"iss": "https://accounts.google.com", "azp": client, "aud": client, "sub": number(user)}
        claims |= {"iat": now, "exp": now + 3600, "hd": user.partition("@")[2]}
        claims |= {"email": user, "email_verified": True} if email else {}
        head = _base64(json.dumps({"alg": "RS256", "kid": "sample", "typ": "JWT"}).encode())
        return f"{head}.{_base64(json.dumps(claims).encode())}.{_base64(secrets.token_bytes(32))}"


def _grants(table: Mapping[str, Grant | tuple[Grant, datetime | None]]) -> list[tuple[str, Grant]]:
    return [(token, each if isinstance(each, Grant) else each[0]) for token, each in table.items()]


def _full(scope: str) -> str:
    return _LONG.get(scope, scope)


def number(user: str) -> str:
    """Return the number by which Google knows a person."""
    return str(int(hashlib.sha256(user.encode()).hexdigest(), 16))[:21]


def _loopback(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}


def _redirect(address: str, parameters: Mapping[str, str]) -> Reply:
    return Reply(302, b"", {"Location": f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"})


def _page(status: int, text: str) -> Reply:
    return Reply(status, f"<!doctype html><title>{text}</title>".encode(), {"Content-Type": "text/html; charset=utf-8"})


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
