"""Methods of explanation: the table, in the order in which a report takes the first that applies."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.explanation import attribution, dissection, drawing, permutation
from pipelines.explanation.attention import explain_no_attention
from pipelines.explanation.grad_cam import explain_no_maps
from pipelines.explanation.gradients import explain_no_gradient
from pipelines.explanation.occlusion import explain_no_occlusion
from pipelines.explanation.subject import Effort, Subject
from pipelines.reporting.csv_table import write_csv_table
from pipelines.reporting.explanations import EXPLANATIONS


class Method(NamedTuple):
    """A way to explain a contender."""

    explain_obstacle: Callable[[Subject], str]  # why it does not apply, as a clause; empty if it does
    explain: Callable[[Subject, Effort], Any]
    draw: Callable[[Path, str, Subject, Any], None]  # (file, title, subject, what was found)
    columns: tuple[str, ...]  # of its table
    table_rows: Callable[[Any], Iterator[Sequence[Any]]]


def _method_of_rows(name: str, explain_obstacle: Callable[[Subject], str]) -> Method:
    return Method(
        explain_obstacle,
        partial(_attribute, name),
        drawing.draw_attribution,
        ("row", "answer", "element", "attribution"),
        attribution.table_rows,
    )


def _attribute(name: str, subject: Subject, effort: Effort) -> attribution.Attribution:
    return attribution.attribute_rows(subject, name, effort)


METHODS: dict[str, Method] = {
    "permutation_importance": Method(
        permutation.explain_no_columns,
        permutation.permutation_importance,
        drawing.draw_importances,
        permutation.Importance._fields,
        permutation.table_rows,
    ),
    "dissection": Method(
        dissection.explain_no_units,
        dissection.dissect_network,
        drawing.draw_dissection,
        dissection.ConceptUnit._fields,
        dissection.table_rows,
    ),
    "integrated_gradients": _method_of_rows("integrated_gradients", explain_no_gradient),
    "grad_cam": _method_of_rows("grad_cam", explain_no_maps),
    "attention": _method_of_rows("attention", explain_no_attention),
    "input_gradients": _method_of_rows("input_gradients", explain_no_gradient),
    "occlusion": _method_of_rows("occlusion", explain_no_occlusion),
}


class Written(NamedTuple):
    """Where an explanation is, and its table."""

    method: str
    picture: Path
    table: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def find_methods(subject: Subject) -> tuple[str, ...]:
    """The methods that apply."""
    return tuple(name for name, method in METHODS.items() if not method.explain_obstacle(subject))


def write_method(subject: Subject, name: str, effort: Effort, pictures: Path, tables: Path) -> Written:
    """Write `name`.png and `name`.csv of one method that applies; the same subject gives the same bytes."""
    method = METHODS[name]
    found = method.explain(subject, effort)
    picture, table = pictures / f"{name}.png", tables / f"{name}.csv"
    method.draw(picture, EXPLANATIONS[name].title, subject, found)
    rows = tuple(tuple(row) for row in method.table_rows(found))
    write_csv_table(table, method.columns, rows)
    return Written(name, picture, table, method.columns, rows)
