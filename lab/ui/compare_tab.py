"""The Compare tab: base and adapters on the same frozen rows, what is known of them by itself and the rest on request."""

from contextlib import suppress
from typing import get_args

import gradio as gr

from lab import comparison, jobs
from lab.comparison import Comparison, EvaluationJob
from lab.config import Decoding
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.job import ALIVE, Job
from lab.ui import access, look, offer

SPLITS = ["validation", "test", "train"]
OWN = ("the run's own", "")
DECODINGS = [OWN, *((mode, mode) for mode in get_args(Decoding.model_fields["mode"].annotation))]
LOOK_EVERY = 2  # seconds
MOST_TEXTS, MOST_LETTERS = 200, 1000  # of the invalid outputs of a subject, and of each of them
INVALID = "(invalid)"


def build(page: gr.Blocks, home: Home) -> None:
    with gr.Tab("Compare") as tab:
        with gr.Row():
            chosen = gr.Dropdown(
                ["base"], value=["base"], label="Subjects", multiselect=True, interactive=True, scale=3, min_width=280
            )
            few = {"filterable": False, "interactive": True, "scale": 1, "min_width": 160}
            split = gr.Dropdown(SPLITS, value=SPLITS[0], label="Rows", **few)
            decoding = gr.Dropdown(DECODINGS, value="", label="Decoding", **few)
        with gr.Row(equal_height=True):
            probabilities = gr.Checkbox(True, label="Label probabilities", min_width=160)
            compare = gr.Button("Compare", variant="primary", min_width=120)
            evaluate = gr.Button("Evaluate", min_width=120)
            stop = gr.Button("Stop evaluation", visible=False, min_width=120)
        doing, said = (gr.Markdown(visible=False, elem_classes=["said"]) for _ in range(2))
        with gr.Column(visible=False) as results:
            scores = gr.Dataframe(label="Scores", **look.TABLE)
            gr.Markdown(
                "Brackets hold 95% intervals. p: exact McNemar test against the first subject. "
                "Invalid answers count as wrong everywhere; “labels alone” is the accuracy if every row were answered with its "
                "most probable label, which shows what they cost.",
                elem_classes=["quiet"],
            )
            notes = gr.Markdown(visible=False, elem_classes=["said"])
            with gr.Row():
                f1 = gr.Plot(label="Accuracy and macro F1", show_label=False, min_width=320)
                with gr.Column(min_width=320):
                    widths = ["22%", "61%", "17%"]
                    invalid = gr.Dataframe(label="Invalid outputs", column_widths=widths, **look.WORDS_TABLE)
                    valid = gr.Markdown("No invalid outputs.", visible=False, elem_classes=["quiet"])
            with gr.Row():
                with gr.Column(min_width=320):
                    one = gr.Dropdown([], label="Labels of", filterable=False, interactive=True)
                    counts = gr.Dataframe(label="Rows by true label and answer", **look.TABLE)
                    per_label = gr.Dataframe(label="Scores by label", **look.TABLE)
                confusion = gr.Plot(label="Confusion", show_label=False, min_width=320)

        seen = gr.State(None)  # what the choices were made from; None until the page has arrived
        offered = gr.State([])  # the subjects that were chosen for the user, who may then have chosen others
        job_id = gr.State(None)  # the evaluation job that is watched
        looks = gr.State(0)  # a new number asks for a new look at what is known
        found = gr.State([])  # what is shown
        shown_for = gr.State(None)  # what stood in the controls then
        timer = gr.Timer(LOOK_EVERY)

    controls = [chosen, split, decoding, probabilities]
    watched = [seen, offered, job_id, looks, chosen, doing, evaluate, stop]
    details = [confusion, counts, per_label]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}

    @access.handler
    def arrive(looks):
        """A page that was opened, or opened again while an evaluation goes on."""
        choices, job = offer.on_offer(home), underway(home)
        start = offer.default(choices)
        of_job = controls_of(job.wanted, choices) if job else None
        names, *rest = of_job or (start, SPLITS[0], "", True)
        shown = [job.id if job else None, looks + 1, gr.update(choices=choices, value=names), *progress(home, job)]
        return [offer.fingerprint(home), start, *shown, *rest]

    @access.handler
    def watch(seen, offered, job_id, looks, shown_for, names, *others):
        """What has changed by itself: new subjects, and how far an evaluation is; and what a busy browser has missed."""
        news = [gr.skip()] * len(watched)
        if seen is None:  # the tab was clicked before the page had arrived, which must not be undone
            return news
        job = found_job(home, job_id) or underway(home)
        ended = job is not None and job.status() not in ALIVE
        if job or job_id:
            news[2] = job.id if job and not ended else None
            news[5:] = progress(home, job)
        kept, on_offer = names, offer.offered_now(home, seen, offered, names)
        if on_offer:
            kept, news[0], news[1], news[4] = on_offer
        if ended or kept != names or [names, *others] != shown_for:
            news[3] = looks + 1
        return news

    @access.handler
    def start(request: gr.Request, looks, *values):
        """Evaluates what is missing, or joins the job that does so already."""
        try:
            access.may_change(request)
            wanted = asked_for(*values)
            job = next((x for x in living(home) if x.wanted == wanted), None) or jobs.evaluate(home, wanted)
        except (InputError, WorkError) as error:
            return gr.skip(), gr.skip(), gr.skip(), look.line(str(error)), gr.skip(), gr.skip()
        if job is None:
            done = look.line("Nothing is missing: all of it was evaluated before.")
            return None, looks + 1, look.line(""), done, gr.skip(), gr.skip()
        return job.id, gr.skip(), look.line(""), *progress(home, job)

    @access.handler
    def stop_job(request: gr.Request, job_id):
        try:
            access.may_change(request)
            job = EvaluationJob(home, job_id or "")
            job.request_stop()
        except InputError as error:
            return look.line(str(error)), gr.skip(), gr.skip()
        return progress(home, job)

    @access.handler
    def show(looks, *values):
        if not looks:  # the page is being built
            return [gr.skip()] * len(shown)
        try:
            known, lacking, notes = look_at(home, asked_for(*values))
        except (InputError, WorkError) as error:
            known, lacking, notes = [], str(error), []
        head = [known, list(values), look.line(lacking), gr.update(visible=bool(known))]
        if not known:
            return head + [gr.skip()] * (len(shown) - len(head))
        names = [x["subject"] for x in known]
        chooser = gr.update(choices=names, value=names[-1], visible=any(x["confusion"] for x in known))
        return *head, *tables(known), look.line("\n".join(notes)), chooser, *parts(known[-1])

    @access.handler
    def show_one(found, name):
        return parts(next((x for x in found if x["subject"] == name), None))

    page.load(arrive, looks, [*watched, *controls[1:]], **quiet)
    gr.on([timer.tick, tab.select], watch, [seen, offered, job_id, looks, shown_for, *controls], watched, **quiet)
    asked = [looks.change, compare.click, *(control.input for control in controls)]
    shown = [found, shown_for, said, results, scores, invalid, valid, f1, notes, one, *details]
    gr.on(
        asked,
        show,
        [looks, *controls],
        shown,
        api_visibility="private",
        show_progress="minimal",
        trigger_mode="always_last",
    )
    evaluate.click(
        start, [looks, *controls], [job_id, looks, said, doing, evaluate, stop], concurrency_limit=1, **quiet
    )
    stop.click(stop_job, job_id, [doing, evaluate, stop], **quiet)
    one.input(show_one, [found, one], details, **quiet)


# -- what is asked for -----------------------------------------------------------------------------------------------


def asked_for(names, split, decoding, probabilities) -> Comparison:
    """The comparison that stands in the controls. Raises InputError."""
    if split not in SPLITS or decoding not in [mode for _, mode in DECODINGS]:
        raise InputError(f"Rows are {', '.join(SPLITS)}; decodings are {', '.join(name for name, _ in DECODINGS)}.")
    settings = [f"mode={decoding}"] if decoding else []
    return Comparison(subjects=offer.taken(names), split=split, decoding=settings, probabilities=probabilities is True)


def controls_of(wanted: Comparison, choices: list[str]) -> tuple | None:
    """What the controls must say to ask for a comparison; None where they cannot, as for one of the command line."""
    mode = "".join(wanted.decoding).removeprefix("mode=")
    values = (wanted.subjects, wanted.split, mode, wanted.probabilities)
    with suppress(InputError):
        if asked_for(*values) == wanted and set(wanted.subjects) <= set(choices):
            return values
    return None


def look_at(home: Home, wanted: Comparison) -> tuple[list[dict], str, list[str]]:
    """What is known of a comparison; what is not, in words; and what differs between the subjects."""
    asked = comparison.look_up(home, wanted)
    made = asked.known(home)
    lacking = [subject.name for subject, one in zip(asked.subjects, made, strict=True) if one is None]
    known, notes = scoreboard.compare([one for one in made if one]) if any(made) else ([], [])
    for x in known:
        if x.get("labels_left_out"):
            left_out = ", ".join(x["labels_left_out"])
            notes.append(f"{x['subject']}: F1 leaves out {left_out}, which no row and no answer has.")
    has = "has" if len(lacking) == 1 else "have"
    words = f"{' and '.join(lacking)} {has} not been evaluated like this yet: press Evaluate." if lacking else ""
    if lacking == ["base"] and not known:
        words += " Adapters that are trained show up here by themselves."
    return known, words, notes


# -- the job ---------------------------------------------------------------------------------------------------------


def living(home: Home) -> list[EvaluationJob]:
    return [job for job in jobs.living(home) if job.kind == EvaluationJob.kind]


def underway(home: Home) -> EvaluationJob | None:
    """The evaluation job that is at work or next in the queue."""
    return next(iter(living(home)), None)


def found_job(home: Home, job_id: str | None) -> EvaluationJob | None:
    with suppress(InputError):  # its folder may be gone by now
        return EvaluationJob(home, job_id) if job_id else None
    return None


def progress(home: Home, job: EvaluationJob | None) -> tuple:
    """A line about a job, and whether Evaluate and Stop evaluation can be pressed."""
    status = job.status() if job else "none"
    alive = status in ALIVE
    buttons = gr.update(interactive=not alive), gr.update(visible=alive, interactive=status != "stopping")
    return look.line(in_words(home, job, status) if job else ""), *buttons


def in_words(home: Home, job: EvaluationJob, status: str) -> str:
    if status == "queued":
        queue = [other.id for other in jobs.living(home)]
        before = queue[: queue.index(job.id)] if job.id in queue else []
        return f"{job.id} waits for its turn behind {_listed(before)}." if before else f"{job.id} is about to start."
    if status == "stopping":
        return f"{job.id} is stopping; the subjects that it has finished are kept."
    if status in ALIVE:
        return f"{job.id}: {_doing(job)}"
    with suppress(InputError, WorkError):
        return f"{job.id} is {jobs.outcome(job)}."
    error = job.error()
    return f"{job.id} failed: {error['message']} {error['advice']}".strip()


def _doing(job: Job) -> str:
    doing = job.state().get("doing")
    if not doing:
        return "starting."
    if doing["what"].startswith("loading"):
        return f"{doing['what']}."
    return f"{doing['what']}, {doing['done']:,} of {doing['total']:,} rows ({doing['done'] / doing['total']:.0%})."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} others"


# -- what is shown ---------------------------------------------------------------------------------------------------


def tables(known: list[dict]) -> tuple:
    """Scores, invalid outputs and the chart of all subjects."""
    from lab.ui import charts

    read, said = any(x["accuracy"] is not None for x in known), any(x["invalid"] for x in known)
    return (
        scores_of(known),
        gr.update(value=invalid_of(known), visible=said),
        gr.update(visible=read and not said),
        gr.update(value=charts.f1_chart(known) if read else None, visible=read),
    )


def scores_of(known: list[dict]) -> dict:
    texts = list(dict.fromkeys(key for x in known for key in x.get("text_metrics", {})))
    headers = ["subject", "rows", "accuracy", "macro F1", "weighted F1", "invalid", "labels alone", "p"]
    headers += [*(key.replace("_", " ") for key in texts), "decoding", "seconds"]
    rows = [
        [
            x["subject"],
            f"{x['n']:,}",
            share(x["accuracy"], x["accuracy_ci95"]),
            share(x["macro_f1"], x["f1_ci95"]),
            share(x["weighted_f1"]),
            "–" if x["invalid"] is None else f"{x['invalid']:,}",
            share(x["labels_alone"]),
            p_value(x["p_value"]),
            *(share(x.get("text_metrics", {}).get(key)) for key in texts),
            x["decoding"],
            f"{x['seconds']:.1f}",
        ]
        for x in known
    ]
    return {"headers": headers, "data": rows}


def invalid_of(known: list[dict]) -> dict:
    """The invalid outputs of all subjects, the most frequent first."""
    rows = []
    for x in known:
        texts = x["invalid_outputs"]
        rows += [[x["subject"], text[:MOST_LETTERS], f"{n:,}"] for text, n in texts[:MOST_TEXTS]]
        if len(texts) > MOST_TEXTS:
            rest = sum(n for _, n in texts[MOST_TEXTS:])
            rows.append([x["subject"], f"… and {len(texts) - MOST_TEXTS:,} other texts", f"{rest:,}"])
    return {"headers": ["subject", "text", "rows"], "data": rows}


def parts(one: dict | None) -> tuple:
    """The confusion of one subject as chart and numbers, and its scores label by label."""
    if one is None or not one["confusion"]:
        return tuple(gr.update(visible=False) for _ in range(3))
    from lab.ui import charts

    labels, counts = one["confusion"]["labels"], one["confusion"]["counts"]
    numbers = [[true, *(f"{n:,}" for n in row)] for true, row in zip(labels, counts, strict=True)]
    by_label = [
        [x["label"], *(f"{x[key]:.3f}" for key in ("precision", "recall", "f1")), f"{x['support']:,}"]
        for x in one["per_label"]
    ]
    return (
        gr.update(value=charts.confusion_chart(one["confusion"]), visible=True),
        gr.update(value={"headers": ["true label", *labels, INVALID], "data": numbers}, visible=True),
        gr.update(value={"headers": ["label", "precision", "recall", "F1", "rows"], "data": by_label}, visible=True),
    )


def share(value: float | None, interval: list[float] | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def p_value(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
