"""What the benchmarks of the shared-prefix engine share: a Llama made on the spot, rows, and the memory that a piece of work takes."""

import ctypes
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

import lab  # noqa: E402, F401  (sets what must be set before torch is loaded)
from lab.home import ASSETS  # noqa: E402
from lab.prompt import Example  # noqa: E402

VOCABULARY, WIDTH = 6000, 768


def llama_30m(folder: Path) -> Path:
    """Writes a seeded Llama of 30 million parameters with the bundled tokenizer into a folder."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy2(ASSETS / "tiny-llama" / name, folder / name)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=2048,
        num_hidden_layers=3,
        num_attention_heads=12,
        max_position_embeddings=2048,
    )
    torch.manual_seed(42)
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    return folder


def examples(count: int, prefix: int, shortest: int, longest: int) -> list[Example]:
    """Rows of random tokens behind one prefix, in all `shortest` to `longest` long behind it, 3 to 9 of them answer."""
    draw = random.Random(42)

    def tokens(n: int) -> list[int]:
        return [draw.randrange(10, VOCABULARY) for _ in range(n)]

    shared, answers = tokens(prefix), [tokens(n) for n in (3, 4, 5, 6, 7, 8, 9)]
    rows = []
    for i in range(count):
        answer = answers[i % len(answers)]
        rows.append(Example(shared + tokens(draw.randint(shortest, longest) - len(answer)), answer))
    return rows


@contextmanager
def peak_memory() -> Iterator[dict]:
    """Puts into `extra` by how many bytes the process grew at most (Linux)."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    before, found = _status("VmRSS"), {}
    yield found
    found["extra"] = _status("VmHWM") - before


def _status(key: str) -> int:
    return int(re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
