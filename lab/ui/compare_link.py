"""The address of a comparison: `?tab=compare&subject=a&subject=b&split=test&decoding=greedy&reference=a`."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.ui import offer
from lab.ui.compare_look import MODES, SPLITS

LONGEST_NAME = 120  # letters of what a link names

# With what stands in the controls: makes it the address, as long as the tab is looked at. Other parts of it stay.
WRITE = """(names, split, decoding, reference) => {
  const tab = document.querySelector('button[role=tab][aria-selected=true]');
  if (!tab || tab.innerText.trim() !== "Compare") return [];
  const said = new URLSearchParams(location.search);
  for (const key of ["tab", "subject", "split", "decoding", "reference"]) said.delete(key);
  said.set("tab", "compare");
  for (const name of names || []) said.append("subject", name);
  said.set("split", split);
  if (decoding) said.set("decoding", decoding);
  if (reference) said.set("reference", reference);
  history.replaceState(history.state, "", location.pathname + "?" + said + location.hash);
  return [];
}"""
# The address says nothing of a comparison while another tab is looked at.
LEAVE = """async () => {
  const looked_at = () => document.querySelector('button[role=tab][aria-selected=true]')?.innerText.trim();
  for (let i = 0; i < 50 && looked_at() === "Compare"; i++)  // a busy page turns late
    await new Promise(then => setTimeout(then, 100));
  const said = new URLSearchParams(location.search);
  if (looked_at() === "Compare" || said.get("tab") !== "compare") return [];
  for (const key of ["tab", "subject", "split", "decoding", "reference"]) said.delete(key);
  history.replaceState(history.state, "", location.pathname + (said.size ? "?" + said : "") + location.hash);
  return [];
}"""
# The clipboard is there on https and localhost alone; elsewhere an old way does.
COPY = """async () => {
  try {
    await navigator.clipboard.writeText(location.href);
  } catch {
    const place = document.createElement("textarea");
    place.value = location.href;
    document.body.append(place);
    place.select();
    document.execCommand("copy");
    place.remove();
  }
  return "Copied the link to this comparison.";
}"""


@dataclass(frozen=True)
class Link:
    """What a link asks for, and in words what of it cannot be had."""

    names: list[str]
    split: str = SPLITS[0]
    decoding: str = ""
    reference: str | None = None
    problems: list[str] = field(default_factory=list)


def read(said: Iterable[tuple[str, str]], choices: list[str]) -> Link | None:
    """The comparison that an address asks for, of subjects on offer; None where it asks for none. Never raises."""
    pairs = [(key, value[:LONGEST_NAME]) for key, value in said]
    one = dict(reversed(pairs))  # the first of each
    if one.get("tab") != "compare":
        return None
    asked = list(dict.fromkeys(value for key, value in pairs if key == "subject"))
    names = [name for name in asked if name in choices]
    gone = [name for name in asked if name not in choices]
    problems = []
    if gone:
        verb = "is" if len(gone) == 1 else "are"
        problems.append(f"The link names {', '.join(gone[: offer.MOST_SUBJECTS])}, which {verb} not here (any more).")
    if len(names) > offer.MOST_SUBJECTS:
        problems.append(f"The link names {len(names)} subjects; the first {offer.MOST_SUBJECTS} are shown.")
    split, decoding = one.get("split", SPLITS[0]), one.get("decoding", "")
    for value, known, what in ((split, SPLITS, "rows"), (decoding, ["", *MODES], "the decoding")):
        if value not in known:
            problems.append(f"The link names {what} {value!r}, which there are not; the usual ones are shown.")
    reference = one.get("reference")
    return Link(
        names=names[: offer.MOST_SUBJECTS],
        split=split if split in SPLITS else SPLITS[0],
        decoding=decoding if decoding in MODES else "",
        reference=reference if reference in names else None,
        problems=problems,
    )
