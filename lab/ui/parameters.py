"""What the parameters of the public events mean, each said once: by its name, or for one command or one family of them."""

from collections.abc import Callable
from inspect import Parameter

WORDS = {
    "about": "A sentence about what it is for.",
    "bertscore_model": "The encoder of BERTScore: a Hub id, or the bundled model.",
    "config": "A run's config as YAML text; keys that are left out have their defaults.",
    "dataset": "A dataset's name, as dataset_list has it; for a comparison, by default that of the runs.",
    "decoding": "greedy, labels (the most probable label) or sample; by default that of the runs.",
    "dry_run": "Only check and estimate; nothing is started.",
    "lines": "Only the last so many lines.",
    "max_length": "The limit in tokens against which prompts are counted.",
    "merge": "Merge the adapter into its unquantized base first.",
    "metrics": "Metrics of texts: bleu, sacrebleu, rouge_l, bertscore, generated_perplexity, reference_perplexity.",
    "model": "The base model whose tokenizer counts: tiny-llama or a Hub id, owner/name.",
    "name": "The name of one of them, as the event that lists them has it.",
    "private": "Make the repository private.",
    "probabilities": "Also the probabilities of all labels; without them it is quicker.",
    "raw": "A whole prompt that goes to the model as it is.",
    "rater": "Who rates: small letters, digits, - and _.",
    "reference": "The subject against which the others are tested; by default the first.",
    "repo": "A repository of the Hub, owner/name, which is made when there is none.",
    "revision": "The branch that gets it; by default main.",
    "row": "The number of a row, counted from 0.",
    "rows": "Only the first so many rows.",
    "run_id": "A run's id, as run_list has it.",
    "scorer": "The model under which the answers have a perplexity: a Hub id, or the bundled one.",
    "settings": "Further keys of the decoding, each as key=value: max_new_tokens=32.",
    "subject": "One of the set's subjects, whose answers are meant.",
    "split": "validation, test or train.",
    "subjects": "A list of run ids, RUN@STEP for a kept checkpoint, base:MODEL, or base.",
    "task": "A task's name, as task_list has it; by default that of the runs or of the bundle.",
    "title": "What people call the run.",
    "version": "The number of the version.",
    "dataset_add.file": "The training rows: an upload of csv, tsv, json, jsonl or parquet.",
    "dataset_add.hub": "Instead of a file, a dataset of the Hub: owner/name[:config][@revision].",
    "dataset_add.label": "The column with the label.",
    "dataset_add.label_names": "The names of the integer labels 0, 1, …, with commas between.",
    "dataset_add.name": "The name that the new dataset gets: small letters, digits, - and _.",
    "dataset_add.target": "The column with the answer, for tasks that generate.",
    "dataset_add.test": "The test rows: an upload.",
    "dataset_add.text": "The column with the text.",
    "dataset_add.validation": "The validation rows: an upload.",
    "dataset_agreement.first": "A dataset's name; its rows are those that are kept.",
    "dataset_agreement.keep": "The name of a new dataset of the rows on which both agree; by default nothing is kept.",
    "dataset_agreement.label": "The column with the labels in both; by default each one's own.",
    "dataset_agreement.on": "The column, an id, by which rows are the same; by default their text.",
    "dataset_agreement.second": "The name of the other version.",
    "dataset_merge_labels.label": "The column with the labels; by default the dataset's own.",
    "dataset_merge_labels.merges": "A list of merges, each as new=one,other.",
    "dataset_merge_labels.new": "The name that the new dataset gets: small letters, digits, - and _.",
    "dataset_merge_labels.task": "Instead of merges, the name of a task that merges labels.",
    "dataset_push.form": "parquet or jsonl.",
    "dataset_push.model": "The base model for which prompts are rendered; by default the task's own format.",
    "dataset_push.private": "Whether the repository is to be private.",
    "dataset_push.repo": "The repository on the Hub, OWNER/NAME; without it a zip is made.",
    "dataset_push.task": "The name of the task that puts the rows into prompts.",
    "generate.task": "The task that puts a text into a prompt; by default that of the first run.",
    "generate.text": "A text that goes through the task's prompt.",
    "preset_save.name": "The name that the preset gets: small letters, digits, - and _.",
    "run_export.run_id": "A run's id, or RUN@STEP for a kept checkpoint.",
    "rating_add.coherence": "0, 0.5 or 1.",
    "rating_add.comment": "A remark; may be empty.",
    "rating_add.correctness_of_answer": "0, 0.5 or 1.",
    "rating_add.grammatical_correctness": "0, 0.5 or 1.",
    "rating_add.index": "The number of the row in the set, counted from 0.",
    "rating_import.content": "The ratings as JSON text.",
    "rating_show.row": "Show the question and answers of this row instead; counted from 0.",
    "rating_start.name": "The name that the set gets; by default rating-1, rating-2 …",
    "run_note.text": "The note.",
    "run_push.run_id": "A run's id, or RUN@STEP for a kept checkpoint.",
    "sweep.sweep": "A sweep as YAML text: a config with several values under grid, or a subject with a grid of decodings.",
    "task_add.task": "A task as YAML text.",
    "task_diff.first": "The number of the one version; by default that before the newest.",
    "task_diff.second": "The number of the other; by default the newest.",
    "task_save.task": "A task as YAML text.",
}


def meaning(command: str, parameter: str) -> str:
    """What a parameter of a command means; empty where nothing is said."""
    return WORDS.get(f"{command}.{parameter}") or WORDS.get(parameter, "")


def docstring(function: Callable, parameters: list[Parameter]) -> str:
    """A command's docstring and, in the form in which Gradio reads them, what its parameters mean."""
    lines = [f"    {one.name}: {meaning(function.__name__, one.name)}" for one in parameters if one.name != "request"]
    return "\n".join([function.__doc__, "", "Args:", *lines] if lines else [function.__doc__])
