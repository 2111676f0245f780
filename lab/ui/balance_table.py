"""The label balance of each split before and after the merges that stand in the editor, as tables with bars."""

from lab.ui.look import text


def rendered(splits: list[dict]) -> str:
    """What `balance.what_if` found, a table for each split; a word on what to do where there is nothing to count."""
    if not any(split["labelled"] for split in splits):
        return '<p class="quiet-line">No row has a label in this column, so there is nothing to balance.</p>'
    return f'<div class="balance">{"".join(_table(split) for split in splits)}</div>'


def _table(split: dict) -> str:
    most = max((max(x["before"], x["after"]) for x in split["labels"]), default=0) or 1
    rows = "".join(_row(x, split["labelled"], most) for x in split["labels"])
    labels, counted = split["more"]
    if labels:
        more = f"and {labels:,} more <em>not in the task</em>"
        rows += f'<tr class="unknown"><th scope="row">{more}</th><td>{counted:,}</td><td>{counted:,}</td></tr>'
    unlabelled = split["rows"] - split["labelled"]
    without = f", {unlabelled:,} without a label" if unlabelled else ""
    head = '<tr><th scope="col">Label</th><th scope="col">Before</th><th scope="col">After merging</th></tr>'
    caption = f"{text(split['split'])}: {split['rows']:,} rows{without}"
    return f'<table class="lab-table"><caption>{caption}</caption><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _row(x: dict, labelled: int, most: int) -> str:
    """A line of the table: a merged label says where it went, an unknown one that it is unknown."""
    name, kind = text(x["label"]), ""
    after = _bar(x["after"], most, f" ({x['after'] / labelled:.0%})" if labelled else "")
    if x["merged_into"] is not None:
        kind, after = ' class="merged"', f"<td>→ {text(x['merged_into'])}</td>"
    elif not x["known"]:
        kind, name = ' class="unknown"', f"{name} <em>not in the task</em>"
    return f'<tr{kind}><th scope="row">{name}</th>{_bar(x["before"], most)}{after}</tr>'


def _bar(count: int, most: int, more: str = "") -> str:
    return f'<td><span class="bar" style="width: {count / most:.1%}"></span>{count:,}{more}</td>'
