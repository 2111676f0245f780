"""Sweeps at work: what did not run yet is started, all of it queued; and all of it is stopped at once."""

from collections.abc import Collection
from dataclasses import replace

from lab import jobs, queue, repeats, sweep_asked, sweep_results, sweeps, text_scores
from lab.errors import InputError
from lab.home import Home, guard
from lab.job import ALIVE, RESUMABLE, Job
from lab.plan import Plan
from lab.runs import Run
from lab.scoring import Scoring
from lab.sweeps import Prepared, Sweep


def start(home: Home, prepared: Prepared) -> Sweep:
    """Starts what did not run yet, one behind the other in the queue; what ran already, or is about to, is reused.

    A sweep that was asked for before goes on: what was broken off is resumed. Whatever happens on the way, the sweep's file
    says what has been started.
    """
    with guard(home.sweeps):  # a second one of the same kind waits, and then finds the runs of the first
        sweep = sweeps.settled(home, prepared)
        own = sweep.own
        jobs.need_room(home, _new(home, prepared, own))
        sweeps.keep(home, sweep)
        if prepared.grid.asking:
            return _evaluate(home, sweep)
        for place, planned in enumerate(prepared.plans):
            if place in prepared.skipped:
                sweep = sweep.skipping(place, prepared.skipped[place])
            else:
                run, reused = _train(home, _named(planned, sweep.name), own)
                sweep = sweep.with_run(place, run.id, reused)
            sweeps.keep(home, sweep)
        return _score(home, sweep)


def _new(home: Home, prepared: Prepared, own: list[str]) -> list[Plan]:
    """The plans of a sweep for which there is no run yet."""
    plans = [one for place, one in enumerate(prepared.plans) if place not in prepared.skipped]
    return [one for one in plans if repeats.ran(home, one, own) is None]


def _named(planned: Plan, name: str) -> Plan:
    return replace(planned, config=planned.config.model_copy(update={"name": name}))


def _train(home: Home, planned: Plan, own: list[str]) -> tuple[Run, bool]:
    """The run of a plan, and whether it was there before; one that was broken off goes on."""
    found = repeats.ran(home, planned, own)
    if found is None:
        return jobs.train_planned(home, planned), False
    if found.status() in RESUMABLE:
        return jobs.resume(home, found.id), True
    return found, True


def _score(home: Home, sweep: Sweep) -> Sweep:
    """Puts what the runs are not asked while they train behind them into the queue."""
    grid = sweep.grid
    if not grid.decodings and not grid.scored_on and not grid.metrics:
        return sweep
    job = sweep_results.job_of(home, sweep)
    wanted = [one.comparison for one in sweep_asked.all_of(home, sweep)]
    known = zip(wanted, sweeps.evaluated(home, wanted), strict=True)
    lacking = [one for one, made in known if made is None or text_scores.lacking(made, grid.metrics)]
    if grid.scored_on:  # else each run has scored its base before it trained
        lacking += [one for _, one in sweep_asked.of_bases(home, sweep) if sweep_results.base_of(home, one) is None]
    if lacking and not (job and job.status() in ALIVE):
        sweep = replace(sweep, job=jobs.score_later(home, lacking).id)
        sweeps.keep(home, sweep)
    return sweep


def _evaluate(home: Home, sweep: Sweep) -> Sweep:
    made = sweeps.evaluated(home, sweep.wanted())
    for place, one in enumerate(made):
        sweep = sweep.with_run(place, None, one is not None)
    pairs = zip(sweep.wanted(), made, strict=True)
    lacking = [one for one, known in pairs if known is None or text_scores.lacking(known, one.metrics)]
    job = sweep_results.job_of(home, sweep)
    if lacking and not (job and job.status() in ALIVE):
        sweep = replace(sweep, job=jobs.score(home, lacking).id)
    sweeps.keep(home, sweep)
    return sweep


def at_work(home: Home, sweep: Sweep) -> list[Job]:
    """Its runs and its job that are queued or at work, in the order of the queue."""
    mine = {(Run.kind, run_id) for run_id in sweep.own} | {(Scoring.kind, sweep.job)}
    return [job for job in queue.living(home) if (job.kind, job.id) in mine]


def stop(home: Home, sweep: Sweep, but: Collection[str] = ()) -> list[str]:
    """Asks all that is queued or at work, `but` these, to stop, the last in the queue first; returns their ids.

    Raises InputError when there is nothing to stop.
    """
    stopped = jobs.stop_all([job for job in reversed(at_work(home, sweep)) if job.id not in but])
    if not stopped:
        raise InputError(f"Nothing of the sweep {sweep.name} is queued or at work.")
    return [job.id for job in reversed(stopped)]
