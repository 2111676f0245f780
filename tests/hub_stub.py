"""A Hub of our own on this machine: it keeps what is pushed to it, and answers with an error when it is told to."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """What was pushed: `repos` by name, each `{private, files: {path: bytes}}`; `fails` maps a word in a path to a status."""

    def __init__(self):
        self.repos: dict[str, dict] = {}
        self.fails: dict[str, int] = {}
        self.tokens: set[str] = set()
        self.url = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        for word, status in self.fails.items():
            if word in path:
                return status, {"error": f"no luck with {word}"}
        if path.endswith("/validate-yaml"):
            return 200, {"errors": [], "warnings": []}
        if path.endswith("/repos/create"):
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            if name in self.repos:
                return 409, {"error": "it is there", "url": f"{self.url}/datasets/{name}"}
            private = asked.get("private") or asked.get("visibility") == "private"
            self.repos[name] = {"private": bool(private), "files": {}, "kind": asked.get("type", "model")}
            return 200, {"url": f"{self.url}/datasets/{name}", "name": name}
        parts = path.split("?")[0].strip("/").split("/")  # api/datasets/owner/name/…
        repo = self.repos.get("/".join(parts[2:4]))
        if repo is None:
            return 404, {"error": "not there"}
        what = parts[4] if len(parts) > 4 else ""
        if what == "preupload":
            files = [{"path": f["path"], "uploadMode": "regular"} for f in json.loads(body)["files"]]
            return 200, {"files": [{**f, "shouldIgnore": False} for f in files]}
        if what == "commit":
            self._commit(repo, body)
            return 200, {
                "commitUrl": f"{self.url}/datasets/{'/'.join(parts[2:4])}/commit/1",
                "commitOid": "1",
                "success": True,
            }
        if what == "tree":
            return 200, [{"type": "file", "path": p, "size": len(b), "oid": "1"} for p, b in repo["files"].items()]
        return 200, {"id": "/".join(parts[2:4]), "private": repo["private"], "sha": "1", "siblings": [], "tags": []}

    def _commit(self, repo: dict, body: bytes) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                repo["files"][entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "deletedFile":
                repo["files"].pop(entry["value"]["path"])


@contextmanager
def running():
    """A Hub that listens on this machine."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def _do(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hub.tokens.add(self.headers.get("Authorization", ""))
            status, content = hub.answer(self.command, self.path, body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_HEAD = _do

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
