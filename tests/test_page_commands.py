"""The page's public events: the commands of the command line through `gradio_client`, and what they refuse."""

import base64
import json
import time
import zipfile

import httpx
import pytest
import yaml
from colours import CODEBOOK
from gradio.utils import get_function_description
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp_client import over_mcp
from test_page_compare import end_generation

import app
from lab.home import Home

NAMES = [
    *("train", "run_list", "run_show", "run_log", "run_stop", "run_resume", "run_delete"),
    *("run_rename", "run_note", "run_export", "run_push", "run_pushes"),
    *("dataset_add", "dataset_list", "dataset_show", "dataset_check"),
    *("dataset_merge_labels", "dataset_agreement", "dataset_push"),
    *("preset_list", "preset_show", "preset_save", "preset_delete"),
    *("task_add", "task_list", "task_show", "task_lint", "task_preview", "task_balance"),
    *("task_save", "task_versions", "task_diff", "task_restore", "task_delete"),
    *("evaluate", "compare", "generate"),
    *("rating_start", "rating_list", "rating_show", "rating_add", "rating_export", "rating_import", "rating_delete"),
    *("sweep", "sweeps_list", "sweeps_show", "sweeps_stop", "sweeps_delete"),
]
PATHS = ["../x", "/etc/passwd", "file:///etc/passwd", "assets/tasks/sentiment.yaml"]
CONFIG = {"name": "small", "train_rows": 32, "validation": 16, "max_steps": 2, "quantization": "none"}


@pytest.fixture(scope="module")
def served(serve):
    found = serve(None, "--mcp")
    yield found
    end_generation(Home.at(found.home))


@pytest.fixture(scope="module")
def client(served):
    return Client(served.url, verbose=False)


@pytest.fixture(scope="module")
def call(client):
    """Calls an event by its name."""
    return lambda api, **values: client.predict(**values, api_name=f"/{api}")


def post(served, name: str, values: list) -> str:
    """What an event says to a plain request, in which a path can be put where the client would upload its file."""
    url = f"{served.url}/gradio_api/call/{name}"
    event = httpx.post(url, json={"data": values}).json()["event_id"]
    return httpx.get(f"{url}/{event}", timeout=60).text


def test_the_commands_and_nothing_else_are_public(tmp_path):
    page = app.build(Home.at(tmp_path))
    info = page.get_api_info()
    assert sorted(info["named_endpoints"]) == sorted(f"/{name}" for name in NAMES)
    assert not info["unnamed_endpoints"]
    for name, event in info["named_endpoints"].items():
        assert event["description"], name
        function = next(fn.fn for fn in page.fns.values() if fn.api_name == name[1:])
        said = get_function_description(function)[1]  # as tools and the description of the API say it
        for parameter in event["parameters"]:
            assert said[parameter["parameter_name"]], (name, parameter["parameter_name"])
            assert parameter["python_type"]["description"] or parameter["component"] == "File"


@pytest.mark.long
def test_the_loop_through_the_commands(call):
    assert "sentiment" in {x["name"] for x in call("dataset_list")}
    assert "sentiment" in {x["name"] for x in call("task_list")}
    run = call("train", config=yaml.safe_dump(CONFIG))
    assert run["id"] == "small-1"
    while (found := call("run_show", run_id="small-1"))["status"] in ("queued", "running"):
        time.sleep(0.3)
    assert (found["status"], len(found["metrics"])) == ("finished", 2)
    assert [x["id"] for x in call("run_list")] == ["small-1"]
    assert "finished" in call("run_log", run_id="small-1", lines=1)["log"]
    assert {x["subject"] for x in call("compare", subjects=["base", "small-1"])} == {"base", "small-1"}  # known
    made = call("evaluate", subjects=["base", "small-1"], decoding="labels", rows=8)  # by a job
    assert [(x["n"], x["decoding"], x["invalid"]) for x in made] == [(8, "labels", 0)] * 2
    both = call("generate", subjects=["base", "small-1"], row=3, settings=["max_new_tokens=4"])
    assert [x["subject"] for x in both] == ["base", "small-1"]
    assert set(both[0]) == {"subject", "prompt", "output", "label", "label_probabilities", "seconds", "tokens"}
    assert call("generate", subjects=["small-1"], raw="Once")[0]["prompt"] == "Once"
    assert "A day." in call("generate", subjects=["small-1"], text="A day.")[0]["prompt"]
    with zipfile.ZipFile(call("run_export", run_id="small-1")) as packed:
        assert {"small-1/adapter_model.safetensors", "small-1/task.yaml"} <= set(packed.namelist())
    for api in ("run_stop", "run_resume"):
        with pytest.raises(AppError, match="small-1 is finished"):
            call(api, run_id="small-1")
    assert call("run_rename", run_id="small-1", title="Small")["title"] == "Small"
    noted = call("run_note", run_id="small-1", text="Two steps.")
    assert noted == {"id": "small-1", "title": "Small", "notes": "Two steps."}
    assert call("run_show", run_id="small-1")["findings"]
    assert call("run_delete", run_id="small-1") == {"id": "small-1", "deleted": True}
    assert call("run_list") == []


def test_an_upload_and_yaml_text_become_a_dataset_and_a_task(call, tmp_path):
    (tmp_path / "colours.csv").write_text("text,label\nred,warm\nblue,cold\ngreen,cool\n")
    added = call("dataset_add", name="colours", file=handle_file(tmp_path / "colours.csv"), label="label")
    assert added["splits"] == {"train": {"rows": 3, "labels": {"warm": 1, "cold": 1, "cool": 1}}}
    assert call("dataset_show", name="colours", max_length=1)["tokens"]["limit"] == 1
    assert [x["check"] for x in call("dataset_check", name="colours") if not x["ok"]] == []
    assert call("task_add", task=yaml.safe_dump(CODEBOOK))["labels"] == ["warm", "cold"]
    assert call("task_show", name="colours")["prompt"] == CODEBOOK["prompt"]
    assert "cool" in {x["label"] for x in call("task_lint", name="colours", dataset="colours")}
    shown = call("task_preview", name="colours", dataset="colours", row=1)
    assert "Colour: blue" in shown["text"] and "spans" not in shown
    with pytest.raises(AppError, match="there already"):
        call("task_add", task=yaml.safe_dump(CODEBOOK))


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_refused_everywhere(call, path):
    asked = [("run_show", {"run_id": path}), ("run_log", {"run_id": path}), ("run_stop", {"run_id": path})]
    asked += [("run_rename", {"run_id": path, "title": "x"}), ("run_note", {"run_id": path, "text": "x"})]
    asked += [("run_resume", {"run_id": path}), ("run_delete", {"run_id": path})]
    asked += [("run_export", {"run_id": path, "merge": merge}) for merge in (False, True)]
    asked += [("run_push", {"run_id": path, "repo": "a/b"}), ("run_push", {"run_id": "x", "repo": path})]
    asked += [("dataset_show", {"name": path})]
    asked += [("dataset_show", {"name": "sentiment", key: path}) for key in ("task", "model")]
    asked += [("dataset_check", {"name": path}), ("dataset_check", {"name": "sentiment", "model": path})]
    asked += [("task_show", {"name": path}), ("task_lint", {"name": path, "dataset": "sentiment"})]
    asked += [("task_lint", {"name": "sentiment", "dataset": path}), ("task_add", {"task": path})]
    preview = {"name": "sentiment", "dataset": "sentiment"}
    asked += [("task_preview", {**preview, key: path}) for key in ("name", "dataset", "model")]
    asked += [("train", {"config": f"{key}: '{path}'"}) for key in ("task", "dataset", "base_model", "name")]
    asked += [("dataset_add", {"name": path, "hub": "owner/name"})]
    for api in ("evaluate", "compare"):
        asked += [(api, {"subjects": [x]}) for x in (path, f"base:{path}", f"{path}@1")]
        asked += [(api, {"subjects": ["base"], key: path}) for key in ("task", "dataset", "split", "decoding")]
        asked += [(api, {"subjects": ["base"], "metrics": ["bertscore"], "bertscore_model": path})]
        asked += [(api, {"subjects": ["base"], "metrics": ["generated_perplexity"], "scorer": path})]
    asked += [("generate", {"subjects": [x], "raw": "A"}) for x in (path, f"base:{path}")]
    asked += [("generate", {"subjects": ["base"], "raw": "A", "task": path})]
    for api, values in asked:
        with pytest.raises(AppError) as refused:
            call(api, **values)
        assert "has a problem" not in str(refused.value), (api, values)  # it was refused, it did not break


def test_only_uploads_are_read(served, tmp_path):
    (tmp_path / "here.csv").write_text("text,label\na,b\n")
    for path in (str(tmp_path / "here.csv"), "/etc/passwd", "../../etc/passwd", f"file://{tmp_path}/here.csv"):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        said = post(served, "dataset_add", ["stolen", file, None, None, None, "text", "label", None, None])
        assert "not uploaded by a user" in said
        assert "error" in post(served, "run_show", [file])
    assert "stolen" not in post(served, "dataset_list", [])


def test_what_is_no_value_of_its_kind_is_refused_in_words(call, served):
    assert "run_id: Input should be a valid string" in post(served, "run_show", [7])
    with pytest.raises(AppError, match="subjects: Input should be a valid list"):
        call("generate", subjects="base", raw="A")
    for config in ("epochs: -1\nrank: 2", "- a", "a: [", "task: &a [x]\nname: *a", "task: {name: x}"):
        with pytest.raises(AppError) as refused:
            call("train", config=config)
        assert "has a problem" not in str(refused.value)
    for api, values in (
        ("run_log", {"run_id": "x", "lines": 0}),
        ("evaluate", {"subjects": ["base"], "rows": 0}),
        ("evaluate", {"subjects": ["base"], "settings": ["beams"]}),
        ("generate", {"subjects": ["base"]}),
        ("generate", {"subjects": ["base"], "text": "a", "raw": "b"}),
        ("generate", {"subjects": ["base"], "row": 10**9}),
        ("task_preview", {"name": "sentiment", "dataset": "sentiment", "row": -1}),
        ("dataset_add", {"name": "x"}),
    ):
        with pytest.raises(AppError) as refused:
            call(api, **values)
        assert "has a problem" not in str(refused.value), (api, values)


def test_versions_of_a_task_through_the_commands(call):
    task = {**CODEBOOK, "name": "versioned"}
    assert call("task_save", task=yaml.safe_dump(task))["version"] == 1
    assert call("task_save", task=yaml.safe_dump({**task, "instruction": "$labels"}))["version"] == 2
    assert [x["version"] for x in call("task_versions", name="versioned")] == [2, 1]
    assert call("task_diff", name="versioned", first=1, second=2)["changed"] == ["instruction"]
    assert call("task_restore", name="versioned", version=1)["version"] == 3
    (split,) = call("task_balance", name="town-hall", dataset="town-hall")
    assert split["rows"] == 113
    with pytest.raises(AppError, match="no version 9"):
        call("task_restore", name="versioned", version=9)
    assert call("task_delete", name="versioned")["versions"] == 3


def test_the_commands_are_tools_for_mcp_clients(served):
    async def talk(session: ClientSession) -> tuple:
        tools = (await session.list_tools()).tools
        asked = [("task_preview", {"name": "sentiment", "dataset": "sentiment"}), ("preset_list", {})]
        rows = base64.b64encode(b"text,label\nred,warm\n").decode()
        asked += [("dataset_add", {"name": "by-tool", "file": f"data:text/csv;base64,{rows}", "label": "label"})]
        asked += [("dataset_add", {"name": "x", "file": path}) for path in ("/etc/passwd", "file:///etc/passwd")]
        asked += [("run_show", {"run_id": "/etc/passwd"}), ("refresh", {}), ("answer", {})]
        return tools, [await session.call_tool(name, values) for name, values in asked]

    tools, (preview, presets, added, *refused) = over_mcp(served.url, talk)
    assert sorted(tool.name for tool in tools) == sorted(NAMES)
    for tool in tools:
        assert tool.description, tool.name
        assert all(about["description"] for about in tool.inputSchema["properties"].values()), tool.name
    assert "Sentence:" in json.loads(preview.content[0].text)["text"]
    assert "quick-look" in {preset["name"] for preset in json.loads(presets.content[0].text)}
    assert json.loads(added.content[0].text)["splits"] == {"train": {"rows": 1, "labels": {"warm": 1}}}
    assert all(answer.isError for answer in refused)


@pytest.mark.long
def test_tools_keep_to_the_same_doors_as_the_page(served):
    for path in ("/gradio_api/mcp/", "/gradio_api/mcp/schema", "/gradio_api/mcp/sse"):
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            assert httpx.post(served.url + path, headers=headers, json={}).status_code == 403, (path, headers)


def test_hostile_words_come_back_as_text(call):
    with pytest.raises(AppError, match="&lt;img src=x&gt;"):
        call("run_show", run_id="<img src=x>")
