"""The config: defaults that hold together, and every wrong key named at once."""

import pytest
import yaml

from lab.config import Config, Decoding, decoding, dump, parse, read, reference, with_settings
from lab.errors import InputError

EXAMPLE = """
name: mood-500            # becomes part of the id
task: hall
dataset: hall
base_model: someone/some-model@main
quantization: nf4
adapter: {method: lora, r: 64, alpha: 16, dropout: 0.1, targets: all-linear, rslora: false, dora: false}
train_rows: all
epochs: 10
batch_size: 16
accumulate: 1
learning_rate: 2.0e-4
schedule: constant
warmup: 0.03
optimizer: adamw
gradient_checkpointing: false
max_length: 512
seed: 42
validation: 0.2
evaluate_at: [1, 5, 10]
score_train_rows: false
checkpoint_every: 1
decoding: {mode: greedy, max_new_tokens: 16}
shared_prefix: auto
"""


def message(values: dict) -> str:
    with pytest.raises(InputError) as error:
        parse(values)
    return str(error.value)


def test_no_config_at_all_is_a_good_config():
    assert parse({}) == Config() == read(None, [])


def test_the_documented_example_is_a_good_config(tmp_path):
    path = tmp_path / "mood.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    config = read(path, [])
    assert (config.name, config.adapter.r, config.learning_rate) == ("mood-500", 64, 2e-4)
    assert (config.train_rows, config.validation, config.evaluate_at) == ("all", 0.2, [1, 5, 10])
    assert config.decoding.max_new_tokens == 16


@pytest.mark.parametrize("values", [{}, yaml.safe_load(EXAMPLE), {"max_steps": 5}, {"validation": "none", "seed": 0}])
def test_a_config_written_to_yaml_reads_back_the_same(values):
    config = parse(values)
    assert parse(yaml.safe_load(dump(config))) == config


# -- wrong keys and values -------------------------------------------------------------------------------------------


def test_three_wrong_keys_are_all_named_in_one_message():
    said = message({"epoch": 3, "adapter": {"rank": 8}, "decoding": {"temprature": 1}})
    for part in ("epoch: unknown key", "adapter.rank: unknown key", "decoding.temprature: unknown key"):
        assert part in said


def test_wrong_keys_and_wrong_values_stand_in_one_message():
    said = message({"epoch": 3, "batch_size": 0, "quantization": "nf5", "learning_rate": "fast", "seed": -1})
    for key in ("epoch", "batch_size", "quantization", "learning_rate", "seed"):
        assert key in said


def test_a_wrong_key_does_not_hide_that_two_keys_contradict():
    said = message({"learningrate": 1e-3, "epochs": 1, "max_steps": 5})
    assert "learningrate" in said
    assert "exactly one" in said


@pytest.mark.parametrize(
    ("key", "near"), [("learning_rat", "learning_rate"), ("max_lenght", "max_length"), ("quantisation", "quantization")]
)
def test_a_misspelt_key_is_answered_with_the_nearest(key, near):
    assert f"{key}: unknown key; did you mean {near}?" in message({key: 1})


def test_a_key_unlike_any_other_gets_no_guess():
    assert "did you mean" not in message({"zzzzzz": 1})


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Not A Name"},
        {"name": "../up"},
        {"name": "x" * 49},
        {"epochs": 0},
        {"epochs": 1.5},
        {"train_rows": 0},
        {"train_rows": "some"},
        {"train_rows": True},
        {"validation": 0},
        {"validation": 0.0},
        {"validation": 1.0},
        {"validation": 1.5},
        {"validation": -3},
        {"validation": True},
        {"validation": "../test"},
        {"validation": ""},
        {"learning_rate": 0},
        {"learning_rate": float("nan")},
        {"max_length": 2},
        {"warmup": 1.5},
        {"warmup": -0.1},
        {"evaluate_at": [0]},
        {"epochs": 2, "evaluate_at": [3]},
        {"adapter": {"r": 0}},
        {"adapter": {"alpha": float("inf")}},
        {"adapter": {"method": "prefix"}},
        {"decoding": {"mode": "beam"}},
        {"decoding": {"temperature": -0.1}},
        {"decoding": {"top_p": 0}},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused_under_its_key(values):
    key, value = list(values.items())[-1]
    said = message(values)
    assert key in said
    if isinstance(value, dict):
        assert next(iter(value)) in said


@pytest.mark.parametrize("value", ["all", 1, 500])
def test_train_rows_are_all_or_a_number(value):
    assert parse({"train_rows": value}).train_rows == value


@pytest.mark.parametrize("value", [0.2, 200, "test", "none", None])
def test_validation_is_a_share_a_number_a_split_or_none(value):
    config = parse({"validation": value})
    assert config.validation == value
    assert type(config.validation) is type(value)


# -- epochs or steps -------------------------------------------------------------------------------------------------


def test_steps_replace_the_default_epochs():
    config = parse({"max_steps": 7})
    assert (config.epochs, config.max_steps) == (None, 7)


@pytest.mark.parametrize(
    "values", [{"epochs": 2, "max_steps": 7}, {"epochs": None}, {"epochs": None, "max_steps": None}]
)
def test_exactly_one_of_epochs_and_steps_is_given(values):
    said = message(values)
    assert "epochs, max_steps: give exactly one" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"adapter": {"method": "full"}}, "needs quantization: none"),
        ({"adapter": {"method": "full", "r": 8}, "quantization": "none"}, "adapter.r: belongs to the method lora"),
        ({"adapter": {"method": "adalora", "dora": True}}, "adapter.dora: belongs to the method lora, not to adalora"),
        ({"adapter": {"method": "llama-adapter", "rslora": True}}, "adapter.rslora: belongs to the method lora"),
        ({"adapter": {"adapter_len": 5}}, "adapter.adapter_len: belongs to the method llama-adapter, not to lora"),
        ({"adapter": {"method": "llama-adapter", "alpha": 8}}, "belongs to the method lora and adalora"),
        ({"adapter": {"method": "adalora", "target_r": 12}}, "12 must be less than initial_r, 12"),
        ({"adapter": {"method": "adalora", "tinit": 0.6, "tfinal": 0.4}}, "less than 1 together"),
        ({"adapter": {"method": "ia3"}}, "adapter.method"),
    ],
)
def test_what_contradicts_the_method_is_said(values, said):
    assert said in message(values)


def test_a_method_takes_its_own_keys_and_the_defaults_of_others():
    for method in ("lora", "adalora", "llama-adapter", "full"):
        made = parse({"adapter": {"method": method}, "quantization": "none"})
        assert parse(yaml.safe_load(dump(made))) == made
    assert parse({"adapter": {"method": "adalora", "initial_r": 64, "target_r": 16}}).adapter.target_r == 16


# -- --set -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("learning_rate=2e-4", {"learning_rate": 0.0002}),
        ("learning_rate=2.5E-04", {"learning_rate": 0.00025}),
        ("learning_rate=0.1", {"learning_rate": 0.1}),
        ("epochs=3", {"epochs": 3}),
        ("evaluate_at=[1, 2]", {"evaluate_at": [1, 2]}),
        ("adapter.r=8", {"adapter": {"r": 8}}),
        ("adapter={r: 8}", {"adapter": {"r": 8}}),
        ("dora=true", {"dora": True}),
        ("validation=none", {"validation": "none"}),
        ("max_steps=null", {"max_steps": None}),
        ("max_steps=", {"max_steps": None}),
        ("base_model=a/b@c=d", {"base_model": "a/b@c=d"}),
        (" seed = 7", {"seed": 7}),
        ("adapter.targets=[q_proj, v_proj]", {"adapter": {"targets": ["q_proj", "v_proj"]}}),
    ],
)
def test_a_setting_is_a_dotted_key_and_a_yaml_value(setting, values):
    assert with_settings({}, [setting]) == values


def test_settings_go_on_top_of_the_file_and_the_last_one_counts(tmp_path):
    path = tmp_path / "mood.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    config = read(path, ["adapter.r=8", "epochs=20", "epochs=12"])
    assert (config.adapter.r, config.adapter.alpha, config.epochs) == (8, 16, 12)


def test_settings_leave_the_values_they_start_from_alone():
    values = {"adapter": {"r": 8}}
    with_settings(values, ["adapter.r=4"])
    assert values == {"adapter": {"r": 8}}


@pytest.mark.parametrize("setting", ["epochs", "=3", "", "epochs=[", "adapter.r.x=1 2: 3", "name.x=1"])
def test_a_setting_that_cannot_be_read_is_named(setting):
    with pytest.raises(InputError) as error:
        parse(with_settings({"name": "a", "adapter": {"r": 8}}, [setting]))
    assert setting.partition("=")[0].partition(".")[0] in str(error.value)


@pytest.mark.parametrize("content", [None, "- a", "a: [", "text", b"\xff\xfe"])
def test_a_config_file_that_cannot_be_read_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "mood.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=r"mood\.yaml"):
        read(path, [])


def test_an_empty_config_file_means_the_defaults(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert read(tmp_path / "empty.yaml", []) == Config()


# -- decoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["top_k=5", "decoding.top_k=5"])
def test_a_decoding_is_set_with_or_without_its_name(setting):
    assert decoding([setting], Decoding(seed=3)) == Decoding(seed=3, top_k=5)


def test_a_wrong_key_of_a_decoding_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean temperature"):
        decoding(["temperatur=1"])


@pytest.mark.parametrize(("kind", "longest"), [("classify", 16), ("generate", 256)])
def test_the_longest_answer_depends_on_the_kind_of_task(kind, longest):
    assert Decoding().for_kind(kind).max_new_tokens == longest
    assert Decoding(max_new_tokens=5).for_kind(kind).max_new_tokens == 5


def test_what_does_not_matter_for_an_outcome_does_not_tell_decodings_apart():
    assert Decoding(seed=1).identity() == Decoding(seed=2, temperature=0.1).identity()
    assert Decoding(mode="sample", seed=1).identity() != Decoding(mode="sample", seed=2).identity()
    assert Decoding(beams=2).identity() != Decoding().identity()
    assert Decoding(mode="labels", beams=2).identity() == Decoding(mode="labels").identity()


def test_every_key_is_explained():
    found = {key: meaning for key, _, meaning in reference()}
    assert {"name", "epochs", "adapter.r", "decoding.mode"} <= set(found)
    assert all(found.values())
