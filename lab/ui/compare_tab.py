"""The Compare tab: base and adapters on the same frozen rows, what is known of them by itself and the rest on request."""

import gradio as gr

from lab import evaluations, jobs, subjects
from lab.comparison import EvaluationJob
from lab.errors import InputError, WorkError
from lab.home import Home
from lab.job import ALIVE
from lab.ui import access, compare_link, compare_table, compare_views, look, offer
from lab.ui.compare_job import found_job, living, progress, underway
from lab.ui.compare_look import DECODINGS, SPLITS, asked_for, controls_of, lacking_in_words, look_at
from lab.ui.compare_table import MOST_OTHERS

LOOK_EVERY = 4  # seconds


def build(page: gr.Blocks, home: Home, opened: gr.State, tabs: gr.Tabs) -> None:
    """`opened` tells Generate which row to open: `{subjects, dataset, split, row, text, when}`."""
    with gr.Tab("Compare") as tab:
        with gr.Row():
            chosen = gr.Dropdown(
                ["base"], value=["base"], label="Subjects", multiselect=True, interactive=True, scale=3, min_width=280
            )
            few = {"filterable": False, "interactive": True, "scale": 1, "min_width": 160}
            split = gr.Dropdown(SPLITS, value=SPLITS[0], label="Rows", **few)
            decoding = gr.Dropdown(DECODINGS, value="", label="Decoding", **few)
            reference = gr.Dropdown(["base"], value="base", label="Reference", **few)
        with gr.Row(equal_height=True):
            probabilities = gr.Checkbox(True, label="Label probabilities", min_width=160)
            evaluate = gr.Button("Evaluate", variant="primary", min_width=120)
            to_test = gr.Button("Score on test", visible=False, min_width=120)
            stop = gr.Button("Stop evaluation", visible=False, min_width=120)
            copy = gr.Button("Copy link", min_width=120)
        linked, doing, said = (gr.Markdown(visible=False, elem_classes=["said"]) for _ in range(3))
        copied = gr.Markdown(elem_classes=["said"])
        board = gr.HTML(js_on_load=compare_table.SCRIPT, apply_default_css=False, elem_classes=["flat"])

        seen = gr.State(None)  # what the choices were made from; None until the page has arrived
        offered = gr.State([])  # the subjects that were chosen for the user, who may then have chosen others
        job_id = gr.State(None)  # the evaluation job that is watched
        looks = gr.State(0)  # a new number asks for a new look at what is known,
        given = gr.State(None)  # of these values of the controls: the browser's may lag behind
        found = gr.State(None)  # what is shown
        shown_for = gr.State(None)  # what stood in the controls then
        odd = gr.State(None)  # what else stood in them at the last look
        with gr.Column(visible=False) as results:
            view = compare_views.build(home, found, opened, tabs)
        timer = gr.Timer(LOOK_EVERY)

    controls = [chosen, split, decoding, probabilities]
    watched = [seen, offered, job_id, looks, chosen, doing, evaluate, stop]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}

    @access.handler
    def arrive(request: gr.Request):
        """A page that was opened, by a link or not, or opened again while an evaluation goes on."""
        choices, job = offer.on_offer(home), underway(home)
        link, start = compare_link.read(asked_of(request), choices), offer.default(choices)
        of_job = controls_of(job.wanted, choices) if job else None
        names, *rest = of_job or (start, SPLITS[0], "", True)
        if link:
            names, rest = link.names or start, [link.split, link.decoding, True]
        known = [job.id if job else None, gr.skip(), gr.update(choices=choices, value=names), *progress(home, job)]
        to_tab = gr.Tabs(selected="compare") if link else gr.skip()
        problems = look.line("\n".join(link.problems) if link else "")
        now = seen_now(home, [names, *rest], link and link.reference)
        return [offer.fingerprint(home), start, *known, *rest, problems, to_tab, *now]

    @access.handler
    def watch(seen, offered, job_id, looks, shown_for, odd, names, *others):
        """What has changed by itself: new subjects, and how far an evaluation is; and what a busy browser has missed, once
        it still stands there at a second look: a page that has just been opened is only late."""
        news = [gr.skip()] * (len(watched) + 2)
        if seen is None:  # the tab was clicked before the page had arrived, which must not be undone
            return news
        job = found_job(home, job_id) or underway(home)
        ended = job is not None and job.status() not in ALIVE
        if job or job_id:
            news[2] = job.id if job and not ended else None
            news[5:8] = progress(home, job)
        kept, on_offer = names, offer.offered_now(home, seen, offered, names)
        if on_offer:
            kept, news[0], news[1], news[4] = on_offer
        news[9] = stands = [names, *others]
        if ended or kept != names or (stands != shown_for and stands == odd):
            news[3], news[8] = looks + 1, [kept, *others]
        return news

    @access.handler
    def start(request: gr.Request, looks, *values):
        """Evaluates what is missing, or joins the job that does so already."""
        try:
            access.may_change(request)
            wanted = asked_for(*values)
            job = next((x for x in living(home) if x.wanted == wanted), None) or jobs.evaluate(home, wanted)
        except (InputError, WorkError) as error:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip(), look.line(str(error)), gr.skip(), gr.skip()
        if job is None:
            done = look.line("Nothing is missing: all of it was evaluated before.")
            return None, looks + 1, list(values), look.line(""), done, gr.skip(), gr.skip()
        return job.id, looks + 1, list(values), look.line(""), *progress(home, job)

    @access.handler
    def score_on_test(request: gr.Request, looks, names, _, *others):
        """The same on the test rows, which nothing was chosen on."""
        return "test", *start(request, looks, names, "test", *others)

    @access.handler
    def stop_job(request: gr.Request, job_id):
        try:
            access.may_change(request)
            job = EvaluationJob(home, job_id or "")
            jobs.stop(job)
        except InputError as error:
            return look.line(str(error)), gr.skip(), gr.skip()
        return progress(home, job)

    @access.handler
    def show(reference, *values):
        return seen_now(home, list(values), reference)

    @access.handler
    def show_given(looks, given, reference):
        return seen_now(home, given, reference) if given else [gr.skip()] * len(shown)

    @access.handler
    def forget():
        """What was said of a link holds for what it named."""
        return look.line(""), ""

    @access.handler
    def tick(reference, names, split, decoding, probabilities, event: gr.EventData):
        """A subject was chosen in the table, or taken out of the comparison."""
        name, names = getattr(event, "subject", None), names or []
        if name not in [*offer.on_offer(home), *names]:
            raise InputError("There is no such subject any more.")
        kept = [x for x in names if x != name] + [name] * (getattr(event, "on", None) is True)
        return [kept, *seen_now(home, [kept, split, decoding, probabilities], reference)]

    shown = [found, shown_for, said, board, reference, to_test, results]
    arrived = page.load(arrive, None, [*watched, *controls[1:], linked, tabs, *shown], **quiet)
    changing = [seen, offered, job_id, looks, shown_for, odd, *controls]
    # In the queue: past it the browser is not told that a state, here `looks`, has changed.
    gr.on([timer.tick, tab.select], watch, changing, [*watched, given, odd], **quiet)
    chosen_by_hand = [control.input for control in (*controls, reference)]
    last = {"api_visibility": "private", "trigger_mode": "always_last"}
    showing = [
        arrived,
        looks.change(show_given, [looks, given, reference], shown, show_progress="hidden", **last),
        gr.on(
            chosen_by_hand, show, [reference, *controls], shown, show_progress="minimal", show_progress_on=board, **last
        ),
        board.click(tick, [reference, *controls], [chosen, *shown], show_progress="hidden", **last),
    ]
    address = [chosen, split, decoding, reference]
    for happening in showing:
        happening.then(*view, show_progress="hidden", **last)
        happening.then(None, address, None, js=compare_link.WRITE, **quiet)
    asked, started = [looks, *controls], [job_id, looks, given, said, doing, evaluate, stop]
    evaluate.click(start, asked, started, concurrency_limit=1, **quiet)
    to_test.click(score_on_test, asked, [split, *started], concurrency_limit=1, **quiet)
    stop.click(stop_job, job_id, [doing, evaluate, stop], **quiet)

    tab.select(None, address, None, js=compare_link.WRITE, **quiet)
    gr.on(chosen_by_hand, forget, None, [linked, copied], **quiet)
    gr.on([tabs.select, tabs.change], None, None, None, js=compare_link.LEAVE, **quiet)
    copy.click(None, None, copied, js=compare_link.COPY, **quiet)


def asked_of(request: gr.Request | None) -> list[tuple[str, str]]:
    """The pairs of the address with which a page was opened."""
    said = getattr(request, "query_params", None)
    return said.multi_items() if hasattr(said, "multi_items") else list(dict(said or {}).items())


def seen_now(home: Home, values: list, reference) -> list:
    """What is shown of the comparison that stands in the controls: the look itself, the values, and what the page says."""
    try:
        now = look_at(home, asked_for(*values), reference)
        lacking = lacking_in_words(now)
    except (InputError, WorkError) as error:
        now, lacking = None, str(error)
    names = [name for name in values[0] or [] if isinstance(name, str)] if isinstance(values[0], list) else []
    held = gr.update(choices=names, value=reference if reference in names else next(iter(names), None))
    is_known = bool(now and now.objects)
    table = compare_table.board(now, names, others(home, names))
    to_test = gr.update(visible=bool(now and now.has_test))
    return [now if is_known else None, values, look.line(lacking), table, held, to_test, gr.update(visible=is_known)]


def others(home: Home, names: list[str]) -> list[dict]:
    """Subjects on offer that are not chosen; what the first of them were trained on, as the table shows no more."""
    left = [name for name in offer.on_offer(home) if name not in names]
    return [_trained(home, name) if i < MOST_OTHERS else {"subject": name} for i, name in enumerate(left)]


def _trained(home: Home, name: str) -> dict:
    try:
        return {"subject": name, **evaluations.trained_on(subjects.resolve(home, [name])[0])}
    except InputError:  # a run whose files are broken
        return {"subject": name}
