"""The only renderer: row → prompt and completion, as text and as tokens, for preview, training, evaluation, generation.

It needs jinja2 and tokenizers alone, so that the page can show the exact prompt without torch.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lab.chat import Chat, messages
from lab.errors import InputError
from lab.task import LONGEST_PROMPT, TOO_LONG, Task, fill, text_of
from lab.template import FORMATS, Apart, apart, compile_template, rendered
from lab.tokens import Tokens

BETWEEN_TURNS = {"llama2": "", "chatml": "\n"}  # of a chat in the task's own format; an empty line in the others
SENTINEL = "QfAnswerStandsHereZx"  # no template changes or produces it


@dataclass(frozen=True)
class Example:
    """One row in tokens: the prompt, and the completion that is trained (the answer and one end-of-sequence)."""

    prompt: list[int]
    completion: list[int]

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.completion

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


class Renderer:
    """Renders the rows of one task for one tokenizer. Everything that a model is shown or taught passes through here."""

    def __init__(self, task: Task, tokens: Tokens):
        """Raises InputError when the model's chat template cannot be rendered."""
        self.task, self.tokens = task, tokens
        use_chat = task.format == "auto" and bool(tokens.chat_template)
        self.format = "chat template" if use_chat else ("plain" if task.format == "auto" else task.format)
        source = tokens.chat_template if use_chat else FORMATS[self.format]
        self._template = apart(source) if use_chat and not tokens.ours else compile_template(source)
        self.notes: list[str] = []  # what the user should see about the rendering
        self._folds_system = use_chat and self._loses_system()
        if self._folds_system and task.instruction:
            self.notes.append(
                "This chat template has no system role: the instruction stands at the top of the user's turn."
            )
        self._lead, self._tail = self._around_answer()

    # -- text ----------------------------------------------------------------------------------------------------

    def plain(self, text: str) -> str:
        """A text of the data in which no special token stands, so that it can neither end nor open a turn.

        A zero-width space is put behind the first character of each spelling of one; other texts stay as they are.
        """
        return self._special.sub(lambda token: f"{token[0][0]}\u200b{token[0][1:]}", text) if self._special else text

    @cached_property
    def _special(self) -> re.Pattern | None:
        spelled = [token for token in self.tokens.special if len(token) > 1]
        return re.compile("|".join(map(re.escape, spelled))) if spelled else None

    def messages(self, row: dict) -> tuple[str, str]:
        """(system, user) of a row; the system part is empty when the task has no instruction or it is folded."""
        if self.task.format == "text":
            return "", self.plain(text_of(row.get(self.task.text)))
        values = {key: self.plain(text_of(value)) for key, value in row.items()}
        values["labels"] = self.task.label_list()
        system, user = fill(self.task.instruction, values).strip(), fill(self.task.prompt, values)
        if self._folds_system and system:
            system, user = "", f"{system}\n\n{user}"
        return system, user

    def prompt_text(self, row: dict) -> str:
        """The whole prompt of a row as the model sees it, without the BOS that the tokenizer adds."""
        return self.wrap(*self.messages(row))

    def text_for(self, asked: dict | str | Chat) -> str:
        """The whole prompt of a row, of a raw prompt, which is the prompt already, or of a chat."""
        if isinstance(asked, str):
            return asked
        return self.chat_text(asked) if isinstance(asked, Chat) else self.prompt_text(asked)

    def chat_text(self, chat: Chat) -> str:
        """The whole prompt of a conversation, up to where the model's next turn begins.

        In the task's own formats its turns follow each other, each as a row and its answer would be written.
        """
        system, turns = self.plain(chat.system).strip(), [self.plain(turn) for turn in chat.turns]
        if self._folds_system and system:
            system, turns = "", [f"{system}\n\n{turns[0]}", *turns[1:]]
        if self.format == "chat template":
            return self._rendered(Chat(system, turns).messages(), opens=True) + self._lead.prompt
        pairs = zip(turns[::2], [*turns[1::2], None], strict=True)
        parts = [self._render(system if i == 0 else "", user, answer) for i, (user, answer) in enumerate(pairs)]
        return BETWEEN_TURNS.get(self.format, "\n\n").join(parts) + self._lead.prompt

    def wrap(self, system: str, user: str) -> str:
        """System and user text in the model's format, up to where the answer begins."""
        return self._render(system, user) + self._lead.prompt

    def _render(self, system: str, user: str, answer: str | None = None) -> str:
        """Raises InputError for a prompt that is too long."""
        if len(system) + len(user) > LONGEST_PROMPT:
            raise InputError(TOO_LONG)
        if self.format != "chat template":
            return self._template.render(system=system, user=user, answer=answer, **self._names)
        turns = messages(system, [user])
        if answer is not None:
            turns.append({"role": "assistant", "content": answer})
        return self._rendered(turns, opens=answer is None)

    @property
    def _names(self) -> dict[str, str]:
        return {"bos_token": self.tokens.bos or "", "eos_token": self.tokens.eos or ""}

    def _rendered(self, messages: list[dict], opens: bool) -> str:
        """Messages in the model's chat template; `opens`: up to where the model's turn begins."""
        try:
            values = {"messages": messages, "add_generation_prompt": opens, **self._names}
            return (
                self._template.render(**values)
                if isinstance(self._template, Apart)
                else rendered(self._template, values)
            )
        except InputError:
            raise
        except Exception as error:  # a template is foreign code and may raise anything
            raise InputError(f"The model's chat template cannot be rendered: {error}") from error

    def _loses_system(self) -> bool:
        try:
            return SENTINEL not in self._render(SENTINEL, "a")
        except InputError:
            self._render("", "a")  # raises what is wrong beside that
            return True

    def _around_answer(self) -> tuple["Lead", str]:
        """What the format writes just before and after an answer.

        Blanks before it belong to the completion, as in " positive". Anything else before it (an empty block of
        thoughts, say) belongs to the prompt, so that no model has to write it. What follows is cut after the first
        special token; where there is none, the tokenizer's end-of-sequence is put there.
        """
        before, _, after = self._render("", "a", SENTINEL).partition(SENTINEL)
        opening = self._render("", "a")
        lead = before[len(opening) :] if before.startswith(opening) else ""
        blanks = lead[len(lead.rstrip(" ")) :]
        stops = {*self.tokens.special, self.tokens.eos}
        ends = [(after.index(s) + len(s), s) for s in stops if s and s in after]
        if ends:
            tail = after[: min(ends)[0]]
        elif self.tokens.eos:
            tail = self.tokens.eos
        else:
            raise InputError("The tokenizer names no end-of-sequence token, so no answer could ever end.")
        return Lead(lead[: len(lead) - len(blanks)], blanks), tail

    def completion_text(self, answer: str) -> str:
        """What training teaches for an answer: blank, answer, end-of-sequence."""
        return f"{self._lead.completion}{self.plain(answer)}{self._tail}"

    # -- tokens --------------------------------------------------------------------------------------------------

    @cached_property
    def stop_id(self) -> int:
        """The token that ends an answer: the last one of every completion."""
        return self.completion_ids("a")[-1]

    def prompt_ids(self, row: dict) -> list[int]:
        return self.tokens.encode([self.prompt_text(row)])[0]

    def completion_ids(self, answer: str) -> list[int]:
        """Token ids of the completion as it follows a prompt.

        Tokenizers may write a text differently at the beginning of a string, so the completion is encoded behind the
        end of the prompt and the prompt's tokens taken off again.
        """
        anchor = self.wrap("", "a")
        encode = self.tokens.encoder.encode
        head = encode(anchor, add_special_tokens=False).ids
        both = encode(anchor + self.completion_text(answer), add_special_tokens=False).ids
        if both[: len(head)] == head:
            return both[len(head) :]
        # The prompt's end and the answer share a token (a prompt that ends in a blank): start behind a line break.
        head = encode("\n", add_special_tokens=False).ids
        return encode("\n" + self.completion_text(answer), add_special_tokens=False).ids[len(head) :]

    def label_ids(self) -> dict[str, list[int]]:
        """Each label's completion in tokens, end-of-sequence included."""
        return {name: self.completion_ids(name) for name in self.task.names}

    def examples(self, rows: Iterable[dict]) -> Iterator[Example]:
        """The rows in tokens, prompt and completion; the completion is empty where a row has no answer."""
        completions: dict[str, list[int]] = {}
        for batch in _batches(rows, 1000):
            prompts = self.tokens.encode([self.prompt_text(row) for row in batch])
            for row, prompt in zip(batch, prompts, strict=True):
                answer = self.task.answer(row)
                if answer not in completions:
                    completions[answer] = self.completion_ids(answer) if answer else []
                yield Example(prompt, completions[answer])

    def prompts(self, rows: Iterable[dict]) -> list[list[int]]:
        """The rows' prompts in tokens."""
        return [
            ids for batch in _batches(rows, 1000) for ids in self.tokens.encode([self.prompt_text(r) for r in batch])
        ]

    def cut(self, row: dict, max_length: int) -> dict:
        """The row with its text column cut from the end until prompt and answer fit; the answer is never cut.

        Raises InputError when they do not fit even without the text.
        """
        column, answer = self.task.text, self.completion_ids(self.task.answer(row) or "")
        words = self.tokens.encoder.encode(str(row.get(column) or ""), add_special_tokens=False)
        keep = len(words.ids)
        while True:
            shorter = {**row, column: str(row.get(column) or "")[: words.offsets[keep - 1][1] if keep else 0]}
            excess = len(self.prompt_ids(shorter)) + len(answer) - max_length
            if excess <= 0:
                return shorter
            if keep == 0:
                raise InputError(
                    f"max_length {max_length} is {excess} tokens too short for instruction, template and answer alone; "
                    f"raise it, set too_long=drop, or shorten the instruction or the definitions."
                )
            keep = max(0, keep - excess)

    @cached_property
    def hash(self) -> str:
        """A hash of all that decides how rows are rendered: task, format, template."""
        parts = [
            self.task.model_dump(),
            self.format,
            self.tokens.chat_template if self.format == "chat template" else "",
        ]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Lead:
    """What a format writes between the opening of the assistant's turn and the answer, by whom it is written."""

    prompt: str
    completion: str


def common_prefix(sequences: list[list[int]]) -> int:
    """The number of tokens with which all sequences begin alike."""
    if not sequences:
        return 0
    low, high = min(sequences), max(sequences)  # all others lie between them in dictionary order
    return next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))


def _batches(rows: Iterable[dict], size: int) -> Iterator[list[dict]]:
    batch: list[dict] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
