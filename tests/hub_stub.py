"""A stand-in for the Hub on this machine: it takes what is pushed to it, and says no where it is told to."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = 100_000  # bytes; above them a file goes up on its own


@dataclass
class Stub:
    """What has come in: files by `repo@revision`, the requests, and `refusals`: a status by a part of a path."""

    url: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def serving() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def say(self, content, status: int = 200, **headers: str):
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def handle_any(self):
            data = self.body()
            stub.asked.append(f"{self.command} {self.path}")
            stub.tokens.add(self.headers.get("Authorization", ""))
            refused = next((status for part, status in stub.refusals.items() if part in self.path), None)
            if refused:
                said = f"not today, {self.headers.get('Authorization')}"  # a server may well repeat what it was sent
                return self.say({"error": said}, refused, X_HF_Warning=f"repeated; {said}")
            return self.say(answer(stub, self.command, self.path, data))

        do_GET = do_POST = do_PUT = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


def answer(stub: Stub, method: str, path: str, data: bytes) -> dict:
    parts = path.strip("/").split("/")
    if path == "/api/repos/create":
        wanted = json.loads(data)
        repo = f"{wanted['organization']}/{wanted['name']}" if wanted.get("organization") else wanted["name"]
        stub.private.setdefault(repo, bool(wanted.get("private") or wanted.get("visibility") == "private"))
        return {"url": f"{stub.url}/{repo}", "name": repo, "id": repo}
    if path == "/api/validate-yaml":
        return {"errors": [], "warnings": []}
    if path.startswith("/blobs/"):
        stub.blobs[parts[-1]] = data
        return {}
    if path.endswith("/info/lfs/objects/batch"):
        objects = [
            {**x, "actions": {"upload": {"href": f"{stub.url}/blobs/{x['oid']}", "header": {}}}}
            for x in json.loads(data)["objects"]
        ]
        return {"transfer": "basic", "objects": objects}
    repo, what = "/".join(parts[2:4]), parts[4] if len(parts) > 4 else ""
    if what == "preupload":
        files = json.loads(data)["files"]
        modes = [{"path": x["path"], "uploadMode": "lfs" if x["size"] > LARGE else "regular"} for x in files]
        return {"files": [{**mode, "shouldIgnore": False} for mode in modes]}
    if what == "commit":
        place = stub.files.setdefault(f"{repo}@{'/'.join(parts[5:])}", {})
        for line in map(json.loads, data.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                place[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                place[value["path"]] = stub.blobs[value["oid"]]
        return {"success": True, "commitOid": "0" * 40, "commitUrl": f"{stub.url}/{repo}/commit/{'0' * 40}"}
    if method == "GET":
        return {"id": repo, "private": stub.private.get(repo, False), "tags": [], "siblings": [], "downloads": 0}
    return {}
