"""The shared prefix on a GPU, at the shapes of Llama-2-7B and 13B with random NF4 weights: `python tests/benchmarks/prefix_gpu.py`.

Nothing is downloaded: a model is built from its shapes, layer by layer, and quantized on the way. In turn, in one process:
the engine's own grouped attention, one dense mask, FlexAttention with a block mask, and TRL's SFTTrainer with its loss
(padded, and padding-free where flash attention is installed). Rows per second and peak memory of one optimizer step.
"""

import argparse
import gc
import importlib.util
import time
from dataclasses import dataclass

from workload import examples  # isort: skip  (first: it finds the lab)
import bitsandbytes as bnb
import torch
from peft import LoraConfig, get_peft_model
from torch.nn.attention.flex_attention import create_block_mask
from torch.nn.functional import cross_entropy
from transformers import BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling
from trl.trainer.utils import add_fused_lm_head

from lab import prefix
from lab.trainer import Packing, dataset_of

SHAPES = {
    "7b": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
    "13b": {"hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40, "num_attention_heads": 40},
}
OURS, DENSE, FLEX = "grouped", "dense mask", "FlexAttention"
TRL, PADDING_FREE = "TRL, padded", "TRL, padding-free"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--prefixes", nargs="+", type=int, default=[330, 490])
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 64])
    parser.add_argument("--layers", type=int, help="fewer layers than the shape has, for a first look")
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("This needs a GPU.")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, bitsandbytes {bnb.__version__}")
    ways = [OURS, DENSE, FLEX, TRL] + ([PADDING_FREE] if importlib.util.find_spec("flash_attn") else [])
    for shape in given.shapes:
        network = build({**SHAPES[shape], **({"num_hidden_layers": given.layers} if given.layers else {})})
        for length in given.prefixes:
            for batch in given.batches:
                rows = examples(batch, length, 20, 95)
                best = {}
                for way in ways:
                    found = measure(network, way, rows, given.steps)
                    best[way] = found
                    print(f"{shape}, prefix {length}, batch {batch}, {way}: {in_words(found, batch)}", flush=True)
                ours, peers = best[OURS], [x for x in (best[TRL], best.get(PADDING_FREE)) if isinstance(x, Found)]
                if peers and isinstance(ours, Found):
                    peer = min(peers, key=lambda found: found.seconds)
                    print(
                        f"  ratio to TRL at its best {peer.seconds / ours.seconds:.2f}, memory {ours.extra / peer.extra:.2f}"
                    )
        del network
        gc.collect()
        torch.cuda.empty_cache()


def build(shape: dict):
    """A network with random weights in NF4 and a fresh LoRA of rank 64 on all linear layers, computing in bfloat16."""
    config = LlamaConfig(vocab_size=32000, max_position_embeddings=4096, **shape)
    with torch.device("meta"):
        network = LlamaForCausalLM(config).to(torch.bfloat16)
    for name, module in list(network.model.named_modules()):
        if isinstance(module, torch.nn.Linear):
            network.model.set_submodule(name, quantized(module.in_features, module.out_features))
    for module in network.modules():
        for name, weight in module.named_parameters(recurse=False):
            if weight.is_meta:
                make = torch.ones if weight.dim() == 1 else torch.randn
                fresh = make(weight.shape, dtype=weight.dtype, device="cuda") * (1 if weight.dim() == 1 else 0.02)
                setattr(module, name, torch.nn.Parameter(fresh, requires_grad=False))
    network.model.rotary_emb = type(network.model.rotary_emb)(config).cuda()
    network.is_loaded_in_4bit, network.quantization_method = True, "bitsandbytes"
    network.config.quantization_config = BitsAndBytesConfig(load_in_4bit=True)
    add_fused_lm_head(network)
    lora = LoraConfig(task_type="CAUSAL_LM", r=64, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear")
    network = get_peft_model(network, lora)
    network.train()
    return network


def quantized(inputs: int, outputs: int) -> bnb.nn.Linear4bit:
    """A linear layer of random weights in NF4, drawn and quantized on the GPU."""
    options = {"quant_type": "nf4", "compress_statistics": True}
    with torch.device("meta"):
        linear = bnb.nn.Linear4bit(inputs, outputs, bias=False, compute_dtype=torch.bfloat16, **options)
    weight = torch.randn(outputs, inputs, dtype=torch.bfloat16, device="cuda") * 0.02
    linear.weight = bnb.nn.Params4bit(weight.cpu(), requires_grad=False, **options)
    return linear.cuda()


def batch_for(network, way: str, rows: list) -> dict:
    base = network.get_base_model()
    data = list(dataset_of(rows))
    if way in (TRL, PADDING_FREE):
        base.set_attn_implementation("flash_attention_2" if way == PADDING_FREE else "sdpa")
        plain = [{key: row[key] for key in ("input_ids", "labels")} for row in data]
        return DataCollatorForLanguageModeling(0, padding_free=way == PADDING_FREE)(plain)
    base.set_attn_implementation(prefix.NAME if way == OURS else "sdpa")
    batch = Packing(base, DataCollatorForLanguageModeling(0))(data)
    batch.pop("row_tokens")
    if way == FLEX:
        mask = batch["attention_mask"][0, 0].cuda()
        base.set_attn_implementation("flex_attention")
        tokens = mask.shape[0]
        batch["attention_mask"] = create_block_mask(lambda b, h, q, k: mask[q, k], 1, None, tokens, tokens, "cuda")
    return batch


@dataclass
class Found:
    """Of one way: seconds of the fastest step, bytes that it adds at the peak, the first loss, rows in a micro-batch."""

    seconds: float
    extra: int
    loss: float
    micro: int


def measure(network, way: str, rows: list, steps: int) -> Found | str:
    """One way of doing a step in micro-batches as large as fit, or why it cannot be done."""
    micro = len(rows)
    while True:
        try:
            return measured(network, way, [rows[i : i + micro] for i in range(0, len(rows), micro)], steps)
        except torch.OutOfMemoryError:
            if micro == 1:
                return "out of memory"
            micro //= 2
        except Exception as error:  # a kernel that is not there must not hide the other ways
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        finally:
            network.zero_grad()
            gc.collect()
            torch.cuda.empty_cache()


def measured(network, way: str, parts: list[list], steps: int) -> Found:
    weights = [p for p in network.parameters() if p.requires_grad]
    optimizer, taken, first = torch.optim.AdamW(weights, lr=1e-5, fused=True), [], None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    for _ in range(steps + 1):  # the first is not timed
        torch.cuda.synchronize()
        begun, total = time.perf_counter(), 0.0
        for part in parts:
            batch = batch_for(network, way, part)
            batch = {k: v.cuda() if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
            with torch.autocast("cuda", torch.bfloat16):
                loss = loss_of(network, batch) / len(parts)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - begun)
        first = total if first is None else first
    return Found(min(taken[1:]), torch.cuda.max_memory_allocated() - before, first, len(parts[0]))


def loss_of(network, batch: dict) -> torch.Tensor:
    if "logits_to_keep" not in batch:
        return network(**batch, fused_lm_head=True).loss
    labels = batch["labels"][batch["labels"] != -100]
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    return cross_entropy(network(**inputs, use_cache=False).logits[0].float(), labels)


def in_words(found: Found | str, batch: int) -> str:
    if isinstance(found, str):
        return found
    micro = "" if found.micro == batch else f", in micro-batches of {found.micro}"
    return (
        f"{batch / found.seconds:.1f} rows/s, {found.extra / 2**30:.1f} GiB extra, first loss {found.loss:.4f}{micro}"
    )


if __name__ == "__main__":
    main()
