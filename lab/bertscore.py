"""BERTScore: how alike the tokens of answers and references are to an encoder of the user's choice."""

from collections import defaultdict
from importlib.metadata import version

import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoTokenizer

from lab import bases, shortage
from lab.errors import InputError
from lab.model import MODEL_FILES, device
from lab.text_overlap import Counted, Tell

AT_ONCE = 64  # rows
FILES = [*MODEL_FILES, "vocab.txt", "vocab.json", "merges.txt", "*.model"]
KEYS = ["bertscore", "bertscore_precision", "bertscore_recall"]
OFFSET = (
    "roberta",
    "xlm-roberta",
    "camembert",
    "xlm-roberta-xl",
    "mpnet",
)  # their positions begin behind the padding's


class AtLayer(torch.nn.Module):
    """A network that gives the hidden states of one of its layers, as the library asks for them."""

    def __init__(self, network: torch.nn.Module, layer: int):
        super().__init__()
        self.network, self.layer = network, layer

    def forward(self, ids, attention_mask, output_hidden_states=False):
        out = self.network(input_ids=ids, attention_mask=attention_mask, output_hidden_states=True)
        return (out.hidden_states[self.layer],)


class Encoder:
    """An encoder in memory with its tokenizer, cut to texts that it can take."""

    def __init__(self, name: str):
        """Raises InputError for what is no encoder with safetensors weights, WorkError when it cannot be loaded."""
        base = bases.fetch(bases.find(name), FILES)
        base.config()  # refuses a model that would run code of its own
        if not any(base.folder.glob("*.safetensors")):
            raise InputError(f"{base.public_name} has no weights in safetensors form; other forms are not read.")
        safe = {"trust_remote_code": False, "local_files_only": True}
        try:
            network = AutoModel.from_pretrained(base.folder, use_safetensors=True, dtype=torch.float32, **safe)
            self.tokenizer = AutoTokenizer.from_pretrained(base.folder, **safe)
        except (OSError, ValueError, KeyError, RuntimeError, MemoryError, ImportError, SafetensorError) as error:
            raise shortage.cannot_load(error, base.public_name) from error
        if getattr(network.config, "is_encoder_decoder", False):
            network = network.get_encoder()
        self.name, config = base.public_name, network.config
        self.layer = _layer(self.name, config.num_hidden_layers)
        self.network = AtLayer(network, self.layer).to(device()).eval()
        places = getattr(config, "max_position_embeddings", None) or 512
        places -= (config.pad_token_id or 0) + 1 if config.model_type in OFFSET else 0
        # A tokenizer that names no limit has one of 10^30, which it cannot cut to.
        self.tokenizer.model_max_length = min(self.tokenizer.model_max_length, places)
        if self.tokenizer.pad_token_id is None:  # what is padded is masked, whatever it is
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token


def _layer(name: str, layers: int) -> int:
    """The layer that the library's authors found best for a model they know; else the last."""
    from bert_score.utils import model2layers

    known = {key.rpartition("/")[2]: layer for key, layer in model2layers.items()}
    return min(layers, known.get(name.partition("@")[0].rpartition("/")[2], layers))


def count(encoder: Encoder, answers: list[str], references: list[str], tell: Tell) -> Counted:
    """F, precision and recall of each row, averaged; 0 where answer or reference is empty. Without idf weights and without
    rescaling."""
    rows: list[list[float]] = []
    for start in range(0, len(answers), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        rows += _rows(encoder, answers[part], references[part])
        tell(len(answers[part]))
    settings = {
        "library": "bert-score",
        "version": version("bert-score"),
        "model": encoder.name,
        "layer": encoder.layer,
    }
    settings |= {"idf": "no", "rescaled": "no", "score": "mean over rows"}
    return Counted("mean", KEYS, rows, settings)


def _rows(encoder: Encoder, answers: list[str], references: list[str]) -> list[list[float]]:
    from bert_score.utils import bert_cos_score_idf

    rows = [[0.0, 0.0, 0.0] for _ in answers]
    said = [i for i, (a, r) in enumerate(zip(answers, references, strict=True)) if a.strip() and r.strip()]
    if not said:
        return rows
    weights = defaultdict(lambda: 1.0, {encoder.tokenizer.sep_token_id: 0, encoder.tokenizer.cls_token_id: 0})
    texts = [references[i] for i in said], [answers[i] for i in said]
    found = bert_cos_score_idf(encoder.network, *texts, encoder.tokenizer, weights, batch_size=AT_ONCE, device=device())
    for i, (precision, recall, _) in zip(said, found.tolist(), strict=True):
        # A text of which the encoder knows no token has no cosine; and the library's own F can be of what it has set to 0.
        precision, recall = (0.0 if x != x else min(1.0, x) for x in (precision, recall))
        total = precision + recall
        rows[i] = [2 * precision * recall / total if total > 0 else 0.0, precision, recall]
    return rows
