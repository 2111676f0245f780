"""Who may do what: one function tells the owner from a visitor, and every event of the page is one or the other's."""

import time
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.components.api_component import Api

import app
from lab.errors import InputError
from lab.home import Home
from lab.ui import (
    access,
    commands,
    compare_commands,
    dataset_commands,
    export_commands,
    preset_commands,
    roles,
    space_head,
    sweep_commands,
    task_commands,
)

ORG = {"preferred_username": "acme", "roleInOrg": "admin"}


def asked(session: dict | None) -> gr.Request:
    """A request as Gradio hands it on, with the session that its sign-in keeps."""
    scope = {"type": "http"} if session is None else {"type": "http", "session": session}
    return gr.Request(SimpleNamespace(scope=scope))


def signed_in(user: str = "ada", orgs=None, expires: float = 24 * 3600, **more) -> dict:
    """The session of someone who has signed in with Hugging Face."""
    person = {"preferred_username": user, "orgs": orgs, **more}
    return {"oauth_info": {"expires_at": time.time() + expires, "userinfo": person}}


@pytest.fixture
def on_space(monkeypatch):
    """A Space of `acme`, as its environment says."""
    monkeypatch.delenv("LAB_LOGIN", raising=False)
    for name, value in {"SPACE_ID": "acme/lab", "SPACE_AUTHOR_NAME": "acme", "SYSTEM": "spaces"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("session", "role"),
    [
        (None, "visitor"),
        ({}, "visitor"),
        (signed_in("acme"), "owner"),
        (signed_in("ada", [ORG]), "owner"),
        (signed_in("ada", [{"preferred_username": "other", "roleInOrg": "admin"}, ORG]), "owner"),
        (signed_in("ada"), "visitor"),
        (signed_in("acme", expires=-1), "visitor"),
        (signed_in("ada", [ORG], expires=-1), "visitor"),
        (signed_in("ada", [{**ORG, "roleInOrg": "write"}]), "visitor"),
        (signed_in("ada", [{**ORG, "roleInOrg": None}]), "visitor"),
        (signed_in("ada", [{"preferred_username": "other", "roleInOrg": "admin"}]), "visitor"),
        (signed_in("ada", [{"name": "acme", "roleInOrg": "admin"}]), "visitor"),  # a name that anyone can choose
        (signed_in("ada", name="acme"), "visitor"),
        (signed_in("ACME"), "visitor"),
        (signed_in("ada", "acme"), "visitor"),
        (signed_in("ada", [["acme", "admin"]]), "visitor"),
        ({"oauth_info": {"userinfo": {"preferred_username": "acme"}}}, "visitor"),
        ({"oauth_info": {"expires_at": "never", "userinfo": {"preferred_username": "acme"}}}, "visitor"),
        ({"oauth_info": ["acme"]}, "visitor"),
        ({"userinfo": {"preferred_username": "acme"}}, "visitor"),
    ],
)
def test_the_owner_is_the_author_or_an_admin_of_the_author(on_space, session, role):
    assert roles.role(asked(session)) == role


def test_a_space_that_does_not_know_its_author_has_visitors_alone(on_space, monkeypatch):
    for name in ("", None):
        monkeypatch.setenv("SPACE_AUTHOR_NAME", name or "")
        if name is None:
            monkeypatch.delenv("SPACE_AUTHOR_NAME")
        assert {roles.role(asked(session)) for session in ({}, signed_in(""), signed_in("acme"))} == {"visitor"}


def test_nobody_asking_is_a_visitor_on_a_space_and_the_owner_elsewhere(on_space, monkeypatch):
    assert roles.role(None) == "visitor"
    monkeypatch.delenv("SPACE_ID")
    assert roles.role(None) == roles.role(asked({})) == "owner"


def test_behind_a_login_everyone_is_the_owner(on_space, monkeypatch):
    monkeypatch.setenv("LAB_LOGIN", "ada:word")
    assert roles.role(asked({})) == "owner"
    assert not roles.can_sign_in()


def test_signing_in_is_offered_only_where_it_asks_for_a_password(on_space, monkeypatch):
    assert not roles.can_sign_in()  # a Space without hf_oauth
    for name in roles.SIGN_IN:
        monkeypatch.setenv(name, "x")
    assert roles.can_sign_in()
    monkeypatch.delenv("SYSTEM")  # Gradio's sign-in off a Space is a mock
    assert not roles.can_sign_in()


def test_the_page_says_what_visitors_can_do_and_what_a_restart_takes_away(on_space):
    visitor, storage = space_head.sentences("visitor", None)
    assert "look around, preview prompts and generate" in visitor and "acme" in visitor
    assert "are lost when it restarts" in storage
    (kept,) = space_head.sentences("owner", SimpleNamespace(problem=None, broken=[]))
    assert "are kept" in kept
    (wrong,) = space_head.sentences("owner", SimpleNamespace(problem="no space", broken=["runs/a: torn"]))
    assert "no space" in wrong and "runs/a: torn" in wrong
    assert len(space_head.sentences("visitor", SimpleNamespace(problem="no space", broken=[]))) == 1


# -- every event -----------------------------------------------------------------------------------------------------

# Events that change nothing, by module and function. Whoever adds one to the page writes it here, or calls
# `access.may_change` in its first line.
READING = {
    "commands": {"generate", "run_list", "run_log", "run_show"},
    "compare_answers": {"again", "click"},
    "compare_calibration": {"again"},
    "compare_confusion": {"again", "click", "select"},
    "compare_differences": {"again"},
    "compare_scores": {"again"},
    "compare_tab": {"arrive", "forget", "show", "show_given", "tick", "watch"},
    "compare_views": {"draw"},
    "dataset_commands": {"dataset_check", "dataset_list", "dataset_show"},
    "dataset_form": {"lambda: file_head EMPTY", "ask_for_names", "read_columns", "show_head", "switch"},
    "dataset_merge": {"tell"},
    "dataset_rows": {"go_to", "narrow", "show_dataset", "turn"},
    "dataset_tab": {
        *(
            "close_more",
            "open_more",
            "pick",
            "refresh",
            "show_chosen",
            "show_again",
            "show_contents",
            "show_lengths",
            "show_more",
        ),
    },
    "generate_blind": {"reset", "show", "vote"},
    "generate_controls": {"show_row", "step", "switch"},
    "generate_history": {"lambda: HIDDEN", "lambda: gr update", "bring_back", "clear", "remember", "save", "show"},
    "generate_lists": {"lambda: HIDDEN", "refresh", "run", "save", "show", "stop"},
    "generate_opened": {"bring", "from_address"},
    "form": {"lambda: "},
    "generate_ratings": {"lambda: HIDDEN", "refresh", "save", "show"},
    "generate_tab": {"answer", "call_off", "forget", "watch"},
    "label_editor": {"choose", "click", "do", "take_back", "type_in_table", "write"},
    "new_run": {"look_at", "refresh"},
    "preset_commands": {"preset_list", "preset_show"},
    "rating_commands": {"rating_export", "rating_list", "rating_show"},
    "run_leaving": {"watch"},
    "runs_view": {"lambda: HIDDEN", "ask", "choose", "look_again", "show_again"},
    "space_head": {"say"},
    "sweep_commands": {"sweeps_list", "sweeps_show"},
    "sweep_view": {"lambda: HIDDEN", "ask_delete", "ask_stop", "look_again", "show_again", "take_preset"},
    "task_commands": {
        "task_balance",
        "task_diff",
        "task_lint",
        "task_list",
        "task_preview",
        "task_show",
        "task_versions",
    },
    "task_form": {"bring_back", "choose", "differ", "fill", "list_versions", "refresh", "restore", "show"},
    "task_values": {"by_kind"},
    "templates": {"read_file", "read_text", "refresh", "take"},
}
# These read what there is; what is to be made or kept only the owner makes.
ASKING_FOR_MORE = {
    *("compare_commands.evaluate", "compare_commands.compare"),
    "generate_ratings.act",  # a click into a walk, which only the owner begins
    *("dataset_commands.dataset_agreement", "dataset_agreement.compare_versions"),
}


CHANGING = [
    *(commands.train, commands.run_stop, commands.run_resume, commands.run_delete, commands.run_rename),
    *(
        commands.run_note,
        export_commands.run_export,
        export_commands.run_push,
        export_commands.run_pushes,
        dataset_commands.dataset_add,
        preset_commands.preset_save,
    ),
    *(dataset_commands.dataset_merge_labels, dataset_commands.dataset_push),
    *(preset_commands.preset_delete, task_commands.task_add, task_commands.task_save, task_commands.task_restore),
    *(task_commands.task_delete, sweep_commands.sweep, sweep_commands.sweeps_stop, sweep_commands.sweeps_delete),
]


def name_of(function) -> str:
    """`module.function` of a handler; one without a name goes by what it uses."""
    inner = getattr(function, "__wrapped__", function)
    name = inner.__name__ if inner.__name__ != "<lambda>" else f"lambda: {' '.join(inner.__code__.co_names)}"
    return f"{inner.__module__.rpartition('.')[2]}.{name}"


def something(component):
    """A value that a command's parameter takes."""
    kinds = {"string": "x", "integer": 1, "number": 1.0, "boolean": False, "array": ["x"]}
    return kinds.get(component.api_info().get("type")) if isinstance(component, Api | gr.Textbox) else None


def refuses(event, monkeypatch) -> bool:
    """Whether an event asks who is there before anything else, and refuses visitors."""
    seen = []

    def recorded(request=None):
        try:
            roles.may_change(asked({}) if request is None else request)
        except InputError:
            seen.append("refused")
            raise

    monkeypatch.setattr(access, "may_change", recorded)
    is_command = event.api_visibility == "public"  # its values are checked first; the page's own events get nothing
    values = [something(component) if is_command else None for component in event.inputs]
    filled = gr.helpers.special_args(event.fn, values, request=asked({}))[0]
    try:
        made = event.fn(*filled)
        if hasattr(made, "__next__"):
            list(made)
    except Exception as error:
        seen.append(type(error).__name__)
    return seen[:1] == ["refused"]


def test_each_event_of_the_page_is_for_reading_or_refuses_visitors(on_space, tmp_path, monkeypatch):
    home = Home.at(tmp_path / "home")
    page = app.build(home)
    reading = {f"{module}.{function}" for module, functions in READING.items() for function in functions}
    refusing, others = set(), set()
    for event in [event for event in page.fns.values() if event.fn is not None]:
        (refusing if refuses(event, monkeypatch) else others).add(name_of(event.fn))
    changing = {f"{function.__module__.rpartition('.')[2]}.{function.__name__}" for function in CHANGING}
    assert changing <= refusing
    unknown = sorted(others - reading - ASKING_FOR_MORE)
    assert not unknown, f"write them into READING, or let them refuse visitors: {', '.join(unknown)}"
    assert reading - others == set(), "these are gone, or refuse visitors now"
    assert not home.path.exists()  # no visitor has left anything


def test_what_is_missing_in_a_comparison_only_the_owner_makes(on_space, home):
    for function in (compare_commands.evaluate, compare_commands.compare):
        with pytest.raises(InputError, match="Only the owner changes things"):
            function(home, asked({}), ["base"])


def test_agreed_rows_only_the_owner_keeps(on_space, home):
    with pytest.raises(InputError, match="Only the owner changes things"):
        dataset_commands.dataset_agreement(home, asked({}), "one", "other", keep="agreed")
