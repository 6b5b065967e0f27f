"""A service account of the sandbox: its key file, the exchange of signed assertions for tokens, and who may enter.

Protocol: https://developers.google.com/identity/protocols/oauth2/service-account#httprest (RFC 7523).
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.google_api import GoogleError
from sandbox.web import Reply, Request, json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROJECT = "sandbox-project"
_EMAIL = f"sandbox@{_PROJECT}.iam.gserviceaccount.com"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_SECONDS = 3599


class AssertionRefusedError(ValueError):
    """Why Google would grant no token, in its words."""


@dataclass(frozen=True)
class Grant:
    """What a token allows, and until when (seconds since 1970)."""

    scopes: frozenset[str]
    expires_at: float


class Identity:
    """Answers at the token endpoint, and admits requests that carry one of its tokens."""

    name: ClassVar[str] = "oauth"
    prefixes: ClassVar[tuple[str, ...]] = ("/token",)
    email: ClassVar[str] = _EMAIL

    def __init__(self) -> None:
        self._key = _private_key()
        self._grants: dict[str, Grant] = {}

    def key_file(self, token_uri: str) -> dict[str, str]:
        """Return the content of the JSON key file that Google's clients read."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": _PROJECT,
            "private_key_id": "sandbox",
            "private_key": pem.decode(),
            "client_email": _EMAIL,
            "client_id": "100000000000000000000",
            "token_uri": token_uri,
        }

    def answer(self, request: Request) -> Reply:
        try:
            claims = self._claims(parse_qs(request.body.decode()))
        except AssertionRefusedError as error:
            return json_reply({"error": "invalid_grant", "error_description": str(error)}, 400)
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self._grants[token] = Grant(frozenset(claims.get("scope", "").split()), time.time() + _LIFETIME_SECONDS)
        return json_reply({"access_token": token, "expires_in": _LIFETIME_SECONDS, "token_type": "Bearer"})

    def refusal(self, status: int) -> Reply:
        return json_reply({"error": "internal_failure", "error_description": "Backend Error"}, status)

    def admit(self, authorization: str, scopes: Sequence[str]) -> None:
        """Return when the token is known and has one of `scopes`; raises `GoogleError` 401 or 403."""
        grant = self._grants.get(authorization.removeprefix("Bearer "))
        if grant is None or grant.expires_at < time.time():
            raise GoogleError(
                401,
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
            )
        if grant.scopes.isdisjoint(scopes):
            raise GoogleError(
                403,
                "Request had insufficient authentication scopes.",
                details=[
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                        "domain": "googleapis.com",
                    }
                ],
            )

    def expire_tokens(self) -> None:
        """Forget every token, as if an hour had passed."""
        self._grants.clear()

    def _claims(self, form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        if form.get("grant_type") != [_GRANT]:
            raise AssertionRefusedError("Invalid grant_type")
        try:
            head, payload, signature = form.get("assertion", [""])[0].split(".")
            claims = json.loads(_decoded(payload))
            self._key.public_key().verify(
                _decoded(signature), f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except (ValueError, binascii.Error, InvalidSignature) as error:
            raise AssertionRefusedError("Invalid JWT Signature.") from error
        if claims.get("iss") != _EMAIL:
            raise AssertionRefusedError("Invalid grant: account not found")
        if not claims.get("iat", 0) - 600 <= time.time() < claims.get("exp", 0):
            raise AssertionRefusedError("Invalid JWT: Token must be a short-lived token (60 minutes).")
        return dict(claims)


class AllowedLocations:
    """Answers where a service account may be used from, which google-auth asks in the background: everywhere.

    Protocol: `projects.serviceAccounts.getAllowedLocations` of the IAM Service Account Credentials API.
    """

    name: ClassVar[str] = "iamcredentials"
    prefixes: ClassVar[tuple[str, ...]] = ("/v1/projects/-/serviceAccounts/",)

    def answer(self, request: Request) -> Reply:
        del request
        return json_reply({"locations": [], "encodedLocations": "0x0"})

    def refusal(self, status: int) -> Reply:
        return json_reply({"error": {"code": status, "message": "Backend Error"}}, status)


@cache
def _private_key() -> rsa.RSAPrivateKey:
    """Make one key per process: it is by far the slowest part of a start."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
