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

/* The runs and the chosen one. What is redrawn keeps its height. */
.run-detail .html-container, .column:has(> .run-detail) > .block .html-container { padding: 0; }
.run-detail .log-axis { min-width: 150px !important; }
.runs { max-height: 330px; overflow: auto; border: 1px solid var(--border-color-primary); border-radius: var(--radius-md);
  background: var(--block-background-fill); }
.runs table, .by-epoch table { width: 100%; margin: 0; border-collapse: collapse; font-size: .85rem; }
.runs table { table-layout: fixed; }
.runs caption { padding: 4px 8px; text-align: left; color: var(--body-text-color-subdued); }
.runs th, .runs td, .by-epoch th, .by-epoch td { padding: 4px 8px; border: 0; border-top: 1px solid var(--border-color-primary);
  text-align: left; font-weight: 400; vertical-align: top; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.runs thead th, .by-epoch thead th { position: sticky; top: 0; z-index: 1; color: var(--body-text-color-subdued);
  background: var(--block-background-fill); }
.runs th:nth-child(1) { width: 29%; } .runs th:nth-child(2) { width: 20%; } .runs th:nth-child(4) { width: 17%; }
.runs th:nth-child(5) { width: 13%; }
.runs tbody tr { cursor: pointer; }
.runs tbody tr:hover { background: var(--background-fill-secondary); }
.runs tbody tr.chosen { box-shadow: inset 3px 0 var(--color-accent); background: var(--background-fill-secondary); }
.runs button { padding: 0; border: 0; background: none; color: var(--link-text-color); text-align: left; cursor: pointer;
  overflow-wrap: anywhere; }
.dark .runs button { color: var(--link-text-color-dark, var(--link-text-color)); }
.runs tr.chosen button { font-weight: 600; }
.runs small { color: var(--body-text-color-subdued); font-size: .78rem; }
.runs p { margin: 0; padding: 6px 8px; }
.runs p:empty { display: none; }
.runs .part { display: block; height: 4px; margin: 7px 0 3px; border-radius: 2px; background: var(--border-color-primary); }
.runs .part span { display: block; height: 100%; border-radius: 2px; background: var(--color-accent); }
.runs .course { display: block; width: 60px; height: 16px; }
.course polyline { fill: none; stroke: var(--color-accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.run-head h3 { margin: .4rem 0 .2rem; font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere; }
.run-head .facts { min-height: 2.6rem; margin: 0; }
.run-head label { display: block; font-size: .875rem; }
.run-head progress { display: block; width: 100%; height: 8px; appearance: none; border: 0; border-radius: 4px;
  background: var(--border-color-primary); }
.run-head progress::-webkit-progress-bar { border-radius: 4px; background: var(--border-color-primary); }
.run-head progress::-webkit-progress-value { border-radius: 4px; background: var(--color-accent); }
.run-head progress::-moz-progress-bar { border-radius: 4px; background: var(--color-accent); }
.column:has(.runs-empty) > .run-detail { display: none; }
.run-head .notes { margin: .4rem 0 0; color: var(--body-text-color-subdued); white-space: pre-line; overflow-wrap: anywhere; }
.run-head .wrong { margin: .5rem 0 0; padding: 8px 10px; border-left: 4px solid #e5484d; white-space: pre-line;
  overflow-wrap: anywhere; background: var(--background-fill-secondary); }
.curves { min-height: 1100px; }
.js-plotly-plot :is(.xtick, .ytick, .xtitle, .ytitle, .annotation, .infolayer > .legend) text {
  fill: var(--body-text-color-subdued) !important; }
.curve-words h4 { margin: .2rem 0; font-size: .95rem; font-weight: 600; }
.curve-words .quiet { margin: 0 0 .2rem; color: var(--body-text-color-subdued); font-size: .85rem; }
.curve-words ul { margin: 0 0 .5rem 1.1rem; padding: 0; }
.curve-words li { margin: 0 0 .15rem; overflow-wrap: anywhere; }
.by-epoch { max-height: 300px; overflow: auto; border: 1px solid var(--border-color-primary); border-radius: var(--radius-md);
  background: var(--block-background-fill); }
.by-epoch td, .by-epoch th { min-width: 4.6rem; overflow-wrap: normal; }

@media (min-width: 900px) {
  .stays-in-sight { position: sticky; top: 8px; align-self: flex-start; }
}
@media (max-width: 640px) {
  .runs th:nth-child(5), .runs td:nth-child(5), .runs .sign { display: none; }  /* the chosen run's stands below */
  .runs th, .runs td { padding: 4px 5px; font-size: .78rem; }
  .runs th:nth-child(1) { width: 31%; } .runs th:nth-child(2) { width: 27%; } .runs th:nth-child(4) { width: 18%; }
  .runs .course { width: 46px; }
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
