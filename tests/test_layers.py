"""The layers: who may import whom, what starting the lab costs, and what stands nowhere in its code."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "lab"

# From the bottom to the top: a layer imports itself and those above it in this list.
LAYERS = {
    "words": [
        "errors",
        "yaml_text",
        "task",
        "difference",
        "lint",
        "template",
        "model_files",
        "tokens",
        "prompt",
        "marks",
        "chat",
        "blind",
        "answered",
        "history",
        "methods",
        "hanging",
        "decoding",
        "config",
        "blocks",
        "wanted_metrics",
        "grid",
        "metrics",
        "kappa",
        "dataset_card",
        "row_scores",
        "scores",
        "rating_form",
        "rating_scores",
        "packing",
        "shapes",
        "bounds",
        "memory",
        "vllm",
        "hub_ids",
    ],
    "records": [
        "home",
        "staging",
        "temporary",
        "memo",
        "objects",
        "table_limits",
        "text_file",
        "csv_file",
        "tables",
        "foreign",
        "data",
        "browse",
        "splits",
        "versions",
        "tasks",
        "presets",
        "ahead",
        "machine",
        "space",
        "hub_token",
        "hub_client",
        "bases",
        "lengths",
        "checks",
        "checkpoints",
        "disk",
        "shortage",
        "job",
        "runs",
        "points",
        "findings",
        "progress",
        "subjects",
        "evaluations",
        "text_scores",
        "comparison",
        "scoring",
        "repeats",
        "sweeps",
        "sweep_asked",
        "sweep_cells",
        "sweep_results",
        "sweep_words",
        "scoreboard",
        "course",
        "behind",
        "exports",
        "fitting",
        "plan",
        "calibration",
        "readiness",
        "balance",
        "preview",
        *("card_scores", "card", "export", "merging", "publish"),
        "copies",
        "prompt_lists",
        "asking",
        "label_merging",
        "agreement",
        "publication",
        "ratings",
    ],
    "jobs": ["ending", "signs", "queue", "worker", "jobs", "sweeping", "generator", "leaving"],
    "compute": [
        *(
            "prefix",
            "mixed",
            "unpacked",
            "tuners",
            "model",
            "selfcheck",
            "generate",
            "decide",
            "side_by_side",
            "text_overlap",
            "perplexity",
            "bertscore",
            "text_metrics",
            "evaluate",
            "finite",
            "keeper",
            "trainer",
            "train",
            "calibrate",
        ),
        *("merge", "hub"),
    ],
    "faces": ["cli", "ui"],
}
MAY_IMPORT = {  # other layers
    "words": set(),
    "records": {"words"},
    "jobs": {"words", "records"},
    "compute": {"words", "records"},
    "faces": {"words", "records", "jobs"},
}
WORDS = {"pydantic", "pydantic_core", "yaml", "jinja2", "tokenizers"}
RECORDS = WORDS | {"pyarrow", "huggingface_hub", "httpx2", "safetensors"}
LIBRARIES = {  # at the top of a module, beside the standard library
    "words": WORDS,
    "records": RECORDS,
    "jobs": set(),
    "compute": RECORDS | {"torch", "transformers", "peft", "trl", "bitsandbytes", "datasets"},
    "faces": {"yaml", "pydantic", "click", "rich", "tqdm"},
}
PAGE = {"gradio", "gradio_client", "plotly", "starlette", "pandas"}  # in `ui` alone
# The entry points where the heavy half of the lab is loaded: (file, function) -> module.
LATE = {
    ("worker.py", "_train"): {"lab.train"},
    ("worker.py", "_evaluate"): {"lab.evaluate"},
    ("worker.py", "_score"): {"lab.evaluate"},
    ("worker.py", "_calibrate"): {"lab.calibrate"},
    ("worker.py", "_merge"): {"lab.merge"},
    ("generator.py", "_serve"): {"lab.side_by_side"},
    ("cli/ask.py", "generate"): {"lab.side_by_side"},
    ("cli/data.py", "dataset_add"): {"lab.hub"},
}
LATE_LIBRARIES = {"sklearn", "scipy", "numpy", "sacrebleu"}  # inside functions, in any layer
LATE_IN_COMPUTE = {"nltk", "rouge_score", "bert_score"}  # slow to load, or with torch
HEAVY = ["torch", "transformers", "peft", "trl", "datasets", "bitsandbytes", "sklearn", "scipy"]
FILES = sorted(LAB.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(LAB).as_posix()


def layer_of(path: Path) -> str | None:
    """The layer of a file; None for `lab/__init__.py` and `lab/__main__.py`."""
    part = path.relative_to(LAB).parts[0].removesuffix(".py")
    return next((layer for layer, modules in LAYERS.items() if part in modules), None)


def imports(path: Path) -> Iterator[tuple[str | None, str]]:
    """(function or None at the top, dotted module) of every import of a file; `from lab import x` is `lab.x`."""

    def walk(node: ast.AST, function: str | None) -> Iterator[tuple[str | None, str]]:
        for child in ast.iter_child_nodes(node):
            inner = function
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                inner = function or getattr(child, "name", "lambda")
            if isinstance(child, ast.Import):
                yield from ((inner, alias.name) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{name_of(path)}: imports are absolute"
                if child.module in ("lab", "lab.cli", "lab.ui"):
                    yield from ((inner, f"{child.module}.{alias.name}") for alias in child.names)
                else:
                    yield inner, child.module
            yield from walk(child, inner)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), None)


def layer_of_module(dotted: str) -> str | None:
    part = dotted.split(".")[1]
    return next((layer for layer, modules in LAYERS.items() if part in modules), None)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_belongs_to_one_layer(path):
    assert layer_of(path) or path.name in ("__init__.py", "__main__.py")


@pytest.mark.parametrize("path", [p for p in FILES if layer_of(p)], ids=name_of)
def test_a_module_imports_its_own_layer_and_those_above_alone(path):
    layer = layer_of(path)
    for function, module in imports(path):
        if module.split(".")[0] == "lab" and module not in LATE.get((name_of(path), function), ()):
            assert layer_of_module(module) in {layer, *MAY_IMPORT[layer]}, f"{function or 'top'} imports {module}"


@pytest.mark.parametrize("path", [p for p in FILES if layer_of(p)], ids=name_of)
def test_a_module_uses_the_libraries_of_its_layer_alone(path):
    for function, module in imports(path):
        library = module.split(".")[0]
        if library != "lab" and library not in sys.stdlib_module_names:
            allowed = LIBRARIES[layer_of(path)] | (LATE_LIBRARIES if function else set())
            allowed |= LATE_IN_COMPUTE if function and layer_of(path) == "compute" else set()
            allowed |= PAGE if path.is_relative_to(LAB / "ui") else set()
            assert library in allowed, f"{function or 'top'} imports {module}"


def test_no_two_modules_import_each_other():
    graph = {}
    for path in FILES:
        name = "lab." + name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        graph[name] = {module for function, module in imports(path) if function is None}
    names, reached = set(graph), set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' -> '.join([*way, name])}"
        if name not in reached:
            for other in graph[name] & names:
                visit(other, (*way, name))
            reached.add(name)

    for name in names:
        visit(name, ())


@pytest.mark.parametrize(("place", "modules"), LATE.items(), ids=str)
def test_the_late_imports_are_those_listed(place, modules):
    file, function = place
    assert modules <= {module for where, module in imports(LAB / file) if where == function}


def test_the_command_line_starts_without_the_heavy_libraries():
    code = f"import lab.cli, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


# -- what stands nowhere ---------------------------------------------------------------------------------------------


def is_true(node: ast.AST) -> bool:
    return not (isinstance(node, ast.Constant) and node.value in (False, None))


def dangers(tree: ast.AST) -> Iterator[str]:
    """What must not stand in the code of the lab: other people's code, a shell, pickles, swallowed errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("trust_remote_code", "shell") and is_true(node.value):
            yield f"line {node.lineno}: {node.arg}"
        elif isinstance(node, ast.keyword) and node.arg == "weights_only" and not is_true(node.value):
            yield f"line {node.lineno}: weights_only=False"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {node.lineno}: bare except"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            yield from (f"line {node.lineno}: {name}" for name in names if name and name.startswith("AutoPeft"))
            for name in names:
                if name and name.split(".")[0] in ("pickle", "cPickle", "dill", "marshal", "shelve", "joblib"):
                    yield f"line {node.lineno}: {name}"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"):
                yield f"line {node.lineno}: {called}"
            if called == "torch.load" and "weights_only" not in {k.arg for k in node.keywords}:
                yield f"line {node.lineno}: torch.load without weights_only"
        elif isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).split(".")[-1].startswith("AutoPeft"):
            yield f"line {node.lineno}: {ast.unparse(node)}"  # loads the base that an adapter names, whoever wrote it


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_code_of_others_no_shell_no_pickle_and_no_bare_except(path):
    assert list(dangers(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    [
        "f(trust_remote_code=True)",
        "f(trust_remote_code=x)",
        "run('ls', shell=True)",
        "import pickle",
        "from pickle import load",
        "try:\n    f()\nexcept:\n    pass",
        "torch.load(x)",
        "torch.load(x, weights_only=False)",
        "yaml.load(x)",
        "eval(x)",
        "peft.AutoPeftModel.from_pretrained(x)",
        "peft.AutoPeftModelForCausalLM.from_pretrained(x)",
        "from peft import AutoPeftModelForCausalLM as loader",
    ],
)
def test_this_test_would_notice(code):
    assert list(dangers(ast.parse(code)))
