"""A tokenizer and what belongs to it, read from a model's folder with the tokenizers library alone, without torch."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from lab import model_files
from lab.errors import InputError


@dataclass(frozen=True)
class Tokens:
    """A tokenizer and what belongs to it: chat template and special tokens. Read from a model's folder, without torch."""

    encoder: Tokenizer
    chat_template: str | None
    bos: str | None
    eos: str | None
    exact: bool = True  # False: a stand-in for a tokenizer that is not at hand, whose counts are estimates
    ours: bool = False  # True: the bundled one, whose template need not be tried out

    @classmethod
    def from_folder(cls, folder: Path, exact: bool = True, ours: bool = False) -> "Tokens":
        """Raises InputError when the folder has no tokenizer.json that can be read."""
        file = folder / "tokenizer.json"
        try:
            model_files.refuse_large(file, model_files.MOST_OF_TOKENIZER)
            encoder = Tokenizer.from_file(str(file))
        except InputError:
            raise
        except Exception as error:  # the Rust library raises nothing narrower
            raise InputError(f"{folder.name} has no tokenizer.json that can be read: {error}") from error
        encoder.no_truncation()
        encoder.no_padding()
        template, bos, eos = beside_tokenizer(folder)
        return cls(encoder, template, bos, eos, exact, ours)

    @cached_property
    def lead(self) -> list[int]:
        """The tokens that the tokenizer itself puts in front of a text: one BOS for Llama and Mistral, none for Phi and Qwen."""
        with_special = self.encoder.encode("a", add_special_tokens=True).ids
        without = self.encoder.encode("a", add_special_tokens=False).ids
        return with_special[: len(with_special) - len(without)] if with_special[-len(without) :] == without else []

    @cached_property
    def special(self) -> list[str]:
        """The spellings of the special tokens, longest first."""
        added = self.encoder.get_added_tokens_decoder().values()
        return sorted((t.content for t in added if t.special), key=len, reverse=True)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of whole prompts, with exactly the BOS that the tokenizer itself adds, never two."""
        lead, numbers = self.lead, self._numbers
        encoded = self.encoder.encode_batch(texts, add_special_tokens=False)
        ids = ([numbers[i] for i in item.ids] for item in encoded)
        return [i if not lead or i[: len(lead)] == lead else lead + i for i in ids]

    @cached_property
    def _numbers(self) -> list[int]:
        """One object for each token id: rows that hold their own take four times the memory."""
        return list(range(max(self.encoder.get_vocab().values()) + 1))

    def id(self, token: str | None) -> int | None:
        return None if token is None else self.encoder.token_to_id(token)


def beside_tokenizer(folder: Path) -> tuple[str | None, str | None, str | None]:
    """What the files beside a tokenizer say of it: chat template, begin and end of a sequence. Raises InputError."""
    config = _read_json(folder / "tokenizer_config.json")
    template = model_files.read_text(folder / "chat_template.jinja")
    template = config.get("chat_template") if template is None else template
    if isinstance(template, list):  # several named templates: the default one
        template = next((item["template"] for item in template if item.get("name") == "default"), None)
    extra = _read_json(folder / "special_tokens_map.json")
    bos, eos = (_token_text(config.get(key, extra.get(key))) for key in ("bos_token", "eos_token"))
    return template, bos, eos


def _read_json(path: Path) -> dict:
    content = model_files.read_json(path)
    return content if isinstance(content, dict) else {}


def _token_text(token) -> str | None:
    return token.get("content") if isinstance(token, dict) else token
