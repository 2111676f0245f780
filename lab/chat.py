"""A conversation of several turns: what a chat with a model is made of, and how far it may go."""

from dataclasses import dataclass

from lab.errors import InputError

LONGEST = 100_000  # letters of a conversation
MOST_TURNS = 201  # of both sides


@dataclass(frozen=True)
class Chat:
    """What both sides said: `turns` are the user's and the model's in turn, the first and the last of them the user's."""

    system: str
    turns: list[str]

    def __post_init__(self):
        """Raises InputError for what is no conversation that a model could go on with."""
        if not isinstance(self.turns, list) or not all(isinstance(x, str) for x in (self.system, *self.turns)):
            raise InputError("A chat is a list of texts.")
        if len(self.turns) % 2 == 0:
            raise InputError("In a chat user and model speak in turn, and the user's turn comes last.")
        if len(self.turns) > MOST_TURNS or sum(map(len, (self.system, *self.turns))) > LONGEST:
            raise InputError(
                f"This chat is too long: at most {MOST_TURNS} turns and {LONGEST:,} letters. Start a new one."
            )

    def messages(self) -> list[dict[str, str]]:
        """The conversation as chat templates take it."""
        return messages(self.system, self.turns)


def messages(system: str, turns: list[str]) -> list[dict[str, str]]:
    """A system message, where there is one, and the turns that follow, as chat templates take them."""
    first = [{"role": "system", "content": system}] if system else []
    return first + [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns)]


Posed = (
    dict | str | dict[str, Chat]
)  # what is put to subjects: a row, a raw prompt, or to each its own chat, by its name


def chats_of(posed: Posed) -> dict[str, Chat]:
    """The chats of what is put to subjects; none where it is a row or a raw prompt."""
    return posed if isinstance(posed, dict) and all(isinstance(chat, Chat) for chat in posed.values()) else {}
