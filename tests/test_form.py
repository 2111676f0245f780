"""The form of a run's config: the same keys, defaults and checks as the config, and no paths."""

import gradio as gr
import pytest

from lab import config
from lab.config import Config
from lab.errors import InputError
from lab.ui import form
from lab.ui.form import Form


@pytest.fixture
def filled(home):
    with gr.Blocks():
        return Form(home)


def read(filled: Form, **entered) -> Config:
    """What comes of the form when some fields are changed; `__` stands for the dot in a key."""
    values = {field.key: part.value for field, part in zip(filled.fields, filled.components, strict=True)}
    values |= {key.replace("__", "."): value for key, value in entered.items()}
    return filled.read(*values.values())


def problems(filled: Form, **entered) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(filled, **entered)
    return str(caught.value).splitlines()


def test_every_key_of_the_config_stands_on_the_form_once(filled):
    assert [field.key for field in filled.fields] == [key for key, _, _ in config.reference()]
    assert len({id(part) for part in filled.components}) == len(filled.fields)


def test_untouched_it_is_the_default_config(filled):
    assert read(filled) == Config()


def test_every_field_has_a_label_of_its_own_and_says_what_it_is(filled):
    labels = [part.label for part in filled.components]
    assert len(set(labels)) == len(labels)
    assert not any("_" in label or "." in label for label in labels)
    assert all(part.info for part in filled.components)


@pytest.mark.parametrize(
    ("key", "entered", "value"),
    [
        ("train_rows", "all", "all"),
        ("train_rows", " 300 ", 300),
        ("epochs", 3.0, 3),
        ("learning_rate", "3e-5", 3e-5),
        ("learning_rate", "0.01", 0.01),
        ("validation", "0.3", 0.3),
        ("validation", "200", 200),
        ("validation", "dev", "dev"),
        ("validation", "none", "none"),
        ("validation", "", None),
        ("warmup", 0, 0),
        ("optimizer", "adamw_8bit", "adamw_8bit"),
        ("gradient_checkpointing", True, True),
        ("dataset", "town-hall", "town-hall"),
        ("base_model", "meta-llama/Llama-2-7b-hf@main", "meta-llama/Llama-2-7b-hf@main"),
        ("name", "123", "123"),
    ],
)
def test_what_is_entered_becomes_the_value(filled, key, entered, value):
    assert getattr(read(filled, **{key: entered}), key) == value


@pytest.mark.parametrize("entered", ["1, 2", "[1, 2]"])
def test_a_list_may_stand_without_its_brackets(filled, entered):
    assert read(filled, epochs=2, evaluate_at=entered).evaluate_at == [1, 2]
    assert read(filled, epochs=2, evaluate_at="2").evaluate_at == [2]


def test_nested_keys_are_read_too(filled):
    made = read(filled, adapter__r=4.0, adapter__targets="q_proj, v_proj", decoding__max_new_tokens="20")
    assert (made.adapter.r, made.adapter.targets, made.decoding.max_new_tokens) == (4, ["q_proj", "v_proj"], 20)
    assert made.adapter.dropout == Config().adapter.dropout


def test_steps_replace_the_epochs_that_nobody_touched(filled):
    made = read(filled, max_steps="70")
    assert (made.max_steps, made.epochs) == (70, None)
    assert problems(filled, max_steps="70", epochs=3) == ["epochs, max_steps: give exactly one of them"]


def test_all_problems_come_in_one_message(filled):
    found = problems(filled, name="No Name", epochs=0, learning_rate="fast", base_model="/etc", adapter__r=1.5)
    assert {line.partition(":")[0] for line in found} == {"name", "epochs", "learning_rate", "base_model", "adapter.r"}


@pytest.mark.parametrize("path", ["/etc", "~", "..", "./assets/tiny-llama", "assets/tiny-llama", "a/b/c", "", None])
def test_a_model_is_never_a_path(filled, path):
    assert problems(filled, base_model=path)[0].startswith("base_model: ")


@pytest.mark.parametrize("key", ["task", "dataset"])
@pytest.mark.parametrize("name", ["/tmp/mine.yaml", "mine.yaml", "../sentiment", "", None, ["sentiment"]])
def test_task_and_dataset_are_names_of_the_lists(filled, key, name):
    assert problems(filled, **{key: name})[0].startswith(f"{key}: there is no {key}")


@pytest.mark.parametrize(
    "entered", ["[&a [1], *a]", "*x", "1" * 301, "{", "[" * 299, "[" * 150 + "]" * 150, "!!python/name:os.system"]
)
def test_yaml_that_could_grow_or_cannot_be_read_is_refused(filled, entered):
    assert problems(filled, train_rows=entered)[0].startswith("train_rows: ")


def test_new_datasets_and_tasks_come_into_the_lists(filled, colours):
    choices = [update["choices"] for update in filled.refreshed()]
    assert all("colours" in names for names in choices)


def test_a_key_that_comes_to_the_config_later_has_a_place():
    assert form.parts(["brand_new", "adapter.r", "newer", "accumulate"]) == {
        "Base model": ["brand_new"],
        "Adapter": ["adapter.r", "newer"],
        "Training": ["accumulate"],
    }


def test_a_config_in_words_is_what_differs_from_the_defaults():
    chosen = Config(name="x", train_rows="all", adapter={"r": 4}, evaluate_at=[1], decoding={"max_new_tokens": 16})
    assert form.in_words(chosen, "classify") == "adapter.r 4, train_rows all, evaluate_at [1]"
    assert form.in_words(Config(max_steps=5), "generate") == "max_steps 5"


def test_a_config_fills_the_form_and_comes_back_the_same(filled):
    chosen = Config(
        train_rows="all", max_steps=5, adapter={"r": 4, "targets": ["q_proj"]}, evaluate_at=[1], dataset="claims"
    )
    assert filled.read(*filled.filled(chosen)) == chosen
    assert filled.read(*filled.filled(Config())) == Config()
    with pytest.raises(InputError, match="no task 'gone' here"):
        filled.filled(Config(task="gone"))


def test_a_folder_of_this_machine_never_comes_onto_the_form(filled, tmp_path):
    assert str(tmp_path) not in str(filled.filled(Config(base_model=str(tmp_path / "model"))))


def test_what_is_folded_away_says_how_much_of_it_was_changed(filled):
    assert filled.folded(*filled.filled(Config(epochs=3))) == "All settings"
    assert filled.folded(*filled.filled(Config(seed=1, adapter={"r": 4}))) == "All settings (2 changed)"


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("lora", {"r", "alpha", "dropout", "targets", "rslora", "dora"}),
        ("adalora", {"alpha", "dropout", "targets", "initial_r", "target_r", "tinit", "tfinal", "orthogonality"}),
        ("llama-adapter", {"adapter_len", "adapter_layers"}),
        ("full", set()),
    ],
)
def test_only_the_keys_of_the_chosen_method_are_shown(filled, method, shown):
    keys = [field.key for field in filled.fields if field.key.startswith("adapter.") and field.key != "adapter.method"]
    assert {key.removeprefix("adapter.") for key in keys if form._belongs(key, method)} == shown
    if method == "lora":  # as the form opens
        parts = dict(zip((field.key for field in filled.fields), filled.components, strict=True))
        assert {key.removeprefix("adapter.") for key in keys if parts[key].visible} == shown


def test_what_is_hidden_counts_for_nothing(filled):
    made = read(filled, adapter__method="llama-adapter", adapter__r=64.0, adapter__dora=True, adapter__adapter_len=5.0)
    assert made.adapter == Config(adapter={"method": "llama-adapter", "adapter_len": 5}).adapter
    assert problems(filled, adapter__method="full") == [
        "adapter.method: full trains all weights, which needs quantization: none"
    ]
    assert problems(filled, adapter__method=["lora"])[0].startswith("adapter.method: ")
