"""How the page looks: its theme, the little CSS that the theme cannot say, and text that stays text."""

import html
import re

import gradio as gr

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
SHARED_COLOUR, TRAINED_COLOUR = "blue", "green"  # of marks in a prompt


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


CSS = """
.gradio-container { width: 100%; max-width: 1320px !important; margin: 0 auto; }
.dark { --color-accent: var(--primary-300); }
.page-title h1 { font-size: 1.3rem; margin: 0; }
.quiet p, .quiet li { color: var(--body-text-color-subdued); font-size: .875rem; margin: 0 0 .15rem; }
.section h2 { font-size: 1.05rem; margin: .6rem 0 0; }
.said p, .said li { margin: 0 0 .2rem; overflow-wrap: anywhere; }
.at-end { align-items: flex-end; }

/* Cells are words to be read. */
.words-table .cell-wrap, .words-table span { font-family: var(--font); }
.words-table .cell-wrap { overflow-wrap: anywhere; }

/* The exact prompt: every blank and every empty line is shown as it stands, and none that stands in the markup alone. */
.exact-prompt .textfield { display: block; padding: var(--spacing-md); font-family: var(--font-mono); font-size: 0;
  line-height: 1.4rem; white-space: normal; max-height: 75vh; overflow-y: auto; }
.exact-prompt .token, .exact-prompt .token-container { display: inline; margin: 0; padding: 0; white-space: normal; }
.exact-prompt .token.highlighted .text { background: inherit; border-radius: 2px; }
.exact-prompt .text { display: inline; padding: 0; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere;
  word-break: normal; }
.exact-prompt .line-break { display: block; height: 0; }
.exact-prompt .line-break + .line-break, .exact-prompt .line-break:first-child { height: 1.4rem; }

/* Answers side by side, stacked where there is no room. */
.side-by-side p { margin: 0 0 .35rem; overflow-wrap: anywhere; white-space: pre-line; }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 260px), 1fr)); gap: 12px; }
.answers section { min-width: 0; padding: 12px; border: 1px solid var(--border-color-primary); border-radius: var(--radius-md);
  background: var(--block-background-fill); }
.answers h3 { margin: 0 0 .4rem; font-size: .95rem; overflow-wrap: anywhere; }
.answers .answer { min-height: 3rem; margin-bottom: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.answers table { width: 100%; margin: .2rem 0 .5rem; border-collapse: collapse; font-size: .875rem; }
.answers caption { text-align: left; color: var(--body-text-color-subdued); }
.answers th { width: 35%; padding: 2px 8px 2px 0; text-align: left; font-weight: 400; overflow-wrap: anywhere; }
.answers td:last-child { width: 4rem; text-align: right; font-variant-numeric: tabular-nums; }
.answers .bar { display: block; height: .6rem; min-width: 1px; border-radius: 3px; background: var(--color-accent); }
.answers .count { color: var(--body-text-color-subdued); font-size: .875rem; }
.answers summary { cursor: pointer; }
.answers pre { margin: .4rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }

/* A dataset: its check card, and charts that keep their place while they are made. */
.checks { padding: 12px 14px; border: 1px solid var(--border-color-primary); border-left: 4px solid #b45309;
  border-radius: var(--radius-md); background: var(--block-background-fill); }
.checks.good { border-left-color: #15803d; }
.checks h2 { margin: 0 0 .5rem; font-size: .95rem; }
.checks ul { margin: 0; padding: 0; list-style: none; }
.checks li { display: flex; gap: 10px; margin: 0 0 .5rem; padding: 0; }
.checks li > div { min-width: 0; }
.checks p { margin: 0; font-size: .875rem; overflow-wrap: anywhere; }
.checks .sign { flex: none; width: 1.25rem; height: 1.25rem; border-radius: 50%; background: #b45309; color: white;
  font-size: .8rem; font-weight: 700; line-height: 1.25rem; text-align: center; }
.checks .good .sign { background: #15803d; }
.checks .good p, .checks .where { color: var(--body-text-color-subdued); }
.checks-place { min-height: 15rem; }
.gradio-container .checks-place .html-container { padding: 0; }
.chart-place { min-height: 290px; }
.line-kept { min-height: 1.5rem; }
.file-head { padding: 4px 2px; font-size: .875rem; }
.file-head p, .file-head li { margin: 0 0 .25rem; overflow-wrap: anywhere; }
.file-head ul { margin: 0 0 .4rem 1.1rem; }
.file-head .scrolls { overflow-x: auto; border: 1px solid var(--border-color-primary); border-radius: var(--radius-md); }
.file-head table { width: 100%; border-collapse: collapse; }
.file-head caption { padding: 4px 10px; text-align: left; color: var(--body-text-color-subdued); }
.gradio-container .file-head :is(table, thead, tbody, tr) { border: 0; }
.gradio-container .file-head :is(th, td) { max-width: 26rem; min-width: 5rem; padding: 4px 10px; vertical-align: top;
  text-align: left; border: 0; border-top: 1px solid var(--border-color-primary); overflow-wrap: anywhere; }
.file-head .role { margin-left: .3rem; padding: 0 .4rem; border: 1px solid var(--color-accent); border-radius: 999px;
  color: var(--color-accent); font-size: .75rem; white-space: nowrap; }

@media (min-width: 900px) {
  .stays-in-sight { position: sticky; top: 8px; align-self: flex-start; }
}
@media (max-width: 640px) {
  .tab-container button { padding: 0 10px; font-size: .9rem; }  /* all four in one line */
  .words-table .body-cell .cell-wrap, .words-table .header-cell .cell-wrap { padding-left: 4px; padding-right: 4px; }
  .words-table .body-cell span, .words-table .header-cell span { font-size: .78rem; }
  .gradio-container > main, .gradio-container .main { padding: 10px 6px !important; }
}
"""


def plain(text: str) -> str:
    """Any text as Markdown that shows just this text: no markup, links, pictures or formulas come of it."""
    letters = re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", str(text).strip())
    return re.sub(r"\s*\n\s*", "<br>", letters)


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
