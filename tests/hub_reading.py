"""A stand-in for the Hub from which is read: whole, or as broken as the name of a repository says."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SHA = "0123456789abcdef0123456789abcdef01234567"
# Another way to the files, by which the lab does not go; it leads nowhere.
XET = {"X_Xet_Hash": "a" * 64, "X_Xet_Refresh_Route": "/xet"}
# What is wrong with a repository, by its name; all others but `ada/whole` are not there.
TROUBLES = ["gated", "error", "busy", "stalled", "stalls-in-file", "cut", "cut-in-answer", "whole"]


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[str]:
    """The address of a Hub on which each repository `ada/TROUBLE` holds these files."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def say(self, status: int, data: bytes = b"", promised: int | None = None, **headers: str):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data) if promised is None else promised))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
                self.wfile.flush()

        def say_json(self, content):
            self.say(200, json.dumps(content).encode(), Content_Type="application/json")

        def do_any(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = unquote(urlsplit(self.path).path).strip("/").split("/")
            in_api, kind = parts[0] == "api", "datasets" if "datasets" in parts[:2] else "models"
            parts = [part for part in parts if part not in ("api", "models", "datasets")]
            trouble = parts[1] if len(parts) > 1 and parts[0] == "ada" else ""
            if trouble not in TROUBLES:
                return self.say(404, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
            if trouble in ("error", "busy"):
                return self.say(500 if trouble == "error" else 503, b"oh")
            if trouble == "stalled":
                return over.wait(60)
            if in_api and trouble == "cut-in-answer":  # its files are whole
                return self.cut(b"{", 4000)
            return self.answer(in_api, kind, parts[2:], trouble)

        def answer(self, in_api: bool, kind: str, rest: list[str], trouble: str):
            if in_api and rest[:1] in (["tree"], ["paths-info"]):
                return self.say_json(
                    [
                        {"type": "file", "path": name, "size": len(data), "oid": f"{i:040x}"}
                        for i, (name, data) in enumerate(files.items())
                    ]
                )
            if in_api:
                if rest[:1] == ["revision"] and rest[1] not in ("main", SHA):
                    return self.say(404, X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id")
                about = {"id": f"ada/{trouble}", "sha": SHA, "private": False, "tags": [], "downloads": 0}
                return self.say_json(about | {"siblings": [{"rfilename": name} for name in files]})
            if trouble == "gated":
                return self.say(403, X_Error_Code="GatedRepo", X_Error_Message="Access to it is restricted")
            name = "/".join(rest[2:])
            if rest[1] not in ("main", SHA):
                return self.say(404, X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id")
            if name not in files:
                return self.say(404, X_Error_Code="EntryNotFound", X_Error_Message="Entry not found", X_Repo_Commit=SHA)
            etag = {"ETag": f'"{list(files).index(name):040x}"', "X_Repo_Commit": SHA, **XET}
            if self.command == "HEAD" or trouble in ("whole", "cut-in-answer"):
                return self.say(200, files[name], **etag)
            if trouble == "stalls-in-file":
                self.say(200, files[name][:1], len(files[name]), **etag)
                return over.wait(60)
            return self.cut(files[name][:1], len(files[name]), **etag)

        def cut(self, data: bytes, promised: int, **headers: str):
            self.say(200, data, promised, **headers)
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

        do_GET = do_HEAD = do_POST = do_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def nothing_listens() -> str:
    """An address at which nobody answers."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{found.getsockname()[1]}"


def timed(act) -> tuple[Exception | None, float]:
    """What an act raises, and how long it takes."""
    begun = time.monotonic()
    try:
        act()
    except Exception as error:
        return error, time.monotonic() - begun
    return None, time.monotonic() - begun
