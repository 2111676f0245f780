"""A home in which there is one of everything, made by hand, so that no event finds nothing to act upon."""

import yaml
from colours import CODEBOOK, add_to
from scored_runs import score
from swept import finished

from lab import grid, presets, prompt_lists, rating_form, ratings, runs, sweeps, tasks
from lab.config import BUNDLED_MODEL, Config
from lab.home import Home
from lab.rating_form import CRITERIA
from lab.runs import Run
from lab.task import parse

SETTINGS = {
    "name": "tiny",
    "task": "colours",
    "dataset": "colours",
    "base_model": BUNDLED_MODEL,
    "quantization": "none",
    "train_rows": 8,
    "validation": 8,
    "max_steps": 2,
}
# The names of what stands in it.
DONE, TORN, LIVE, SWEEP, RATED, PRESET, PROMPTS = (
    "tiny-1",
    "tiny-2",
    "tiny-3",
    "tiny",
    "read-twice",
    "mine",
    "asked-often",
)
RATER, NOTE, MODEL = "ann", "a note that Ann has written", "ada/model-of-hers"


def furnish(home: Home, folder) -> Home:
    """A task in two versions, its dataset, a sweep of a run that is finished and scored and one that was interrupted, a run
    that waits for a worker (`live` says how to hold it), ratings, a preset and a list of prompts."""
    add_to(home, folder)
    tasks.save(home, parse(yaml.safe_dump({**CODEBOOK, "instruction": "Say the kind of colour.\n$labels"})))
    ready = sweeps.prepare(home, grid.parse({**SETTINGS, "name": SWEEP, "grid": {"seed": [1, 2]}}))
    done = finished(home, ready.plans[0], accuracy=None)
    done.describe(title="A title", notes=NOTE)
    torn, live = (runs.create(home, x.config, x.task, x.train, x.validation) for x in (ready.plans[1], ready.plans[0]))
    torn.beat(attempt=1, step=1, total_steps=2, epoch=0.5)
    live.beat(attempt=1, step=1, total_steps=2, epoch=0.5)
    assert [run.id for run in (done, torn, live)] == [DONE, TORN, LIVE]
    sweep = sweeps.settled(home, ready).with_run(0, done.id, False).with_run(1, torn.id, False)
    sweeps.keep(home, sweep)
    score(home, ["base", DONE])
    ratings.create(home, ratings.wanted(["base", DONE], 3), RATED)
    mark = rating_form.read({**dict.fromkeys(CRITERIA, 1.0), "comment": NOTE})
    ratings.rate(home, RATED, RATER, {("base", 0): mark})
    presets.save(home, PRESET, "a preset", Config(**{**SETTINGS, "base_model": MODEL}))
    prompt_lists.create(home, PROMPTS)
    prompt_lists.add(home, PROMPTS, prompt_lists.pasted("red paint\twarm", "text"))
    return home


def live(home: Home):
    """Holds the run that waits for a worker, so that it is one at work; a context."""
    return Run(home, LIVE).hold()
