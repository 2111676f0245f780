"""A training that trains nothing: the true keeper of its records, beside a stand-in for model and trainer."""

import shutil
from collections.abc import Callable
from types import SimpleNamespace

from lab.runs import Run
from lab.staging import staged

STEPS, EVERY = 6, 2
FILES = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


def content(step: int, name: str) -> bytes:
    """What a checkpoint's file holds."""
    return f"{name} at {step}".encode() * 50


def pretend(said: Callable[[str, int], None] = lambda what, step: None) -> Callable:
    """A compute for `worker.work`; `said` hears of what the records have taken in: `point`, `saving`, `saved`."""

    from lab import train  # loads torch
    from lab.keeper import Keeper

    class Unscored(Keeper):
        """The keeper of a training that asks for no scores."""

        def _is_scored(self, state) -> bool:
            return False

    def compute(home, run: Run, progress) -> str:
        planned = SimpleNamespace(
            config=run.config,
            train=run.rows("train"),
            validation=run.rows("validation"),
            total_steps=STEPS,
            steps_per_epoch=STEPS,
            evaluate_at=[],
            notes=[],
        )
        begun = train._settle(run, planned) or 0
        run.beat(needs_bytes=sum(len(content(0, name)) for name in FILES))
        keeper, control = Unscored(run, planned, None), SimpleNamespace()
        state = SimpleNamespace(global_step=begun, max_steps=STEPS, epoch=begun / STEPS, log_history=[])
        with run.cleared():
            keeper.on_train_begin(None, state, control)
            for step in range(begun + 1, STEPS + 1):
                state.global_step, state.epoch = step, step / STEPS
                keeper.on_step_begin(None, state, control)
                logs = {"loss": 1 / step, "num_tokens": step, "num_row_tokens": step}
                state.log_history.append(logs)
                keeper.on_log(None, state, control, logs)
                said("point", step)
                if step % EVERY == 0:
                    said("saving", step)
                    _save(run, step)
                    keeper.on_save(None, state, control)
                    said("saved", step)
        with staged(run.left, replace=True) as folder:
            shutil.copy2(run.checkpoint(STEPS) / FILES[0], folder / FILES[0])
        return "finished"

    return compute


def _save(run: Run, step: int) -> None:
    folder = run.checkpoint_folder / f"checkpoint-{step}"
    folder.mkdir(exist_ok=True)
    for name in FILES:
        with (folder / name).open("wb") as file:
            file.write(content(step, name))


def is_whole(run: Run) -> bool:
    """Whether a run is what it is without any fault."""
    return (
        run.status() == "finished"
        and [(p["step"], p["loss"]) for p in run.points()] == [(step, 1 / step) for step in range(1, STEPS + 1)]
        and (run.left / FILES[0]).read_bytes() == content(STEPS, FILES[0])
        and run.newest_checkpoint() == (STEPS, [])
        and left_over(run) == []
    )


def left_over(run: Run) -> list[str]:
    """What stands half-written in a run's folder."""
    return sorted(str(path.relative_to(run.folder)) for path in run.folder.rglob(".*"))
