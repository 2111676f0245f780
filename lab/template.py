"""Chat templates: the task's own formats, and those of models, which are foreign code and handled as such."""

import contextlib
import json
import resource
import subprocess
import sys
from datetime import date
from functools import cache
from pathlib import Path

import jinja2
import jinja2.ext
import jinja2.sandbox

from lab.errors import InputError

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
TRIAL_SECONDS, TRIAL_BYTES = 10, 1 << 30


def compile_template(source: str) -> jinja2.Template:
    """A chat template, compiled in jinja2's sandbox with what transformers gives it. Raises InputError when it is broken."""
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = lambda value, **kw: json.dumps(value, ensure_ascii=False, **kw)
    env.globals["raise_exception"] = _raise_exception
    env.globals["strftime_now"] = TEMPLATE_DATE.strftime
    try:
        return env.from_string(source)
    except jinja2.TemplateError as error:
        raise InputError(f"The model's chat template is broken: {error}") from error


@cache
def try_out(source: str) -> None:
    """Renders a foreign template once in a process of its own, within bounds of time and memory.

    The sandbox keeps a template from reaching out, but not from looping for ever. Raises InputError when it does not
    come to an end; what else is wrong with it shows when it is rendered here.
    """
    trial = [sys.executable, "-c", "import sys; from lab.template import _trial; _trial(sys.stdin.read())"]
    root = Path(__file__).resolve().parent.parent
    try:
        done = subprocess.run(
            trial, input=source.encode(), cwd=root, capture_output=True, timeout=TRIAL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"The model's chat template does not come to an end within {TRIAL_SECONDS} seconds."
        ) from error
    if done.returncode:
        raise InputError(
            f"The model's chat template asks for more than {TRIAL_BYTES >> 20} MiB of memory, or breaks off."
        )


def _trial(source: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (TRIAL_BYTES, TRIAL_BYTES))
    turns = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"},
    ]
    for messages in (turns[:2], turns[1:2], turns, turns[1:], [*turns, turns[1]]):
        with contextlib.suppress(Exception):  # a template that refuses is dealt with where it is used
            try:
                compile_template(source).render(
                    messages=messages, add_generation_prompt=messages[-1] is turns[1], bos_token="<s>", eos_token="</s>"
                )
            except MemoryError:
                sys.exit(1)


class GenerationTag(jinja2.ext.Extension):
    """`{% generation %}…{% endgeneration %}` marks the assistant's words in some templates; here its content stands as it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


def _raise_exception(message: str):
    raise jinja2.TemplateError(message)
