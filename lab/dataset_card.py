"""The card of a dataset that leaves the lab: what it is, its labels and counts, its prompts, how to load it. No row is in it."""

import yaml

from lab.task import Task

CATEGORIES = {"classify": "text-classification", "generate": "text-generation"}


def write(task: Task, found: dict, files: dict[str, str], example: str, repo: str | None) -> str:
    """The card as Markdown with the Hub's head.

    `found` is what `publication.report` says; `files` are the paths of the splits inside the folder; `example` is a prompt
    with the names of the columns in place of what stands in them; `repo` is where it goes on the Hub, None for a folder.
    """
    head = {
        "pretty_name": found["name"],
        "task_categories": [CATEGORIES[task.kind]],
        "tags": ["qlora-lab"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": path} for split, path in files.items()],
            }
        ],
    }
    parts = [
        f"# {plain(found['name'])}",
        plain(found["about"]),
        f"Task `{task.name}` ({task.kind}), prepared with QLoRA Lab. Fingerprint of the rows: `{found['fingerprint']}`.",
        _labels(task),
        _counts(found["splits"]),
        _columns(found),
        _prompt(found, example),
        _loading(found, repo),
    ]
    body = "\n\n".join(part for part in parts if part)
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=100)}---\n\n{body}\n"


def plain(text: str) -> str:
    """A text of the data on one line, without what Markdown or HTML would make of it."""
    text = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]|" else letter for letter in text)


def code(text: str) -> str:
    """A text of the data as a piece of code, which knows no escapes."""
    return f"`{' '.join(str(text).split()).replace('`', chr(39))}`"


def _labels(task: Task) -> str:
    if not task.labels:
        return ""
    lines = [
        f"- **{plain(x.name)}**"
        + (f": {plain(x.definition)}" if x.definition else "")
        + (f" (in the data: {', '.join(plain(y) for y in x.merge)})" if x.merge else "")
        for x in task.labels
    ]
    return "\n".join(["## Labels", "", *lines])


def _counts(splits: dict[str, dict]) -> str:
    """A line for each label of the task that occurs, after its merges."""
    labels = list(dict.fromkeys(label for about in splits.values() for label in about["labels"]))
    rows = [["rows", *(f"{about['rows']:,}" for about in splits.values())]]
    rows += [[plain(x), *(f"{about['labels'].get(x, 0):,}" for about in splits.values())] for x in labels]
    lines = [f"| {' | '.join(row)} |" for row in [["", *splits], ["---", *("---:" for _ in splits)], *rows]]
    return "\n".join(["## Rows", "", *lines])


def _columns(found: dict) -> str:
    added = found["added"]
    lines = [
        f"- {', '.join(map(code, found['columns']))}: as they were",
        f"- `{added['prompt']}`: what the model is shown",
        f"- `{added['completion']}`: what training teaches it to write; empty where a row has no answer",
        f"- `{added['text']}`: both together; empty where a row has no answer",
    ]
    if found["label_names"]:
        named = ", ".join(f"{i} = {plain(x)}" for i, x in enumerate(found["label_names"]))
        lines.append(f"\nThe integer labels: {named}.")
    return "\n".join(["## Columns", "", *lines])


def _prompt(found: dict, example: str) -> str:
    fence = "```"
    while fence in example:
        fence += "`"
    whose = f"of `{found['model']}`" if found["model"] else "of the task itself"
    return (
        f"## Prompts\n\nIn the format {whose} ({found['format']}). Every completion ends with the end of sequence, "
        f"`{found['end']}`, so none needs to be added. A "
        f"beginning of sequence belongs in front where a prompt does not begin with one already.\n\n"
        f"{fence}\n{example}\n{fence}"
    )


def _loading(found: dict, repo: str | None) -> str:
    where = repo or f"path/to/{found['name']}"
    lab = f"python -m lab dataset add {found['name']} hub:{repo}" if repo else ""
    text = f"## Use\n\n```python\nfrom datasets import load_dataset\n\nrows = load_dataset({where!r})\n```"
    return f"{text}\n\nIn QLoRA Lab: `{lab}`, with `--text` and `--label` for its columns." if lab else text
