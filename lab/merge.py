"""Merges an adapter into its unquantized base, layer by layer in float32, and writes a model that needs neither."""

import json
import shutil

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel

from lab import bases, card, export, shortage, subjects, tuners
from lab.bases import Base
from lab.errors import InputError, WorkError
from lab.evaluate import Progress, quiet
from lab.home import Home, read_json, write
from lab.merging import FLOAT32, Merging, room_needed
from lab.model import MODEL_FILES, with_tokenizer
from lab.staging import staged
from lab.subjects import Subject, check_fit

LARGEST_FILE = "4GB"


def merge(home: Home, job: Merging, progress: Progress = quiet) -> None:
    """Makes the job's merged model, as a folder or a zip. Raises InputError or WorkError when it cannot be made."""
    wanted = job.wanted
    (subject,) = subjects.resolve(home, [wanted.subject])
    progress(f"loading {bases.public_name(subject.base)}", 0)
    base = bases.fetch(bases.find(subject.base), [*MODEL_FILES, *export.TOKENIZER_FILES])
    base.config()  # refuses a model that would run code of its own
    subject_fits(subject, base)
    export.need_room(job.folder, room_needed(wanted, base))
    network = merged(load(base, wanted.dtype), subject, progress)
    said = str(network.dtype).removeprefix("torch.")
    job.log(f"{wanted.subject} is merged into {base.public_name}, unquantized, in {said}")
    progress("writing the merged model", 0)
    with staged(job.model) as folder:
        network.generation_config = GenerationConfig()
        network.save_pretrained(folder, max_shard_size=LARGEST_FILE)
        _beside(home, folder, subject, base, said)
    if wanted.packed:
        del network
        progress("packing the merged model", 0)
        export.to_zip(job.parcel(), job.folder)
        job.forget_model()


def subject_fits(subject: Subject, base: Base) -> None:
    """Raises InputError when the adapter was made for other files than these of its base, or brings code of its own."""
    check_fit(subject, base)
    bases.refuse_code(read_json(subject.adapter / "adapter_config.json"), f"{subject.name}: adapter_config.json")


def load(base: Base, dtype: str | None) -> PreTrainedModel:
    """The base, unquantized, on the processor, where there is mostly more memory than on a GPU."""
    try:
        return AutoModelForCausalLM.from_pretrained(
            base.folder,
            dtype=torch.float32 if dtype == FLOAT32 else "auto",
            device_map={"": "cpu"},
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, RuntimeError, MemoryError, SafetensorError) as error:
        raise shortage.cannot_load(error, base.public_name, shortage.MERGING_ADVICE) from error


def merged(network: PreTrainedModel, subject: Subject, progress: Progress = quiet) -> PreTrainedModel:
    """The network with an adapter in its weights. Each layer's sum is made in float32 and rounded once."""
    try:
        adapted = PeftModel.from_pretrained(network, subject.adapter, torch_device="cpu")
        tuners.refuse_incomplete(adapted, "default", subject.adapter)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        if shortage.lack_of_memory(error):
            raise
        raise InputError(f"{subject.name} does not fit its base: {shortage.first_line(error)}") from error
    layers = [layer for layer in adapted.modules() if isinstance(layer, BaseTunerLayer)]
    tell = progress(f"merging {subject.name}", len(layers))
    with torch.no_grad():
        for layer in layers:
            inner = layer.get_base_layer()
            own = inner.weight.dtype
            inner.to(torch.float32)
            try:
                layer.merge(safe_merge=True)
            except ValueError as error:
                raise WorkError(f"{subject.name} cannot be merged: {str(error).splitlines()[0]}") from error
            inner.to(own)
            if not torch.isfinite(inner.weight).all():
                raise WorkError(f"{subject.name} cannot be merged: its weights do not fit into {own}.")
            tell(1)
    return adapted.base_model.unload()


def _beside(home: Home, folder, subject: Subject, base: Base, dtype: str) -> None:
    """What stands beside the weights: tokenizer, generation config, task, lab.json and card."""
    for name in export.TOKENIZER_FILES:
        if (base.folder / name).is_file():
            shutil.copyfile(base.folder / name, folder / name)
    base, tokens = with_tokenizer(base)
    made = card.of_run(subject.run, base, tokens, export.label(subject.name), merged=dtype)
    texts = card.files(made, export.stops_of(base), {}, export.scores_of(home, subject.name))
    texts["generation_config.json"] = export.generation_config(base, json.loads(texts["lab.json"]))
    for name, text in texts.items():
        write(folder / name, text)
