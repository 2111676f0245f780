"""Side by side: the same prompt put to base and adapters, word by word, in a worker that steps aside for jobs."""

import json
import socket
import threading
import time

import pytest
from colours import created, trained, worked
from waiting import PATIENCE, until

from lab import bases, generator, jobs, side_by_side, subjects, tasks
from lab.chat import Chat
from lab.config import Decoding
from lab.errors import InputError, WorkError
from lab.generate import answer
from lab.job import Stopped, lock_holder
from lab.model import Model
from lab.prompt import Renderer
from lab.side_by_side import SideBySide
from lab.subjects import Subject

GREEDY = Decoding().for_kind("classify")
LONG = Decoding(max_new_tokens=400)
KEYS = {"subject", "prompt", "output", "label", "label_probabilities", "seconds", "tokens"}


def base(tiny_model) -> Subject:
    return Subject("base", str(tiny_model), "none")


def test_side_by_side_answers_every_subject(home, tiny_model):
    task = tasks.load(home, "sentiment")
    found = SideBySide().answer([base(tiny_model)], task, {"text": "A fine day."}, GREEDY)
    assert set(found[0]) == KEYS
    assert "Sentence: A fine day." in found[0]["prompt"]
    raw = SideBySide().answer([base(tiny_model)], task, "Once upon", GREEDY)[0]
    assert (raw["prompt"], raw["label"], raw["label_probabilities"]) == ("Once upon", None, None)


def test_a_streamed_answer_is_the_answer_of_base_and_adapter(home, tiny_model, tiny_run):
    row, task = tiny_run.rows("validation")[0], tiny_run.task
    chosen = subjects.resolve(home, ["base", tiny_run.id])
    model = Model(bases.find(str(tiny_model)), "none")
    for subject, said in zip(chosen, SideBySide().answer(chosen, task, row, LONG), strict=True):
        renderer = Renderer(task, model.tokens)
        with model.using(subject.adapter):
            plain = answer(model, renderer.prompts([row]), LONG, model.stops | {renderer.stop_id})[0]
        assert (said["output"], said["tokens"]) == (plain.text, plain.tokens)


@pytest.mark.nightly
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_whoever_else_is_asked_an_answer_is_the_same(colours, tiny_model, quantization):
    runs = [trained(colours, tiny_model, learning_rate=0.02, seed=s, quantization=quantization) for s in (1, 2, 3)]
    row, task = runs[0].rows("validation")[0], runs[0].task
    chosen = subjects.resolve(colours, ["base", *(run.id for run in runs)])
    desk, lone = SideBySide(), SideBySide()
    for decoding in (GREEDY, LONG, Decoding(mode="labels"), Decoding(mode="sample", seed=7).for_kind("classify")):
        together = desk.answer(chosen, task, row, decoding)
        columns = side_by_side._columns(desk.model, chosen, row, decoding)
        assert len(columns) == (4 if decoding.mode == "sample" else 1)  # one batch, but for what is drawn at random
        for subject, found in zip(chosen, together, strict=True):
            alone = lone.answer([subject], task, row, decoding)[0]
            same = ("subject", "output", "label", "tokens")
            assert [found[key] for key in same] == [alone[key] for key in same]
            assert found["label_probabilities"] == pytest.approx(alone["label_probabilities"], rel=1e-4)


def test_adapters_that_cannot_be_mixed_answer_in_turn(colours, tiny_model):
    plain = trained(colours, tiny_model)
    dora = trained(colours, tiny_model, adapter={"r": 4, "dropout": 0.0, "dora": True})
    desk, row = SideBySide(), plain.rows("validation")[0]
    chosen = subjects.resolve(colours, ["base", plain.id, dora.id])
    assert [x["subject"] for x in desk.answer(chosen, plain.task, row, GREEDY)] == ["base", plain.id, dora.id]
    assert len(side_by_side._columns(desk.model, chosen, row, GREEDY)) == 3


@pytest.mark.parametrize("decoding", [GREEDY, LONG, Decoding(mode="sample", seed=7), Decoding(beams=3)])
def test_what_is_heard_on_the_way_leads_to_the_answer(home, monkeypatch, decoding):
    monkeypatch.setattr("lab.generate.SPEAK_EVERY", 0)
    heard, task = [], tasks.load(home, "sentiment")
    row = {"text": "I was glad that the soup was splendid."}
    said = SideBySide().answer(subjects.resolve(home, ["base"]), task, row, decoding.for_kind("classify"), heard.append)
    parts = [x["output"] for x in heard if x["event"] == "text"]
    assert all(said[0]["output"].startswith(part) for part in parts)
    assert len(parts) == (0 if decoding.beams > 1 else said[0]["tokens"])
    assert [x["event"] for x in heard if x["event"] != "text"] == ["loading", "answer"]


def test_weights_that_were_replaced_answer_themselves(colours, tiny_model):
    """A run that went on, or another of the same name, must not be answered for by what stood there before."""
    run, desk = trained(colours, tiny_model, learning_rate=0.01), SideBySide()
    row, chosen = run.rows("validation")[0], subjects.resolve(colours, [run.id])
    first = desk.answer(chosen, run.task, row, GREEDY)[0]["label_probabilities"]
    run.delete()
    other = trained(colours, tiny_model, learning_rate=0.02)
    assert other.id == run.id
    second = desk.answer(chosen, run.task, row, GREEDY)[0]["label_probabilities"]
    assert second != first
    assert SideBySide().answer(chosen, run.task, row, GREEDY)[0]["label_probabilities"] == second


def test_only_so_many_adapters_stay_in_memory(colours, tiny_model, monkeypatch):
    monkeypatch.setattr("lab.model.ADAPTERS_IN_MEMORY", 2)
    run = trained(colours, tiny_model, epochs=4, evaluate_at=[1, 2, 3, 4], learning_rate=0.02)
    names = [f"{run.id}@{c['step']}" for c in run.checkpoints()]
    desk, row = SideBySide(), run.rows("validation")[0]
    chosen = subjects.resolve(colours, ["base", *names])
    first, second = (desk.answer(chosen, run.task, row, GREEDY) for _ in range(2))
    assert [x["label_probabilities"] for x in first] == [x["label_probabilities"] for x in second]
    assert len(desk.model.network.peft_config) == 2


def test_an_answer_can_be_broken_off(tiny_run, home):
    asked, heard = iter([False] * 3), []
    with pytest.raises(Stopped):
        SideBySide().answer(
            subjects.resolve(home, ["base"]), tiny_run.task, "Once", LONG, heard.append, lambda: next(asked, True)
        )
    assert not any(event["event"] == "answer" for event in heard)


def test_the_lines_of_the_worker_come_whole_and_end_when_it_is_called_off():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        halt = threading.Event()
        lines = generator._lines(ours, halt.is_set)
        theirs.sendall(b'{"a": 1}\n{"b"')
        assert next(lines) == b'{"a": 1}'
        theirs.sendall(b": 2}\n")
        assert next(lines) == b'{"b": 2}'
        threading.Timer(0.2, halt.set).start()  # while nothing arrives
        with pytest.raises(Stopped):
            next(lines)


def test_chats_that_differ_are_answered_together_as_each_alone(colours, tiny_model):
    runs = [trained(colours, tiny_model, learning_rate=0.02, seed=seed) for seed in (1, 2)]
    chosen = subjects.resolve(colours, ["base", *(run.id for run in runs)])
    turns = [["Hello."], ["Hello.", "Hi!", "And now?"], ["Hello.", "A long answer, this one.", "Go on."]]
    chats = {subject.name: Chat("", said) for subject, said in zip(chosen, turns, strict=True)}
    desk, lone = SideBySide(), SideBySide()
    together = desk.answer(chosen, runs[0].task, chats, LONG)
    assert len(side_by_side._columns(desk.model, chosen, chats, LONG)) == 1
    for subject, found in zip(chosen, together, strict=True):
        alone = lone.answer([subject], runs[0].task, {subject.name: chats[subject.name]}, LONG)[0]
        assert [found[key] for key in ("prompt", "output", "tokens")] == [
            alone[key] for key in ("prompt", "output", "tokens")
        ]
    assert len({found["tokens"] for found in together}) > 1  # they ended one after another
    punished = LONG.model_copy(update={"repetition_penalty": 1.3})
    assert len(side_by_side._columns(desk.model, chosen, chats, punished)) == 3


# -- with a real worker ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(colours, tiny_model):
    """A home with a run and, in the end, without a generation worker."""
    yield trained(colours, tiny_model)
    other = created(colours, tiny_model)
    worked(colours, other, lambda home, job, progress: "finished")  # its turn comes when the worker has stepped aside
    assert pid(colours) is None


def pid(home) -> int | None:
    return lock_holder(home.generator / "lock")


@pytest.mark.long
def test_one_worker_answers_everybody_and_steps_aside_for_jobs(lab, colours, tiny_model):
    row = lab.rows("validation")[0]

    def ask(names=("base", lab.id), decoding=GREEDY):
        return list(generator.ask(colours, list(names), lab.task, row, decoding))

    events = ask()
    assert [x["subject"] for x in events if x["event"] == "answer"] == ["base", lab.id]
    assert [set(x) - {"event"} for x in events if x["event"] == "answer"] == [KEYS, KEYS]
    first = pid(colours)
    assert "loading" not in {x["event"] for x in ask()}
    assert pid(colours) == first
    with pytest.raises(InputError, match="no run 'nobody-1'"):
        ask(["nobody-1"])
    chats = {"base": Chat("", ["Hello."]), lab.id: Chat("Be kind.", ["Hello.", "Hi!", "And now?"])}
    said = [x for x in generator.ask(colours, list(chats), lab.task, chats, GREEDY) if x["event"] == "answer"]
    assert {x["subject"]: (x["label"], x["label_probabilities"]) for x in said} == dict.fromkeys(chats, (None, None))
    texts = {x["subject"]: x["prompt"] for x in said}
    assert "Hi!" in texts[lab.id] and "Be kind." in texts[lab.id] and "Hi!" not in texts["base"]
    asking = generator.ask(colours, [lab.id], lab.task, "Once upon a time", LONG)
    next(asking)
    asking.close()  # nobody listens any more
    begun = time.monotonic()
    assert ask()
    assert time.monotonic() - begun < PATIENCE

    # A job is asked for: the worker gives its memory back before the job begins, and is there again afterwards.
    other, go = created(colours, tiny_model), threading.Event()

    def compute(home, job, progress):
        assert pid(colours) is None
        go.wait(PATIENCE)
        return "finished"

    working = threading.Thread(target=worked, args=(colours, other, compute))
    working.start()
    until(lambda: other.status() == "running" and pid(colours) is None, "it has stepped aside")
    with pytest.raises(WorkError, match=f"{other.id} is training"):
        ask()
    go.set()
    working.join()
    assert jobs.outcome(other) == "finished"
    assert ask()
    assert pid(colours) not in (None, first)


def test_a_job_need_not_wait_for_an_answer_or_for_one_who_does_not_listen(lab, colours, tiny_model):
    """Nobody reads what is answered, another has connected and asks nothing, a third waits: the job comes first."""
    asking = generator.ask(colours, ["base"], lab.task, "Once", Decoding(max_new_tokens=4096))
    next(asking)
    with socket.socket(socket.AF_UNIX) as silent:
        assert generator._reach(colours, silent)
        third = generator.ask(colours, ["base"], lab.task, "Once", GREEDY)
        refused = []

        def wait_behind():
            with pytest.raises(WorkError) as error:
                list(third)
            refused.append(str(error.value))

        waiting = threading.Thread(target=wait_behind)
        waiting.start()
        time.sleep(0.3)
        other = created(colours, tiny_model)
        worked(colours, other, lambda home, job, progress: "finished")
        assert other.status() == "finished"
        waiting.join(PATIENCE)
    assert "generation" in refused[0].lower()
    asking.close()


def test_after_an_adapter_that_does_not_fit_the_base_is_still_the_base(colours, tiny_model):
    """PEFT puts its layers into the base before it finds that the weights do not fit them."""
    run, desk = trained(colours, tiny_model, learning_rate=0.02), SideBySide()
    row, base_alone = run.rows("validation")[0], subjects.resolve(colours, ["base", run.id])[:1]
    before = desk.answer(base_alone, run.task, row, GREEDY)[0]["label_probabilities"]
    about = json.loads((run.adapter / "adapter_config.json").read_text())
    (run.adapter / "adapter_config.json").write_text(json.dumps({**about, "r": 3}))
    with pytest.raises(InputError, match="does not fit"):
        desk.answer(subjects.resolve(colours, [run.id]), run.task, row, GREEDY)
    assert desk.answer(base_alone, run.task, row, GREEDY)[0]["label_probabilities"] == before
