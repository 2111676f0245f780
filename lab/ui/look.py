"""How the page looks: its theme, the little CSS that the theme cannot say, and text that stays text."""

import html
import re
from pathlib import Path

import gradio as gr

from lab.answered import on_one_line

# The fonts of the machine that looks at the page: no request goes to a font server.
FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace"]

# Words of the command line, as the page says it.
OPTIONS = {
    "name others with --dataset, or --split train or test": "choose other rows, or ask with a text of your own",
    "name the rows for all of them with --dataset and --split": "choose other rows or other subjects",
}
# Of tables that are only read.
TABLE = {"datatype": "str", "type": "array", "interactive": False, "buttons": [], "max_height": 420}
WORDS_TABLE = {**TABLE, "wrap": True, "elem_classes": ["words-table"]}
# Before an event's inputs are sent: when the page opens, its first prompt comes before all that is much work.
PROMPT_FIRST = """async (...asked) => {
  for (let i = 0; i < 100 && !document.querySelector(".exact-prompt .prompt-text"); i++)
    await new Promise(then => setTimeout(then, 50));
  return asked;
}"""


def theme() -> gr.themes.Base:
    """Quiet greys and one blue that keeps its contrast in light and dark mode."""
    quiet = gr.themes.Base(
        primary_hue="blue",
        secondary_hue="blue",
        neutral_hue="slate",
        radius_size="md",
        font=FONT,
        font_mono=MONO,
    )
    return quiet.set(
        color_accent="*primary_700",
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        input_background_fill="white",
        input_background_fill_dark="*neutral_800",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_dark="*neutral_700",
        button_secondary_background_fill_hover="*neutral_200",
        button_secondary_background_fill_hover_dark="*neutral_600",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="*neutral_100",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )


CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")  # what the theme cannot say


def plain(text: str) -> str:
    """Any text as Markdown that shows just this text: no markup, links, pictures or formulas come of it."""
    return on_one_line(re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", str(text).strip()))


def text(words) -> str:
    """Any text as HTML that shows just this text. Gradio's part for HTML fills in templates, so their marks are spelled too."""
    return html.escape(str(words)).replace("{", "&#123;").replace("$", "&#36;")


def line(text: str):
    """A text as a line of the page; no line without a text."""
    return gr.update(value=plain(spelled(text)), visible=bool(text))


def spelled(text: str) -> str:
    """A text with the page's words for the options of the command line."""
    for option, words in OPTIONS.items():
        text = text.replace(option, words)
    return text


def only_shown_progress(page: gr.Blocks) -> None:
    """Lets no event whose progress is hidden tell its outputs of it: at each step of any event Gradio tells every part of
    the page that ever had a progress, and looks each of them up in the tree of all, which costs a large page seconds."""
    for event in page.fns.values():
        if event.show_progress == "hidden":
            event.show_progress_on = []
