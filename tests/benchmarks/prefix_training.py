"""Training behind a shared prefix against TRL's SFTTrainer, and against padded batches with the answers' logits alone.

`python tests/benchmarks/prefix_training.py [--batch 16] [--prefix 490] [--rows 20 95] [--quantization none]`: all of them train
the same rows with the same settings, in turn, in one process; ratios are of the fastest steps.
"""

import argparse
import gc
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from workload import WIDTH, examples, llama_30m, peak_memory  # isort: skip  (first: it finds the lab)
import torch
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback, TrainerCallback
from trl import SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from lab import bases
from lab.config import Config
from lab.model import Model
from lab.packing import batch_cost, cost_in_words
from lab.trainer import Trainer, arguments_for, collator_for, dataset_of

OURS, TRL, PADDED = "shared prefix", "TRL's SFTTrainer", "padded, answers' logits alone"


class AnswersAlone(SFTTrainer):
    """TRL's trainer on its padded batches, with logits for the answers' tokens alone."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        network, labels = model.get_base_model(), inputs.pop("labels")
        hidden = network.model(**inputs, use_cache=False).last_hidden_state
        chosen = labels[:, 1:] != -100
        logits = network.lm_head(hidden[:, :-1][chosen])
        return cross_entropy(logits.float(), labels[:, 1:][chosen], reduction="sum") / num_items_in_batch


class Watch(TrainerCallback):
    """The seconds of each step, and the gradients of the first."""

    def __init__(self):
        self.seconds, self.gradients = [], None

    def on_step_begin(self, *args, **kwargs):
        self.begun = time.perf_counter()

    def on_pre_optimizer_step(self, args, state, control, model, **kwargs):
        if self.gradients is None:
            self.gradients = torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad])

    def on_step_end(self, *args, **kwargs):
        self.seconds.append(time.perf_counter() - self.begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--prefix", type=int, default=490, help="tokens that all rows share")
    parser.add_argument("--rows", type=int, nargs=2, default=[20, 95], help="shortest and longest row behind it")
    parser.add_argument("--quantization", default="none", choices=["none", "nf4", "int8"])
    parser.add_argument("--steps", type=int, default=3, help="steps of each trainer and round; the first is not timed")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(2)
    rows = examples(given.batch * given.steps, given.prefix, *given.rows)
    with tempfile.TemporaryDirectory() as folder:
        bench(given, rows, Path(folder))


def bench(given, rows, folder: Path) -> None:
    adapter = {"r": 64, "alpha": 16, "dropout": 0.0}
    config = Config(batch_size=given.batch, quantization=given.quantization, max_steps=given.steps, adapter=adapter)
    plan = SimpleNamespace(config=config, total_steps=given.steps, train_examples=rows)
    cost = batch_cost(rows, given.batch, WIDTH)
    print(f"batches on average: {cost_in_words(cost)}", flush=True)
    llama_30m(folder)
    kinds = {OURS: Trainer, TRL: SFTTrainer, PADDED: AnswersAlone}
    seconds, memory, first = ({name: [] for name in kinds} for _ in range(3))
    for _ in range(given.rounds):
        for name, kind in kinds.items():
            watch, peak, loss = train(name, kind, plan, folder)
            seconds[name] += watch.seconds[1:]
            memory[name].append(peak)
            first[name] = (loss, watch.gradients)
            gc.collect()
    best = {name: min(taken) for name, taken in seconds.items()}
    for name in kinds:
        print(
            f"{name}: {best[name]:.2f} s a step, {given.batch / best[name]:.2f} rows/s, "
            f"{min(memory[name]) / 2**20:,.0f} MiB extra at the peak"
        )
    for name in (TRL, PADDED):
        print(
            f"ratio to {name}: {best[name] / best[OURS]:.2f} times the rows, "
            f"{min(memory[OURS]) / min(memory[name]):.2f} of the memory"
        )
        (ours, mine), (theirs, other) = first[OURS], first[name]
        apart = (mine - other).norm() / other.norm()
        print(f"  first loss {abs(ours - theirs) / theirs:.1e} apart, gradients {apart:.1e}")
    plain, tokens = plain_pass(rows[: given.batch], config, folder)
    ours = statistics.median(seconds[OURS]) / cost["packed_tokens"]
    print(f"a token against one in forward and backward of one plain packed sequence: {ours / (plain / tokens):.2f}")


def train(name: str, kind, plan, folder: Path) -> tuple[Watch, int, float]:
    """The watch, the extra bytes at the peak, and the first loss of one training."""
    model, watch = Model(bases.find(str(folder)), plan.config.quantization), Watch()
    if name != OURS:
        model.network.set_attn_implementation("sdpa")
    model.new_adapter(plan.config)
    weights = {n: p.data for n, p in model.network.named_parameters() if p.requires_grad}
    data = dataset_of(plan.train_examples)
    trainer = kind(
        model=model.network,
        args=arguments_for(plan, folder / "out"),
        train_dataset=data if name == OURS else data.remove_columns("prompt"),
        processing_class=model.tokenizer(),
        data_collator=collator_for(model, True) if name == OURS else DataCollatorForLanguageModeling(model.pad_id),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    for n, parameter in model.network.named_parameters():
        if n in weights:
            parameter.data = weights[n]
    with peak_memory() as peak:
        trainer.train()
    return watch, peak["extra"], trainer.state.log_history[0]["loss"]


def plain_pass(batch, config: Config, folder: Path) -> tuple[float, int]:
    """Seconds for forward and backward of a packed batch's tokens as one plain sequence, loss on as many places, the best of
    three; and the tokens."""
    model = Model(bases.find(str(folder)), config.quantization)
    shared = collator_for(model, True)(list(dataset_of(batch)))
    model.network.set_attn_implementation("sdpa")
    model.new_adapter(config)
    model.network.train()
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        out = model.network(
            input_ids=shared["input_ids"], logits_to_keep=shared["logits_to_keep"], use_cache=False
        ).logits[0]
        cross_entropy(out, shared["labels"][shared["labels"] != -100]).backward()
        taken.append(time.perf_counter() - begun)
        model.network.zero_grad()
    return min(taken), shared["input_ids"].numel()


if __name__ == "__main__":
    main()
