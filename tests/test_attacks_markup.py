"""Attacks with markup, in a real browser: whatever people, data and models say is text wherever the page shows it."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from attacks import LISTEN, MARKUP
from browser import ROOT, choose
from waiting import until

from lab import bases, comparison, data, evaluations, plan, ratings, runs, tasks
from lab.comparison import Comparison
from lab.config import Config
from lab.home import Home
from lab.prompt import Renderer
from lab.subjects import ADAPTER_WEIGHTS
from lab.task import parse

TASK = {
    "name": "marks",
    "label": "label",
    "instruction": f"{MARKUP[0]} $labels",
    "with_definitions": True,
    "labels": [{"name": text, "definition": text if i < 6 else ""} for i, text in enumerate(MARKUP)],
    "prompt": "Sentence: $text\nLabel:",
}
# The page with a model that says what the prompt says, and fails with these words when it is told to.
MODEL = """
import json, sys, app
from lab import generator
from lab.errors import WorkError
words = json.loads(sys.argv.pop())
def ask(home, names, task, posed, decoding, halted=lambda: False):
    said = "\\n".join(words)
    if posed == "fail":
        raise WorkError(said)
    for name in names:
        yield {"event": "text", "subject": name, "output": said}
    for name in names:
        yield {"event": "answer", "subject": name, "prompt": said, "output": said, "label": words[0], "seconds": 1.0,
               "tokens": 3, "label_probabilities": {word: 0.01 for word in words} | {"other": 0.1}}
generator.ask = ask
app.main()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    """A home in which everything that people, data and models write is markup."""
    folder = tmp_path_factory.mktemp("markup")
    home = Home.at(folder / "home")
    rows = [{"text": text, "label": text, f"column {text}": text} for text in MARKUP for _ in range(4)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    about = data.About(name="marks", label="label", about=" ".join(MARKUP))
    data.add(home, about, {"train": folder / "rows.jsonl"})
    tasks.add(home, parse(yaml.safe_dump(TASK)))
    tasks.save(home, parse(yaml.safe_dump({**TASK, "instruction": f"{MARKUP[1]} $labels"})))
    config = Config(name="marks", task="marks", dataset="marks", validation=80, epochs=1, max_length=2048)
    planned = plan.make(home, config)
    for i, text in enumerate(MARKUP):
        run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
        run.describe(title=text, notes="\n".join(MARKUP))
        run.beat(attempt=1, step=2, total_steps=2, epoch=1.0, ticket=i)
        run.points_file.write_text(
            "".join(json.dumps({"attempt": 1, "step": x, "epoch": x / 2, "loss": 1.0}) + "\n" for x in (1, 2))
        )
        run._path("log.txt").write_text("\n".join(MARKUP))
        if i == 0:
            run.end("failed", {"reason": text, "message": " ".join(MARKUP), "advice": " ".join(MARKUP)})
        else:
            run.adapter.mkdir()
            (run.adapter / ADAPTER_WEIGHTS).write_bytes(bytes([i]) * 100)
            run.end("finished")
    score(home, ["base", "marks-2", "marks-3"])
    ratings.create(home, Comparison(subjects=["base", "marks-2"], rows=5), "marks")
    return home


def score(home: Home, names: list[str]) -> None:
    """Keeps an evaluation of each, in which every answer is markup: every other one is a label."""
    asked = comparison.look_up(home, Comparison(subjects=names))
    for i, (subject, question) in enumerate(zip(asked.subjects, asked.questions, strict=True)):
        base = bases.find(subject.base)
        renderer = Renderer(question.task, bases.tokens_at_hand(base))
        said = []
        for at in range(len(question.rows)):
            text = MARKUP[(at + i) % len(MARKUP)]
            label = question.task.gold(question.rows[at]) if at % 2 else None
            chances = dict.fromkeys(question.task.names, 0.02) | {"other": 0.1}
            answer = label or f"{text} said"
            said.append({"answer": answer, "label": label, "tokens": 3, "probabilities": chances})
        wanted = evaluations.request(subject, base, question, renderer, asked.decoding)
        evaluations.save(home, wanted, question, said, 1.0)


@pytest.fixture(scope="module")
def url(home):
    """The address of a page over it, whose model says markup, too."""
    said = home.path.parent / "said.txt"
    command = [sys.executable, "-c", MODEL, "--home", str(home.path), "--port", "0", json.dumps(MARKUP)]
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=dict(os.environ))
    try:
        until(lambda: "ready: " in said.read_text() or process.poll() is not None, "the page stands")
        yield re.search(r"ready: (http://\S+)/", said.read_text())[1]
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def tab(page, url):
    """The page with somebody who listens; whatever came of the markup fails the test at its end."""
    foreign, dialogs = [], []
    page.add_init_script(LISTEN)
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: foreign.append(request.url) if is_foreign(request.url, url) else None)
    page.goto(url)
    page.locator(".exact-prompt .part").first.wait_for()
    yield page
    page.wait_for_timeout(500)
    page.mouse.move(300, 300)
    assert (page.evaluate("window.hits"), foreign, dialogs) == ([], [], [])
    assert page.url.startswith(url)


def is_foreign(address: str, url: str) -> bool:
    return not address.startswith((url, "data:", "blob:", "about:"))


def shows(page, place: str, least: int = len(MARKUP)) -> None:
    """Waits until so many of the texts stand in a place letter by letter."""

    def count() -> int:
        said = "\n".join(page.locator(place).all_text_contents())
        said += "\n".join(page.locator(place).locator("input, textarea").evaluate_all("all => all.map(x => x.value)"))
        return sum(" ".join(text.split()) in " ".join(said.split()) for text in MARKUP)

    until(lambda: count() >= least, f"{place} shows them", 60)


def opened(page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


@pytest.mark.faults
def test_the_listener_hears_markup_that_runs(page, url):
    """What the others rely on: put into the page as markup, most of these texts are heard."""
    page.add_init_script(LISTEN)
    foreign = []
    page.on("request", lambda request: foreign.append(request.url) if is_foreign(request.url, url) else None)
    page.goto(f"{url}/robots.txt")
    for text in [text for text in MARKUP if "refresh" not in text]:  # which leaves the page
        page.evaluate(
            "text => { const part = document.createElement('div'); document.body.append(part); part.innerHTML = text; }",
            text,
        )
    page.wait_for_timeout(1000)
    heard = page.evaluate("window.hits")
    assert len(set(map(str, heard))) >= 12, heard


@pytest.mark.faults
def test_rows_labels_and_prompts(tab):
    """Seen to fail with `look.text` and `look.plain` made the identity: the browser asked the other site."""
    choose(tab, "Dataset", "marks")
    until(lambda: MARKUP[0] in tab.locator(".exact-prompt").first.inner_text(), "the prompt is there")
    shows(tab, ".exact-prompt")  # instruction, labels and definitions
    shows(tab, ".checks-place, .said", 5)
    for _ in range(3):
        shows(tab, "[data-testid^=cell-]", 2)  # rows
        tab.get_by_role("button", name="Next rows").click()
    shows(tab, ".labels-table", 5)
    charts_show(tab)
    for name in ("Versions", "Merge labels", "Publish"):
        for part in tab.locator("button.label-wrap", has_text=name).all():
            part.click()
    tab.wait_for_timeout(1000)


def charts_show(tab) -> None:
    """Labels in charts: plotly reads a little HTML, of which links are a part."""
    until(lambda: tab.locator(".js-plotly-plot").filter(visible=True).count() > 0, "a chart is drawn")
    links = (
        tab.locator(".js-plotly-plot")
        .filter(visible=True)
        .locator("a")
        .evaluate_all("all => all.map(a => a.outerHTML)")
    )
    assert [link for link in links if "modebar" not in link] == []
    assert tab.locator(".js-plotly-plot img").count() == 0


@pytest.mark.faults
def test_run_names_notes_logs_and_errors(tab):
    """Seen to fail as above."""
    opened(tab, "Train")
    shows(tab, ".runs", 10)
    tab.locator('tr[data-run="marks-1"]').click()
    shows(tab, ".run-head, .wrong")
    charts_show(tab)
    for part in tab.locator("button.label-wrap").filter(visible=True).all():
        part.click()
    tab.wait_for_timeout(1500)


@pytest.mark.faults
def test_answers_in_a_comparison(tab, url):
    """Seen to fail as above, and with `charts.plain` made the identity: links in a chart."""
    words = "&".join(f"subject={x}" for x in ("base", "marks-2", "marks-3"))
    tab.goto(f"{url}?tab=compare&{words}")
    until(lambda: tab.locator(".scores tbody.compared tr").count() >= 3, "it is compared")
    for view in ("Invalid outputs", "Confusion", "Calibration", "Differences", "Over training", "Scores"):
        found = tab.get_by_role("tab", name=view, exact=True)
        if found.count():
            found.click()
            tab.wait_for_timeout(700)
        if view == "Invalid outputs":
            shows(tab, "[aria-label^='Invalid outputs of']", 20)
        if view == "Confusion":
            shows(tab, ".confusion", 30)
            tab.locator(".confusion td").nth(1).click()
            charts_show(tab)


@pytest.mark.faults
def test_what_an_address_names(tab, url):
    """Seen to fail with the names of a link put into the page as they are: the browser asked the other site."""
    from urllib.parse import urlencode

    others = (MARKUP[11], MARKUP[29])  # pictures of another site, which Gradio's own cleaning of Markdown lets through
    asked = [("subject", text) for text in (*MARKUP[:6], *others)] + [
        ("tab", "compare"),
        ("split", MARKUP[0]),
        ("decoding", MARKUP[1]),
    ]
    tab.goto(f"{url}?{urlencode(asked)}&reference={MARKUP[2]}&__theme={MARKUP[3]}")
    tab.get_by_text("The link names").wait_for()
    tab.goto(f"{url}?{urlencode([*asked[:8], ('tab', 'generate'), ('dataset', MARKUP[4]), ('row', MARKUP[5])])}")
    tab.wait_for_timeout(1500)
    tab.goto(f"{url}?tab={MARKUP[6]}&deep_link={MARKUP[7]}#{MARKUP[8]}")
    tab.locator(".exact-prompt .part").first.wait_for()


@pytest.mark.faults
def test_what_a_model_says(tab):
    """Also again out of the browser's history, in lists and in ratings. Seen to fail as above."""
    opened(tab, "Generate")
    tab.get_by_label("A raw prompt").check()
    tab.get_by_role("textbox", name="Raw prompt").fill("\n".join(MARKUP))
    tab.get_by_role("button", name="Generate", exact=True).click()
    shows(tab, ".side-by-side .answer")
    tab.locator(".side-by-side summary").first.click()
    shows(tab, ".side-by-side pre")
    tab.reload()
    opened(tab, "Generate")
    for part in tab.locator("button.label-wrap").filter(visible=True).all():
        part.click()
    tab.wait_for_timeout(1500)
    shows(tab, ".asked-before", 1)


@pytest.mark.faults
def test_file_names_and_errors_of_a_dataset(tab):
    """Seen to fail with `look.text` and `look.plain` made the identity: what the file says is not shown letter by letter."""
    tab.get_by_role("button", name="Add a dataset").click()
    rows = "text,label\n" + "".join(f'"{x.replace(chr(34), chr(34) * 2)}",a\n' for x in MARKUP)
    place = tab.locator(".block").filter(has_text="Training rows").last
    for text in (MARKUP[0], MARKUP[15], MARKUP[29]):
        name = f"{text.replace('/', '∕')}.csv"
        place.locator("input[type=file]").set_input_files(
            {"name": name, "mimeType": "text/csv", "buffer": rows.encode()}
        )
        tab.get_by_text("Check which is which").wait_for()
        shows(tab, ".file-head", 3)
        tab.get_by_label("Name", exact=True).fill(text)
        tab.get_by_role("button", name="Add dataset").click()
        until(lambda: "is no valid name" in tab.locator("body").inner_text(), "it is refused")
        tab.reload()
        tab.locator(".exact-prompt .part").first.wait_for()
        tab.get_by_role("button", name="Add a dataset").click()


@pytest.mark.faults
def test_errors_in_toasts(tab):
    """Seen to fail with the escaping left out of `access.shown`: Gradio shows errors as HTML, and the other site was asked."""
    opened(tab, "Generate")
    tab.locator("button.label-wrap", has_text="Prompt lists").click()
    for text in (MARKUP[11], MARKUP[0]):
        tab.get_by_label("Name of a list").fill(text)
        tab.get_by_role("button", name="New list").click()
        tab.locator(".toast-body").filter(has_text=text).first.wait_for()


@pytest.mark.faults
def test_errors_of_a_model(tab):
    """They stand in the place of answers. Seen to fail with `look.text` made the identity: the browser asked the other site."""
    opened(tab, "Generate")
    tab.get_by_label("A raw prompt").check()
    tab.get_by_role("textbox", name="Raw prompt").fill("fail")
    tab.get_by_role("button", name="Generate", exact=True).click()
    shows(tab, ".side-by-side", 30)


@pytest.mark.faults
def test_gradios_own_errors_in_toasts(tab):
    """Gradio names a value that is no choice, and the choices. Seen to fail with `mended.as_text` left out: the browser then looks for the pictures of another site."""

    def with_markup(route) -> None:
        body = route.request.post_data_json
        route.continue_(post_data=json.dumps({**body, "data": [" ".join(MARKUP)] * len(body["data"])}))

    tab.route("**/gradio_api/queue/join*", with_markup)
    choose(tab, "Dataset", "marks")
    tab.locator(".toast-body").first.wait_for()
    until(lambda: "hit(0)" in tab.locator(".toast-body").first.inner_text(), "it says so")
    tab.unroute("**/gradio_api/queue/join*")
