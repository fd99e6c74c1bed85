"""How names, types and docstrings of the API are shown."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import desc_annotation, pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

__all__ = ["bare", "setup"]

SAMPLES = "ndarray[tuple[Any, ...], dtype[int16]]"

NOT_MADE_BY_USERS = {"Bot", "Call", "Certainty", "CallControl", "Playback", "Report"}
"""Classes whose constructors are nobody's business."""


def setup(app: Sphinx) -> None:
    """Join Sphinx."""
    app.connect("missing-reference", _resolve)
    app.connect("autodoc-process-signature", _shorten)
    app.connect("doctree-resolved", _unwrap)
    # Around napoleon's, at 500: it takes `how long: in seconds` for a type.
    kept: dict[str, list[str]] = {}

    def keep(_app: Sphinx, what: str, name: str, *rest: Any) -> None:
        if what in ("attribute", "property"):
            kept[name] = list(rest[-1])

    def restore(_app: Sphinx, what: str, name: str, *rest: Any) -> None:
        if name in kept and what in ("attribute", "property"):
            rest[-1][:] = kept.pop(name)

    app.connect("autodoc-process-docstring", keep, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)


def bare(text: str) -> str:
    """Write a type without the conditions that pydantic checks: `Annotated[X, ...]`."""
    begin = text.find("Annotated[")
    if begin < 0:
        return text
    inner = begin + len("Annotated[")
    depth = 0
    comma = end = None
    for place, letter in enumerate(text[inner:], inner):
        if letter == "," and depth == 0 and comma is None:
            comma = place
        if letter == "]" and depth == 0:
            end = place
            break
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(letter, 0)
    if comma is None or end is None:
        return text
    return text[:begin] + text[inner:comma] + bare(text[end + 1 :])


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.Node | None:
    """Find a Python name by its last word: it is documented where users import it.

    A name in a signature that is on no page is text: others' libraries, whose pages
    are not here, and our types that nobody has to name. What a page links to must be.
    """
    if node.get("refdomain") != "py":
        return None
    word = str(node["reftarget"]).rpartition(".")[2]
    found = [
        (name, entry)
        for name, entry in env.domains.python_domain.objects.items()
        if name.rpartition(".")[2] == word and entry.objtype != "module"
    ]
    if len(found) != 1:
        is_written = "refwarn" in node
        return None if is_written else shown
    ((name, entry),) = found
    return make_refnode(
        app.builder, node["refdoc"], entry.docname, entry.node_id, shown, name
    )


def _shorten(
    _app: Sphinx,
    what: str,
    name: str,
    _object: object,
    _options: object,
    arguments: str | None,
    answer: str | None,
) -> tuple[str | None, str | None] | None:
    word = name.rpartition(".")[2]
    if what == "class" and (word in NOT_MADE_BY_USERS or _is_plan(arguments)):
        return "", None
    if arguments is not None:
        arguments = bare(arguments.replace(SAMPLES, "Samples"))
    return arguments, answer and answer.replace(SAMPLES, "Samples")


def _is_plan(arguments: str | None) -> bool:
    """Whether it is one of those with a page of options: they stand below it."""
    return arguments is not None and len(arguments) > 300


def _unwrap(_app: Sphinx, page: nodes.document, _name: str) -> None:
    """Show the types of attributes without conditions; links in them are lost."""
    for shown in page.findall(desc_annotation):
        text = plain = shown.astext()
        while (barer := bare(plain)) != plain:
            plain = barer
        plain = plain.replace(SAMPLES, "Samples")
        if plain != text:
            shown.clear()
            shown.append(nodes.Text(plain))
