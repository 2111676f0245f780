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

/* What a run comes to before it starts. */
.card { padding: 10px 12px; border: 1px solid var(--border-color-primary); border-radius: var(--radius-md);
  background: var(--block-background-fill); font-size: .9rem; min-height: 12rem; }
.card h3 { margin: 0 0 .3rem; font-size: .95rem; }
.card ul { list-style: none; margin: 0; padding: 0; }
.card li { display: grid; grid-template-columns: 1.2rem 4.2rem 1fr; gap: 0 6px; margin: 0 0 .2rem; overflow-wrap: anywhere; }
.card .sign { font-weight: 700; text-align: center; }
.card .ok .sign { color: #15803d; }
.card .look .sign { color: #b45309; }
.card .stop .sign, .card .stop { color: #b91c1c; }
.dark .card .ok .sign { color: #4ade80; }
.dark .card .look .sign { color: #fbbf24; }
.dark .card .stop .sign, .dark .card .stop { color: #fca5a5; }
.card p:empty { display: none; }
.card p { margin: .3rem 0 0; white-space: pre-line; }
.code textarea { font-family: var(--font-mono); font-size: .85rem; }

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

/* The codebook editor. Gradio puts a prefix before every part of a selector that stands between commas. */
.gradio-container { overflow: clip !important; }  /* hidden would make it the box in which things stay in sight */

/* Marks in the prompt differ in more than colour. */
.block.exact-prompt { max-height: 48vh; overflow-y: auto !important; border: 1px solid var(--border-color-primary);
  border-radius: var(--radius-md); background: var(--block-background-fill); }
.exact-prompt .prompt-text { margin: 0; padding: 10px 12px; font-family: var(--font-mono); font-size: .85rem;
  line-height: 1.45rem; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--body-text-color);
  background: none; }
.prompt-legend { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 0; padding: 0; list-style: none; font-size: .8rem; }
.prompt-legend li { margin: 0; }
.exact-prompt .shared, .prompt-legend .shared { background: var(--shared-shade); border-radius: 2px; }
.exact-prompt .trained, .prompt-legend .trained { background: var(--trained-shade); color: var(--body-text-color);
  font-weight: 700; text-decoration: underline; text-decoration-thickness: 2px; text-underline-offset: 3px; }
.exact-prompt .special, .prompt-legend .special { outline: 1px solid currentcolor; outline-offset: -1px;
  border-radius: 3px; padding: 0 1px; }
.exact-prompt .format, .prompt-legend .format { text-decoration: underline dotted; text-underline-offset: 3px; }
.exact-prompt .trained .format { text-decoration: inherit; }
.exact-prompt .part.shared::after { content: "◂ shared up to here"; padding: 0 4px; font: .7rem var(--font);
  color: var(--body-text-color-subdued); }
.exact-prompt .part.trained::before { content: " trained: "; position: absolute; width: 1px; height: 1px;
  overflow: hidden; clip-path: inset(50%); }
:root { --shared-shade: #dbeafe; --trained-shade: #bbf7d0; --added-shade: #dcfce7; --removed-shade: #fee2e2; }
.dark { --shared-shade: #1e3a5f; --trained-shade: #14532d; --added-shade: #14432a; --removed-shade: #4c1d1d; }
.flat > .html-container { padding: 0; }
.chosen-label { padding: 8px; gap: 8px; border: 1px solid var(--border-color-primary); border-radius: var(--radius-md); }
.chosen-label .row { gap: 8px; }
.quiet-line { margin: 0; color: var(--body-text-color-subdued); font-size: .875rem; }
.balance { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); gap: 12px; }
.lab-table { width: 100%; border-collapse: collapse; font-size: .85rem; border: 0 !important; }
.lab-table thead, .lab-table tbody, .lab-table tr { border: 0 !important; }
.lab-table th, .lab-table td { padding: 3px 8px 3px 0 !important; text-align: left; font-weight: 400; vertical-align: top;
  overflow-wrap: anywhere; border: 0 !important; border-bottom: 1px solid var(--border-color-primary) !important; }
.lab-table thead th { font-weight: 600; }
.lab-table caption { text-align: left; color: var(--body-text-color-subdued); }
.balance table { table-layout: fixed; }
.balance thead th:first-child { width: 36%; }
.balance .merged th { padding-left: 14px !important; }
.balance .merged th::before { content: "↳ "; }
.balance em { font-style: italic; font-weight: 600; }
.balance td { font-variant-numeric: tabular-nums; }
.balance .bar { display: block; height: .45rem; min-width: 1px; max-width: 100%; border-radius: 3px;
  background: var(--color-accent); }
.scrolls { overflow-x: auto; }
.versions table { min-width: 30rem; }
.versions th:first-child, .versions td:nth-child(2) { white-space: nowrap; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.difference .lines { max-height: 60vh; overflow: auto; border: 1px solid var(--border-color-primary);
  border-radius: var(--radius-md); font-family: var(--font-mono); font-size: .82rem; line-height: 1.4rem; }
.difference .lines > div { display: flex; gap: 6px; padding: 0 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
.difference .mark { flex: none; width: 1ch; user-select: none; }
.difference ins, .difference del { text-decoration: none; min-width: 0; }
.difference .added { background: var(--added-shade); }
.difference .removed { background: var(--removed-shade); }
.difference b { font-weight: 700; text-decoration: underline; text-underline-offset: 3px; }
.difference del b { text-decoration: line-through; }

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
