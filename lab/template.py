"""Chat templates: the task's own formats, and those of models, which are foreign code and handled as such."""

import contextlib
import json
import resource
import signal
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sized
from datetime import date
from pathlib import Path

import jinja2
import jinja2.ext
import jinja2.sandbox

from lab.errors import InputError
from lab.task import LONGEST_PROMPT

# The task's own formats, for base models without a chat template, written as the chat templates they stand for.
# The beginning-of-sequence token is left out: the tokenizer adds its own.
FORMATS = {
    "llama2": (
        "[INST] {% if system %}<<SYS>>\n{{ system }}\n<</SYS>>\n\n{% endif %}{{ user }} [/INST]"
        "{% if answer %} {{ answer }}{{ eos_token }}{% endif %}"
    ),
    "chatml": (
        "{% if system %}<|im_start|>system\n{{ system }}<|im_end|>\n{% endif %}<|im_start|>user\n{{ user }}<|im_end|>\n"
        "<|im_start|>assistant\n{% if answer %}{{ answer }}{{ eos_token }}{% endif %}"
    ),
    "alpaca": (
        "### Instruction:\n{% if system %}{{ system }}\n\n{% endif %}{{ user }}\n\n### Response:\n"
        "{% if answer %}{{ answer }}{{ eos_token }}{% endif %}"
    ),
    "plain": "{% if system %}{{ system }}\n\n{% endif %}{{ user }}{% if answer %} {{ answer }}{{ eos_token }}{% endif %}",
    "text": "{{ user }}{% if answer %} {{ answer }}{{ eos_token }}{% endif %}",
}
# Templates that print today's date would give every day another prompt; a lab that compares needs the same one.
TEMPLATE_DATE = date(2024, 7, 26)
RENDER_SECONDS, RENDER_BYTES = 5, 1 << 30  # of work, for one text
MOST_APART = 4  # processes


def compile_template(source: str) -> jinja2.Template:
    """A chat template, compiled in jinja2's sandbox with what transformers gives it. Raises InputError when it is broken."""
    env = Bounded(trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols])
    env.filters["tojson"] = lambda value, **kw: json.dumps(value, ensure_ascii=False, **kw)
    env.globals["raise_exception"] = _raise_exception
    env.globals["strftime_now"] = TEMPLATE_DATE.strftime
    try:
        return env.from_string(source)
    except jinja2.TemplateError as error:
        raise InputError(f"The model's chat template is broken: {error}") from error


class Bounded(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """The sandbox, in which no operator makes a few letters very many."""

    intercepted_binops = frozenset({"*", "+", "**"})

    def call_binop(self, context, operator: str, left, right):
        if _letters_made(operator, left, right) > LONGEST_PROMPT:
            raise jinja2.sandbox.SecurityError(f"its {operator} makes more than {LONGEST_PROMPT:,} letters or digits.")
        return super().call_binop(context, operator, left, right)


def _letters_made(operator: str, left, right) -> int:
    """How long the text, list or number is at most that an operator makes; 0 where that is no more than it was given."""
    if operator == "**":
        return left.bit_length() * max(0, right) if isinstance(left, int) and isinstance(right, int) else 0
    lengths = [len(x) for x in (left, right) if isinstance(x, Sized)]
    times = [x for x in (left, right) if isinstance(x, int)]
    return sum(lengths) * max(0, *times, 1 if operator == "+" else 0) if lengths else 0


def rendered(template: jinja2.Template, values: dict) -> str:
    """What a template makes of values. Raises jinja2.TemplateError as soon as that is longer than a prompt may be."""
    pieces, letters = [], 0
    for piece in template.generate(**values):
        letters += len(piece)
        if letters > LONGEST_PROMPT:
            raise jinja2.TemplateError(f"it makes more than {LONGEST_PROMPT:,} letters of a row.")
        pieces.append(piece)
    return "".join(pieces)


class Apart:
    """A foreign template in a process of its own: rendered within bounds of time and memory, whatever it is given.

    The sandbox keeps a template from reaching out, but not from looping for ever, and one may wait with that for a certain
    row. The process ends with this one: nothing comes any more from where it reads.
    """

    def __init__(self, source: str):
        self._source, self._lock = source, threading.Lock()
        self._process: subprocess.Popen | None = None
        self._verdict: str | None = None  # why it is not rendered again

    def render(self, **values) -> str:
        """The text. Raises jinja2.TemplateError where it refuses, InputError where it is broken or goes beyond the bounds."""
        with self._lock:
            if self._verdict is None and self._process is None:
                compiled = self._ask(self._source)  # there, too: constants in it are worked out at once
                if "refused" in compiled:
                    self._end()
                    raise InputError(compiled["refused"])
            answer = self._ask(values)
        if "refused" in answer:
            raise jinja2.TemplateError(answer["refused"])
        return answer["text"]

    def close(self) -> None:
        """Ends the process; the next text starts it again."""
        with self._lock:
            self._end()

    def _ask(self, what) -> dict:
        """Raises InputError with the verdict, now and ever after, when the process has broken off."""
        if self._verdict is None:
            try:
                process = self._process = self._process or self._started()
                process.stdin.write(json.dumps(what).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = b""
            if line:
                return json.loads(line)
            self._verdict = _verdict(self._end())
        raise InputError(self._verdict)

    def _started(self) -> subprocess.Popen:
        code = "import sys; from lab.template import _renderer; _renderer(*map(int, sys.argv[1:]))"
        command = [sys.executable, "-c", code, str(RENDER_SECONDS), str(RENDER_BYTES)]
        root = Path(__file__).resolve().parent.parent
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, cwd=root, **pipes)

    def _end(self) -> int:
        if self._process is None:
            return 0
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        code, self._process = self._process.wait(), None
        return code


def _verdict(code: int) -> str:
    if code == -signal.SIGXCPU:
        return f"The model's chat template does not come to an end within {RENDER_SECONDS} seconds."
    return f"The model's chat template asks for more than {RENDER_BYTES >> 20} MiB of memory, or breaks off."


_kept: OrderedDict[str, Apart] = OrderedDict()
_keeping = threading.Lock()


def apart(source: str) -> Apart:
    """A foreign template, in the process that it has already if it was used lately."""
    with _keeping:
        found = _kept.setdefault(source, Apart(source))
        _kept.move_to_end(source)
        old = [_kept.popitem(last=False)[1] for _ in range(len(_kept) - MOST_APART)]
    for one in old:
        one.close()
    return found


def _renderer(seconds: int, memory: int) -> None:
    """The process: a template first, then values, a line each; a line with the text for each."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    template = None
    for line in sys.stdin.buffer:
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(
            resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, resource.RLIM_INFINITY)
        )
        try:
            answer: dict = {}
            if template is None:
                template = compile_template(json.loads(line))
            else:
                answer["text"] = rendered(template, json.loads(line))
            said = json.dumps(answer)
        except MemoryError:
            sys.exit(1)
        except Exception as error:  # a template is foreign code and may raise anything
            said = json.dumps({"refused": str(error)[:500]})
        sys.stdout.buffer.write(said.encode() + b"\n")
        sys.stdout.buffer.flush()


class GenerationTag(jinja2.ext.Extension):
    """`{% generation %}…{% endgeneration %}` marks the assistant's words in some templates; here its content stands as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


def _raise_exception(message: str):
    raise jinja2.TemplateError(message)
