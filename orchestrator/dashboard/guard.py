"""Who may read the dashboard, and the security headers for browsers. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.errors import UsageError
from orchestrator.web.loopback import is_loopback

LEAST_TOKEN = 16  # characters


@dataclass(frozen=True)
class Guard:
    """`token`: empty where none is asked for. Then only this machine is listened to, and only under its own names: a
    page elsewhere must not reach us through a name that it lets point here (DNS rebinding)."""

    token: str = ""

    def allows(self, host: str, authorization: str) -> bool:
        """Of a request's headers."""
        if not self.token:
            return is_loopback(_name(host))
        given = _token(authorization)
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self.token.encode())


def check(host: str, token: str) -> None:
    """Raises UsageError for an address that others reach without a token."""
    if token and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        raise UsageError(f"the token must have at least {LEAST_TOKEN} printable ASCII characters and no blanks",
                         hint="openssl rand -hex 24 makes one")  # fmt: skip
    if not token and not is_loopback(host):
        raise UsageError(f"--host {host}: others can reach it, so it needs a token", hint="--token-file FILE")


def headers(policy: str) -> Mapping[str, str]:
    """Of every answer."""
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "private, no-cache",  # kept, and asked about by its ETag
        "Vary": "Accept, Authorization",
    }


def _name(host: str) -> str:
    """Of a Host header: without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _token(authorization: str) -> str:
    """`Bearer TOKEN`, or Basic with the token as the password, which is what a browser asks its user for."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""
    return ""
