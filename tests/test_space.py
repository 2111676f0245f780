"""The lab as a Hugging Face Space: what its head says, and a whole life of one that is simulated on this machine."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import itsdangerous
import pytest
import yaml
from gradio_client import Client
from gradio_client.exceptions import AppError
from test_page_axe import problems
from test_page_compare import end_generation
from waiting import until

from lab import space
from lab.home import Home
from lab.ui import commands

ROOT = Path(__file__).resolve().parent.parent
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
LARGEST = 10 << 20  # bytes; above it the Hub wants other ways of keeping a file
USER = 1000  # of a Space
RUN = {"name": "short", "train_rows": 32, "validation": 16, "max_steps": 2, "quantization": "none"}


def tracked() -> list[str]:
    """The files of the repository, as a Space gets them."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


# -- what is written for the Hub -------------------------------------------------------------------------------------


def test_the_head_of_the_readme_is_what_a_space_needs():
    head = yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---")[1])
    pin = re.search(r"^gradio\[mcp,oauth\]==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert (head["sdk"], head["sdk_version"], head["python_version"]) == ("gradio", pin, "3.11")
    assert head["hf_oauth"] is True and (ROOT / head["app_file"]).is_file()
    assert head["title"] and head["emoji"] and {head["colorFrom"], head["colorTo"]} <= COLOURS
    assert head["suggested_hardware"] == "t4-small" and head["tags"]
    assert 0 < len(head["short_description"]) <= 60


def test_no_file_is_too_large_for_the_hub():
    assert [name for name in tracked() if (ROOT / name).stat().st_size > LARGEST] == []


def test_where_things_live(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("LAB_HOME", "LAB_DATA", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    assert (space.home().path, space.storage()) == (ROOT / "workspace", None)
    monkeypatch.setenv("SPACE_ID", "acme/lab")
    assert space.home().path == tmp_path / "lab"
    assert space.home(str(tmp_path / "other")).path == tmp_path / "other"
    (tmp_path / "data").mkdir()
    (tmp_path / "file").write_text("")
    for place, found in (("data", tmp_path / "data" / "lab"), ("none", None), ("file", None)):
        monkeypatch.setenv("LAB_DATA", str(tmp_path / place))
        assert space.storage() == found
    shutil.rmtree(tmp_path / "data" / "lab")
    (tmp_path / "data" / "lab").write_text("")  # nothing can be written into it
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "data"))
    assert space.storage() is None


# -- a Space, simulated ----------------------------------------------------------------------------------------------


class Simulated:
    """A Space of `acme`: its files read-only, its own user, nothing of the Hub to be reached."""

    def __init__(self, root: Path):
        self.root, self.process = root, None
        self.app, self.home, self.data = root / "app", root / "home", root / "data"
        for name in tracked():
            (self.app / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, self.app / name)
        for path in [self.app, *self.app.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        self.home.mkdir()
        root.chmod(0o755)
        self.user = {"user": USER, "group": USER, "extra_groups": []} if others_may_run() else {}
        self.give(self.home)

    def give(self, folder: Path) -> None:
        if self.user:
            shutil.chown(folder, USER, USER)

    def attach_storage(self) -> None:
        self.data.mkdir()
        self.give(self.data)

    def start(self) -> None:
        """Starts it as the Hub does; its own disk is empty."""
        self.stop()
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LAB_DATA": str(self.data),
            "GRADIO_TEMP_DIR": str(self.home / "gradio"),
            "SYSTEM": "spaces",
            "SPACE_ID": "acme/lab",
            "SPACE_AUTHOR_NAME": "acme",
            "SPACE_HOST": "acme-lab.hf.space",
            "OAUTH_CLIENT_ID": "id",
            "OAUTH_CLIENT_SECRET": "secret",
            "OAUTH_SCOPES": "openid profile",
            "OPENID_PROVIDER_URL": "https://huggingface.co",
            "HTTPS_PROXY": "http://127.0.0.1:9",  # nobody answers there
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost,0.0.0.0",
        }
        said = self.root / "said.txt"
        with said.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", "--port", "0"],
                **{"cwd": self.app, "env": environment, "stdout": file, "stderr": subprocess.STDOUT, **self.user},
            )

        def port() -> str | None:
            assert self.process.poll() is None, said.read_text()
            found = re.search(r"ready: http://\S+:(\d+)/", said.read_text())
            return found and found[1]

        self.url = f"http://127.0.0.1:{until(port, 'the Space has started')}"

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            end_generation(Home.at(self.home / "lab"))

    def client(self, cookie: str | None = None) -> Client:
        return Client(self.url, verbose=False, headers={"Cookie": f"session={cookie}"} if cookie else None)


def others_may_run() -> bool:
    """Whether this process may start others under another user, who can read this Python."""
    if os.geteuid() != 0:
        return False
    try:
        code = "import gradio, torch"
        return subprocess.run([sys.executable, "-c", code], user=USER, group=USER, env={}, cwd="/").returncode == 0
    except PermissionError:
        return False


def session(user: str, **more) -> str:
    """The cookie of someone whom Hugging Face has sent back, signed as Gradio does."""
    person = {"preferred_username": user, "name": user, "profile": "", "picture": "", **more}
    info = {"access_token": "x", "scope": "openid profile", "expires_at": time.time() + 3600, "userinfo": person}
    secret = hashlib.sha256(b"secret-v4").hexdigest()
    content = base64.b64encode(json.dumps({"oauth_info": info}).encode())
    return itsdangerous.TimestampSigner(secret).sign(content).decode()


@pytest.fixture(scope="module")
def simulated():
    root = Path(tempfile.mkdtemp(prefix="space-"))  # not pytest's folder, into which another user cannot look
    made = Simulated(root)
    yield made
    made.stop()
    for path in [made.app, *made.app.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def bare(simulated) -> Simulated:
    """One without storage."""
    simulated.start()
    return simulated


def words_of(page, simulated: Simulated) -> str:
    page.goto(simulated.url)
    page.locator(".exact-prompt .part").first.wait_for()  # the prompts of the bundle are there for everyone
    page.locator(".space-head p").first.wait_for()
    return page.locator(".space-head").inner_text()


@pytest.mark.faults
def test_visitors_look_and_generate_and_change_nothing(bare, page):
    said = words_of(page, bare)
    assert "You are visiting" in said and "acme" in said and "are lost when it restarts" in said
    assert page.get_by_role("button", name="Sign in with Hugging Face").is_visible()
    until(lambda: page.locator(".pending:visible").count() == 0, "nothing is faded any more")
    assert [x for theme in ("light", "dark") for x in problems(page, theme)] == []
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.locator(".space-head p").first.bounding_box()["width"] > 250
    visitor = bare.client()
    (answer,) = visitor.predict(subjects=["base"], raw="Once", api_name="/generate")
    assert answer["tokens"] > 0
    assert "Sentence:" in visitor.predict("sentiment", "sentiment", api_name="/task_preview")["text"]
    with pytest.raises(AppError, match="Only the owner"):  # it might have to be downloaded
        visitor.predict(subjects=["base:tiny-llama"], raw="Once", api_name="/generate")
    (answer,) = bare.client(session("acme")).predict(subjects=["base:tiny-llama"], raw="Once", api_name="/generate")
    assert answer["tokens"] > 0
    for event, values in (("/train", ("",)), ("/task_delete", ("x",)), ("/preset_save", ("x", ""))):
        with pytest.raises(AppError, match=r"Only the owner changes things .*acme, signed in"):
            visitor.predict(*values, api_name=event)
    forged = session("acme")[:-4] + "AAAA"
    for cookie in (session("ada"), forged):
        with pytest.raises(AppError, match="Only the owner"):
            bare.client(cookie).predict("", api_name="/train")
    with_files = {"/dataset_add", "/dataset_push", "/run_export"}
    public = visitor.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(public) == {f"/{function.__name__}" for function in commands.COMMANDS} | with_files


@pytest.mark.long
def test_what_the_owner_makes_outlives_a_restart_where_there_is_storage(bare, page):
    bare.stop()
    bare.attach_storage()
    bare.start()
    admin = session("ada", orgs=[{"preferred_username": "acme", "roleInOrg": "admin"}])
    owner = bare.client(admin)
    page.context.add_cookies([{"name": "session", "value": admin, "url": bare.url}])
    said = words_of(page, bare)
    assert "You are visiting" not in said and "are kept" in said
    assert page.get_by_role("button", name="Sign out (ada)").is_visible()
    owner.predict(yaml.safe_dump(RUN), api_name="/train")
    copy = bare.data / "lab" / "runs" / "short-1"
    until((copy / "manifest.json").exists, "the run has ended and is copied")
    before = owner.predict("short-1", api_name="/run_show")
    assert before["status"] == "finished", owner.predict("short-1", api_name="/run_log")["log"]

    until(lambda: len(list((bare.data / "lab" / "evaluations").glob("*/manifest.json"))) == 2, "its scores are too")
    bare.start()
    visitor = bare.client()
    assert visitor.predict("short-1", api_name="/run_show") == before
    assert visitor.predict(["base", "short-1"], api_name="/compare")[1]["subject"] == "short-1"  # nothing to be made
    answers = visitor.predict(subjects=["base", "short-1"], row=0, api_name="/generate")
    assert [answer["subject"] for answer in answers] == ["base", "short-1"]

    owner = bare.client(admin)
    owner.predict("short-1", api_name="/run_delete")
    until(lambda: not copy.exists(), "its copy is gone")
    bare.start()
    assert bare.client().predict(api_name="/run_list") == []
