"""Base and adapters side by side: one base in memory, adapters on it, all answering the same prompt while they make it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import bases
from lab.chat import Posed, chats_of
from lab.config import Decoding
from lab.errors import InputError
from lab.generate import Answer, label_probabilities_each, stream
from lab.job import Stopped
from lab.metrics import most_probable, numbers
from lab.mixed import CannotMix
from lab.model import Model, free_memory
from lab.prompt import Renderer
from lab.subjects import Subject, adapter_hash, check_fit
from lab.task import Task
from lab.unpacked import unpack

Hear = Callable[[dict], None]


class SideBySide:
    """Holds the base that answered last, so that the next prompt need not wait for it."""

    def __init__(self):
        self.model: Model | None = None
        self.holds: tuple = ()  # what tells that model from others

    def answer(
        self,
        subjects: list[Subject],
        task: Task,
        posed: Posed,
        decoding: Decoding,
        hear: Hear = lambda event: None,
        halted: Callable[[], bool] = lambda: False,
    ) -> list[dict]:
        """The same row or raw prompt (a str) put to every subject, or to each its own chat, by its name; one base is in memory
        at a time.

        Returns for each subject `{subject, prompt, output, label, label_probabilities, seconds, tokens}`. Meanwhile `hear`
        is given `{event: loading, what}`, `{event: text, subject, output}` and `{event: answer, …}` with the above. Raises
        InputError for what does not fit together, Stopped when `halted` says so.
        """
        results: dict[str, dict] = {}
        try:
            for loaded in dict.fromkeys(s.in_memory for s in subjects):
                model = self._holding(*loaded, hear)
                own = {s.name: s for s in subjects if s.in_memory == loaded}
                for subject in own.values():
                    check_fit(subject, model.base)
                for together in _columns(model, list(own.values()), posed, decoding):
                    if halted():
                        raise Stopped
                    for found in _together_or_in_turn(model, together, task, posed, decoding, hear, halted):
                        results[found["subject"]] = found
                        hear({"event": "answer", **found})
        except Stopped:
            raise
        except Exception:
            self.model = None  # an adapter that did not fit may have left parts of it in the base
            raise
        return [results[subject.name] for subject in subjects]

    def _holding(self, name: str, quantization: str, weights: Path | None, hear: Hear) -> Model:
        """The model in memory, with this base or with weights of its own, which are read anew when their files change."""
        base = bases.find(name)
        wanted = base.name, quantization, weights and (weights, adapter_hash(weights))
        if self.model is None or self.holds != wanted:
            hear({"event": "loading", "what": base.public_name})
            self.model = None
            free_memory()
            self.model, self.holds = Model(base, quantization, weights=weights), wanted
            unpack(self.model.network)
        return self.model


def _columns(model: Model, subjects: list[Subject], posed: Posed, decoding: Decoding) -> list[list[Subject]]:
    """The subjects that answer together, in one batch, which is faster than in turn; what is drawn at random must not depend
    on who else is asked. Prompts of several lengths are padded, and where repeating is punished the padding would count as
    said before."""
    chats = list(chats_of(posed).values())
    padded = any(chat != chats[0] for chat in chats)
    can = not decoding.draws and decoding.beams == 1 and not (padded and decoding.repetition_penalty != 1)
    together = can and model.can_mix([s.put_on for s in subjects])
    return [subjects] if together else [[subject] for subject in subjects]


def _together_or_in_turn(
    model: Model,
    subjects: list[Subject],
    task: Task,
    posed: Posed,
    decoding: Decoding,
    hear: Hear,
    halted: Callable[[], bool],
) -> Iterator[dict]:
    """What subjects answer in one batch; in turn where the model turns out to allow no such batch, from then on."""
    try:
        yield from _respond(model, subjects, task, posed, decoding, hear, halted)
        return
    except CannotMix:
        model.mixes = False
    for subject in subjects:
        yield from _respond(model, [subject], task, posed, decoding, hear, halted)


def _respond(
    model: Model,
    subjects: list[Subject],
    task: Task,
    posed: Posed,
    decoding: Decoding,
    hear: Hear,
    halted: Callable[[], bool],
) -> list[dict]:
    """What subjects answer in one batch."""
    renderer = Renderer(task, model.tokens)
    chats = chats_of(posed)
    raw = isinstance(posed, str) or bool(chats)
    texts = [renderer.text_for(chats.get(subject.name, posed)) for subject in subjects]
    prompts = model.tokens.encode(texts)
    labels = renderer.label_ids() if task.kind == "classify" and not raw else {}
    if decoding.mode == "labels" and not labels:
        raise InputError("--decoding labels needs the prompt of a classify task; use greedy or sample here.")
    start = time.perf_counter()
    with model.using_each([subject.put_on for subject in subjects]) as keep:
        chances, cache = label_probabilities_each(model, prompts, labels) if labels else ([None] * len(prompts), None)
        chances = [numbers(of_labels) for of_labels in chances]
        before = time.perf_counter() - start
        if decoding.mode == "labels":
            chosen = [most_probable(of_labels) if of_labels else None for of_labels in chances]
            said = [(Answer(x or "", len(labels[x]) if x else 0), 0.0) for x in chosen]
        else:

            def speak(number: int, output: str) -> None:
                hear({"event": "text", "subject": subjects[number].name, "output": output})

            stops = model.stops | {renderer.stop_id}
            said = stream(model, prompts, decoding, stops, speak, halted, keep, cache)
    return [
        {
            "subject": subject.name,
            "prompt": text,
            "output": answer.text,
            "label": None if raw else task.read_answer(answer.text),
            "label_probabilities": of_labels,
            "seconds": before + seconds,
            "tokens": answer.tokens,
        }
        for subject, text, of_labels, (answer, seconds) in zip(subjects, texts, chances, said, strict=True)
    ]
