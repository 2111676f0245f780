"""The evaluations that a sweep still lacks, as a job: several comparisons one after the other, with one base in memory."""

from lab import shortage
from lab.comparison import Comparison
from lab.errors import InputError
from lab.home import Home, guard, inside, newest_first, next_id, read_json, write_json
from lab.job import Job
from lab.staging import staged

WANTED = "wanted.json"  # by another name than that of an evaluation, in whose folder of jobs it lies


class Scoring(Job):
    """Comparisons that are evaluated one after the other."""

    kind = "scoring"
    ADVICE_ON_MEMORY = shortage.EVALUATION_ADVICE

    def __init__(self, home: Home, job_id: str):
        """Raises InputError when there is no such job."""
        super().__init__(job_id, inside(home.jobs, job_id, "The evaluation"))
        if not self._path(WANTED).is_file():
            raise InputError(f"There is no evaluation job {job_id!r}.")

    @property
    def wanted(self) -> list[Comparison]:
        return [Comparison.model_validate(one) for one in read_json(self._path(WANTED))]


def create(home: Home, wanted: list[Comparison]) -> Scoring:
    """Makes the folder of a job that will evaluate what these comparisons lack."""
    with guard(home.jobs):
        job_id = next_id(home.jobs, "scoring")
        with staged(home.jobs / job_id) as folder:
            write_json(folder / WANTED, [one.model_dump() for one in wanted])
    return Scoring(home, job_id)


def listing(home: Home) -> list[str]:
    """The ids of all such jobs, newest first."""
    return newest_first(home.jobs, WANTED)
