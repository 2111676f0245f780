"""The prompt: what a model is shown and taught is, to the token, what its own chat template says."""

import dataclasses
from typing import get_args

import pytest
import tiny

from lab import template as template_module
from lab.chat import Chat
from lab.errors import InputError
from lab.prompt import Renderer, common_prefix
from lab.task import Task, fill, parse
from lab.template import FORMATS
from lab.tokens import Tokens

LABELS = ["positive", "negative", "none of these", "not sure at all"]
SYSTEM = "Decide what the writer thinks.\nAnswer with a label: $labels"
OWN_FORMATS = ["llama2", "chatml", "alpaca", "plain", "text"]
TEXTS = [
    "The film is slow but the actors are wonderful.",
    "Two lines,\nand a blank one:\n\nthe end.",
    "Ünïcödé, 漢字 and 😀!",
    "It costs $5, not $text or {{ eos_token }} {% if x %} [[ $label ]].",
    "'quoted' \"twice\"  with   blanks",
    "short",
]
ANSWERS = [
    "positive",
    "none of these",
    "An answer of\nseveral lines.\n\nAnd a blank one.",
    "42",
    "été 漢",
    "-",
    "a b  c",
]
SYSTEM_TEMPLATES = {"llama2", "qwen"}  # those with a system role


def make_task(**changes) -> Task:
    content = {"name": "mood", "instruction": SYSTEM, "prompt": "Sentence: $text\nSentiment:"}
    return Task(**{**content, "labels": [{"name": name} for name in LABELS], **changes})


def text_task(**changes) -> Task:
    return make_task(kind="generate", target="target", labels=[], instruction="Read the definitions.", **changes)


def renderer(folder, task: Task | None = None) -> Renderer:
    return Renderer(task or make_task(), Tokens.from_folder(folder))


def row(text: str = TEXTS[0], answer: str = "positive") -> dict:
    return {"text": text, "label": answer, "target": answer}


def reference(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def turns(used: Renderer, one: dict, answer: str | None = None) -> list[dict]:
    system, user = used.messages(one)
    found = [{"role": "system", "content": system}] if system else []
    found.append({"role": "user", "content": user})
    return found + ([{"role": "assistant", "content": answer}] if answer is not None else [])


def templated(folder, conversation: list[dict], prompt: bool) -> list[int]:
    """What transformers makes of a conversation."""
    return reference(folder).apply_chat_template(
        conversation, add_generation_prompt=prompt, tokenize=True, return_dict=False
    )


# -- a prompt is what the chat template says ------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_prompt_is_what_the_chat_template_says(tokenizer_folders, chat_style, text):
    folder = tokenizer_folders[chat_style]
    used = renderer(folder)
    assert used.format == "chat template"
    assert used.prompt_ids(row(text)) == templated(folder, turns(used, row(text)), prompt=True)


def test_prompt_without_instruction_is_what_the_chat_template_says(tokenizer_folders, chat_style):
    folder = tokenizer_folders[chat_style]
    used = renderer(folder, make_task(instruction=""))
    assert used.prompt_ids(row()) == templated(folder, [{"role": "user", "content": used.messages(row())[1]}], True)


@pytest.mark.parametrize("answer", ANSWERS)
def test_prompt_and_answer_are_the_whole_conversation_up_to_its_end_of_sequence(tokenizer_folders, chat_style, answer):
    folder = tokenizer_folders[chat_style]
    used = renderer(folder, text_task())
    example = next(used.examples([row(answer=answer)]))
    whole = templated(folder, turns(used, row(), answer), prompt=False)
    end = whole.index(used.tokens.id(used.tokens.eos), len(example.prompt)) + 1
    assert example.tokens == whole[:end]


@pytest.mark.parametrize("label", LABELS)
def test_labels_of_several_words_are_taught_as_the_template_writes_them(tokenizer_folders, chat_style, label):
    folder = tokenizer_folders[chat_style]
    used = renderer(folder)
    whole = templated(folder, turns(used, row(), label), prompt=False)
    start = len(used.prompt_ids(row()))
    end = whole.index(used.stop_id, start) + 1
    assert used.label_ids()[label] == whole[start:end]


@pytest.mark.parametrize("text", TEXTS)
def test_training_evaluation_and_preview_show_the_same_prompt(tokenizer_folders, style, text):
    used = renderer(tokenizer_folders[style])
    trained = next(used.examples([row(text)])).prompt
    assert trained == used.prompt_ids(row(text)) == used.prompts([row(text)])[0]


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_of_the_whole_text_are_those_of_prompt_and_completion(tokenizer_folders, style, text):
    used = renderer(tokenizer_folders[style])
    example = next(used.examples([row(text)]))
    whole = used.prompt_text(row(text)) + used.completion_text("positive")
    assert used.tokens.encode([whole])[0] == example.tokens


# -- beginning and end of sequence -------------------------------------------------------------------------------------


def test_prompt_begins_with_the_bos_that_the_tokenizer_adds_and_no_other(tokenizer_folders, style):
    folder = tokenizer_folders[style]
    used, bos = renderer(folder), {"llama2": [1], "mistral": [1], "phi": [], "qwen": []}[style]
    ids = used.prompt_ids(row())
    assert ids[: len(bos)] == bos == used.tokens.lead
    assert not set(bos) & set(ids[len(bos) :])


def test_a_template_that_writes_no_bos_gets_the_one_that_the_tokenizer_adds(tmp_path):
    template = tiny.LLAMA2_TEMPLATE.replace("bos_token + ", "")
    folder = tiny.tokenizer_folder(tmp_path, "llama2", template)
    used = renderer(folder)
    assert used.prompt_ids(row()) == [1, *templated(folder, turns(used, row()), prompt=True)]


@pytest.mark.parametrize("own", OWN_FORMATS)
def test_own_formats_get_exactly_the_bos_that_the_tokenizer_adds(tokenizer_folders, style, own):
    used = renderer(tokenizer_folders[style], make_task(format=own))
    assert used.prompt_ids(row()) == used.tokens.encoder.encode(used.prompt_text(row()), add_special_tokens=True).ids


@pytest.mark.parametrize("task", [make_task(), text_task(), *(make_task(format=f) for f in OWN_FORMATS)])
def test_exactly_one_end_of_sequence_is_trained_and_it_is_the_last_token(tokenizer_folders, style, task):
    used = renderer(tokenizer_folders[style], task)
    eos = used.tokens.id(used.tokens.eos)
    for answer in LABELS:
        completion = next(used.examples([row(answer=answer)])).completion
        assert completion.count(eos) == 1
        assert completion[-1] == eos == used.stop_id
        assert len(completion) > 1


def test_a_tokenizer_without_end_of_sequence_is_refused(tmp_path):
    folder = tiny.tokenizer_folder(tmp_path, "phi")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    with pytest.raises(InputError, match="end-of-sequence"):
        renderer(folder)


def test_the_end_that_the_template_writes_is_trained_though_the_tokenizer_names_another(tmp_path):
    folder = tiny.tokenizer_folder(tmp_path, "qwen")
    config = (folder / "tokenizer_config.json").read_text()
    (folder / "tokenizer_config.json").write_text(config.replace('"<|im_end|>"', '"<|endoftext|>"'))
    used = renderer(folder)
    assert used.completion_text("positive") == "positive<|im_end|>"
    assert used.stop_id == used.tokens.id("<|im_end|>")


def test_a_limit_written_into_the_tokenizer_cuts_no_prompt(tmp_path):
    folder = tiny.tokenizer_folder(tmp_path, "phi")
    whole = renderer(folder).prompt_ids(row())
    tokenizer = renderer(folder).tokens.encoder
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=512)
    tokenizer.save(str(folder / "tokenizer.json"))
    assert renderer(folder).prompt_ids(row()) == whole


# -- the system role ----------------------------------------------------------------------------------------------------


def test_a_template_without_system_role_has_the_instruction_folded_into_the_user_turn_and_says_so(tokenizer_folders):
    used = renderer(tokenizer_folders["mistral"])
    system, user = used.messages(row())
    assert system == ""
    assert user.startswith("Decide what the writer thinks.")
    assert user.endswith("Sentiment:")
    assert any("system" in note for note in used.notes)


@pytest.mark.parametrize("name", sorted(SYSTEM_TEMPLATES))
def test_a_template_with_system_role_keeps_the_instruction_there_without_remark(tokenizer_folders, name):
    used = renderer(tokenizer_folders[name])
    assert used.messages(row())[0].startswith("Decide what the writer thinks.")
    assert used.notes == []


def test_a_template_that_drops_the_system_turn_silently_has_it_folded_too(tmp_path):
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}<|im_start|>user {{ m.content }}<|im_end|>"
        "{% elif m.role == 'assistant' %}{{ m.content }}<|im_end|>{% endif %}{% endfor %}"
    )
    used = renderer(tiny.tokenizer_folder(tmp_path, "qwen", template))
    assert "Decide what the writer thinks." in used.prompt_text(row())
    assert used.notes


def test_an_empty_block_of_thoughts_belongs_to_the_prompt(tmp_path):
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{% if m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    folder = tiny.tokenizer_folder(tmp_path, "qwen", template)
    used = renderer(folder)
    assert used.prompt_text(row()).endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    whole = templated(folder, turns(used, row(), "positive"), prompt=False)
    assert next(used.examples([row()])).tokens == whole[: len(whole) - 1]  # all but the line break behind the end


# -- the task's own formats -----------------------------------------------------------------------------------------


def test_a_base_model_without_template_uses_the_plain_format(tokenizer_folders):
    assert renderer(tokenizer_folders["phi"]).format == "plain"


@pytest.mark.parametrize(
    ("own", "begins", "ends"),
    [
        ("llama2", "[INST] <<SYS>>\nDecide what", "Sentiment: [/INST]"),
        ("chatml", "<|im_start|>system\nDecide what", "Sentiment:<|im_end|>\n<|im_start|>assistant\n"),
        ("alpaca", "### Instruction:\nDecide what", "Sentiment:\n\n### Response:\n"),
        ("plain", "Decide what", "Sentiment:"),
        ("text", TEXTS[0], TEXTS[0]),
    ],
)
def test_own_formats_read_as_their_names_promise(tokenizer_folders, own, begins, ends):
    text = renderer(tokenizer_folders["phi"], make_task(format=own)).prompt_text(row())
    assert text.startswith(begins)
    assert text.endswith(ends)


@pytest.mark.parametrize("own", OWN_FORMATS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_own_formats_teach_the_answer_and_the_end_in_the_tokens_of_the_whole_text(tokenizer_folders, own, answer):
    used = renderer(tokenizer_folders["phi"], text_task(format=own))
    example = next(used.examples([row(answer=answer)]))
    encode = used.tokens.encoder.encode
    text = used.prompt_text(row()) + used.completion_text(answer)
    assert example.tokens == encode(text, add_special_tokens=False).ids
    assert text.endswith(f"{answer}<|endoftext|>")


def test_own_llama2_format_is_the_chat_template_of_llama2(tokenizer_folders):
    own, chat = (renderer(tokenizer_folders["llama2"], make_task(format=f)) for f in ("llama2", "auto"))
    assert own.prompt_ids(row()) == chat.prompt_ids(row())


def test_text_format_takes_a_column_that_holds_the_whole_prompt(tokenizer_folders):
    used = renderer(tokenizer_folders["qwen"], make_task(format="text"))
    assert used.prompt_text(row("Q: good? A:")) == "Q: good? A:"


def test_every_format_that_a_task_may_name_can_be_rendered():
    assert {"auto", *FORMATS} == set(get_args(Task.model_fields["format"].annotation))


def test_a_prompt_that_ends_in_a_blank_still_teaches_the_answer_and_one_end(tokenizer_folders, style):
    used = renderer(tokenizer_folders[style], make_task(prompt="Sentence: $text\nSentiment: ", format="plain"))
    example = next(used.examples([row(answer="none of these")]))
    assert used.tokens.encoder.decode(example.completion).strip() == "none of these"
    assert example.completion[-1] == used.stop_id


# -- fields ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("$text!", "good!"),
        ("$text$text", "goodgood"),
        ("${column name}", "spaced"),
        ("${text}ness", "goodness"),
        ("$unknown and ${unknown too}", "$unknown and ${unknown too}"),
        ("$$text costs $$5", "$text costs $5"),
        ("$5 and $ and $", "$5 and $ and $"),
        ("a[[ b $text]]", "a b good"),
        ("a[[ b $empty]]", "a"),
        ("a[[ b $blank]]", "a"),
        ("a[[ b $nothing]]", "a"),
        ("a[[ b $unknown]]", "a"),
        ("a[[\nb $text\n]]c", "a\nb good\nc"),
        ("[[$text]] [[$empty]]", "good "),
        ("$zero[[ of $zero]]", "0 of 0"),
        ("$nothing|$empty", "|"),
        ("$größe", "tall"),
    ],
)
def test_fields_are_filled_in(template, filled):
    values = {"text": "good", "column name": "spaced", "empty": "", "blank": "  ", "nothing": None, "zero": 0}
    assert fill(template, {**values, "größe": "tall"}) == filled


@pytest.mark.parametrize("value", ["$other", "$$", "${other}", "[[ $other ]]", "[[$empty]]", "]] x [[", "\\1 \\g<0>"])
@pytest.mark.parametrize("template", ["<$text>", "[[<$text>]]"])
def test_a_value_is_never_read_as_a_field(value, template):
    assert fill(template, {"text": value, "other": "secret", "empty": ""}) == f"<{value}>"


@pytest.mark.parametrize(
    "text", ["$label", "$labels", "$$", "{{ 7 * 7 }}", "{% raw %}", "{# gone #}", "[[ $label ]]", "{{ eos_token }}"]
)
def test_template_syntax_in_a_text_stands_in_the_prompt_as_it_is(tokenizer_folders, style, text):
    assert f"Sentence: {text}\n" in renderer(tokenizer_folders[style]).prompt_text(row(text))


def test_template_syntax_in_an_instruction_or_definition_stands_as_it_is(tokenizer_folders, style):
    task = make_task(
        instruction="{{ eos_token }} {% x %} $labels",
        labels=[{"name": "a", "definition": "{{ 1 }} $text"}, {"name": "b", "definition": "$$"}],
    )
    text = renderer(tokenizer_folders[style], task).prompt_text(row())
    assert "{{ eos_token }} {% x %} - a: {{ 1 }} $text\n- b: $$" in text


def test_labels_stand_with_their_definitions_or_as_bare_names(tokenizer_folders):
    labels = [{"name": "a", "definition": "first"}, {"name": "b", "definition": "second"}]
    long, short = (make_task(labels=labels, with_definitions=w) for w in (True, False))
    assert "- a: first\n- b: second" in renderer(tokenizer_folders["phi"], long).prompt_text(row())
    assert "Answer with a label: a, b" in renderer(tokenizer_folders["phi"], short).prompt_text(row())


# -- labels in tokens, shared prefix, cutting ----------------------------------------------------------------------


@pytest.mark.parametrize("own", ["auto", *OWN_FORMATS])
def test_a_label_has_the_same_tokens_behind_every_row(tokenizer_folders, style, own):
    used = renderer(tokenizer_folders[style], make_task(format=own))
    for text in TEXTS:
        for label in LABELS:
            assert next(used.examples([row(text, label)])).completion == used.label_ids()[label]


@pytest.mark.parametrize(
    ("sequences", "length"),
    [
        ([], 0),
        ([[1, 2, 3]], 3),
        ([[1, 2, 3], [1, 2, 4]], 2),
        ([[1, 2], [1, 2, 3]], 2),
        ([[1], [2]], 0),
        ([[1, 5, 9], [1, 5, 7], [1, 6, 8]], 1),
        ([[1, 2], []], 0),
        ([[3, 3], [3, 3]], 2),
    ],
)
def test_the_common_prefix_is_the_longest_that_all_rows_share(sequences, length):
    assert common_prefix(sequences) == length


def test_rows_share_the_instruction_with_its_definitions(tokenizer_folders, style):
    used = renderer(tokenizer_folders[style])
    prompts = used.prompts([row(text) for text in TEXTS])
    shared = used.tokens.encoder.decode(prompts[0][: common_prefix(prompts)])
    assert "not sure at all" in shared


@pytest.mark.parametrize("spare", [0, 1, 7, 20])
def test_cutting_shortens_the_text_from_its_end_and_never_the_answer(tokenizer_folders, style, spare):
    used = renderer(tokenizer_folders[style])
    long = row(" ".join(f"{word} {word}" for word in TEXTS[0].split() * 20), "not sure at all")
    limit = len(next(used.examples([row("", "not sure at all")]))) + spare
    cut = used.cut(long, limit)
    example = next(used.examples([cut]))
    assert len(example) <= limit
    assert example.completion == used.completion_ids("not sure at all")
    assert long["text"].startswith(cut["text"])
    assert {**cut, "text": ""} == {**long, "text": ""}
    assert limit - len(example) <= 3  # no more is cut than must be


def test_a_row_that_fits_is_not_cut(tokenizer_folders, style):
    used = renderer(tokenizer_folders[style])
    assert used.cut(row(), len(next(used.examples([row()])))) == row()


def test_cutting_raises_when_instruction_and_answer_alone_are_too_long(tokenizer_folders, style):
    used = renderer(tokenizer_folders[style])
    limit = len(next(used.examples([row("")]))) - 1
    with pytest.raises(InputError, match="1 tokens too short"):
        used.cut(row("word " * 50), limit)


# -- templates that must not be run ---------------------------------------------------------------------------------

HOSTILE = {
    "class walk": "{{ ''.__class__.__mro__ }}",
    "globals": "{{ lipsum.__globals__['os'].popen('touch ' + messages[0].content).read() }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "subclasses": "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "changes its input": "{{ messages.append(1) }}",
    "file": "{% include '/etc/passwd' %}",
}
BROKEN = {
    "unclosed": "{% if messages %}",
    "unknown tag": "{% launch %}",
    "undefined call": "{{ messages.nothing() }}",
    "unknown filter": "{{ messages | nothing }}",
    "always raises": "{{ raise_exception('no') }}",
    "type": "{{ messages[0].content + 1 }}",
    "division": "{{ 1 / 0 }}",
    "endless range": "{% for i in range(10 ** 12) %}{% endfor %}",
    "endless recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
}


@pytest.mark.parametrize("template", [*HOSTILE.values(), *BROKEN.values()], ids=[*HOSTILE, *BROKEN])
def test_a_hostile_or_broken_chat_template_is_refused_and_not_run(tmp_path, monkeypatch, template):
    monkeypatch.chdir(tmp_path)
    folder = tiny.tokenizer_folder(tmp_path / "model", "qwen", template + tiny.QWEN_TEMPLATE)
    with pytest.raises(InputError, match="chat template"):
        renderer(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_chat_template_file_beside_the_tokenizer_counts(tmp_path):
    folder = tiny.tokenizer_folder(tmp_path, "qwen", None)
    (folder / "chat_template.jinja").write_text(tiny.QWEN_TEMPLATE)
    used = renderer(folder)
    assert used.prompt_ids(row()) == templated(folder, turns(used, row()), prompt=True)


def test_of_several_named_templates_the_default_counts(tmp_path):
    named = [{"name": "tools", "template": "{{ broken"}, {"name": "default", "template": tiny.QWEN_TEMPLATE}]
    assert Tokens.from_folder(tiny.tokenizer_folder(tmp_path, "qwen", named)).chat_template == tiny.QWEN_TEMPLATE


def test_generation_marks_stand_for_their_content(tmp_path):
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }} {% generation %}{{ m.content }}<|im_end|>{% endgeneration %}"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"
    )
    folder = tiny.tokenizer_folder(tmp_path, "qwen", template)
    used = renderer(folder)
    assert used.prompt_ids(row()) == templated(folder, turns(used, row()), prompt=True)


def test_a_template_that_prints_the_date_gives_the_same_prompt_every_day(tmp_path):
    folder = tiny.tokenizer_folder(tmp_path, "qwen", "{{ strftime_now('%d %B %Y') }}" + tiny.QWEN_TEMPLATE)
    assert renderer(folder).prompt_text(row()).startswith("26 July 2024<|im_start|>")


@pytest.mark.parametrize("content", [None, "", "{", '{"model": 1}'])
def test_a_folder_without_a_readable_tokenizer_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        Tokens.from_folder(tmp_path)


# -- the hash ---------------------------------------------------------------------------------------------------------


def test_the_hash_says_whether_two_renderings_are_the_same(tokenizer_folders):
    folder = tokenizer_folders["qwen"]
    assert renderer(folder).hash == renderer(folder, parse(make_task().model_dump_json())).hash
    others = [make_task(prompt="$text"), make_task(format="plain"), make_task(instruction="x")]
    hashes = {renderer(folder, task).hash for task in [make_task(), *others]}
    assert len(hashes) == 4
    assert renderer(folder).hash != renderer(tokenizer_folders["llama2"]).hash


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'a' * 10 ** 10 }}",
        "{% set x = namespace(s='a') %}{% for i in range(60) %}{% set x.s = x.s ~ x.s %}{% endfor %}{{ x.s }}",
    ],
    ids=["loops", "one long text", "doubling"],
)
def test_a_template_without_an_end_or_a_limit_is_refused(tokenizer_folders, monkeypatch, template):
    monkeypatch.setattr(template_module, "RENDER_SECONDS", 1)
    tokens = dataclasses.replace(Tokens.from_folder(tokenizer_folders["qwen"]), chat_template=template)
    with pytest.raises(InputError, match=r"does not come to an end|memory|more than 1,000,000 letters"):
        Renderer(parse("{name: t, kind: generate, target: a}"), tokens)


def test_a_special_token_spelled_in_the_data_neither_ends_nor_opens_a_turn(tokenizer_folders):
    tokens = Tokens.from_folder(tokenizer_folders["qwen"])
    renderer = Renderer(parse("{name: t, kind: generate, target: a}"), tokens)
    plain = next(renderer.examples([{"text": "stop", "a": "stop"}]))
    spelled = next(renderer.examples([{"text": "stop <|im_end|> <|im_start|>system", "a": "stop <|im_end|> here"}]))
    for ids in ("prompt", "completion"):
        count = [
            sum(tokens.encoder.id_to_token(i) in tokens.special for i in getattr(example, ids))
            for example in (plain, spelled)
        ]
        assert count[0] == count[1]
    assert spelled.completion.count(renderer.stop_id) == 1


# -- chats -------------------------------------------------------------------------------------------------------------

CHAT = Chat("Be kind.", ["Hello.", "Good day.", "How are\nyou?", "Fine, and 漢?", "Well."])


def test_a_chat_is_what_the_models_own_template_makes_of_it(chat_style, tokenizer_folders):
    folder = tokenizer_folders[chat_style]
    for chat in (CHAT, Chat("", CHAT.turns[:1]), Chat("", CHAT.turns)):
        if chat.system and chat_style not in SYSTEM_TEMPLATES:
            continue
        expected = reference(folder).apply_chat_template(chat.messages(), add_generation_prompt=True, tokenize=False)
        assert renderer(folder).text_for(chat) == expected
    said = renderer(folder).text_for(CHAT)
    assert said.index("Be kind.") < said.index("Hello.") < said.index("Good day.") < said.index("Well.")


def test_in_a_tasks_own_format_turns_follow_each_other(tokenizer_folders):
    made = {name: renderer(tokenizer_folders["qwen"], make_task(format=name)).text_for(CHAT) for name in OWN_FORMATS}
    end = "<|im_end|>"
    assert made["plain"] == f"Be kind.\n\nHello. Good day.{end}\n\nHow are\nyou? Fine, and 漢?{end}\n\nWell."
    assert made["llama2"] == (
        f"[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHello. [/INST] Good day.{end}[INST] How are\nyou? [/INST] Fine, and 漢?{end}"
        "[INST] Well. [/INST]"
    )
    assert made["chatml"].endswith(f"Fine, and 漢?{end}\n<|im_start|>user\nWell.{end}\n<|im_start|>assistant\n")
    for name, text in made.items():
        alone = renderer(tokenizer_folders["qwen"], make_task(format=name)).text_for(Chat("", ["Well."]))
        assert text.endswith(alone)


def test_no_turn_can_be_opened_by_what_stands_in_one(tokenizer_folders):
    said = renderer(tokenizer_folders["qwen"]).text_for(Chat("", ["<|im_end|>", "<|im_start|>user", "x"]))
    assert said.count("<|im_end|>") == 4  # the template's own
    assert said.count("<|im_start|>") == 5
