"""Tiny tokenizers and models in four styles (Llama-2, Mistral, Phi-2, Qwen), made on the spot and without a network."""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = """
The soup was warm and the bread was fresh, so the evening began well.
I would not buy this lamp again; it broke after two days.
The council wants a new bridge over the river near the old mill.
A long walk through the wet meadow made all of us tired and happy.
Nobody could say why the clock in the hall had stopped at noon.
Please read the sentence and answer with one of the labels below.
Sentence: the film is slow but the actors are wonderful.
Sentiment: positive, negative, neutral, mixed, or none of these.
Statement: I am strongly in favour of the measure and always was.
Stance: heatedly against, calmly against, calmly in favour, not sure.
What do you think of the plan to close the library on Mondays?
Decide what the writer of the sentence thinks of the thing.
The label positive means that the writer likes it very much.
The label negative means that the writer does not like it at all.
The label neutral means that the writer takes no side in the matter.
Here are the instructions: write a short answer and nothing else.
You are a helpful assistant who answers in one or two words.
Below is an instruction that describes a task. Write a response.
She said "no" twice, and then, after a pause, she said "perhaps".
The train left at 7:45 and arrived at 10:20, on the 3rd of May 1998.
It costs $5 for children, $12 for adults and nothing for the dog.
We counted 1, 2, 3, 4, 5, 6, 7, 8, 9 and 10 boats in the harbour.
Under the table lay a small grey cat that did not want to be seen.
My brother paints the fence green every spring, whether it needs it or not.
The teacher's answer was clear: there's no school on Thursday.
The report lists costs, dates and rules; it leaves the choice to the reader.
An apple a day keeps the doctor away, or so my grandmother told me.
What a terrible waste of time, money and good will this meeting is!
The garden is lovely in June, when the roses climb over the wall.
He waited for an hour in the rain, but the bus never came.
The supporters and the opponents shook hands after the vote.
Is this the same question as before, or did I misread the page?
The user asks, the assistant answers, and the system sets the rules.
Both the question and the answer are kept, word by word, line by line.
The words refutes, supports and not enough info are verdicts on a claim.
Whether it works depends on the weather, the wind and a little luck.
[INST] Answer the question with a label. [/INST] The label is positive.
<<SYS>> Read the definitions of the labels first. <</SYS>>
### Instruction: Write the answer. ### Response: The answer.
system user assistant system user assistant system user assistant
""".strip().splitlines()

LLAMA2_TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
MISTRAL_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
QWEN_TEMPLATE = (
    "{%- if messages[0]['role'] == 'system' %}\n    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n"
    "{%- else %}\n    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}\n{%- endif %}\n"
    "{%- for message in messages %}\n"
    "    {%- if message.role in ('user', 'assistant') or (message.role == 'system' and not loop.first) %}\n"
    "        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n"
    "    {%- endif %}\n{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
)
TEMPLATES = {"llama2": LLAMA2_TEMPLATE, "mistral": MISTRAL_TEMPLATE, "phi": None, "qwen": QWEN_TEMPLATE}
SPECIAL = {
    "llama2": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
    "mistral": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
    "phi": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"},
    "qwen": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
}
STYLES = list(TEMPLATES)


def sentencepiece_tokenizer(size: int = 500) -> Tokenizer:
    """A BPE tokenizer as Llama-2's and Mistral's: "▁" for a blank, bytes for unknown letters, one BOS in front."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    learner.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=size, show_progress=False))
    learned = json.loads(learner.to_str())["model"]
    special = ["<unk>", "<s>", "</s>"]
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    words = sorted(learned["vocab"], key=learned["vocab"].get)
    vocabulary = {token: i for i, token in enumerate([*special, *bytes_, *words])}
    merges = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in learned["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return tokenizer


def byte_level_tokenizer(special: list[str], size: int = 700) -> Tokenizer:
    """A BPE tokenizer over bytes as Phi-2's and Qwen's, without a BOS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return tokenizer


def tokenizer_folder(folder: Path, style: str = "llama2", template: str | None = "own") -> Path:
    """Writes the tokenizer of a style into a folder; `template` replaces the style's own chat template (None: no template)."""
    folder.mkdir(parents=True, exist_ok=True)
    if style in ("llama2", "mistral"):
        tokenizer = sentencepiece_tokenizer()
    else:
        tokenizer = byte_level_tokenizer(["<|endoftext|>", "<|im_start|>", "<|im_end|>"][: 1 if style == "phi" else 3])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1024, **SPECIAL[style]}
    template = TEMPLATES[style] if template == "own" else template
    if template is not None:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    return folder


def tiny_llama(folder: Path, style: str = "llama2") -> Path:
    """Writes a seeded two-layer Llama with the tokenizer of a style into a folder, as a Hub model's folder looks."""
    return tiny_of(folder, "llama", style, num_key_value_heads=2)


def tiny_of(folder: Path, kind: str, style: str, **changes) -> Path:
    """The same for a model type of transformers, as `mistral` or `phi`; `changes` go into its config."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer_folder(folder, style)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = {key: tokenizer.token_to_id(token) for key, token in SPECIAL[style].items()}
    values = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 1024,
        "bos_token_id": special.get("bos_token"),
        "eos_token_id": special["eos_token"],
        "pad_token_id": special.get("pad_token"),
        "tie_word_embeddings": False,
    }
    config = AutoConfig.for_model(kind, **{**values, **changes})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(42)
        model = AutoModelForCausalLM.from_config(config).to(torch.float32)
    model.save_pretrained(folder)
    return folder
