"""What stands in front of the page: it answers under its own names alone, to its own pages, and loads nothing from elsewhere."""

import base64
import binascii
import hmac
import ipaddress
import os
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse

from lab.ui import bodies, routes

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - what is bound only with a login, or on a Space
NEEDS_LOGIN = {
    routes.LOGIN: "Log in first.\n",
    routes.TOOLS: "The tools need the login of LAB_LOGIN, as HTTP Basic authorization.\n",
}
NOTHING_HERE = "Nothing is served here.\n"
FROM_HERE = ("same-origin", "none")  # what browsers say of a link of the page itself, and of a typed address
# A link of the page itself, for browsers that do not say where a typed address comes from.
LEAVE = '<!doctype html><title>Log out</title><p>Another site may have sent you here. <a href="?">Log out</a></p>\n'


def allowed_names() -> set[str]:
    """The names by which the page may be reached beside its own address, without ports."""
    named = f"{os.environ.get('LAB_HOSTS', '')},{os.environ.get('SPACE_HOST', '')}"
    return {name.strip().lower() for name in named.split(",")} - {""}


class Guard:
    """Refuses requests under a foreign name (DNS rebinding) or from a foreign page (cross-site), serves the routes of `routes`
    alone and asks for the login in front of them, which Gradio does for some, takes in no more than there is room for, and
    says to browsers that the page loads nothing from elsewhere and is framed by no one."""

    def __init__(self, app, host: str, names: set[str], on_space: bool = False, login: tuple[str, str] | None = None):
        self.app, self.names, self.login = app, names, login
        self.own = LOOPBACK | (set() if host in EVERY_ADDRESS else {host.lower()})
        self.every_address = host in EVERY_ADDRESS
        framed_by = "https://huggingface.co https://*.hf.space" if on_space else "'self'"
        hub = " https://huggingface.co" if on_space else ""  # the head of a Space's page
        self.policy = (
            f"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:{hub}; base-uri 'self'; object-src 'none'; "
            f"frame-ancestors {framed_by}"
        )

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self.refusal(headers.getlist("host"), headers.getlist("origin"))
        if refusal:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)
            return
        who = routes.policy(scope["path"])
        if who is None:
            await PlainTextResponse(NOTHING_HERE, status_code=404)(scope, receive, send)
            return
        if routes.ends_login(scope["path"]) and not self._comes_from_here(headers):
            await HTMLResponse(LEAVE, status_code=403, headers={"Content-Security-Policy": self.policy})(
                scope, receive, send
            )
            return
        if not self._may_enter(who, scope, headers):
            asks = {"WWW-Authenticate": "Basic"} if who == routes.TOOLS else None
            await PlainTextResponse(NEEDS_LOGIN[who], status_code=401, headers=asks)(scope, receive, send)
            return

        async def send_with_policy(message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Content-Security-Policy"] = self.policy
                answer["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await bodies.limited(self.app, scope, receive, send_with_policy)

    def _may_enter(self, who: str, scope, headers: Headers) -> bool:
        if not self.login or who == routes.ANYONE:
            return True
        if who == routes.TOOLS:
            return _has_login(headers.get("authorization", ""), self.login)
        return _is_logged_in(scope)

    def refusal(self, hosts: list[str], origins: list[str]) -> str | None:
        """Why a request with these headers is refused, or None."""
        host = _place(f"//{hosts[0]}") if len(hosts) == 1 else None
        if host is None or not self._is_ours(host[0]):
            return "This address is not served here; names beside localhost are listed in LAB_HOSTS.\n"
        if origins and not (len(origins) == 1 and self._may_ask(_place(origins[0]), host)):
            return "Requests from other sites are refused; sites that may ask are listed in LAB_HOSTS.\n"
        return None

    def _comes_from_here(self, headers: Headers) -> bool:
        """Whether a page of the lab or the user's own hand asks. A link or a picture of another site carries no Origin; but it
        cannot write these headers either."""
        if headers.get("sec-fetch-site") in FROM_HERE:
            return True
        scheme, _, rest = headers.get("referer", "").partition("://")
        return self._may_ask(_place(f"{scheme}://{rest.partition('/')[0]}"), _place(f"//{headers['host']}"))

    def _is_ours(self, name: str) -> bool:
        return name in self.own | self.names or (self.every_address and _is_address(name))

    def _may_ask(self, origin: tuple[str, int | None] | None, host: tuple[str, int | None]) -> bool:
        """A page may ask the host that it came from; localhost is one host under its three names, port by port."""
        if origin is None:
            return False
        same = origin == host or (origin[0] in LOOPBACK and host[0] in LOOPBACK and origin[1] == host[1])
        return same or origin[0] in self.names


def _has_login(authorization: str, login: tuple[str, str]) -> bool:
    kind, _, given = authorization.partition(" ")
    try:
        written = base64.b64decode(given, validate=True)
    except binascii.Error:
        return False
    return kind.lower() == "basic" and hmac.compare_digest(written, ":".join(login).encode())


def _is_logged_in(scope) -> bool:
    """Whether a request carries the cookie that Gradio gives to those who log in."""
    cookies, app = HTTPConnection(scope).cookies, scope["app"]
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(cookies.get(name) in app.tokens for name in names if cookies.get(name))


def _place(url: str) -> tuple[str, int | None] | None:
    """(name, port) of a Host or an Origin; None when it is none."""
    try:
        parts = urlsplit(url)
        plain = parts.hostname and not parts.username and not parts.path and parts.scheme in ("", "http", "https")
        return (parts.hostname.lower(), parts.port) if plain else None
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
