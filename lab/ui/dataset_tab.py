"""The Dataset tab: choose or add a dataset, see what is in it, edit the task and see the exact prompt of a row."""

import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import gradio as gr

from lab import browse, checks, data, lengths
from lab.config import BUNDLED_DATASET, BUNDLED_MODEL, Config
from lab.data import Dataset
from lab.errors import InputError
from lab.home import Home
from lab.ui import (
    access,
    dataset_agreement,
    dataset_charts,
    dataset_checks,
    dataset_form,
    dataset_merge,
    dataset_push,
    dataset_rows,
    look,
    task_form,
)

MOST_LABELS = 40  # of the table of counts
LONGEST_LIMIT = 1_000_000  # tokens
RATHER_TOGETHER = 0  # seconds for which rows wait for what else is shown of a dataset


def build(page: gr.Blocks, home: Home) -> None:
    with gr.Tab("Dataset") as tab:
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                dataset = gr.Dropdown(
                    data.listing(home), value=BUNDLED_DATASET, label="Dataset", filterable=False, interactive=True
                )
                about = gr.Markdown(elem_classes=["quiet", "said"])
                card = gr.HTML(dataset_checks.WAITING, padding=False, elem_classes=["checks-place"])
            with gr.Column(scale=3, min_width=320):
                rows = dataset_rows.build(home, dataset)
        dataset_form.build(home, dataset)
        with gr.Accordion("Merge labels, compare two versions, publish", open=False) as more:
            made = [part.build(home, dataset) for part in (dataset_merge, dataset_agreement, dataset_push)]
            is_open = gr.State(False)
            # Of which datasets the page's first answers tell. They may come late, and would then stand in the place of what
            # is chosen by now: that is shown again, by the event of the choice, of which the last comes last.
            rows_of, contents_of, again = gr.State(), gr.State(), gr.State(0.0)
        with gr.Row():
            with gr.Column(min_width=320):
                gr.Markdown("## Labels by split", elem_classes=["section"])
                balance = gr.Plot(label="Labels by split", show_label=False, elem_classes=["chart-place"])
                balance_said = gr.Markdown(elem_classes=["quiet", "said"])
                with gr.Accordion("As a table", open=False):
                    counts = gr.Dataframe(label="Rows and labels by split", **look.WORDS_TABLE)
            with gr.Column(min_width=320):
                gr.Markdown("## Tokens of a row", elem_classes=["section"])
                tokens = gr.Plot(label="Tokens of a row", show_label=False, elem_classes=["chart-place"])
                tokens_said = gr.Markdown(elem_classes=["quiet", "said"])
                limit = gr.Number(
                    Config().max_length,
                    label="max_length",
                    info="The limit that the line and the check stand for; a run has its own.",
                    precision=0,
                    minimum=1,
                    interactive=True,
                )

    @access.handler
    def refresh(chosen):
        names = data.listing(home)
        # What is chosen is not told again: another one may have been chosen by now.
        return gr.update(choices=names) if chosen in names else gr.update(choices=names, value=BUNDLED_DATASET)

    @access.handler
    def show_contents(name, limit):
        found = data.load(home, name)
        said, table, chart, words = balance_of(found)
        return said, table, chart, words, *lengths_of(home, found, allowed(limit))

    @access.handler
    def show_chosen(name, limit):
        """Rows and contents in one answer, for the browser is slow to ask twice; where the contents have to be counted
        first, the rows come before them."""
        with ThreadPoolExecutor(1) as beside:
            counted = beside.submit(show_contents, name, limit)
            shown = rows.show(name)
            if wait([counted], RATHER_TOGETHER).not_done:
                yield *shown, *[gr.skip()] * len(contents)
                shown = [gr.skip()] * len(shown)
            yield *shown, *counted.result()

    @access.handler
    def show_again(name, *shown_of):
        return gr.skip() if set(shown_of) == {name} else time.time()

    @access.handler
    def open_more(name):
        return True, *(value for _, fill in made for value in fill(name))

    @access.handler
    def close_more():
        return False

    @access.handler
    def show_more(name, is_open):
        return open_more(name) if is_open else [gr.skip()] * (1 + len(fields_of_more))

    @access.handler
    def show_lengths(name, limit):
        return lengths_of(home, data.load(home, name), allowed(limit))

    private = {"api_visibility": "private", "trigger_mode": "always_last"}  # what was chosen last is shown last
    of_lengths = [card, tokens, tokens_said]
    # Events begin in the order in which they stand here: what is in a dataset comes before the task's form.
    contents = [about, counts, balance, balance_said, *of_lengths]
    quick, on_rows = {**private, "show_progress": "minimal"}, {"show_progress_on": rows.table}
    opened = page.load(with_name(rows.show), dataset, [rows_of, *rows.parts], **quick, **on_rows)
    with_card = {"js": look.PROMPT_FIRST, **quick, "show_progress_on": card}
    then = opened.then(with_name(show_contents), [dataset, limit], [contents_of, *contents], **with_card)
    asked = [dataset.change, again.change]
    gr.on(asked, show_chosen, [dataset, limit], [*rows.parts, *contents], **quick, **on_rows)
    then.then(show_again, [dataset, rows_of, contents_of], again, **private, show_progress="hidden")
    fields_of_more = [field for fields, _ in made for field in fields]
    of_more = {**private, "show_progress": "hidden"}
    more.expand(open_more, dataset, [is_open, *fields_of_more], **of_more)
    more.collapse(close_more, None, is_open, **of_more)
    dataset.change(show_more, [dataset, is_open], [is_open, *fields_of_more], **of_more)
    with tab:
        # The split and the row of the exact prompt, and what makes it be shown anew.
        exact = list(task_form.build(page, home, tab, dataset))
    gr.on([page.load, tab.select], refresh, dataset, dataset, show_progress="hidden", **private)
    limit.change(show_lengths, [dataset, limit], of_lengths, show_progress="hidden", **private)
    on_select = {"show_progress": "hidden", "js": look.PROMPT_FIRST, **private}
    selected = tab.select(with_name(show_lengths), [dataset, limit], [contents_of, *of_lengths], **on_select)
    selected.then(show_again, [dataset, contents_of], again, **of_more)

    @access.handler
    def pick(split, event: gr.SelectData):
        return split, dataset_rows.picked(event), time.time()

    rows.table.select(pick, rows.split, exact, show_progress="hidden", **private)


def with_name(show: Callable) -> Callable:
    """A handler that shows something of a dataset, and tells of which one before that."""

    @functools.wraps(show)
    def shown(name, *values):
        return name, *show(name, *values)

    return access.handler(shown)


def allowed(limit) -> int:
    """A limit that a browser sent; the usual one where the field is empty, as while one writes another into it."""
    limit = Config().max_length if limit is None else dataset_rows.whole(limit, "max_length")
    if not 1 <= limit <= LONGEST_LIMIT:
        raise InputError(f"max_length must be from 1 to {LONGEST_LIMIT:,}.")
    return limit


def balance_of(dataset: Dataset) -> tuple:
    """What is in a dataset: in words, its labels as a table, as a chart and as the chart's text."""
    column = dataset.about.label
    counts = browse.label_counts(dataset, column)
    sizes = {split: browse.size(dataset, split) for split in dataset.splits}
    labels = dataset_charts.ordered(counts)
    table = [["all rows", *(f"{n:,}" for n in sizes.values())]]
    table += [[dataset_rows.cut(label), *(f"{of.get(label, 0):,}" for of in counts.values())] for label in labels]
    if len(labels) > MOST_LABELS:
        table[MOST_LABELS + 1 :] = [[f"and {len(labels) - MOST_LABELS:,} more labels", *("" for _ in sizes)]]
    words = dataset_charts.balance_in_words(counts) if column else "The dataset names no column with labels."
    said = [
        dataset.about.about,
        f"Rows: {', '.join(f'{n:,} in {split}' for split, n in sizes.items())}.",
        f"Columns: {', '.join(browse.columns_of(dataset, dataset.splits[0]))}.",
    ]
    return (
        "\n\n".join(look.plain(line) for line in said if line),
        {"headers": ["label", *sizes], "data": table},
        dataset_charts.balance_chart(counts, dataset.name),
        look.plain(words),
    )


def lengths_of(home: Home, dataset: Dataset, limit: int) -> tuple:
    """What depends on the limit of tokens: the check card, the histogram and its text."""
    task_file = home.tasks / f"{dataset.name}.yaml"
    state = (*browse.state_of(dataset), task_file.stat().st_mtime_ns if task_file.is_file() else 0)
    found, measured = _looked_at(home, dataset.name, state)
    card = dataset_checks.card([*found, checks.too_long(measured, limit)])
    chart = dataset_charts.tokens_chart(measured, limit, dataset.name)
    return card, chart, look.plain(dataset_charts.tokens_in_words(measured, limit))


@functools.lru_cache(maxsize=16)
def _looked_at(home: Home, name: str, _state: tuple) -> tuple[list[dict], dict]:
    """The checks and the token counts of a dataset, made once for each state of it and of the task of its name."""
    dataset = data.load(home, name)
    task = lengths.task_for(home, dataset)
    return checks.of_rows(dataset, task), lengths.measure(dataset, task, BUNDLED_MODEL)
