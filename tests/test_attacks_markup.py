"""Attacks with markup, in a real browser: whatever people, data and models say is text wherever the page shows it."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from urllib.parse import urlencode

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
    rows = [{"text": text, "label": text, f"column {text}": text} for text in MARKUP * 4]
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
    ratings.create(home, Comparison(subjects=["base", "marks-2"], rows=len(MARKUP)), "marks")
    return home


def score(home: Home, names: list[str]) -> None:
    """Keeps an evaluation of each, in which every answer is markup: each of them invalid once, and then a label."""
    asked = comparison.look_up(home, Comparison(subjects=names))
    for i, (subject, question) in enumerate(zip(asked.subjects, asked.questions, strict=True)):
        base = bases.find(subject.base)
        renderer = Renderer(question.task, bases.tokens_at_hand(base))
        said = []
        for at in range(len(question.rows)):
            text = MARKUP[(at + i) % len(MARKUP)]
            label = question.task.gold(question.rows[at]) if at >= len(MARKUP) else None
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
def heard(page, url) -> list:
    """What came of markup in any document of the page: scripts that ran, dialogs, requests to other sites."""
    told: list = []
    page.expose_function("heard", lambda what: told.append(what))  # which the browser may call
    page.add_init_script(LISTEN)
    page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: told.append(request.url) if is_foreign(request.url, url) else None)
    return told


def is_foreign(address: str, url: str) -> bool:
    return not address.startswith((url, "data:", "blob:", "about:"))


@pytest.fixture
def tab(page, url, heard):
    """The page with somebody who listens; whatever is heard fails the test at its end."""
    page.goto(url)
    page.locator(".exact-prompt .part").first.wait_for()
    yield page
    page.wait_for_timeout(500)
    page.mouse.move(300, 300)
    page.wait_for_timeout(200)
    assert heard == []
    assert page.url.startswith(url)


def seen(page, place: str, letters: int | None = None) -> set[str]:
    """The texts that stand in a place letter by letter, or as far as so many letters."""
    said = page.locator(place).all_text_contents()
    said += page.locator(place).locator("input, textarea").evaluate_all("all => all.map(x => x.value)")
    whole = " ".join("\n".join(said).split())
    return {text for text in MARKUP if " ".join(text.split())[:letters] in whole}


def shows(page, place: str, wanted: list[str] = MARKUP, letters: int | None = None) -> None:
    """Waits until the texts stand in a place."""
    until(lambda: seen(page, place, letters) >= set(wanted), f"{place} shows them", 60)


def opened(page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def unfolded(page) -> None:
    """Opens all that is folded."""
    for part in page.locator("button.label-wrap").filter(visible=True).all():
        part.click()
    page.wait_for_timeout(1000)


# What takes a browser its time for each single text is done with five of them, and with all at night.
FIVE = pytest.param([MARKUP[i] for i in (3, 9, 28, 32, 36)], marks=pytest.mark.faults, id="five")
EACH = pytest.param(MARKUP, marks=pytest.mark.nightly, id="all")
one_by_one = pytest.mark.parametrize("texts", [FIVE, EACH])


@pytest.mark.faults
def test_the_listener_hears_markup_that_runs(page, url, heard):
    """What the others rely on: put into the page as markup, most of these texts are heard."""
    page.goto(f"{url}/robots.txt")
    for text in [text for text in MARKUP if "refresh" not in text]:  # which leaves the page
        page.evaluate(
            "text => { const part = document.createElement('div'); document.body.append(part); part.innerHTML = text; }",
            text,
        )
    page.wait_for_timeout(1000)
    assert len(set(map(str, heard))) >= 16, heard


@pytest.mark.faults
def test_rows_labels_and_prompts(tab):
    """Seen to fail with `look.text` and `look.plain` made the identity: the browser asked the other site."""
    choose(tab, "Dataset", "marks")
    until(lambda: MARKUP[0] in tab.locator(".exact-prompt").first.inner_text(), "the prompt is there")
    shows(tab, ".exact-prompt")  # instruction, labels and definitions
    shows(tab, ".said")
    for page in range(len(MARKUP) // 10):
        rows = MARKUP[page * 10 : page * 10 + 10]
        until(lambda rows=rows: set(rows) <= seen(tab, "[data-testid^=cell-]"), f"page {page} of the rows is shown", 60)
        tab.get_by_role("button", name="Next rows").click()
    scrolled_through(tab, ".labels-table")
    charts_show(tab, MARKUP[:20])  # as many bars as there are
    unfolded(tab)  # versions, merges, what is published


def scrolled_through(tab, place: str) -> None:
    """Waits until all texts have stood in a table that holds only the rows in sight."""
    found: set[str] = set()

    def is_all() -> bool:
        tab.locator(place).first.hover()
        tab.mouse.wheel(0, 150)
        found.update(seen(tab, place))
        return found == set(MARKUP)

    until(is_all, f"{place} has shown them", 60)


def charts_show(tab, texts: list[str] = ()) -> None:
    """The names in charts, which are cut; plotly reads a little HTML, of which links are a part."""
    charts = tab.locator(".js-plotly-plot").filter(visible=True)
    until(lambda: charts.count() > 0, "a chart is drawn")
    shows(tab, ".js-plotly-plot text", texts, letters=12)
    links = charts.locator("a").evaluate_all("all => all.map(a => a.outerHTML)")
    assert [link for link in links if "modebar" not in link] == []
    assert tab.locator(".js-plotly-plot img").count() == 0


@pytest.mark.faults
def test_run_names_notes_logs_and_errors(tab):
    """Seen to fail as above."""
    opened(tab, "Train")
    shows(tab, ".runs")
    tab.locator('tr[data-run="marks-1"]').click()
    shows(tab, ".run-head")
    shows(tab, ".wrong")
    charts_show(tab)
    unfolded(tab)
    shows(tab, "label:has-text('lines of the log')")
    shows(tab, "label:has-text('Notes')")


@one_by_one
def test_names_of_runs_in_heads_charts_and_choices(tab, texts):
    """Of the run that is chosen, and of the one beside it, in the list of those to be chosen and in the chart. Seen to fail
    as above, and with `charts.plain` made the identity: links in a chart."""
    opened(tab, "Train")
    shows(tab, ".runs")
    for text, other in zip(texts, [*texts[1:], texts[0]], strict=True):
        tab.locator(f'tr[data-run="marks-{MARKUP.index(text) + 1}"] button').click()
        until(lambda text=text: text in tab.locator(".run-head").inner_text(), f"{text} is chosen")
        beside = tab.get_by_label("Beside it")
        beside.fill(f"marks-{MARKUP.index(other) + 1}")
        tab.get_by_role("option", name=re.compile(rf"\bmarks-{MARKUP.index(other) + 1}\b")).first.click()
        charts_show(tab, [other])
        beside.press("Backspace")  # takes the last one away
        beside.blur()
        tab.get_by_role("option").first.wait_for(state="hidden")


@pytest.mark.faults
def test_answers_in_a_comparison(tab, url):
    """Seen to fail as above, and with `charts.plain` made the identity: links in a chart."""
    words = "&".join(f"subject={x}" for x in ("base", "marks-2", "marks-3"))
    tab.goto(f"{url}?tab=compare&{words}")
    until(lambda: tab.locator(".scores tbody.compared tr").count() >= 3, "it is compared")
    for view in ("Invalid outputs", "Confusion", "Calibration", "Differences", "Over training"):
        tab.get_by_role("tab", name=view, exact=True).click()
        tab.wait_for_timeout(700)
        if view == "Invalid outputs":
            shows(tab, "[aria-label^='Invalid outputs of']")
        if view == "Confusion":
            shows(tab, ".confusion")
            tab.locator(".confusion td").nth(1).click()
            charts_show(tab, MARKUP)


@one_by_one
def test_what_an_address_names(tab, url, texts):
    """Seen to fail with the names of a link put into the page as they are: the browser asked the other site."""
    for at in range(0, len(texts), 8):
        some = texts[at : at + 8]
        asked = [("subject", text) for text in some]
        where = [("tab", "compare"), ("split", some[0]), ("decoding", some[-1]), ("reference", some[0])]
        tab.goto(f"{url}?{urlencode([*asked, *where, ('__theme', some[0])])}")
        tab.get_by_text("The link names").wait_for()
        where = [("tab", "generate"), ("dataset", some[0]), ("row", some[-1])]
        tab.goto(f"{url}?{urlencode([*asked, *where])}")
        tab.wait_for_timeout(1500)
        tab.goto(f"{url}?tab={some[0]}&deep_link={some[1]}#{some[-1]}")
        tab.locator(".exact-prompt .part").first.wait_for()


@pytest.mark.faults
def test_what_a_model_says(tab):
    """Also again out of the browser's history. Seen to fail as above."""
    opened(tab, "Generate")
    asked_raw(tab, "\n".join(MARKUP))
    shows(tab, ".side-by-side .answer")
    tab.locator(".side-by-side summary").first.click()
    shows(tab, ".side-by-side pre")
    tab.reload()
    opened(tab, "Generate")
    unfolded(tab)
    shows(tab, ".asked-before", MARKUP[:1])


def asked_raw(tab, prompt: str) -> None:
    tab.get_by_label("A raw prompt").check()
    tab.get_by_role("textbox", name="Raw prompt").fill(prompt)
    tab.get_by_role("button", name="Generate", exact=True).click()


@pytest.mark.faults
def test_prompts_of_a_list_and_what_is_said_to_them(tab):
    """Seen to fail as above."""
    opened(tab, "Generate")
    tab.locator("button.label-wrap", has_text="Prompt lists").click()
    tab.get_by_label("Name of a list").fill("marks")
    tab.get_by_role("button", name="New list").click()
    until(lambda: tab.get_by_label("List", exact=True).input_value() == "marks", "there is a list")
    tab.get_by_label("Prompts to add").fill("\n".join(MARKUP))
    tab.get_by_label("as raw prompts").check()
    tab.get_by_role("button", name="Add these prompts").click()
    prompts, results = ".prompt-list >> nth=0", ".prompt-list >> nth=1"
    shows(tab, prompts)
    tab.get_by_role("button", name="Run all").click()
    shows(tab, results)


@one_by_one
def test_answers_that_are_rated(tab, texts):
    """Rows, what was expected, answers, and who gave them. Seen to fail as above."""
    opened(tab, "Generate")
    tab.locator("button.label-wrap", has_text="Ratings").click()
    tab.get_by_label("Rater").fill("ann")
    tab.get_by_label("Rate blind").uncheck()
    tab.get_by_role("button", name="Rate the set").click()
    for text in MARKUP[: len(texts)]:  # as `score` has them answer
        shows(tab, ".rated .answer", [text])
        for _ in range(5):  # a click while the one before is still under way is not heeded
            tab.locator(".rated").get_by_role("button", name=re.compile("Next row|Finish")).click()
            with suppress(AssertionError):
                until(lambda text=text: text not in seen(tab, ".rated .answer"), "the next row is there", 20)
                break


@one_by_one
def test_file_names_and_errors_of_a_dataset(tab, texts):
    """Seen to fail with `look.text` and `look.plain` made the identity: what the file says is not shown letter by letter."""
    tab.get_by_role("button", name="Add a dataset").click()
    lines = [",".join(f"c{x}" for x in range(10))]
    lines += [",".join(quoted(text) for text in MARKUP[at : at + 10]) for at in range(0, len(MARKUP), 10)]
    rows = "\n".join(lines).encode()
    place = tab.locator(".block").filter(has_text="Training rows").last
    for text in texts:
        file = {"name": f"{text.replace('/', '∕')}.csv", "mimeType": "text/csv", "buffer": rows}
        place.locator("input[type=file]").set_input_files(file)
        shows(tab, ".file-head")
        tab.get_by_label("Name", exact=True).fill(text)
        tab.get_by_role("button", name="Add dataset").click()
        said = " ".join(text.split())
        until(lambda said=said: f"{said!r} is no" in tab.locator("body").inner_text(), f"{text} is refused")
        place.get_by_label("Clear").click()
        until(lambda: not seen(tab, ".file-head"), "the file is gone")


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@one_by_one
def test_errors_in_toasts(tab, texts):
    """Seen to fail with the escaping left out of `access.shown`: Gradio shows errors as HTML, and the other site was asked."""
    opened(tab, "Generate")
    tab.locator("button.label-wrap", has_text="Prompt lists").click()
    for text in texts:
        tab.get_by_label("Name of a list").fill(text)
        tab.get_by_role("button", name="New list").click()
        said = repr(text)[1:-1][:50]
        tab.locator(".toast-body").filter(has_text=said).first.wait_for()


@pytest.mark.faults
def test_errors_of_a_model(tab):
    """They stand in the place of answers. Seen to fail with `look.text` made the identity: the browser asked the other site."""
    opened(tab, "Generate")
    asked_raw(tab, "fail")
    shows(tab, ".side-by-side")


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
