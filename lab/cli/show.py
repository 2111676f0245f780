"""What the commands print for people: tables and a few lines. The data come ready; nothing is computed here."""

import time

from rich.console import Console
from rich.table import Table

from lab import exports, wanted_metrics
from lab.difference import as_text
from lab.packing import cost_in_words
from lab.progress import rates_in_words


def table(console: Console, columns: list[str], rows: list[list]) -> None:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        grid.add_column(column, overflow="fold", justify="left" if i == 0 else "right")
    for row in rows:
        grid.add_row(*["" if cell is None else str(cell) for cell in row])
    console.print(grid)


def dataset(console: Console, found: dict) -> None:
    console.print(f"{found['name']}: {found['about']}" if found["about"] else found["name"])
    console.print(f"columns: {', '.join(found['columns'])}")
    for split, about in found["splits"].items():
        labels = ", ".join(f"{label} {n}" for label, n in about["labels"].items())
        console.print(f"{split}: {about['rows']} rows" + (f" ({labels})" if labels else ""))
    tokens = found["tokens"]
    console.print(
        f"tokens: at most {tokens['max']}, 95% have {tokens['p95']} or fewer, {tokens['over_limit']} rows over {tokens['limit']}"
    )
    console.print(f"duplicates: {found['duplicates']}, texts in more than one split: {found['overlap']}")


def datasets(console: Console, found: list[dict]) -> None:
    rows = [[x["name"], ", ".join(f"{s} {n}" for s, n in x["splits"].items()), ", ".join(x["columns"])] for x in found]
    table(console, ["dataset", "rows", "columns"], rows)


def tasks(console: Console, found: list[dict]) -> None:
    table(console, ["task", "kind", "labels"], [[x["name"], x["kind"], ", ".join(x["labels"])] for x in found])


def checks(console: Console, found: list[dict]) -> None:
    for x in found:
        console.print(f"{'fine' if x['ok'] else 'look'}: {x['check']}: {x['message']}")
        if not x["ok"]:
            rows = "; ".join(f"{split} {', '.join(map(str, numbers))}" for split, numbers in x["rows"].items())
            console.print(f"      {x['advice']}{f' First rows: {rows}.' if rows else ''}")


def lint(console: Console, found: list[dict]) -> None:
    for item in found:
        rows = f" ({item['rows']} rows)" if item["rows"] else ""
        console.print(f"{item['severity']}: {item['message']}{rows}")
    if not found:
        console.print("Nothing looks wrong.")


def balance(console: Console, found: list[dict]) -> None:
    for split in found:
        console.print(f"{split['split']}: {split['rows']:,} rows, {split['labelled']:,} with a label")
        rows = [
            [
                f"{x['label']}" if x["known"] else f"{x['label']} (not in the task)",
                f"{x['before']:,}",
                f"{x['after']:,}" if x["merged_into"] is None else f"→ {x['merged_into']}",
            ]
            for x in split["labels"]
        ]
        table(console, ["label", "before", "after merging"], rows)
        if split["more"][0]:
            console.print(f"and {split['more'][0]:,} more labels in {split['more'][1]:,} rows (not in the task)")
    if not found:
        console.print("The task reads no label.")


def versions(console: Console, found: list[dict]) -> None:
    rows = []
    for x in found:
        saved = "bundled" if x["bundled"] else time.strftime("%Y-%m-%d %H:%M", time.localtime(x["saved"]))
        number = f"{x['version']}{' (current)' if x['current'] else ''}"
        rows.append(
            [
                number,
                saved,
                "; ".join(x["changed"]) or ("as it came" if x["bundled"] else "first version"),
                ", ".join(x["runs"]) or "–",
            ]
        )
    table(console, ["version", "saved", "changed", "used by"], rows)


def difference(console: Console, found: dict) -> None:
    said = "; ".join(found["changed"]) or "no difference"
    console.print(f"{found['name']}, from version {found['from']} to {found['to']}: {said}")
    if found["lines"]:
        console.print(as_text(found["lines"]))


def preview(console: Console, found: dict) -> None:
    console.print(found["prompt"], end="")
    console.print(found["trained_text"], style="bold reverse")
    about = "" if found["exact"] else "estimated "
    console.print(
        f"\n{about}{found['tokens']} tokens, {found['trained_tokens']} of them trained (marked), "
        f"the first {found['shared_prefix_tokens']} shared by all rows; {cost_in_words(found['batch'])}; "
        f"format: {found['format']}",
        style="dim",
    )
    for line in [*found["notes"], *(f"not checked: {x}" for x in found.get("unchecked", []))]:
        console.print(line, style="dim")


def plan(console: Console, report: dict) -> None:
    tokens, epochs = report["tokens"], ", ".join(map(str, report["evaluate_at"]))
    console.print(
        f"{report['train_rows']} rows of {report['dataset']} for {report['task']} on {report['base_model']}, "
        f"{report['validation_rows']} held out; {report['steps']} steps, {report['steps_per_epoch']} an epoch; "
        + (f"the {report['scored']} scored after epoch {epochs}" if report["scored"] else "nothing is scored")
    )
    console.print(
        f"tokens: {'' if tokens['exact'] else 'estimated '}{tokens['mean']:.0f} a row, at most {tokens['max']}, "
        f"the first {tokens['shared_prefix']} shared by all rows; {cost_in_words(tokens['batch'], tokens['shares'])}"
    )
    for key, value in report["estimates"].items():
        console.print(f"{key.replace('_', ' ')}: {value:,}")
    if "peak_bytes" in report["estimates"]:
        console.print("The peak is above what Python and the libraries take once they are imported.", style="dim")
    for note in [*report["notes"], *(f"not checked: {x}" for x in report["unchecked"])]:
        console.print(note)


def runs(console: Console, found: list[dict]) -> None:
    rows = [
        [
            *(x["id"], x["title"], x["status"], f"{x['step']}/{x['total_steps']}"),
            *(x["config"]["base_model"], x["config"]["dataset"]),
        ]
        for x in found
    ]
    table(console, ["run", "name", "status", "step", "base model", "dataset"], rows)


def run(console: Console, found: dict) -> None:
    console.print(
        f"{found['id']}: {found['status']}, step {found['step']} of {found['total_steps']}, attempt {found['attempt']}"
    )
    if found.get("task_version"):
        console.print(f"task: {found['task_version']}")
    for words in filter(None, [found["title"], found["notes"]]):
        console.print(words)
    if found["error"]:
        console.print(f"{found['error']['message']} {found['error']['advice']}")
    keys = ["step", "epoch", "loss", "validation_loss", "accuracy", "macro_f1", "invalid", "train_accuracy"]
    points = found["metrics"]
    every = max(1, len(points) // 20)
    chosen = [p for i, p in enumerate(points) if i % every == 0 or "accuracy" in p or "validation_loss" in p]
    rows = [[f"{p[k]:.4g}" if isinstance(p.get(k), float) else p.get(k) for k in keys] for p in chosen]
    names = {"validation_loss": "val. loss", "train_accuracy": "train acc."}
    table(console, [names.get(key, key.replace("_", " ")) for key in keys], rows)
    last = next((p for p in reversed(points) if "loss" in p), {})
    if rates := rates_in_words(last):
        console.print(rates)
    for sentence in found["findings"]:
        console.print(sentence)
    steps = ", ".join(f"{c['step']}{' (kept)' if c['kept'] else ''}" for c in found["checkpoints"])
    console.print(f"checkpoints: {steps or 'none'}")


def comparison(console: Console, found: list[dict]) -> None:
    table(console, *exports.brief(found))
    for x in found:
        for key in x.get("text_metrics", {}):
            console.print(f"{x['subject']}: {wanted_metrics.heading(key)} {exports.text_metric(x, key)}")
        if x["invalid_outputs"]:
            most = "; ".join(f"{text!r} × {n}" for text, n in x["invalid_outputs"][:3])
            console.print(f"{x['subject']}, invalid answers: {most}", style="dim")
        if x.get("labels_left_out"):
            console.print(f"{x['subject']}, F1 leaves out: {', '.join(x['labels_left_out'])}", style="dim")
    for words in exports.text_settings(found):
        console.print(words, style="dim")


def answers(console: Console, found: list[dict]) -> None:
    asked = None
    for x in found:
        if x["prompt"] != asked:
            asked = x["prompt"]
            console.print(f"\n{asked}", style="dim")
        chances = x["label_probabilities"] or {}
        shown = ", ".join(f"{label} {p:.2f}" for label, p in chances.items())
        label = "invalid" if chances and x["label"] is None else x["label"] or ""
        console.print(f"{x['subject']}: {x['output']}" + (f"  [{label}; {shown}]" if chances else ""))
