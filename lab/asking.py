"""What is put to subjects side by side: a row, a text through the task, a raw prompt or a chat, looked up and checked."""

from contextlib import suppress
from dataclasses import dataclass, field

from lab import answered, data, subjects, tasks
from lab.answered import Given, Record
from lab.chat import Chat
from lab.config import BUNDLED_DATASET, BUNDLED_TASK, Decoding
from lab.errors import InputError
from lab.home import Home
from lab.prompt_lists import Prompt
from lab.subjects import Question
from lab.task import Task, fields, text_of

LONGEST = 100_000  # letters of a text or a prompt
OWN_SPLITS = ["validation", "train"]  # that every run has


@dataclass(frozen=True)
class Asked:
    """A question with all its names looked up."""

    given: Given
    task: Task
    question: dict | str | dict[str, Chat]  # as `generator.ask` takes it
    words: str  # the question as people read it
    bases: dict[str, str]  # the base of each subject
    expected: str | None = None
    said: str = ""  # what is to be said of the expected answer once all answers are there
    turns: dict[str, list[str]] = field(default_factory=dict)  # of a chat, this question included

    @property
    def names(self) -> list[str]:
        return self.given.names

    @property
    def reads_label(self) -> bool:
        asks_task = self.given.way in ("row", "text")
        return asks_task and (self.task.kind == "classify" or self.task.read is not None)

    def record(self, when: float, answers: list[dict], said: str | None = None) -> Record:
        """What is remembered of it: the question and those answers that there are."""
        return Record(
            when=when,
            given=self.given,
            asked=self.words[: answered.LONGEST],
            said=(self.said if said is None else said)[: answered.LONGEST],
            reads_label=self.reads_label,
            expected=self.expected,
            answers=[answered.answer_of(answer) for answer in answers],
            turns=self.turns,
        )


def look_up(home: Home, given: Given, before: dict[str, list[str]] | None = None) -> Asked:
    """What is asked with what stands in the controls. `before`: what was said in the chat so far, by subject.

    Raises InputError for what is wrong or missing.
    """
    found = subjects.resolve(home, given.names)
    bases = {subject.name: subject.base for subject in found}
    if given.way == "row":
        rows = rows_of(home, given.names, given.dataset, given.split)
        row, task = row_at(rows.rows, given.row), rows.task
        given = _settled(given, task.kind)
        return Asked(given, task, row, asked_text(task, row), bases, *_expected(task, row))
    task = task_of(home, given.names)
    text = written(given.text)
    if given.way == "text":
        return Asked(_settled(given, task.kind), task, {task.text: text}, text, bases)
    given = _settled(given, "generate", labels=False)
    if given.way == "raw":
        return Asked(given, task, text, text, bases)
    chats = {name: Chat(given.system, [*(before or {}).get(name, []), text]) for name in given.names}
    return Asked(given, task, chats, text, bases, turns={name: chat.turns for name, chat in chats.items()})


def of_prompt(home: Home, names: list[str], prompt: Prompt, decoding: Decoding) -> Asked:
    """What is asked with a prompt of a list, whose expected label may be spelled as the task reads it."""
    asked = look_up(home, Given(names=names, way=prompt.way, text=prompt.text, decoding=decoding))
    if prompt.way == "text":
        asked.question.update({key: text for key, text in prompt.columns.items() if key != asked.task.text})
    expected = prompt.expected
    if expected and asked.reads_label:
        expected = asked.task.read_answer(expected) or asked.task.gold({asked.task.label: expected}) or expected
    return Asked(asked.given, asked.task, asked.question, asked.words, asked.bases, expected)


def to_prompt(asked: Asked, expected: str | None = None) -> Prompt:
    """What is asked as a prompt for a list. `expected` stands in for a row's own answer. Raises InputError for a chat."""
    expected = (expected or "").strip() or asked.expected
    if expected and len(expected) > 1000:
        raise InputError("An expected answer may have 1,000 letters; longer ones cannot be compared.")
    if asked.given.way in ("chat", "raw"):
        if asked.given.way == "chat":
            raise InputError(
                "A chat cannot be put into a list: a prompt there stands alone. Add it as a text or a raw prompt."
            )
        return Prompt(way="raw", text=asked.question, expected=expected)
    row, task = asked.question, asked.task
    others = {name: text_of(row.get(name)) for name in fields(task.prompt + task.instruction) if name != task.text}
    return Prompt(
        text=written(text_of(row.get(task.text))),
        columns={name: text for name, text in others.items() if name in row and text},
        expected=expected,
    )


def task_of(home: Home, names: list[str]) -> Task:
    """The task of the first run chosen, else the bundled one."""
    own = next((subject.run.task for subject in subjects.resolve(home, names) if subject.run), None)
    return own or tasks.load(home, BUNDLED_TASK)


def rows_of(home: Home, names: list[str], dataset: str = "", split: str = "validation") -> Question:
    """The rows of a split, with the task that asks: those of the first run chosen, else the bundled ones."""
    if dataset and dataset not in data.listing(home) and dataset not in _own_datasets(home, names):
        raise InputError(f"There is no dataset {dataset!r} any more; choose another.")
    return subjects.question(home, subjects.resolve(home, names)[0], None, dataset or None, split)


def _own_datasets(home: Home, names: list[str]) -> set[str]:
    return {subject.run.config.dataset for subject in subjects.resolve(home, names) if subject.run}


def splits_of(home: Home, names: list[str], dataset: str = "") -> list[str]:
    """The splits that can be asked from; validation comes first."""
    run = subjects.resolve(home, names)[0].run
    name, found = dataset or (run.config.dataset if run else BUNDLED_DATASET), []
    with suppress(InputError):  # the dataset has gone; the run's own rows are there
        found = data.load(home, name).splits
    return [*OWN_SPLITS, *(split for split in found if split not in OWN_SPLITS)]


def row_at(rows: list[dict], number) -> dict:
    whole = isinstance(number, int | float) and not isinstance(number, bool) and number == number // 1
    if not whole or not 0 <= number < len(rows):
        raise InputError(f"There are the rows 0 to {len(rows) - 1:,}; write one of these numbers.")
    return rows[int(number)]


def asked_text(task: Task, row: dict) -> str:
    """What the prompt takes from a row: its text, and the other columns by name."""
    others = [name for name in dict.fromkeys(fields(task.prompt)) if name != task.text and text_of(row.get(name))]
    return "\n".join([text_of(row.get(task.text)), *(f"{name}: {text_of(row[name])}" for name in others)])


def written(text) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InputError("Write what is to be asked first.")
    if len(text) > LONGEST:
        raise InputError(f"At most {LONGEST:,} letters can be asked at once.")
    return text


def _settled(given: Given, kind: str, labels: bool = True) -> Given:
    """The same with its decoding settled for the kind of the answer."""
    if given.decoding.mode == "labels" and not (labels and kind == "classify"):
        raise InputError("Decoding by labels needs the prompt of a classify task; choose greedy or sample here.")
    return given.model_copy(update={"decoding": given.decoding.for_kind(kind)})


def _expected(task: Task, row: dict) -> tuple[str | None, str]:
    """What a row's right answer is, and the words for it: its label, else its text."""
    answer, label = task.answer(row), task.gold(row)
    if task.kind == "classify":
        return label, f"The row's label is {label}." if label else ""
    return label if task.read else answer, f"The row's own answer:\n{answer}" if answer else ""
