"""Two views of a comparison: the texts of invalid answers, and the rows on which two subjects part."""

import gradio as gr

from lab import behind
from lab.errors import InputError
from lab.ui import access, compare_rows
from lab.ui.compare_look import Look
from lab.ui.compare_view import FEW, NO_LABELS, QUIET, TO_OTHERS, View, chosen_of, known, quiet, table

MOST_TEXTS, MOST_LETTERS = 200, 1000  # of the invalid outputs of a subject, and of each of them


def build_invalid(found: gr.State) -> View:
    """The texts that are no label, with counts."""
    name = gr.Dropdown([], label="Invalid outputs of", **FEW)
    texts = gr.HTML(apply_default_css=False, elem_classes=["flat"])

    def draw(found: Look, name) -> list:
        if not found.labelled:
            return [gr.update(visible=False), quiet(NO_LABELS)]
        most = max(range(len(found.labelled)), key=lambda i: found.one(found.labelled[i])[0]["invalid"])
        one = chosen_of(found.labelled, name, usual=most)
        counts = [(f"{x} ({found.one(x)[0]['invalid']:,})", x) for x in found.labelled]
        return [gr.update(choices=counts, value=one, visible=True), invalid_of(found.one(one)[0])]

    @access.handler
    def again(found, name):
        return draw(known(found), name)

    name.input(again, [found, name], [name, texts], trigger_mode="always_last", **QUIET)
    return View([name], [name, texts], draw)


def invalid_of(scores: dict) -> str:
    """The invalid outputs of a subject as a table, the most frequent first."""
    texts = scores["invalid_outputs"]
    if not texts:
        return quiet(f"{scores['subject']} has no invalid outputs: each of its {scores['n']:,} answers is a label.")
    rows = [[text[:MOST_LETTERS] or "(nothing)", f"{n:,}"] for text, n in texts[:MOST_TEXTS]]
    if len(texts) > MOST_TEXTS:
        rest = sum(n for _, n in texts[MOST_TEXTS:])
        rows.append([f"… and {len(texts) - MOST_TEXTS:,} other texts", f"{rest:,}"])
    share = f"{scores['invalid']:,} of {scores['n']:,} answers are no label; they count as wrong"
    return table(f"Invalid outputs of {scores['subject']}: {share}", ["Text", "Rows"], rows)


def build_apart(found: gr.State, opened: gr.State, tabs: gr.Tabs) -> View:
    """The rows on which two subjects part, by who is right."""
    with gr.Row():
        first = gr.Dropdown([], label="First", **FEW)
        second = gr.Dropdown([], label="Second", **FEW)
    kind = gr.Radio(
        [(behind.in_words(x, "First", "second"), x) for x in behind.KINDS], value="gained", label="Rows with"
    )
    rows = compare_rows.place()
    outputs = [first, second, kind, rows]

    def draw(found: Look, first, second, kind, number: int = 1) -> list:
        names = found.labelled
        if len(names) < 2:
            words = "Choose two subjects that answer with labels, to see where they part."
            return [
                gr.update(choices=names, value=chosen_of(names, first)),
                gr.update(choices=[], value=None),
                gr.skip(),
                quiet(words),
            ]
        one = chosen_of(names, first, usual=0)
        best = next((x["subject"] for x in found.objects if x["best"]), None)
        other = chosen_of([x for x in names if x != one], second if second in names else best)
        by_kind = behind.apart(found.one(one)[1], found.one(other)[1], found.shared)
        if kind not in by_kind:
            raise InputError(f"Rows are: {', '.join(behind.KINDS)}.")
        counted = [(f"{behind.in_words(x, one, other)} ({len(rows):,})", x) for x, rows in by_kind.items()]
        title = behind.in_words(kind, one, other)
        return [
            gr.update(choices=names, value=one),
            gr.update(choices=[x for x in names if x != one], value=other),
            gr.update(choices=counted, value=kind),
            compare_rows.shown(title, by_kind[kind], number, [one, other]),
        ]

    @access.handler
    def again(found, *chosen):
        return draw(known(found), *chosen)

    @access.handler
    def click(found, first, second, kind, event: gr.EventData):
        """A page turned, or a row opened."""
        if (row := getattr(event, "open", None)) is not None:
            (_, evaluation), _ = known(found).one(first), found.one(second)
            return gr.skip(), *compare_rows.opened(evaluation, [first, second], row)
        number = compare_rows.whole(getattr(event, "page", None))
        return draw(known(found), first, second, kind, number)[-1], gr.skip(), gr.skip()

    chosen = [first, second, kind]
    changed = [part.input for part in chosen]
    gr.on(changed, again, [found, *chosen], outputs, trigger_mode="always_last", **QUIET)
    rows.click(click, [found, *chosen], [rows, opened, tabs], **TO_OTHERS)
    return View(chosen, outputs, draw)
