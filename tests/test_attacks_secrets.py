"""Attacks on secrets: tokens and passwords of the environment never show up in what the lab writes, says or serves."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import colours
import furnished
import httpx
import pytest
from attacks import call
from browser import ROOT
from click.testing import CliRunner
from hub_stub import serving
from huggingface_hub import constants
from test_page_compare import end_generation
from waiting import until

from lab import worker
from lab.cli import common
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.job import Job
from lab.runs import Run
from lab.ui import access

# Each stands in the environment alone; a part of one would be too much as well.
CANARIES = {
    "HF_TOKEN": "hf_CANARYtokenCANARYtokenCANARYtoken",
    "HUGGING_FACE_HUB_TOKEN": "hf_CANARYotherCANARYotherCANARYother",
    "WANDB_API_KEY": "CANARYwandb0123456789",
    "OAUTH_CLIENT_SECRET": "CANARYoauth0123456789",
    "AWS_SECRET_ACCESS_KEY": "CANARYaws0123456789",
}
LOGIN = ("ada", "CANARYpassword0123456789")
SMALL = "{name: small, train_rows: 32, validation: 16, max_steps: 2, quantization: none}"


def found_in(text: str) -> list[str]:
    return [name for name, value in {**CANARIES, "LAB_LOGIN": LOGIN[1]}.items() if value in text or value[-12:] in text]


def in_files(folder: Path) -> list[tuple[str, list[str]]]:
    """Files that hold a canary, whatever else they hold."""
    all_files = [path for path in folder.rglob("*") if path.is_file()]
    told = [(str(path), found_in(path.read_bytes().decode("latin-1"))) for path in all_files]
    return [(path, names) for path, names in told if names]


def in_command_lines() -> list[str]:
    """Command lines of this machine's processes that hold a canary."""
    told = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("latin-1")
        except OSError:
            continue
        told += [line] if found_in(line) else []
    return told


@pytest.fixture
def secret(monkeypatch):
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.faults
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at command lines in /proc")
def test_no_token_in_what_page_and_workers_write_and_say(serve, tmp_path, secret):
    """A training, scores, an answer, an export and errors of each, behind a login. Seen to fail with the environment
    printed by `worker.main` (run_log tells it), and with the token among the options in `by_command.run` (a command line)."""
    uploads, home = tmp_path / "uploads", tmp_path / "home"
    environment = {"LAB_LOGIN": ":".join(LOGIN), "GRADIO_TEMP_DIR": str(uploads)}
    served = serve(home, environment=environment)
    client = httpx.Client(base_url=served.url, timeout=180)
    client.post("/login", data={"username": LOGIN[0], "password": LOGIN[1]})
    for cookie in list(client.cookies.jar):
        cookie.secure = False
    said = [client.get(path).text for path in ("/", "/config", "/gradio_api/info", "/gradio_api/openapi.json")]
    lines: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):  # most processes live for a few seconds
            lines.extend(in_command_lines())

    watching = threading.Thread(target=watch)
    watching.start()

    def ask(name: str, *values) -> str:
        event = client.post(f"/gradio_api/call/{name}", json={"data": list(values)}).json()
        said.append(client.get(f"/gradio_api/call/{name}/{event['event_id']}").text)
        return said[-1]

    try:
        assert "small-1" in ask("train", SMALL, False)
        until(lambda: (home / "runs/small-1/result.json").exists(), "it has ended")
        assert '"finished"' in ask("run_show", "small-1")
        ask("run_log", "small-1", None)
        assert "event: complete" in ask("generate", ["base"], None, None, "Once", None, ["max_new_tokens=2"])
        ask("run_export", "small-1", False)
        for name, values in (
            ("train", ["{base_model: nobody/nothing-here}", False]),
            ("dataset_add", ["x", None, None, None, "nobody/nothing-here", "text", None, None, None]),
            ("run_push", ["small-1", "nobody/nothing", False, False, None]),
            ("generate", [["base:nobody/nothing-here"], None, None, "Once", None, None]),
            ("task_preview", ["sentiment", "sentiment", 0, "nobody/nothing-here"]),
            ("preset_save", ["x", "${HF_TOKEN} $HF_TOKEN", ""]),
        ):
            ask(name, *values)
        assert lines == []
        assert [names for text in said if (names := found_in(text))] == []
        assert "ready: " in served.said.read_text() and found_in(served.said.read_text()) == []
    finally:
        ended.set()
        watching.join()
        end_generation(Home.at(home))
    until(lambda: (home / "runs/small-1/adapter").is_dir(), "the adapter lies there")
    for folder in (home, uploads, served.home.parent):
        assert in_files(folder) == []


@pytest.mark.parametrize(
    "status", [pytest.param(401, marks=pytest.mark.nightly), pytest.param(500, marks=pytest.mark.faults)]
)
def test_no_token_where_the_hub_repeats_it(serve, tmp_path, secret, status):
    """The token goes to a stand-in for the Hub, which says no and repeats it. Seen to fail with the Hub's words passed on by
    `publish.explained` as they are: an error 500 told the token in message, log and page. And with `Job.log` and the library's
    warnings as they were: a worker's log held it, in what the error that it tells of came from, and in a warning."""
    home, uploads = furnished.furnish(Home.at(tmp_path / "home"), tmp_path), tmp_path / "uploads"
    fetching = SMALL.replace("{", "{base_model: owner/name, ")
    with serving() as stub:
        stub.refusals = {"/": status}
        hub = {"HF_ENDPOINT": stub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": str(tmp_path / "cache")}
        served = serve(home.path, environment={**hub, "GRADIO_TEMP_DIR": str(uploads)})
        said = [
            call(served.url, "run_push", [furnished.DONE, "owner/name", False, False, None]),
            call(served.url, "dataset_add", ["x", None, None, None, "owner/name", "text", None, None, None]),
            call(served.url, "dataset_push", ["colours", "colours", "owner/name", False, None, "parquet"]),
            call(served.url, "train", [fetching, False]),
        ]
        pushes: list[str] = []

        def is_over() -> bool:
            pushes.append(call(served.url, "run_pushes", []))
            return '"failed"' in pushes[-1]

        until(is_over, "the push has failed", 120)
        until(Run(home, "small-1").error, "the training has failed", 120)
        log = call(served.url, "run_log", ["small-1", None])
    assert any(CANARIES["HF_TOKEN"] in token for token in stub.tokens)
    assert [re.search("event: (complete|error)", one)[1] for one in said] == [
        "complete",
        "error",
        "error",
        "complete",
    ], said
    assert "not today, Bearer" in log and "Traceback" in log
    assert [names for text in [*said, *pushes, log, served.said.read_text()] if (names := found_in(text))] == []
    for folder in (home.path, uploads, tmp_path / "cache"):
        assert in_files(folder) == []


@pytest.mark.faults
def test_no_token_in_what_the_command_line_says(tmp_path, secret):
    """Seen to fail with the environment put into the errors of `hub_client`, and into those of the command line."""
    home = tmp_path / "home"
    for words, more in (
        (["train", "--dry-run", "--json"], {}),
        (["train", "--set", "base_model=nobody/nothing-here"], {"LAB_DEBUG": "1"}),
        (["dataset", "add", "x", "hub:nobody/nothing-here"], {}),
        (["dataset", "add", "x", "hub:nobody/nothing-here"], {"LAB_DEBUG": "1"}),
        (["run", "push", "x-1", "nobody/nothing"], {"LAB_DEBUG": "1"}),
    ):
        line = [sys.executable, "-m", "lab", *words, "--home", str(home)]
        done = subprocess.run(line, cwd=ROOT, env={**os.environ, **more}, capture_output=True, text=True, timeout=120)
        assert found_in(done.stdout + done.stderr) == [], words
    assert in_files(home) == []


@pytest.mark.faults
def test_no_token_where_the_command_line_tells_what_the_hub_repeats(tmp_path, secret):
    """A download in its own process, and in that of a worker whose log it follows. Seen to fail with `Job.log` and the
    library's warnings as they were: the warnings and the log held it."""
    home = tmp_path / "home"
    wanted = ("name=x", "base_model=owner/name", "train_rows=32", "validation=16", "max_steps=2", "quantization=none")
    with serving() as stub:
        stub.refusals = {"/": 500}
        hub = {"HF_ENDPOINT": stub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hub"), "LAB_DEBUG": "1"}
        for words in (
            ["dataset", "add", "x", "hub:owner/name"],
            ["train", *(f"--set={one}" for one in wanted)],
        ):
            line = [sys.executable, "-m", "lab", *words, "--home", str(home)]
            done = subprocess.run(
                line, cwd=ROOT, env={**os.environ, **hub}, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 1 and "the Hub refuses it" in done.stderr, done.stderr
            assert found_in(done.stdout + done.stderr) == [], words
    assert "Traceback" in done.stderr and "not today, Bearer" in done.stderr  # the worker's log
    assert any(CANARIES["HF_TOKEN"] in token for token in stub.tokens)
    assert in_files(home) == [] and in_files(tmp_path / "hub") == []


@pytest.mark.faults
def test_no_token_in_errors_of_the_lab_itself(tmp_path, secret, monkeypatch, capsys):
    """Which may have been built of anything: told on the page and by its server, by commands with and without LAB_DEBUG, in the
    log and outcome of a job; a token that `hf auth login` has left, too. Seen to fail with `without_tokens` taking out nothing,
    and with the kept login not looked for."""
    login = "hf_CANARYloginCANARYloginCANARYlogin"
    (tmp_path / "token").write_text(login + "\n")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    told = f"{CANARIES['HF_TOKEN']}, {CANARIES['HUGGING_FACE_HUB_TOKEN']}, {login}"

    def wrong(kind: type[Exception], *_):
        raise kind(told) from ValueError(told)

    said = []
    for kind in (InputError, WorkError, RuntimeError):
        with pytest.raises(access.gr.Error) as shown:
            access.handler(wrong)(kind)
        said.append(shown.value.message)
        for debug in ("", "1"):
            monkeypatch.setenv("LAB_DEBUG", debug)
            said.append(
                CliRunner()
                .invoke(common.command("x")(lambda *_, kind=kind: wrong(kind)), ["--home", str(tmp_path)])
                .output
            )
    job = Job("x", tmp_path / "job")
    job.folder.mkdir()
    job.beat()
    worker.work(Home.at(tmp_path / "home"), job, lambda *_: wrong(RuntimeError))
    said += [job.log_tail(), str(job.error()), capsys.readouterr().err]
    assert all("…, …, …" in one for one in said if "problem (RuntimeError)" not in one), said
    assert [one for one in said if found_in(one) or login[-12:] in one] == []


@pytest.mark.faults
def test_no_token_in_a_run_made_in_this_process(tmp_path, tiny_model, secret):
    """Config, log, records and the adapter's card. Seen to fail with `os.environ` kept in `state.json`."""
    home = colours.add_to(Home.at(tmp_path / "home"), tmp_path)
    run = colours.trained(home, tiny_model)
    assert run.status() == "finished" and in_files(home.path) == []
    assert found_in(json.dumps(run.show(), default=str)) == []
