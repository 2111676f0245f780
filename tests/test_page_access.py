"""Who reaches the page: Host and Origin, login, what leaves this machine, and what the page's process never loads."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from mcp_client import over_mcp
from starlette.datastructures import Headers

import app
from lab.errors import InputError, WorkError
from lab.ui import access, serving
from lab.ui import guard as guards

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ["torch", "transformers", "peft", "trl", "datasets", "bitsandbytes", "sklearn", "scipy"]


def ask(url: str, path: str = "/", method: str = "GET", **headers: str) -> httpx.Response:
    return httpx.request(method, url + path, headers=headers, timeout=60, json={} if method == "POST" else None)


# -- Host and Origin -------------------------------------------------------------------------------------------------


def test_the_page_answers_under_its_own_names_alone(served):
    port = urlsplit(served.url).port
    for host in ("127.0.0.1", f"localhost:{port}", "localhost:8080", f"[::1]:{port}"):  # ports as a tunnel changes them
        assert ask(served.url, Host=host).status_code == 200, host
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1.evil.example",
        "192.168.0.7",
        "0.0.0.0",
        "x@localhost",
    ):
        for path in ("/", "/gradio_api/info", "/config", "/static/js/none.js", "/gradio_api/upload"):
            refused = ask(served.url, path, Host=host)
            assert refused.status_code == 403, (host, path)
            assert refused.text.count(".\n") == 1 and "LAB_HOSTS" in refused.text


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/run/predict", "/login"])
def test_other_sites_cannot_post(served, path):
    """Seen to fail with `Guard._may_ask` answering True."""
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://localhost.evil.example", "file://"):
        assert ask(served.url, path, "POST", Origin=origin).status_code == 403, origin
    assert ask(served.url, path, "POST", Origin=served.url).status_code != 403
    assert ask(served.url, path, "POST").status_code != 403  # no browser


def test_what_may_be_loaded_and_framed_is_said_to_the_browser(served):
    policy = ask(served.url).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'self'" in policy
    assert "access-control-allow-origin" not in ask(served.url, Origin="http://evil.example").headers


def guard(host="127.0.0.1", names=(), on_space=False) -> guards.Guard:
    return guards.Guard(None, host, set(names), on_space)


@pytest.mark.parametrize(
    ("made", "host", "origin", "passes"),
    [
        (guard(names=["lab.example"]), "lab.example", None, True),
        (guard(names=["lab.example"]), "localhost:7860", "https://lab.example", True),  # a proxy in front
        (guard(names=["lab.example"]), "other.example", None, False),
        (guard(), "localhost:7860", "http://127.0.0.1:7860", True),
        (guard(), "localhost:7860", "http://127.0.0.1:8888", False),
        (guard("10.0.0.5"), "10.0.0.5:7860", "http://10.0.0.5:7860", True),
        (guard("10.0.0.5"), "10.0.0.6:7860", None, False),
        (guard("0.0.0.0"), "10.0.0.5:7860", None, True),
        (guard("0.0.0.0"), "10.0.0.5:7860", "http://10.0.0.9", False),
        (guard("0.0.0.0"), "evil.example", None, False),
        (guard("0.0.0.0", ["me-lab.hf.space"], True), "me-lab.hf.space", "https://me-lab.hf.space", True),
        (guard("0.0.0.0", ["me-lab.hf.space"], True), "me-lab.hf.space", "https://other.hf.space", False),
        (guard("0.0.0.0", ["me-lab.hf.space"], True), "other.hf.space", None, False),
        (guard("0.0.0.0", ["me-lab.hf.space", "lab.me"], True), "lab.me", "https://me-lab.hf.space", True),
        (guard(), "", None, False),
        (guard(), "localhost:99999999", None, False),
        (guard(), "[localhost", None, False),
    ],
)
def test_hosts_and_origins(made, host, origin, passes):
    """Seen to fail with `Guard._is_ours` and with `Guard._may_ask` answering True."""
    assert (made.refusal([host], [origin] if origin else []) is None) == passes


def test_two_hosts_or_none_are_refused():
    assert guard().refusal([], []) and guard().refusal(["localhost", "localhost"], [])
    assert guard().refusal(["localhost"], ["http://localhost", "http://evil.example"])


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site", "referer": "http://10.0.0.5:8888/"}, False),  # another port
        ({}, False),  # as a page sends it that tells no Referer, over plain HTTP
        ({"referer": "http://10.0.0.5:7860/?tab=train"}, True),
        ({"referer": "http://evil.example/http://10.0.0.5:7860/"}, False),
        ({"referer": "http://10.0.0.5:7860@evil.example/"}, False),
        ({"referer": "10.0.0.5:7860"}, False),
        ({"referer": "https://lab.example/"}, True),  # which may ask
    ],
)
def test_a_login_is_ended_from_its_own_page_alone(headers, passes):
    """It failed for all that carry no Origin, such as a picture of another site that lies at /logout."""
    made = guard("10.0.0.5", names=["lab.example"])
    assert made._comes_from_here(Headers({"host": "10.0.0.5:7860", **headers})) == passes


@pytest.mark.faults
def test_another_site_logs_nobody_out(serve):
    """It failed with the guard's look at Origin alone. The link in the answer logs out, for it comes from here."""
    served = serve(None, environment={"LAB_LOGIN": "ada:a pass:word"})
    answer = httpx.post(served.url + "/login", data={"username": "ada", "password": "a pass:word"})
    cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    for path in ("/logout", "/logout/", "/logout?all_session=true"):
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Referer": "http://evil.example/"}):
            refused = ask(served.url, path, Cookie=cookie, **headers)
            assert (refused.status_code, "set-cookie" in refused.headers) == (403, False), (path, headers)
            assert "Log out</a>" in refused.text and "default-src 'self'" in refused.headers["Content-Security-Policy"]
    assert ask(served.url, "/config", Cookie=cookie).status_code == 200
    assert ask(served.url, "/logout", Cookie=cookie, Referer=f"{served.url}/logout").status_code == 302
    assert ask(served.url, "/config", Cookie=cookie).status_code == 401


# -- starting --------------------------------------------------------------------------------------------------------


@pytest.mark.faults
def test_another_address_needs_a_login(tmp_path):
    """Seen to fail with the question for the login left out of `serving.launch`: the page was served."""
    command = [sys.executable, "app.py", "--home", str(tmp_path / "home"), "--host", "0.0.0.0", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "LAB_LOGIN" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.faults
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "somewhere.example"])
def test_no_other_address_is_taken_for_this_machine(monkeypatch, host):
    """Seen to fail as above."""
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("LAB_LOGIN", raising=False)
    with pytest.raises(InputError, match="LAB_LOGIN"):
        serving.launch(None, host, 0)
    for login in ("user", ":", "user:", ":password"):
        monkeypatch.setenv("LAB_LOGIN", login)
        with pytest.raises(InputError, match="user:password"):
            serving.launch(None, host, 0)


@pytest.mark.faults
def test_a_busy_machine_keeps_no_page_from_starting(tmp_path):
    """Its own page then does not answer in time, on which Gradio refused to start."""
    code = (
        "import sys, app, gradio; gradio.networking.url_ok = lambda url: False\n"
        "gradio.Blocks.block_thread = lambda page: page.close(verbose=False)\n"
        f"sys.argv = ['app.py', '--home', {str(tmp_path / 'home')!r}, '--port', '0']; app.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "is ready" in done.stdout, done.stderr


@pytest.mark.faults
def test_with_a_login_nothing_is_shown_before_it(serve):
    served = serve(None, "--host", "0.0.0.0", "--mcp", environment={"LAB_LOGIN": "ada:a pass:word"})
    assert ask(served.url, "/config").status_code == 401
    assert ask(served.url, "/gradio_api/queue/join", "POST").status_code == 401
    wrong = httpx.post(served.url + "/login", data={"username": "ada", "password": "no"})
    right = httpx.post(served.url + "/login", data={"username": "ada", "password": "a pass:word"})
    assert (wrong.status_code, right.status_code) == (400, 200)
    for path in ("/gradio_api/mcp/", "/gradio_api/mcp/schema", "/gradio_api/mcp/sse", "/gradio_api/mcp/messages/"):
        for given in ({}, {"Authorization": "Basic YWRhOm5v"}, {"Authorization": "Basic ?"}):
            assert ask(served.url, path, "POST", **given).status_code == 401, (path, given)
    basic = f"Basic {base64.b64encode(b'ada:a pass:word').decode()}"
    (answer,) = over_mcp(served.url, lambda session: session.call_tool("run_list", {}), Authorization=basic).content
    assert answer.text == "[]"


def test_a_taken_port_and_a_home_that_is_a_file_are_said(served, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    port = str(urlsplit(served.url).port)
    for words, said in (
        (["--home", str(tmp_path), "--port", port], "taken"),
        (["--home", str(tmp_path / "file")], "home"),
    ):
        monkeypatch.setattr(sys, "argv", ["app.py", *words])
        with pytest.raises(SystemExit) as ended:
            app.main()
        assert ended.value.code == 2
        assert said in capsys.readouterr().err


# -- what leaves and what is loaded ----------------------------------------------------------------------------------


@pytest.mark.long
def test_no_request_leaves_this_machine(served, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served.url)
    page.locator(".exact-prompt .part").first.wait_for()
    for tab in ("Train", "Compare", "Generate", "Dataset"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
    foreign = [url for url in asked if not url.startswith((served.url, "data:", "blob:"))]
    assert len(asked) > 10 and foreign == []


def test_the_page_never_loads_the_heavy_libraries(served):
    maps = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert "libtorch" not in maps and "site-packages/torch" not in maps
    code = (
        "import sys, app; from lab.home import Home; app.build(Home.at());"
        f"import json; print(json.dumps([x for x in {HEAVY} if x in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_public_events_are_the_commands_alone(served):
    from lab.ui import commands

    with_files = {"/dataset_add", "/dataset_push", "/run_export"}  # whose parts stand on the page
    named = set(ask(served.url, "/gradio_api/info").json()["named_endpoints"])
    assert named == {f"/{function.__name__}" for function in commands.COMMANDS} | with_files


# -- what handlers share ---------------------------------------------------------------------------------------------


def test_errors_are_plain_text_and_never_a_traceback(capsys):
    def wrong(error: Exception):
        raise error

    handler = access.handler(wrong)
    for error, said in (
        (InputError("no <b>file</b>\nhere"), "no &lt;b&gt;file&lt;/b&gt;<br>here"),
        (WorkError("broke"), "broke"),
        (ZeroDivisionError("secret path"), "The lab itself has a problem (ZeroDivisionError); its log says more."),
    ):
        with pytest.raises(access.gr.Error) as shown:
            handler(error)
        assert shown.value.message == said
    assert "secret path" in capsys.readouterr().err


def test_handlers_that_yield_show_their_errors_too():
    @access.handler
    def steps():
        yield 1
        raise InputError("stop")

    running = steps()
    assert next(running) == 1
    with pytest.raises(access.gr.Error, match="stop"):
        next(running)


def test_models_are_named_and_never_folders():
    assert access.model_id("tiny-llama") == "tiny-llama"
    assert access.model_id(" owner/name@main ") == "owner/name@main"
    for name in (
        None,
        "",
        "/etc",
        str(ROOT / "assets" / "tiny-llama"),
        "assets/tiny-llama",
        "../x",
        "~/model",
        "a/b/c",
    ):
        with pytest.raises(InputError):
            access.model_id(name)
