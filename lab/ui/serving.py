"""Starting the page: where it listens, who must log in, and whether its commands are tools for language models (MCP)."""

import ipaddress
import socket

import gradio as gr
from gradio_client import Client
from starlette.middleware import Middleware

from lab.errors import InputError
from lab.space import on_space
from lab.ui import bodies, look, mended, zips
from lab.ui.guard import Guard, allowed_names
from lab.ui.roles import read_login

SPACE_PORT = 7860
MOST_WAITING = 64  # events
# In seconds: how often old uploads are looked for, and how old they are then.
DELETE_UPLOADS = (3600, 24 * 3600)


def launch(page: gr.Blocks, host: str | None = None, port: int | None = None, mcp: bool | None = None) -> None:
    """Serves the page until it is stopped; `mcp` makes tools of its commands (None: as `$GRADIO_MCP_SERVER` says).

    Raises InputError when it would be open to strangers, or the port is taken.
    """
    zips.clear_left()
    open_to_all, login = on_space(), read_login()
    host = (host or ("0.0.0.0" if open_to_all else "127.0.0.1")).strip("[]")  # noqa: S104
    if open_to_all and port is None:
        port = SPACE_PORT
    if not is_loopback(host) and not login and not open_to_all:
        raise InputError(
            f"{host} can be reached from other machines: set LAB_LOGIN=user:password in the environment, or leave --host out."
        )
    guard = Middleware(Guard, host=host, names=allowed_names(), on_space=open_to_all, login=login)
    mended.mend()
    page.queue(
        max_size=MOST_WAITING, default_concurrency_limit=4, api_open=False
    )  # not open: nobody passes by the queue
    try:
        _, address, _ = page.launch(
            server_name=f"[{host}]" if ":" in host else host,
            server_port=_free_port(host) if port == 0 else port,
            auth=login,
            theme=look.theme(),
            css=look.CSS,
            app_kwargs={"middleware": [guard]},
            mcp_server=mcp,
            share=False,
            enable_monitoring=False,
            run_history=False,
            footer_links=[],
            max_file_size=bodies.LARGEST_FILE,
            allowed_paths=[],
            ssr_mode=False,
            pwa=False,
            inbrowser=False,
            quiet=True,
            show_error=True,
            prevent_thread_lock=True,
            # Else Gradio gives up when its own page does not answer within three seconds, as on a machine that is busy.
            _frontend=False,
        )
    except OSError as error:
        raise InputError(f"Port {port or 7860} of {host} cannot be used: it is taken, or not yours to use.") from error
    if page.mcp_server:
        _let_tools_in(page, login)
    elif mcp:
        raise InputError(f"The tools cannot be served: {page.mcp_error}")
    print(f"QLoRA Lab is ready: {address}", flush=True)
    page.block_thread()


def _let_tools_in(page: gr.Blocks, login: tuple[str, str] | None) -> None:
    """Gradio's tools call the page as a client of their own, which has to log in like everyone; the guard has asked before."""
    if login:
        page.mcp_server_obj._client_instance = Client(
            page.local_url,
            auth=login,
            headers={"x-gradio-user": "mcp"},
            download_files=False,
            verbose=False,
            analytics_enabled=False,
        )


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]
