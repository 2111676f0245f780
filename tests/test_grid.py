"""The grid of a sweep: how it is written, what comes of it, and that all problems of all points come in one message."""

import pytest
import yaml

from lab import grid
from lab.config import Config, Decoding, decoding
from lab.errors import InputError


def parsed(text: str) -> grid.Grid:
    return grid.parse(yaml.safe_load(text))


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parsed(text)
    head, *lines = str(caught.value).splitlines()
    assert head == "The sweep has problems:"
    return lines


def test_every_combination_of_the_values_is_a_config():
    found = parsed("name: lr\nepochs: 3\ngrid: {learning_rate: [1e-4, 3e-4], adapter: {r: [4, 8]}}")
    assert (found.name, found.keys) == ("lr", ["learning_rate", "adapter.r"])
    assert [point.values for point in found.points] == [
        {"learning_rate": rate, "adapter.r": r} for rate in (1e-4, 3e-4) for r in (4, 8)
    ]
    assert found.points[3].config == Config(name="lr", epochs=3, learning_rate=3e-4, adapter={"r": 8})


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("grid: {max_steps: [1, 2]}", "max_steps", [1, 2]),  # takes the place of the epochs, as in a config
        ("grid: {train_rows: [100, all]}", "train_rows", [100, "all"]),
        ("epochs: 2\ngrid: {evaluate_at: [[1], [1, 2]]}", "evaluate_at", [[1], [1, 2]]),
        ("grid: {validation: [null, 0.5]}", "validation", [None, 0.5]),
        ("grid: {seed: 3}", "seed", [3]),  # a single value is a list of one
        ("seed: 9\ngrid: {seed: [1, 2]}", "seed", [1, 2]),  # the grid wins
    ],
)
def test_values_are_those_of_the_config(text, key, values):
    assert [point.values[key] for point in parsed(text).points] == values


def test_a_definition_is_read_back():
    found = parsed("name: x\nadapter: {alpha: 8}\ngrid: {learning_rate: [1e-4, 3e-4], optimizer: [adamw]}")
    again = grid.parse({"name": "x", **yaml.safe_load(yaml.safe_dump(found.definition))})
    assert (again.points, again.definition) == (found.points, found.definition)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs: 1", "grid: names the keys to sweep"),
        ("grid: []", "grid: names the keys to sweep"),
        ("grid: {seed: []}", "grid.seed: give at least one value"),
        ("grid: {learning_rate: [1e-4, 0.0001]}", "grid.learning_rate: 0.0001 stands there twice"),
        ("grid: {adapter: [{r: 4}]}", "grid.adapter: a value is a mapping"),
        ("grid: {name: [a, b]}", "grid.name: a name is no setting"),
        ("grid: {learning_rat: [1e-4]}", "learning_rat: unknown key; did you mean learning_rate?"),
        ("grid: {seed.x: [1]}\nseed: 1", "grid.seed.x: seed has no keys of its own"),
        ("subject: base\ngrid: {learning_rate: [1]}", "learning_rate: unknown key"),
        ("subject: base\nepochs: 3\ngrid: {beams: [1, 2]}", "epochs: unknown key"),
    ],
)
def test_what_is_written_wrong_is_said(text, said):
    assert problems(text)[0].startswith(said)


def test_there_is_a_limit_on_the_points_which_is_said():
    values = ", ".join(map(str, range(251)))
    assert problems(f"grid: {{seed: [{values}], epochs: [1, 2]}}") == [
        "grid: 251 × 2 values make 502 points; at most 500 at once"
    ]


def test_the_product_of_the_published_ways_to_decode_is_one_sweep():
    tenths = "temperature: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]"
    wide = f"{{top_k: [30, 40, 50, 60, 70, 80], beams: [2, 3, 4, 5, 6, 7, 8], {tenths}}}"
    found = parsed(f"subject: base\ngrid: {wide}")
    assert len(found.points) == 6 * 7 * 11 and all("mode=sample" in point.settings for point in found.points)


def test_all_problems_of_all_points_come_once_with_the_points_that_have_them():
    found = problems("batch_size: 0\ngrid: {learning_rate: [1e-4, 30], adapter.r: [4, 0]}")
    assert len(found) == 3
    assert "batch_size: Input should be greater than 0" in found  # all points have it
    assert (
        "learning_rate: Input should be less than or equal to 1 (with learning_rate=30, adapter.r=4; learning_rate=30, adapter.r=0)"
        in found
    )


def test_with_a_subject_the_grid_holds_keys_of_the_decoding():
    found = parsed(
        "subject: run-1\ndecoding: {max_new_tokens: 9}\ngrid: {decoding.beams: [1, 4], mode: [greedy, sample]}"
    )
    assert found.asking.subject == "run-1"
    assert found.keys == ["beams", "mode"]
    assert found.points[1].settings == ["max_new_tokens=9", "beams=1", "mode=sample"]
    assert found.notes == []


def test_what_only_matters_where_tokens_are_drawn_has_them_drawn_or_is_refused():
    found = parsed("subject: base\ngrid: {temperature: [0.2, 1]}")
    assert found.points[0].settings == ["mode=sample", "temperature=0.2"]
    assert "drawn" in found.notes[0]
    said = problems("subject: base\ndecoding: {mode: greedy}\ngrid: {temperature: [0.2, 1]}")
    assert said == ["temperature: changes nothing with mode=greedy; set decoding: {mode: sample}"]


def test_a_subject_is_told_what_its_points_decode_with_and_each_of_them_does_so():
    found = parsed("subject: base\ngrid: [{top_k: [30, 80]}, {beams: [2, 8]}, {temperature: [0, 1]}]")
    for point in found.points:
        used = decoding(point.settings, Decoding(mode="labels", beams=7, top_k=9))  # whatever the subject's own is
        assert used.mode == "sample" and point.values == {key: getattr(used, key) for key in found.keys}
    assert found.notes == [
        "Tokens are drawn (decoding.mode=sample) where no mode is named, "
        "for else top_k and temperature would change nothing."
    ]
    mixed = parsed("subject: base\ngrid: [{mode: greedy, beams: [1, 2]}, {mode: sample, temperature: [0.2, 0.8]}]")
    assert [(point.values["mode"], point.values["temperature"]) for point in mixed.points] == [
        *[("greedy", None)] * 2,
        *(("sample", 0.2), ("sample", 0.8)),
    ]
    assert mixed.notes == []


SET = "set decoding: {mode: sample}"
OWN_BLOCK = "give that mode a block of its own, without it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "grid: {decoding.temperature: [0.2, 0.8, 1.4]}",
            f"decoding.temperature: changes nothing with mode=greedy; {SET}",
        ),
        (
            "decoding: {mode: labels}\ngrid: {decoding.beams: [1, 2]}",
            f"decoding.beams: changes nothing with mode=labels; {SET}",
        ),
        (
            "grid: {seed: [1]}\ndecodings: [{mode: greedy, temperature: [0.2, 0.8]}]",
            f"temperature: changes nothing with mode=greedy; {OWN_BLOCK} "
            "(with mode=greedy, temperature=0.2; mode=greedy, temperature=0.8)",
        ),
        (
            "subject: base\ngrid: {mode: [greedy, sample], top_k: [5, 9]}",
            f"top_k: changes nothing with mode=greedy; {OWN_BLOCK} (with mode=greedy, top_k=5; mode=greedy, top_k=9)",
        ),
    ],
)
def test_values_that_change_nothing_make_no_points(text, said):
    assert problems(text) == [said]


def test_values_that_do_change_something_are_taken():
    assert len(parsed("decoding: {mode: sample}\ngrid: {decoding.temperature: [0.2, 0.8]}").points) == 2
    found = parsed("subject: base\ngrid: {mode: [greedy, sample], temperature: 0.5}")
    assert [point.values["temperature"] for point in found.points] == [None, 0.5]
    found = parsed("decoding: {mode: sample, beams: 5}\ngrid: {seed: [1]}\ndecodings: [{temperature: 0.5}, {beams: 2}]")
    assert [tuple(point.values.values()) for point in found.decodings] == [
        (0.5, 5),
        (0.8, 2),
    ]  # on top of the run's own
