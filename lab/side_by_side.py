"""Base and adapters side by side: one base in memory, adapters swapped on it, each answering the same prompt as it is made."""

import time
from collections.abc import Callable

from lab import bases
from lab.config import Decoding
from lab.errors import InputError
from lab.generate import Answer, label_probabilities, most_probable, stream
from lab.job import Stopped
from lab.model import Model, free_memory
from lab.prompt import Renderer
from lab.subjects import Subject, check_fit
from lab.task import Task

Hear = Callable[[dict], None]


class SideBySide:
    """Holds the base that answered last, so that the next prompt need not wait for it."""

    def __init__(self):
        self.model: Model | None = None

    def answer(
        self,
        subjects: list[Subject],
        task: Task,
        row: dict | str,
        decoding: Decoding,
        hear: Hear = lambda event: None,
        halted: Callable[[], bool] = lambda: False,
    ) -> list[dict]:
        """The same row, or a raw prompt (a str), put to every subject; one base is in memory at a time.

        Returns for each subject `{subject, prompt, output, label, label_probabilities, seconds, tokens}`. Meanwhile `hear`
        is given `{event: loading, what}`, `{event: text, subject, output}` and `{event: answer, …}` with the above. Raises
        InputError for what does not fit together, Stopped when `halted` says so.
        """
        results: dict[str, dict] = {}
        try:
            for name, quantization in dict.fromkeys((s.base, s.quantization) for s in subjects):
                model = self._with_base(name, quantization, hear)
                for subject in subjects:
                    if halted():
                        raise Stopped
                    if (subject.base, subject.quantization) == (name, quantization) and subject.name not in results:
                        check_fit(subject, model.base)
                        found = {"subject": subject.name, **_respond(model, subject, task, row, decoding, hear, halted)}
                        results[subject.name] = found
                        hear({"event": "answer", **found})
        except Stopped:
            raise
        except Exception:
            self.model = None  # an adapter that did not fit may have left parts of it in the base
            raise
        return [results[subject.name] for subject in subjects]

    def _with_base(self, name: str, quantization: str, hear: Hear) -> Model:
        held = self.model and (self.model.base.name, self.model.quantization)
        base = bases.find(name)
        if held != (base.name, quantization):
            hear({"event": "loading", "what": base.public_name})
            self.model = None
            free_memory()
            self.model = Model(base, quantization)
        return self.model


def _respond(
    model: Model, subject: Subject, task: Task, row: dict | str, decoding: Decoding, hear: Hear, halted: Callable
) -> dict:
    renderer = Renderer(task, model.tokens)
    raw = isinstance(row, str)
    text = row if raw else renderer.prompt_text(row)
    prompts = model.tokens.encode([text])
    by_label = task.kind == "classify" and not raw
    if decoding.mode == "labels" and not by_label:
        raise InputError("--decoding labels needs the prompt of a classify task; use greedy or sample here.")
    with model.using(subject.adapter):
        start = time.perf_counter()
        probabilities = label_probabilities(model, prompts, renderer.label_ids())[0] if by_label else None
        if decoding.mode == "labels":
            label = most_probable(probabilities)
            said = Answer(label, len(renderer.label_ids()[label]))
        else:

            def speak(output: str) -> None:
                hear({"event": "text", "subject": subject.name, "output": output})

            said = stream(model, prompts[0], decoding, model.stops | {renderer.stop_id}, speak, halted)
        seconds = time.perf_counter() - start
    label = None if raw else task.read_answer(said.text)
    return {
        "prompt": text,
        "output": said.text,
        "label": label,
        "label_probabilities": probabilities,
        "seconds": seconds,
        "tokens": said.tokens,
    }
