"""The routes of Gradio that the page serves, and to whom. What stands nowhere here is answered as if it were not there:
what fetches other sites' files, streams media, reloads code or shows how busy the page is, and all that a later Gradio adds."""

import functools
import re

ANYONE = "anyone"  # what the page itself consists of, and logging in
LOGIN = "login"  # where there is a login, those alone who have passed it
TOOLS = "tools"  # likewise, by HTTP Basic authorization

SERVED = {
    **dict.fromkeys(
        [
            *("/", "/login", "/logout", "/login/huggingface", "/login/callback"),
            *("/assets/{path:path}", "/static/{path:path}", "/svelte/{path:path}"),
            *("/theme.css", "/gradio_api/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"),
            *("/gradio_api/user", "/gradio_api/login_check", "/gradio_api/token", "/gradio_api/app_id"),
            "/gradio_api/startup-events",  # which Gradio asks for itself, once
        ],
        ANYONE,
    ),
    **dict.fromkeys(
        [
            *("/config", "/gradio_api/info", "/gradio_api/openapi.json"),
            *("/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/queue/status"),
            *("/gradio_api/run/{api_name}", "/gradio_api/api/{api_name}", "/gradio_api/cancel", "/gradio_api/reset"),
            *("/gradio_api/call/{api_name}", "/gradio_api/call/{api_name}/{event_id}"),
            *("/gradio_api/call/v2/{api_name}", "/gradio_api/call/v2/{api_name}/{event_id}"),
            *("/gradio_api/heartbeat/{session_hash}", "/gradio_api/upload", "/gradio_api/upload_progress"),
            *("/gradio_api/file={path_or_url:path}", "/gradio_api/file/{path:path}"),
        ],
        LOGIN,
    ),
    **dict.fromkeys(["/gradio_api/mcp", "/gradio_api/mcp/{path:path}"], TOOLS),
}
UPLOAD = "/gradio_api/upload"
LOGOUT = "/logout"  # the one route that changes something at a GET and is not there to be reached from another site
FILES = ("/gradio_api/file=", "/gradio_api/file/")


def policy(path: str) -> str | None:
    """Who may ask for a path; None where nothing is served."""
    if path.startswith(FILES) and names_other_site(path[len(FILES[0]) :]):
        return None
    return next((who for pattern, who in _patterns() if pattern.fullmatch(path)), None)


def ends_login(path: str) -> bool:
    return path.rstrip("/") == LOGOUT


def names_other_site(name: str) -> bool:
    """Whether the name of a file is an address, from which Gradio would fetch it."""
    return re.match(r"\s*[a-z][a-z0-9+.-]*:/", name, re.IGNORECASE) is not None


@functools.cache
def _patterns() -> list[tuple[re.Pattern, str]]:
    return [(_pattern(template), who) for template, who in SERVED.items()]


def _pattern(template: str) -> re.Pattern:
    parts = re.split(r"(\{[^}]+\})", template)
    kinds = {True: ".*", False: "[^/]+"}
    found = "".join(kinds[part.endswith(":path}")] if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile(found if found.endswith("/") else f"{found}/?", re.DOTALL)
