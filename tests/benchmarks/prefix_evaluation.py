"""Evaluation behind a shared prefix against batched `generate` with its cache: `python tests/benchmarks/prefix_evaluation.py`.

Seven labels with definitions, a Llama of 30 million parameters with an adapter that was trained to answer with labels; both
answer the same rows in turn, in one process.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from workload import llama_30m  # isort: skip  (first: it finds the lab)
import torch
from transformers import PrinterCallback

from lab import bases, tasks
from lab.config import Config, Decoding
from lab.evaluate import respond
from lab.generate import batches, pad_left, read
from lab.home import Home
from lab.model import Model
from lab.packing import shared_prefix
from lab.prompt import Renderer
from lab.trainer import Trainer, arguments_for, collator_for, dataset_of

GREEDY = Decoding(max_new_tokens=16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--steps", type=int, default=40, help="steps of the training before")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        model = Model(bases.find(str(llama_30m(Path(folder)))), "none")
        renderer = Renderer(codebook(Home.at(folder)), model.tokens)
        rows = statements(renderer.task.names, given.rows + 16 * given.steps)
        train(model, renderer, rows[given.rows :], given.steps, Path(folder))
        bench(model, renderer, rows[: given.rows], given.rounds)


def codebook(home: Home):
    """The bundled codebook, its definitions cut so that about 550 tokens are shared."""
    task = tasks.load(home, "town-hall")
    labels = [label.model_copy(update={"definition": label.definition[:190]}) for label in task.labels]
    return task.model_copy(update={"labels": labels})


def statements(labels: list[str], count: int) -> list[dict]:
    """Rows of common words, whose last word gives the label away."""
    draw = random.Random(42)
    words = [
        "the",
        "a",
        "plan",
        "bridge",
        "library",
        "council",
        "town",
        "we",
        "they",
        "would",
        "never",
        "always",
        "build",
        "close",
        "open",
        "money",
        "road",
        "tax",
    ]
    signs = ["yes", "good", "no", "bad", "maybe", "soup", "why"]
    rows = []
    for _ in range(count):
        kind = draw.randrange(len(labels))
        text = " ".join(draw.choices(words, k=draw.randint(8, 45)))
        rows.append({"text": f"{text} {signs[kind]}", "label": labels[kind]})
    return rows


def train(model: Model, renderer: Renderer, rows: list[dict], steps: int, folder: Path) -> None:
    config = Config(learning_rate=2e-3, max_steps=steps, adapter={"r": 64, "alpha": 16, "dropout": 0.0})
    plan = SimpleNamespace(config=config, total_steps=steps)
    model.new_adapter(config)
    trainer = Trainer(
        model=model.network,
        args=arguments_for(plan, folder / "out"),
        train_dataset=dataset_of(list(renderer.examples(rows))),
        processing_class=model.tokenizer(),
        data_collator=collator_for(model, True),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    model.network.eval()
    print(f"trained for {steps} steps: loss {trainer.state.log_history[-2]['loss']:.3f}", flush=True)


def generated(model: Model, renderer: Renderer, rows: list[dict], size: int) -> list[str]:
    """What plain `generate` says, in padded batches of so many rows of like length."""
    prompts, stops = renderer.prompts(rows), model.stops | {renderer.stop_id}
    said = [""] * len(rows)
    with torch.no_grad():
        for batch in batches(prompts, size, 10**9):
            ids, mask = pad_left(model, [prompts[i] for i in batch])
            out = model.network.generate(
                input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=GREEDY.max_new_tokens,
                eos_token_id=sorted(stops), pad_token_id=model.pad_id, use_cache=True,
            )  # fmt: skip
            for i, tokens in zip(batch, out[:, ids.shape[1] :].tolist(), strict=True):
                said[i] = read(model, tokens, stops).text
    return said


def bench(model: Model, renderer: Renderer, rows: list[dict], rounds: int) -> None:
    def ours(probabilities: bool):
        return lambda: [x["answer"] for x in respond(model, renderer, rows, GREEDY, probabilities, lambda n: None).rows]

    ways = {
        "generate, batches of 16": lambda: generated(model, renderer, rows, 16),
        "generate, batches of 32": lambda: generated(model, renderer, rows, 32),
        "shared prefix, all label probabilities": ours(True),
        "shared prefix, answers alone": ours(False),
    }
    shared = shared_prefix(renderer.prompts(rows))
    print(f"{len(rows)} rows, {shared} tokens shared", flush=True)
    taken, said = {name: [] for name in ways}, {}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            said[name] = way()
            taken[name].append(time.perf_counter() - begun)
    best = {name: min(seconds) for name, seconds in taken.items()}
    peer = min(seconds for name, seconds in best.items() if name.startswith("generate"))
    reference = said["generate, batches of 16"]
    valid = sum(renderer.task.read_answer(text) is not None for text in reference)
    print(f"{valid} of {len(rows)} answers are labels")
    for name, seconds in best.items():
        same = sum(a == b for a, b in zip(said[name], reference, strict=True))
        print(
            f"{name}: {seconds:.1f} s, {len(rows) / seconds:.1f} rows/s, ratio {peer / seconds:.2f}; "
            f"{same} of {len(rows)} answers the same"
        )


if __name__ == "__main__":
    main()
