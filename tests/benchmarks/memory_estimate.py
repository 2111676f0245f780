"""The estimate of training memory against what trainings take: random Llamas, with and without the shared prefix, NF4 and none.

`python tests/benchmarks/memory_estimate.py [--models 10] [--seed 1] [--heap]` (Linux): each training is a process of its own that trains
a run, scores its base and its adapter, and says by how much its resident memory grew at most after the imports.
"""

import argparse
import importlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT)]
os.environ["HF_HUB_OFFLINE"] = "1"

import yaml  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402

from lab import config, data, jobs, plan, runs, tasks, worker  # noqa: E402
from lab.home import Home  # noqa: E402
from lab.task import parse  # noqa: E402

CASES = [(shared, quantization) for shared in ("auto", "off") for quantization in ("none", "nf4")]
VALIDATION = 4  # rows
AT_ONCE = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072"}  # what is freed goes back to the system; slower
IMPORTS = [  # what a training loads, at once or at first use
    "lab.train",
    "bitsandbytes",
    "peft.tuners.lora.bnb",
    "peft.tuners.adalora.bnb",
    "sklearn.metrics",
    "sklearn.model_selection",
    "transformers.integrations.bitsandbytes",
    "transformers.models.llama.modeling_llama",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--heap", action="store_true", help="with the holes that glibc's heap keeps, as in a worker")
    parser.add_argument("--home", type=Path, help="measures one training: this home and --run")
    parser.add_argument("--run")
    given = parser.parse_args()
    if given.run:
        print(measure(Home.at(given.home), given.run))
        return
    found = []
    for number in range(given.models):
        shape = drawn(given.seed * 1000 + number)
        print(f"{number}: {shape}", flush=True)
        for result in compare(shape, CASES, given.heap):
            found.append(result)
            print("   " + in_words(result), flush=True)
    worst = max(found, key=lambda result: abs(result["ratio"] - 1))
    within = sum(abs(result["ratio"] - 1) <= 0.2 for result in found)
    print(f"{within} of {len(found)} within 20%; the worst: {in_words(worst)}")


def in_words(result: dict) -> str:
    estimated, measured = result["estimated"] / 2**20, result["measured"] / 2**20
    ratio = f"{estimated:,.0f} MiB estimated, {measured:,.0f} measured: {result['ratio']:.2f}"
    return f"shared_prefix {result['shared']}, {result['quantization']}: {ratio}"


def drawn(seed: int) -> dict:
    """The shapes of a Llama of about 5 to 80 million parameters, of an adapter and of rows."""
    draw = random.Random(seed)
    head, heads = draw.choice([(32, 8), (32, 12), (64, 4), (64, 6), (64, 8), (64, 10)])
    hidden = head * heads
    return {
        "seed": seed,
        "hidden": hidden,
        "layers": draw.randint(3, 8),
        "heads": heads,
        "head": head,
        "key_heads": heads // draw.choice([1, 2]),
        "inner": 64 * round(hidden * draw.uniform(2, 4) / 64),
        "vocabulary": draw.choice([2000, 6000, 16000, 24000]),
        "is_tied": draw.random() < 0.3,
        "batch": draw.randint(4, 10),
        "prefix": draw.randint(80, 250),
        "rows": sorted([draw.randint(10, 40), draw.randint(30, 70)]),
        "r": draw.choice([4, 8, 16, 32, 64]),
        "dropout": draw.choice([0.0, 0.05]),
    }


def compare(shape: dict, cases: list[tuple[str, str]], heap: bool = False) -> Iterator[dict]:
    """What was estimated and measured, in bytes, for each case of (shared_prefix, quantization), and the ratio of them.

    `heap`: with glibc's heap as workers have it, in which holes stay; else blocks are given back as soon as they are free.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = written(shape, Path(folder) / "model")
        home = Home.at(Path(folder) / "home")
        add_rows(home, shape, Path(folder))
        for shared, quantization in cases:
            planned = plan.make(home, settings(shape, model, shared, quantization))
            run = runs.create(home, planned.config, planned.task, planned.train, planned.validation)
            command = [sys.executable, __file__, "--home", home.path, "--run", run.id]
            environment = {**os.environ, **(jobs.WORKER if heap else AT_ONCE)}
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            assert done.returncode == 0, done.stderr
            estimated, measured = planned.report()["estimates"]["peak_bytes"], int(done.stdout.split()[-1])
            about = {"seed": shape["seed"], "shared": shared, "quantization": quantization}
            yield {**about, "estimated": estimated, "measured": measured, "ratio": estimated / measured}


def written(shape: dict, folder: Path) -> Path:
    """Writes the Llama with random weights and a tokenizer of as many words, one token each: w0, w1, …"""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True)
    words = {word: i for i, word in enumerate(["<s>", "</s>", *(f"w{i}" for i in range(shape["vocabulary"] - 2))])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    made = LlamaConfig(
        vocab_size=shape["vocabulary"],
        hidden_size=shape["hidden"],
        intermediate_size=shape["inner"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["key_heads"],
        head_dim=shape["head"],
        max_position_embeddings=2048,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=None,
        tie_word_embeddings=shape["is_tied"],
    )
    torch.manual_seed(shape["seed"])
    LlamaForCausalLM(made).save_pretrained(folder)
    return folder


def add_rows(home: Home, shape: dict, folder: Path) -> None:
    """Adds one batch of rows, some for validation, and a task whose prompts begin with as many words as the prefix is long."""
    draw = random.Random(shape["seed"])

    def words(count: int) -> str:
        return " ".join(f"w{draw.randrange(10, shape['vocabulary'] - 2)}" for _ in range(count))

    rows = [
        {"text": words(draw.randint(*shape["rows"])), "label": ("w1", "w2")[i % 2]}
        for i in range(shape["batch"] + VALIDATION)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data.add(home, data.About(name="words", text="text", label="label"), {"train": folder / "rows.jsonl"})
    task = {"name": "words", "label": "label", "labels": [{"name": "w1"}, {"name": "w2"}], "prompt": "$text"}
    tasks.add(home, parse(yaml.safe_dump({**task, "instruction": words(shape["prefix"]), "format": "plain"})))


def settings(shape: dict, model: Path, shared: str, quantization: str) -> config.Config:
    return config.parse(
        {
            "task": "words",
            "dataset": "words",
            "base_model": str(model),
            "quantization": quantization,
            "train_rows": "all",
            "validation": VALIDATION,
            "epochs": 2,
            "batch_size": shape["batch"],
            "adapter": shape.get("adapter", {"r": shape["r"], "dropout": shape["dropout"]}),
            "shared_prefix": shared,
        }
    )


def measure(home: Home, run: str) -> int:
    """The bytes by which this process grew at most in training a run, above its level after the imports, those that are made at
    first use among them."""
    for name in IMPORTS:
        importlib.import_module(name)
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    before = status("VmRSS")
    job = runs.Run(home, run)
    job.renew()
    job.beat(ticket=1)
    worker.work(home, job)
    jobs.outcome(job)
    return status("VmHWM") - before


def status(key: str) -> int:
    return int(re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


if __name__ == "__main__":
    main()
