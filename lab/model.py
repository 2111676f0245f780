"""The base model in memory, in 4-bit, 8-bit or as it is, and adapters put on it and taken off."""

import contextlib
import gc
import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from bitsandbytes.nn import Linear8bitLt
from peft import PeftModel, PeftType
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    PreTrainedModel,
    set_seed,
)
from transformers.utils import logging as transformers_logging

from lab import bases, mixed, prefix, shortage, tuners
from lab.bases import Base
from lab.config import Config
from lab.errors import InputError
from lab.home import read_json
from lab.subjects import adapter_hash
from lab.tokens import Tokens

GENERATION = "generation_config.json"
MODEL_FILES = [*bases.TOKENIZER_FILES, GENERATION, "*.safetensors", "*.safetensors.index.json"]
ADAPTERS_IN_MEMORY = 8
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|trl|peft")


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision() -> torch.dtype:
    """float32 on a CPU, bfloat16 on GPUs that have it, float16 on those that have not (T4, V100)."""
    if device() == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def with_tokenizer(base: Base) -> tuple[Base, Tokens]:
    """The base with its tokenizer on this machine, downloaded when it is a Hub model that is not."""
    base = bases.fetch(base, bases.TOKENIZER_FILES)
    if not (base.folder / "tokenizer.json").is_file():
        base = bases.fetch(base, [*bases.TOKENIZER_FILES, "tokenizer.model"])
        return base, _converted_tokens(base)
    return base, bases.tokens_at_hand(base)


def _converted_tokens(base: Base) -> Tokens:
    """For old models that ship a sentencepiece file alone, which transformers converts."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
        return Tokens(tokenizer.backend_tokenizer, tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token)
    except (AttributeError, ImportError, OSError, ValueError) as error:
        raise InputError(f"{base.name} has no tokenizer that can be read: {error}") from error


class Model:
    """A base model in memory with its tokenizer, and any number of adapters that can be put on it in turn."""

    def __init__(
        self, base: Base, quantization: str, share: bool = True, weights: Path | None = None, whole: bool = False
    ):
        """Loads the base. Raises InputError when it has no safetensors weights, WorkError when loading fails.

        `share`: whether rows may share their prefix, where the model turns out to allow it. `weights`: the folder of a model
        that was made of the base by training all of it, and is loaded instead. `whole`: all weights are to be trained.
        """
        base = bases.fetch(base, MODEL_FILES if weights is None else [*bases.TOKENIZER_FILES, GENERATION])
        base.config()  # refuses a model that would run code of its own
        if weights is not None:
            bases.refuse_code(read_json(weights / "config.json"), f"{weights.name}: config.json")
        elif not any(base.folder.glob("*.safetensors")):
            missing = " on this machine, and the Hub cannot be reached," if base.on_hub else ""
            raise InputError(f"{base.name} has no weights{missing} in safetensors form; other forms are not read.")
        self.base, self.quantization, self.share = base, quantization, share
        # By `selfcheck`: why rows with a common prefix (True) and without (False) cannot be packed, None where they can.
        self.verdicts: dict[bool, str | None] = {}
        self.tokens = with_tokenizer(base)[1]
        try:
            self.network = AutoModelForCausalLM.from_pretrained(
                weights or base.folder,
                # All weights are trained in float32 and answer so, or small steps and float16's scaling would lose them.
                dtype=torch.float32 if weights or whole else precision(),
                device_map={"": 0} if device() == "cuda" else {"": "cpu"},
                quantization_config=_quantization(quantization),
                use_safetensors=True,
                trust_remote_code=False,
            )
        except (OSError, ValueError, RuntimeError, MemoryError, SafetensorError) as error:
            raise shortage.cannot_load(error, base.name) from error
        _compute_in_float32_on_cpu(self.network)
        _keep_int8_scales(self.network)
        prefix.adopt(self.network)
        stops = _generation(base, self.network).eos_token_id
        self.stops = set(stops if isinstance(stops, list) else [stops]) - {None}
        # A model's own sampling defaults must not slip into a comparison: all that matters is given in each call.
        self.network.generation_config = GenerationConfig()
        self.network.eval()
        self.mixes = True  # until it turns out not to
        self._adapters: dict[str, str] = {}  # hash of the weights → PEFT's name for them
        self._numbers = itertools.count()

    @property
    def base_network(self) -> PreTrainedModel:
        """The network without the adapters that may be put on it."""
        return self.network.get_base_model() if isinstance(self.network, PeftModel) else self.network

    @property
    def pad_id(self) -> int:
        """Some token for the padding, which is masked everywhere."""
        pad = self.network.config.pad_token_id
        pad = pad if pad is not None else self.tokens.id(self.tokens.eos)
        return pad if pad is not None else 0

    def tokenizer(self):
        """The tokenizer as transformers wants it beside a model; the lab itself renders and encodes with `tokens`."""
        return AutoTokenizer.from_pretrained(self.base.folder, trust_remote_code=False)

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    def new_adapter(self, config: Config, steps: int = 1) -> None:
        """Puts a fresh adapter on the base, or whatever the config's method trains, ready for so many steps of training.
        Raises InputError when it does not fit."""
        set_seed(config.seed)
        try:
            self.network = tuners.put_on(self.network, config.adapter, steps)
        except ValueError as error:
            key = "method" if config.adapter.method == "llama-adapter" else "targets"
            raise InputError(f"adapter.{key}: {str(error).splitlines()[0]}") from error

    @contextlib.contextmanager
    def using(self, adapter: Path | None) -> Iterator[None]:
        """Within it the network answers with this adapter, or as the bare base. Raises InputError when it does not fit."""
        if adapter is not None:
            self._put_on(adapter)
        is_bare = adapter is None and isinstance(self.network, PeftModel)
        with self.network.disable_adapter() if is_bare else contextlib.nullcontext():
            yield

    def can_mix(self, adapters: list[Path | None]) -> bool:
        """Whether adapters (None: the bare base) can answer side by side in one batch, as plain LoRA can.

        8-bit layers look for outliers over a whole batch: there an answer would depend on who else is asked.
        """
        several = 1 < len(adapters) <= ADAPTERS_IN_MEMORY and any(adapters)
        return (
            several and self.mixes and self.quantization != "int8" and all(map(mixed.is_plain, filter(None, adapters)))
        )

    @contextlib.contextmanager
    def using_each(self, adapters: list[Path | None]) -> Iterator[Callable[[list[int]], None]]:
        """Within it the network answers a batch of one row for each adapter; several must be such as can be mixed.

        Yields what is to be told the rows that are still in the batch, when some are left out. Raises InputError when an
        adapter does not fit; a forward then raises CannotMix when the model cannot mix, before anything is said.
        """
        if len(adapters) == 1:
            with self.using(adapters[0]):
                yield lambda rows: None
            return
        names = [self._load(adapter) if adapter else None for adapter in adapters]
        # What is not mixed, as the embeddings of some other adapter, must not stay on.
        if self.network.active_adapter not in names:
            self.network.set_adapter(next(filter(None, names)))
        with mixed.mixed(self.network, names) as mix:
            yield mix.keep

    def _put_on(self, adapter: Path) -> None:
        name = self._load(adapter)
        self.network.set_adapter(name)

    def _load(self, adapter: Path) -> str:
        """PEFT's name for an adapter, which is in memory then. Raises InputError when it does not fit."""
        key = adapter_hash(adapter)  # the weights and not their place, where others may stand by now
        name = self._adapters.pop(key, None)
        if name is None:
            about = read_json(adapter / "adapter_config.json") or {}
            bases.refuse_code(about, f"{adapter.name}: adapter_config.json")
            self._make_room(about.get("peft_type"))
            name = f"adapter{next(self._numbers)}"
            try:
                self._read_adapter(adapter, name)
            except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
                if shortage.lack_of_memory(error):
                    raise
                mismatches = (x.strip() for x in str(error).splitlines() if "size mismatch" in x)
                reason = next(mismatches, shortage.first_line(error))
                raise InputError(f"The adapter does not fit {self.base.public_name}: {reason}") from error
            self.network.eval()
        self._adapters[key] = name  # last, as the one used last
        if len(self._adapters) > ADAPTERS_IN_MEMORY:
            self.network.delete_adapter(self._adapters.pop(next(iter(self._adapters))))
        return name

    def _make_room(self, kind: str | None) -> None:
        """Takes off the adapters that are on the base when one of this kind cannot stand beside them: of another kind, or
        LLaMA-Adapter's prompts, which PEFT would read in the base's precision."""
        if isinstance(self.network, PeftModel) and (self.network.peft_type != kind or kind == PeftType.ADAPTION_PROMPT):
            self.network = tuners.taken_off(self.network)
            self._adapters.clear()

    def _read_adapter(self, adapter: Path, name: str) -> None:
        if isinstance(self.network, PeftModel):
            self.network.load_adapter(adapter, adapter_name=name, is_trainable=False)
        else:
            self.network = PeftModel.from_pretrained(self.network, adapter, adapter_name=name)
        if self.network.peft_type == PeftType.ADAPTION_PROMPT:
            tuners.with_late_forward(self.network)
            self.network.load_adapter(adapter, adapter_name=name, is_trainable=False)  # again, now in float32
        tuners.refuse_incomplete(self.network, name, adapter)

    def autocast(self):
        """Mixed precision as in training, so that an adapter answers alike during training and after."""
        if precision() == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(device(), dtype=precision())


def free_memory() -> None:
    """Gives back what a model that nobody holds any more took."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _generation(base: Base, network: PreTrainedModel) -> GenerationConfig:
    """How the base is meant to generate, by its own files."""
    if (base.folder / GENERATION).is_file():
        return GenerationConfig.from_pretrained(base.folder)
    return GenerationConfig.from_model_config(network.config)


def _quantization(kind: str) -> BitsAndBytesConfig | None:
    if kind == "nf4":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=precision(),
        )
    return BitsAndBytesConfig(load_in_8bit=True) if kind == "int8" else None


def _compute_in_float32_on_cpu(network: torch.nn.Module) -> None:
    # On CPUs with bfloat16 instructions bitsandbytes repacks 4-bit weights at the first forward in eval mode and then
    # computes in bfloat16: the model would answer in another precision than it was trained in.
    for module in network.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _keep_int8_scales(network: torch.nn.Module) -> None:
    # PEFT's DoRA reads the weights of 8-bit layers at each forward and on a CPU puts a copy without scales in their place,
    # from which bitsandbytes would take them.
    for module in network.modules():
        if isinstance(module, Linear8bitLt):
            module.init_8bit_state = partial(_take_weights, module)


def _take_weights(layer: Linear8bitLt) -> None:
    if layer.weight.SCB is not None:
        layer.state.SCB = layer.weight.SCB
    layer.state.CB, layer.weight.CB, layer.weight.SCB = layer.weight.CB, None, None
