"""A comparison: which subjects are asked which rows with which decoding; what is known of it, and the job for the rest."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from lab import bases, config, evaluations, memo, shortage, subjects, text_scores
from lab import decoding as decoding_file
from lab.config import Decoding
from lab.errors import InputError, WorkError
from lab.evaluations import Evaluation
from lab.home import Home, guard, inside, newest_first, next_id, read_json, write_json
from lab.job import Job
from lab.staging import staged
from lab.subjects import Question, Subject
from lab.task import Strict, Task
from lab.wanted_metrics import Metric

_REQUESTS = memo.Memo(1000)  # by the state of all files that they are made of


class Comparison(Strict):
    """What is asked for. Where task, dataset or decoding are not given, those of the first run named count."""

    subjects: list[str]
    task: Task | None = None
    dataset: str | None = None
    split: str = "validation"
    rows: int | None = Field(None, gt=0)
    decoding: list[str] = []  # settings of the decoding, as in `mode=labels`
    probabilities: bool = True
    metrics: list[Metric] | None = None  # of texts; None: whatever was counted


@dataclass(frozen=True)
class Asked:
    """A comparison with its names looked up; subjects and questions are parallel."""

    subjects: list[Subject]
    questions: list[Question]
    decoding: Decoding
    probabilities: bool
    metrics: list[Metric] | None = None

    def known(self, home: Home) -> list[Evaluation | None]:
        """The evaluations that were made before, None for those that were not; nothing is computed."""
        return [
            evaluations.find(home, evaluations.prepared(subject, question, self.decoding), self.probabilities)
            for subject, question in zip(self.subjects, self.questions, strict=True)
        ]

    def is_complete(self, home: Home) -> bool:
        """Whether all was evaluated before, and all metrics that are wanted were counted."""
        return all(one and not text_scores.lacking(one, self.metrics) for one in self.known(home))


def known(home: Home, wanted: Comparison) -> list[Evaluation | None]:
    """As `look_up(home, wanted).known(home)`; rows are read and prompts rendered only where their files have changed."""
    found = subjects.resolve(home, wanted.subjects)
    kind = subjects.task_for(home, found[0], wanted.task).kind
    decoding = decoding_for(found, wanted.decoding).for_kind(kind)
    asks = wanted.task, wanted.dataset, wanted.split

    def request(subject: Subject) -> evaluations.Request | None:
        def make() -> evaluations.Request | None:
            question = subjects.question(home, subject, *asks, wanted.rows)
            return evaluations.prepared(subject, question, decoding)

        of_base = memo.state_of(*_files(bases.find(subject.base)))
        state = subjects.state(home, subject, *asks)
        key = (state, of_base, wanted.dataset, wanted.split, wanted.rows, decoding.model_dump_json())
        return _REQUESTS.get(key, make)

    return [evaluations.find(home, request(subject), wanted.probabilities) for subject in found]


def _files(base: bases.Base) -> list[Path]:
    """The folder of a base, if it is at hand, and what its prompts are made with."""
    return [base.folder, *(base.folder / name for name in bases.TOKENIZER_FILES)] if base.folder else []


def made(home: Home, wanted: Comparison) -> list[Evaluation]:
    """The evaluations of a comparison whose job has ended. Raises WorkError where one is not to be found again."""
    asked = look_up(home, wanted)
    found = asked.known(home)
    for subject, one in zip(asked.subjects, found, strict=True):
        if one is None:
            raise WorkError(f"The evaluation of {subject.name} cannot be found again; a base needs a tokenizer.json.")
    return found


def look_up(home: Home, wanted: Comparison) -> Asked:
    """The subjects, rows and decoding that are meant. Raises InputError for what is not there."""
    found = subjects.resolve(home, wanted.subjects)
    questions = [subjects.question(home, s, wanted.task, wanted.dataset, wanted.split, wanted.rows) for s in found]
    decoding = decoding_for(found, wanted.decoding).for_kind(questions[0].task.kind)
    for question in questions:
        text_scores.refuse(question.task, wanted.metrics)
    return Asked(found, questions, decoding, wanted.probabilities, wanted.metrics)


def decoding_for(found: list[Subject], sets: list[str]) -> Decoding:
    """One decoding for all subjects: that of the first run named, with the settings asked for."""
    start = next((s.run.config.decoding for s in found if s.run), Decoding())
    return config.decoding(sets, start)


def ignored(decoding: Decoding, sets: list[str]) -> list[str]:
    """A sentence where settings that were asked for change nothing in the decoding that came of them."""
    return decoding_file.ignored(decoding, [one.partition("=")[0].strip().removeprefix("decoding.") for one in sets])


class EvaluationJob(Job):
    """The evaluations that a comparison still lacks, as a job."""

    kind = "evaluation"
    ADVICE_ON_MEMORY = shortage.EVALUATION_ADVICE

    def __init__(self, home: Home, job_id: str):
        """Raises InputError when there is no such job."""
        super().__init__(job_id, inside(home.jobs, job_id, "The evaluation"))
        if not self._path("request.json").is_file():
            raise InputError(f"There is no evaluation job {job_id!r}.")

    @property
    def wanted(self) -> Comparison:
        return Comparison.model_validate(read_json(self._path("request.json")))


def create(home: Home, wanted: Comparison) -> EvaluationJob:
    """Makes the folder of a job that will evaluate what a comparison lacks."""
    with guard(home.jobs):
        job_id = next_id(home.jobs, "evaluation")
        with staged(home.jobs / job_id) as folder:
            write_json(folder / "request.json", wanted.model_dump())
    return EvaluationJob(home, job_id)


def listing(home: Home) -> list[str]:
    """The ids of all evaluation jobs, newest first."""
    return newest_first(home.jobs, "request.json")
