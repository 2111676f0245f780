"""Who may reach the page and change things through it: addresses, login, Host and Origin; errors in plain words."""

import functools
import html
import inspect
import ipaddress
import os
import socket
import sys
import traceback
from collections.abc import Callable
from urllib.parse import urlsplit

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from lab import bases
from lab.config import BUNDLED_MODEL
from lab.errors import InputError, WorkError
from lab.ui import look

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - what is bound only with a login, or on a Space
SPACE_PORT = 7860
LARGEST_UPLOAD = "200mb"
# In seconds: how often old uploads are looked for, and how old they are then.
DELETE_UPLOADS = (3600, 24 * 3600)

# -- starting --------------------------------------------------------------------------------------------------------


def launch(page: gr.Blocks, host: str | None = None, port: int | None = None) -> None:
    """Serves the page until it is stopped. Raises InputError when it would be open to strangers or the port is taken."""
    on_space, login = "SPACE_ID" in os.environ, read_login()
    host = (host or ("0.0.0.0" if on_space else "127.0.0.1")).strip("[]")  # noqa: S104
    if on_space and port is None:
        port = SPACE_PORT
    if not is_loopback(host) and not login and not on_space:
        raise InputError(
            f"{host} can be reached from other machines: set LAB_LOGIN=user:password in the environment, or leave --host out."
        )
    page.queue(max_size=64, default_concurrency_limit=4)
    try:
        _, address, _ = page.launch(
            server_name=f"[{host}]" if ":" in host else host,
            server_port=_free_port(host) if port == 0 else port,
            auth=login,
            theme=look.theme(),
            css=look.CSS,
            app_kwargs={"middleware": [Middleware(Guard, host=host, names=_allowed_names(), on_space=on_space)]},
            share=False,
            enable_monitoring=False,
            run_history=False,
            footer_links=[],
            max_file_size=LARGEST_UPLOAD,
            allowed_paths=[],
            ssr_mode=False,
            pwa=False,
            inbrowser=False,
            quiet=True,
            show_error=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise InputError(f"Port {port or 7860} of {host} cannot be used: it is taken, or not yours to use.") from error
    print(f"QLoRA Lab is ready: {address}", flush=True)
    page.block_thread()


def read_login() -> tuple[str, str] | None:
    """The user and the password of `LAB_LOGIN`, or None."""
    text = os.environ.get("LAB_LOGIN", "")
    user, colon, password = text.partition(":")
    if text and not (user and colon and password):
        raise InputError("LAB_LOGIN must be written user:password, neither of them empty.")
    return (user, password) if text else None


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _allowed_names() -> set[str]:
    """The names by which the page may be reached beside its own address, without ports."""
    names = {name.strip().lower() for name in os.environ.get("LAB_HOSTS", "").split(",")}
    return (names | {os.environ.get("SPACE_HOST", "").lower()}) - {""}


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


# -- Host and Origin -------------------------------------------------------------------------------------------------


class Guard:
    """Refuses requests under a foreign name (DNS rebinding) or from a foreign page (cross-site), and says to browsers
    that the page loads nothing from elsewhere and is framed by no one."""

    def __init__(self, app, host: str, names: set[str], on_space: bool = False):
        self.app, self.names = app, names
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

        async def send_with_policy(message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Content-Security-Policy"] = self.policy
                answer["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self.app(scope, receive, send_with_policy)

    def refusal(self, hosts: list[str], origins: list[str]) -> str | None:
        """Why a request with these headers is refused, or None."""
        host = _place(f"//{hosts[0]}") if len(hosts) == 1 else None
        if host is None or not self._is_ours(host[0]):
            return "This address is not served here; names beside localhost are listed in LAB_HOSTS.\n"
        if origins and not (len(origins) == 1 and self._may_ask(_place(origins[0]), host)):
            return "Requests from other sites are refused; sites that may ask are listed in LAB_HOSTS.\n"
        return None

    def _is_ours(self, name: str) -> bool:
        return name in self.own | self.names or (self.every_address and _is_address(name))

    def _may_ask(self, origin: tuple[str, int | None] | None, host: tuple[str, int | None]) -> bool:
        """A page may ask the host that it came from; localhost is one host under its three names, port by port."""
        if origin is None:
            return False
        same = origin == host or (origin[0] in LOOPBACK and host[0] in LOOPBACK and origin[1] == host[1])
        return same or origin[0] in self.names


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


# -- what handlers share ---------------------------------------------------------------------------------------------


def shown(error: Exception) -> gr.Error:
    """An error as the page shows it: its sentence as plain text, for whatever is wrong in the lab itself its kind alone."""
    known = isinstance(error, InputError | WorkError)
    if not known:
        traceback.print_exception(error, file=sys.stderr)
    text = str(error) if known else f"The lab itself has a problem ({type(error).__name__}); its log says more."
    return gr.Error(
        html.escape(text, quote=False).replace("\n", "<br>"), title="That did not work", print_exception=False
    )


def handler(function: Callable) -> Callable:
    """Makes a handler show its errors in plain words, never as a traceback or as markup. Stands above every handler."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def steps(*values, **named):
            try:
                yield from function(*values, **named)
            except gr.Error:
                raise
            except Exception as error:
                raise shown(error) from error

        return steps

    @functools.wraps(function)
    def call(*values, **named):
        try:
            return function(*values, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise shown(error) from error

    return call


def may_change(request: gr.Request | None) -> None:
    """Raises InputError where visitors may only look: on a Space that has no login. First line of what changes things."""
    if "SPACE_ID" in os.environ and read_login() is None:
        raise InputError("This Space is open to everyone, so it only shows things; changing them needs LAB_LOGIN.")


def model_id(name: str | None) -> str:
    """A base model's name as the page takes it: the bundled one or a Hub id, never a folder of the machine."""
    name = (name or "").strip()
    if name != BUNDLED_MODEL and (not bases.HUB_ID.fullmatch(name) or bases.find(name).on_hub is False):
        raise InputError(
            f"{name!r} is no base model here: give {BUNDLED_MODEL} (the bundled one) or a Hub id, owner/name."
        )
    return name
