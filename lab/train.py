"""Training: a run from its config to its adapter or model, with TRL's SFTTrainer; loss over the answers alone."""

import shutil
from pathlib import Path

from lab import bases, card, card_scores, plan, subjects
from lab.evaluate import Progress, quiet
from lab.home import Home, read_json, write_json
from lab.job import Stopped
from lab.keeper import Keeper, Scorer
from lab.model import GENERATION, Model, device, precision, with_tokenizer
from lab.packing import cost_in_words, shared_prefix
from lab.plan import Plan
from lab.runs import Run
from lab.selfcheck import why_not
from lab.shapes import moments
from lab.staging import staged
from lab.subjects import weight_files
from lab.trainer import trainer_for
from lab.tuners import ranks

RECORDS = 1 << 16  # bytes of a checkpoint's records, such as the random state


def train(home: Home, run: Run, progress: Progress = quiet) -> str:
    """Trains a run in this process, from where it stands to its adapter, and scores it.

    Where the run has checkpoints, training goes on from the newest whole one, exactly as if it had never stopped.
    Returns `finished` or `stopped`. Raises InputError or WorkError when it cannot be trained.
    """
    progress(f"loading {bases.public_name(run.config.base_model)}", 0)
    base, tokens = with_tokenizer(bases.find(run.config.base_model))
    planned = plan.again(run, base, tokens)
    step = _settle(run, planned)
    config = planned.config
    model = Model(planned.base, config.quantization, config.shared_prefix == "auto", whole=run.method.is_whole)
    _same_base(run, model)
    model.new_adapter(config, planned.total_steps)
    run.beat(needs_bytes=_checkpoint_bytes(model, planned))
    run.log(f"{len(planned.train)} rows, {planned.total_steps} steps, {len(planned.validation)} rows held out")
    run.log(f"{config.base_model} is loaded: {config.quantization}, {precision()} on {device()}")
    scorer = Scorer(home, run, model, planned, progress)
    try:
        shares = _says_whether_shared(run, model, planned)
        scorer.score_base()
        trainer = trainer_for(model, planned, run.checkpoint_folder, shares, [Keeper(run, planned, scorer)])
        with run.cleared():
            trainer.train(resume_from_checkpoint=str(run.checkpoint(step)) if step else None)
        outcome = "finished" if trainer.state.global_step >= planned.total_steps else "stopped"
    except Stopped:  # while rows were scored, when nothing is left to save
        outcome = "stopped"
    _leave(home, run, model, planned)
    return outcome


def _checkpoint_bytes(model: Model, planned: Plan) -> int:
    """What a checkpoint takes of the disk, nearly: what is trained, the optimizer's moments of it, the tokenizer, the rest."""
    trained = [p for p in model.network.parameters() if p.requires_grad]
    tokenizer = [planned.base.folder / name for name in bases.TOKENIZER_FILES]
    sizes = [p.numel() * (p.element_size() + moments(planned.config)) for p in trained]
    return sum(sizes) + sum(path.stat().st_size for path in tokenizer if path.is_file()) + RECORDS


def _settle(run: Run, planned: Plan) -> int | None:
    """Brings a run's folder into order before training; returns the step from which it goes on, None for a new start."""
    run.clear_torn()
    step, passed_over = run.newest_checkpoint()
    for line in passed_over:
        run.log(line)
    run.drop_behind(step or 0)
    frozen = (run.config, run.rows("train"), run.rows("validation"))
    if step is None and frozen != (planned.config, planned.train, planned.validation):
        # What only the model's own tokenizer, which is here now, could decide.
        for note in planned.notes:
            run.log(f"note: {note}")
        run.refreeze(planned.config, planned.train, planned.validation)
    run.beat(step=step or 0, total_steps=planned.total_steps)
    if step:
        run.log(f"goes on from checkpoint-{step}")
    return step


def _same_base(run: Run, model: Model) -> None:
    """Keeps which files the run is trained on. Raises InputError where it goes on with others than it began with."""
    subjects.refuse_other(run.id, run.made_for(), model.base, model.quantization, run.task)
    if not run.made_for():
        about = {"base_fingerprint": model.base.fingerprint(), "quantization": model.quantization}
        run.keep_made_for({**about, **model.base.marks()})


def _says_whether_shared(run: Run, model: Model, planned: Plan) -> bool:
    """Whether batches share their prefix; the log and the page say what it saves, or why it cannot be."""
    examples, cost = planned.train_examples + planned.validation_examples, planned.batch_cost()
    ends = [max(examples, key=len), min(examples, key=lambda example: len(example.prompt))]
    reason = why_not(model, ends, shared_prefix([example.prompt for example in examples]))
    shared = f"shared prefix of {cost['prefix']} tokens: {cost_in_words(cost)}"
    said = f"ordinary batches: {reason}" if reason else shared
    run.log(said)
    run.beat(batches=said)
    return reason is None


def _leave(home: Home, run: Run, model: Model, planned: Plan) -> None:
    """Leaves the adapter or the model of the last checkpoint, to the byte, with what is needed to use it without the lab."""
    steps = [c["step"] for c in run.checkpoints()]
    if not steps:  # stopped before the first step
        return
    checkpoint = run.checkpoint(steps[-1])
    with staged(run.left, replace=True) as folder:
        for path in weight_files(checkpoint):
            shutil.copy2(path, folder / path.name)
        if run.method.is_whole:
            _complete_model(folder, checkpoint, model, planned)
        else:
            about = read_json(checkpoint / "adapter_config.json")
            write_json(folder / "adapter_config.json", {**about, "base_model_name_or_path": model.base.public_name})
            if found := sorted(ranks(about).values()):
                run.log(f"ranks of the layers: {found[0]} to {found[-1]}, {sum(found) / len(found):.3g} in the mean")
        card.write_all(folder, run.id, planned, model.stops, card_scores.of(home, run, checkpoint))


def _complete_model(folder: Path, checkpoint: Path, model: Model, planned: Plan) -> None:
    """What a model's folder has beside its weights: config, the base's tokenizer, and which tokens end an answer."""
    for path in [checkpoint / "config.json", *checkpoint.glob("*.safetensors.index.json")]:
        shutil.copy2(path, folder / path.name)
    own = planned.base.folder
    source = own if (own / "tokenizer.json").is_file() else checkpoint  # where transformers has converted an old one
    for name in bases.TOKENIZER_FILES:
        if name != "config.json" and (source / name).is_file():
            shutil.copy2(source / name, folder / name)
    stops = sorted(model.stops | {planned.renderer.stop_id})
    write_json(folder / GENERATION, {"eos_token_id": stops, "pad_token_id": model.pad_id})
