"""Checks of every request (host, origin, token, size and time of the body), and safe headers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from secrets import compare_digest
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.responses import RedirectResponse, Response

from semsig.server.options import ServeOptions
from semsig.server.problems import problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "semsig-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class _BodyError(Exception):
    """A body that is larger, or arrives more slowly, than is accepted."""

    def __init__(self, response: Response) -> None:
        self.response = response


class Guard:
    """Lets through requests from the server's own page and from clients that know the token.

    A page of another site can neither reach the server under that site's name (DNS rebinding: the
    Host is checked) nor change anything with the user's cookie (CSRF: the Origin is checked).

    Parameters
    ----------
    app : ASGI application
        The application to guard.
    options : ServeOptions
        Names, token and limits.
    """

    def __init__(self, app: Application, options: ServeOptions) -> None:
        self._app = app
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def safely(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = {name for name, _ in message["headers"]}
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] += [header for header in extra if header[0] not in given]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, safely)
            return
        try:
            await self._app(scope, self._limited(receive), safely)
        except _BodyError as error:
            if not started:
                await error.response(scope, receive, safely)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        host = headers.get("host", "")
        if not self._options.allows(_name(host)):
            return problem(
                421, f"Expected the server's own name, got {host!r}; serve with --allow-host NAME."
            )
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != host
        other_site = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if scope["method"] not in _SAFE and (foreign or other_site):
            return problem(403, f"Expected a request from this page, got one from {origin!r}.")
        return self._without_token(scope, headers) if self._options.token else None

    def _without_token(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        """Refuse a request without the token; keep a token given in the address as a cookie."""
        token = self._options.token
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        if scope["path"] == "/" and _same(asked, token):
            response = RedirectResponse("/", 303)
            response.set_cookie(COOKIE, token, httponly=True, samesite="strict")
            return response
        bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if _same(bearer, token) or _same(_cookie(headers.get("cookie", "")), token):
            return None
        if scope["path"] == "/api/v1/health":
            return None
        refusal = problem(
            401, "Expected the server's token: open /?token=TOKEN, or send it as a bearer token."
        )
        refusal.headers["www-authenticate"] = "Bearer"
        return refusal

    def _limited(self, receive: Receive) -> Receive:
        """Return a `receive` that ends the request if its body is too large or too slow."""
        limit, seconds = self._options.upload_bytes, self._options.upload_seconds
        loop = asyncio.get_running_loop()
        ends, total, done = loop.time() + seconds, 0, False

        async def limited() -> MutableMapping[str, Any]:
            nonlocal total, done
            if done:  # the next message tells that the client has disconnected
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, ends - loop.time()))
            except TimeoutError:
                raise _BodyError(
                    problem(408, f"Expected a request within {seconds:g} s, got a part of it.")
                ) from None
            total += len(message.get("body", b""))
            done = not message.get("more_body", False)
            if total > limit:
                raise _BodyError(
                    problem(413, f"Expected at most {limit:,} bytes, got more; send it smaller.")
                )
            return message

        return limited


def _name(host: str) -> str:
    """Return a Host header without port, an IPv6 address without brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _same(given: str, token: str) -> bool:
    return compare_digest(given.encode(), token.encode())


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
