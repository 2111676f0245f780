"""Code canaries: whatever a model, an adapter, a template or a file of settings brings along, nothing of it runs."""

import os
import pickle
import pickletools
import shutil
import sys
import time
import tracemalloc
from pathlib import Path

import hub_reading
import pytest
import torch
import yaml
from click.testing import CliRunner

from lab import bases, config, model, task, template
from lab.cli import cli
from lab.errors import InputError, WorkError
from lab.home import read_json, write_json
from lab.prompt import Renderer
from lab.tokens import Tokens

TASK = task.parse("{name: t, kind: generate, target: a}")


class Canary:
    """Pickled, it makes a file wherever it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def canary(tmp_path) -> Path:
    """A file that must not be there in the end."""
    yield tmp_path / "it-ran"
    assert not (tmp_path / "it-ran").exists()


@pytest.fixture
def base(tiny_model, tmp_path) -> Path:
    """The folder of a model that may be changed, with code beside it as a model of the Hub may have it."""
    folder = tmp_path / "base"
    shutil.copytree(tiny_model, folder)
    for name in ("modeling_evil", "configuration_evil", "tokenization_evil"):
        code = f"open({str(tmp_path / 'it-ran')!r}, 'w')\nclass Evil: pass\n"
        (folder / f"{name}.py").write_text(code)
    return folder


def changed(path: Path, **keys) -> None:
    write_json(path, {**(read_json(path) or {}), **keys})


EVIL = {"AutoConfig": "configuration_evil.Evil", "AutoModelForCausalLM": "modeling_evil.Evil"}
KEYS = [
    ("config.json", {"auto_map": EVIL}, "auto_map"),
    ("config.json", {"text_config": {"deeper": [{"auto_map": EVIL}]}}, "auto_map"),
    ("config.json", {"_attn_implementation_internal": "evil/kernels"}, "_attn_implementation_internal"),
    ("config.json", {"attn_implementation": "evil/kernels"}, "attn_implementation"),
    ("config.json", {"_experts_implementation_internal": "evil/kernels"}, "_experts_implementation_internal"),
    ("config.json", {"vision_config": {"trust_remote_code": True}}, "trust_remote_code"),
    ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["tokenization_evil.Evil", None]}}, "auto_map"),
    ("generation_config.json", {"custom_generate": "evil/code"}, "custom_generate"),
]


@pytest.mark.faults
@pytest.mark.parametrize(("file", "keys", "named"), KEYS, ids=[f"{file} {named}" for file, _, named in KEYS])
def test_a_model_that_brings_code_is_refused_by_the_key(base, canary, file, keys, named):
    """Seen to fail with `refuse_code` as it was, for auto_map and _attn alone, and for config.json alone."""
    changed(base / file, **keys)
    with pytest.raises(InputError, match=rf"{file} has the key '{named}', by which a model can bring"):
        model.Model(bases.find(str(base)), "none")


@pytest.mark.faults
def test_what_libraries_write_themselves_is_no_code(base):
    """Seen to fail with attn_implementation refused whatever it says."""
    changed(base / "config.json", attn_implementation="sdpa", trust_remote_code=False)
    assert model.Model(bases.find(str(base)), "none").network is not None


@pytest.mark.faults
def test_weights_in_pickles_are_not_read(base, canary):
    """Seen to fail with the look for safetensors and `use_safetensors` both left out: torch opens the pickle, and refuses it
    with words of its own."""
    (base / "model.safetensors").unlink()
    for name in ("pytorch_model.bin", "model.pt", "training_args.bin", "pytorch_model.bin.index.json"):
        (base / name).write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(InputError, match="has no weights in safetensors form; other forms are not read"):
        model.Model(bases.find(str(base)), "none")


@pytest.mark.faults
def test_a_pickle_under_the_name_of_safetensors_is_not_read(base, canary):
    """Seen to fail with what the reader of safetensors raises let through by `model`: its own words, in no sentence."""
    torch.save({"weight": Canary(canary)}, base / "model.safetensors", pickle_protocol=2)
    with pytest.raises((InputError, WorkError), match=r"cannot be (loaded|read)"):
        model.Model(bases.find(str(base)), "none")


@pytest.mark.faults
@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"auto_map": EVIL}, "auto_map"),
        ({"megatron_config": {"a": 1}, "megatron_core": "evil_module"}, "megatron_config"),
        ({"loftq_config": {"trust_remote_code": True}}, "trust_remote_code"),
    ],
)
def test_an_adapter_that_brings_code_is_refused_by_the_key(tiny_run, home, tmp_path, canary, monkeypatch, keys, named):
    """Seen to fail with `megatron_config` not among the keys: PEFT imports the module that stands beside it."""
    (tmp_path / "evil_module.py").write_text(f"open({str(canary)!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    changed(tiny_run.adapter / "adapter_config.json", **keys)
    with (
        pytest.raises(InputError, match=rf"adapter_config\.json has the key '{named}'"),
        model.Model(bases.find(tiny_run.config.base_model), "none").using(tiny_run.adapter),
    ):
        pass
    assert "evil_module" not in sys.modules


# -- chat templates ------------------------------------------------------------------------------------------------------

FOR_EVER = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}"
GOOD = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


def renderer(folder: Path, source: str) -> Renderer:
    (folder / "chat_template.jinja").write_text(source)
    return Renderer(TASK, Tokens.from_folder(folder))


@pytest.fixture
def tokenizer(tokenizer_folders, tmp_path) -> Path:
    return Path(shutil.copytree(tokenizer_folders["qwen"], tmp_path / "tokenizer"))


REACHING = [
    "{{ cycler.__init__.__globals__.os.system('touch PATH') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.__class__.__base__.__subclasses__() }}",
    "{{ raise_exception.__globals__['sys'].modules['os'].system('touch PATH') }}",
    "{% include '/etc/passwd' %}",
    "{% set x = messages.append(1) %}",
    "{{ '{0.__class__.__init__.__globals__}'.format(messages) }}",
    "{{ lipsum.__globals__['os'].popen('touch PATH').read() }}",
]


@pytest.mark.faults
@pytest.mark.parametrize("source", REACHING)
def test_a_template_that_reaches_out_is_refused(tokenizer, canary, source):
    """Seen to fail with jinja2's plain environment in the sandbox's place."""
    with pytest.raises(InputError, match="The model's chat template"):
        renderer(tokenizer, source.replace("PATH", str(canary)) + GOOD).prompt_text({"text": "a"})


@pytest.mark.faults
@pytest.mark.parametrize(
    "source",
    [
        f"{{% if messages[-1].content == 'wait for it' %}}{FOR_EVER}{{% endif %}}",
        "{% if messages[-1].content == 'wait for it' %}{{ 'a'.ljust(10 ** 10) }}{% endif %}",
        "{% if messages[-1].content == 'wait for it' %}{% macro m(n) %}{{ m(n - 1) ~ m(n - 1) if n else 'a'.ljust(99999999) }}"
        "{% endmacro %}{{ m(9) }}{% endif %}",
    ],
    ids=["loops", "memory", "macro"],
)
def test_a_template_that_waits_for_a_certain_row_is_stopped_there(tokenizer, monkeypatch, source):
    """Seen to fail with foreign templates tried out once and then rendered in this process, as they were: that row never
    came to an end, in the page as in training."""
    monkeypatch.setattr(template, "RENDER_SECONDS", 1)
    made = renderer(tokenizer, source + GOOD)
    assert "fine" in made.prompt_text({"text": "fine"})
    for _ in range(2):  # and is not tried again
        begun = time.monotonic()
        with pytest.raises(InputError, match=r"The model's chat template (does not come to an end|asks for more)"):
            made.prompt_text({"text": "wait for it"})
    assert time.monotonic() - begun < 1


@pytest.mark.faults
def test_no_more_than_a_few_templates_have_a_process_and_it_ends_with_them():
    """Seen to fail with `close` not waiting: the ended processes stayed as zombies."""
    processes = []
    for number in range(template.MOST_APART + 2):
        one = template.apart(f"{number} {{{{ a }}}}")
        assert one.render(a="é") == f"{number} é"
        processes.append(one._process)
    assert [p.poll() is None for p in processes] == [False] * 2 + [True] * template.MOST_APART
    first = template.apart("0 {{ a }}")
    assert first.render(a="again") == "0 again"
    with template._keeping:
        for one in template._kept.values():
            one.close()
    assert all(p.poll() is not None for p in processes)


@pytest.mark.faults
def test_a_template_is_not_even_compiled_in_this_process(tokenizer):
    """Seen to fail with `compile_template` called for a foreign template here: it works out constants at once."""
    with pytest.raises(InputError, match="memory"):
        renderer(tokenizer, "{{ 'a' | center(10000000000) }}")


LONG = {
    "times": "{{ 'a' * 200000000 }}",
    "times a text": "{{ 200000000 * 'a' }}",
    "a list": "{{ ([1] * 200000000) | length }}",
    "a power": "{{ 10 ** (10 ** 10) }}",
    "doubled": "{% set n = namespace(x='aaaa') %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "joined": "{% set n = namespace(x='aaaa') %}{% for i in range(22) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "padded": "{{ 'a'.ljust(20000000) }}",
    "written piece by piece": "{% for i in range(99999) %}{% for i in range(99999) %}aaaaaaaaaa{% endfor %}{% endfor %}",
}


@pytest.mark.faults
@pytest.mark.parametrize("source", LONG.values(), ids=LONG)
def test_a_template_that_makes_too_much_is_refused_by_its_length(tokenizer, source):
    """Seen to fail as it was, with no bound but the process's own: 200 million letters came out, and half a gigabyte was
    needed to read them."""
    made = f"{{% if messages[-1].content == 'wait for it' %}}{source}{{% endif %}}{GOOD}"
    made = renderer(tokenizer, made)
    with pytest.raises(InputError, match=r"cannot be rendered: .* more than 1,000,000 letters"):
        made.prompt_text({"text": "wait for it"})
    assert "fine" in made.prompt_text({"text": "fine"})


@pytest.mark.faults
def test_operators_of_templates_do_what_they_did(tokenizer):
    """Seen to fail with `call_binop` returning what stands on the left."""
    source = "{{ 'ab' * 3 }} {{ 2 * 3 }} {{ 2 ** 10 }} {{ 2 ** 0.5 > 1.4 }} {{ 'a' + 'b' }} {{ ([1] + [2]) | length }} {{ 1 + 1.5 }} "
    assert "ababab 6 1024 True ab 2 2.5" in renderer(tokenizer, source + GOOD).prompt_text({"text": "a"})


@pytest.mark.faults
@pytest.mark.parametrize("form", ["auto", "plain", "text"])
def test_a_prompt_has_a_length_that_it_may_have(tokenizer_folders, monkeypatch, form):
    """Seen to fail with the task's own formats unbounded: `$text` a thousand times made a thousand times its letters."""
    content = {"name": "t", "kind": "generate", "target": "a", "format": form, "prompt": "$text " * 1000}
    made = Renderer(task.Task(**content), Tokens.from_folder(tokenizer_folders["qwen"]))
    assert len(made.prompt_text({"text": "word " * 30})) > (100 if form == "text" else 100_000)
    with pytest.raises(InputError, match=r"The prompt of a row has more than 1,000,000 letters: shorten"):
        made.prompt_text({"text": "word " * (200_001 if form == "text" else 300)})


@pytest.mark.faults
def test_what_stands_for_fields_is_counted_before_it_is_put_together():
    """Seen to fail with the length looked at afterwards: a gigabyte was made of it."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="more than 1,000,000 letters"):
            task.fill("$a" * 10_000, {"a": "x" * 100_000})
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert len(task.fill("$a" * 10, {"a": "x" * 100_000})) == 1_000_000


# -- YAML ----------------------------------------------------------------------------------------------------------------

HOSTILE_YAML = {
    "apply": "name: !!python/object/apply:os.system ['touch PATH']",
    "new": "name: !!python/object/new:os.system ['touch PATH']",
    "name": "name: !!python/name:os.system",
    "module": "name: !!python/module:os",
    "date": "name: 2001-13-45",
    "bool": "name: !!bool perhaps",
    "time": "name: !!timestamp never",
    "int": "name: !!int x",
    "key": "? {a: b}\n: c",
    "brackets": "name: " + "[" * 400,
    "braces": "name: " + "{a: " * 400,
    "blocks": "\n".join(" " * i + "a:" for i in range(300)),
}


@pytest.mark.faults
@pytest.mark.parametrize("kind", HOSTILE_YAML)
def test_yaml_that_names_code_or_overwhelms_its_reader_is_refused_in_a_sentence(canary, kind):
    """Seen to fail with `yaml.unsafe_load`, and with what is no YAMLError let through, as it was."""
    text = HOSTILE_YAML[kind].replace("PATH", str(canary))
    with pytest.raises(InputError, match=r"is not valid YAML|has problems"):
        task.parse(text)
    with pytest.raises(InputError, match=r"cannot be read|has problems"):
        config.parse(config.mapping(text, "The config"), "The config")
    if "\n" not in text:
        with pytest.raises(InputError, match=r"--set .*not valid YAML|has problems"):
            config.parse(config.with_settings({}, [f"name={text.removeprefix('name: ')}"]))


@pytest.mark.faults
def test_a_command_says_it_in_a_sentence_and_leaves_nothing(home, tmp_path, canary):
    """Seen to fail with `yaml.unsafe_load`."""
    (tmp_path / "evil.yaml").write_text(HOSTILE_YAML["apply"].replace("PATH", str(canary)))
    for words in (["task", "add", str(tmp_path / "evil.yaml")], ["train", str(tmp_path / "evil.yaml"), "--dry-run"]):
        said = CliRunner().invoke(cli, [*words, "--home", str(home.path)])
        assert said.exit_code == 2 and "python/object" in said.stderr and "Traceback" not in said.output
    assert not home.path.exists() or not list(home.path.rglob("*.yaml"))


@pytest.mark.faults
def test_a_run_or_dataset_with_hostile_yaml_is_named(tiny_run, home, canary):
    """Seen to fail with the library's ValueError let through by `yaml_text.load`."""
    text = HOSTILE_YAML["date"]
    (home.datasets / "colours" / "dataset.yaml").write_text(text)
    (tiny_run.folder / "config.yaml").write_text(text)
    for words, named in ((["dataset", "show", "colours"], "colours"), (["run", "show", tiny_run.id], tiny_run.id)):
        said = CliRunner().invoke(cli, [*words, "--home", str(home.path)])
        assert said.exit_code == 2 and named in said.stderr and "Traceback" not in said.output, said.output


# -- datasets ------------------------------------------------------------------------------------------------------------


@pytest.mark.faults
def test_a_dataset_of_the_hub_with_a_script_or_pickles_runs_nothing(tmp_path, canary):
    """Seen to fail (in words, not in deed) with ValueError and RuntimeError of the library let through."""
    from test_faults_hub import asked

    script = f"open({str(canary)!r}, 'w')\n".encode()
    scripts = {"README.md": b"---\n{}\n---\n", "whole.py": script}
    pickles = {"README.md": b"---\n{}\n---\n", "train.pkl": pickle.dumps(Canary(canary))}
    for number, files in enumerate((scripts, pickles)):
        with hub_reading.serving(files) as url:
            said = asked(["ada/whole"], tmp_path / f"cache-{number}", url)["ada/whole"][0]
        assert said.startswith("InputError: ada/whole"), said


@pytest.mark.faults
def test_the_canaries_themselves_sing(tmp_path):
    """Each way by which nothing ran above would have run something."""
    path = tmp_path / "ran"
    assert "REDUCE" in {code.name for code, *_ in pickletools.genops(pickle.dumps(Canary(path)))}  # calls what follows
    function, values = Canary(path).__reduce__()
    function(*values)
    assert path.exists()
    path.unlink()
    yaml.unsafe_load(HOSTILE_YAML["apply"].replace("PATH", str(path)))
    assert path.exists()
