"""Who asks: the owner, who may do everything, or a visitor of a Space, who may look, preview prompts and generate.

`role` is the one place where that is decided, and `may_change` the first line of everything that changes things.
"""

import os
import time
from collections.abc import Mapping

import gradio as gr
from gradio import utils
from gradio.context import LocalContext

from lab import space
from lab.errors import InputError

OWNER, VISITOR = "owner", "visitor"
SIGN_IN = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")  # as a Space sets them
ADMIN = "admin"


def read_login() -> tuple[str, str] | None:
    """The user and the password of `LAB_LOGIN`, or None."""
    text = os.environ.get("LAB_LOGIN", "")
    user, colon, password = text.partition(":")
    if text and not (user and colon and password):
        raise InputError("LAB_LOGIN must be written user:password, neither of them empty.")
    return (user, password) if text else None


def author() -> str:
    """The user or the organisation to whom the Space belongs; empty elsewhere."""
    return os.environ.get("SPACE_AUTHOR_NAME", "")


def can_sign_in() -> bool:
    """Whether visitors can say who they are: on a Space with `hf_oauth`, unless all of it is behind a login already.

    Gradio's own idea of a Space counts here, for elsewhere its sign-in is a mock that asks for no password.
    """
    return bool(utils.get_space()) and all(os.environ.get(name) for name in SIGN_IN) and read_login() is None


def role(request: gr.Request | None = None) -> str:
    """`owner` or `visitor`, of a request or else of the one that Gradio is answering just now.

    Off a Space, and behind `LAB_LOGIN`, whoever comes as far as this is the owner. Else it is who is signed in as the Space's
    author or as an admin of the organisation that is its author; whatever is missing or out of date makes a visitor.
    """
    if not space.on_space() or read_login():
        return OWNER
    found = _person(request if request is not None else LocalContext.request.get(None))
    names = [found.get("preferred_username")]
    orgs = found.get("orgs")
    for org in orgs if isinstance(orgs, list) else []:
        if isinstance(org, Mapping) and org.get("roleInOrg") == ADMIN:
            names.append(org.get("preferred_username"))
    return OWNER if author() and author() in names else VISITOR


def may_change(request: gr.Request | None = None) -> None:
    """Raises InputError for visitors. First line of whatever changes things."""
    if role(request) != OWNER:
        how = f"{author()}, signed in with Hugging Face" if can_sign_in() else "to let them in, set LAB_LOGIN"
        raise InputError(
            f"Only the owner changes things on this Space ({how}); visitors look, preview prompts and generate."
        )


def signed_in(request: gr.Request | None) -> str:
    """The name under which whoever asks is signed in; empty for those who are not."""
    name = _person(request).get("preferred_username")
    return name if isinstance(name, str) else ""


def _person(request) -> Mapping:
    """What Hugging Face said of who asks, out of the signed session that Gradio keeps; empty when nobody is signed in."""
    asked = getattr(request, "request", None) or request
    scope = getattr(asked, "scope", None)
    session = scope.get("session") if isinstance(scope, Mapping) else None
    said = session.get("oauth_info") if isinstance(session, Mapping) else None
    if not isinstance(said, Mapping) or not isinstance(said.get("expires_at"), int | float):
        return {}
    person = said.get("userinfo")
    return person if isinstance(person, Mapping) and said["expires_at"] > time.time() else {}
