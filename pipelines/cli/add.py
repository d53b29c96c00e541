"""bakeoff add: a file or a folder looked at, and entered into params.yaml."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipelines.proposals.proposal import Proposal
    from pipelines.proposals.source_proposal import ChooseTarget, ColumnSummary

EPILOG = """\b
Examples:
  bakeoff add titanic files/titanic.csv --target Survived
  bakeoff add signs files/signs           a folder of pictures per class
  bakeoff add oil files/ETTh1.csv --target OT --yes
  bakeoff add shop shop.db --set table=orders --target paid
  bakeoff add pumps pumps.csv --target state --task anomaly_detection
  bakeoff add titanic files/titanic.csv --target Survived --dry-run --json
"""

NOTHING_ADDED = "\nNothing was added."


@click.command("add", short_help="Look at a file or a folder, and enter it as a problem.", epilog=EPILOG)
@click.argument("name", metavar="NAME")
@click.argument("path", metavar="PATH")
@click.option("--target", metavar="COLUMN", help="What is to be predicted; asked for when absent.")
@click.option("--kind", metavar="KIND", help="The kind of source, where the likely one is wrong: table, series, ...")
@click.option(
    "--task", metavar="TASK", help="What is learned, where another than the likely one: anomaly_detection, ..."
)
@click.option("--set", "stated", metavar="NAME=VALUE", multiple=True, help="A setting of the source, as sheet=2.")
@click.option("--yes", is_flag=True, help="Add it without asking.")
@click.option("--dry-run", is_flag=True, help="Show the proposal, and add nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def add_command(
    name: str,
    path: str,
    target: str | None,
    kind: str | None,
    task: str | None,
    stated: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Look at the data in PATH, propose a problem called NAME with contenders, and add it to params.yaml.

    PATH is a table, a series, texts, pictures, pictures with masks, arrays or sequences: a file, a folder or an
    address. What each column holds is shown, what is odd about it, how long the contenders will take here, and the
    lines that would be added; everything else in params.yaml stays as it is.
    """
    from pipelines.cli.json_output import print_json
    from pipelines.cli.project import check_folder
    from pipelines.cli.proposal_text import format_proposal
    from pipelines.proposals.params_file import add_entries, check_name, read_params_text
    from pipelines.proposals.proposal import build_proposal
    from pipelines.proposals.source_proposal import Wishes
    from pipelines.runtime.workers import worker_count
    from pipelines.settings.params import load_params

    check_folder()
    check_name(name, read_params_text())
    wishes = Wishes(
        target, _check_kind(kind), _parse_settings(stated), _target_chooser(is_asked=not yes), _check_task(task)
    )
    print("Reading the data, and training each contender briefly to say how long it takes ...", file=sys.stderr)
    proposal = build_proposal(name, path, wishes, load_params().defaults, worker_count("cpu"))
    if not as_json:
        print(format_proposal(proposal))
    is_wanted = not dry_run and (yes or _confirm())
    if is_wanted:
        add_entries(proposal.entries)
    if as_json:
        print_json(_proposal_record(proposal, is_added=is_wanted))
    elif is_wanted:
        print(f"Added to params.yaml. Next: `bakeoff run {name}`; or `bakeoff check {name}` for a page about the data.")
    else:
        print(NOTHING_ADDED)
    return 0


def _check_kind(kind: str | None) -> str | None:
    from pipelines.proposals.places import KINDS

    if kind is not None and kind not in KINDS:
        raise click.BadParameter(f"must be one of {', '.join(KINDS)}, found {kind!r}", param_hint="--kind")
    return kind


def _check_task(task: str | None) -> str | None:
    from pipelines.proposals.contenders import TITLES

    if task is not None and task not in TITLES:
        raise click.BadParameter(f"must be one of {', '.join(TITLES)}, found {task!r}", param_hint="--task")
    return task


def _parse_settings(stated: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` as params.yaml would have it: numbers, lists and mappings as YAML writes them."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    settings = {}
    for one in stated:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"must be NAME=VALUE, as sheet=2, found {one!r}", param_hint="--set")
        try:
            settings[name] = YAML(typ="safe").load(value)
        except YAMLError:
            raise click.BadParameter(f"{value!r} is no value of YAML; put it in quotes", param_hint="--set") from None
    return settings


def _target_chooser(*, is_asked: bool) -> "ChooseTarget":
    """What is called where the target was not named: a question on a terminal, else the likely one if it is clear."""

    def choose_target(columns: "Sequence[ColumnSummary]", likely: str | None) -> str:
        from pipelines.cli.proposal_text import format_columns
        from pipelines.proposals.columns import find_likely_target
        from pipelines.proposals.series import ALL_NUMBERS
        from pipelines.runtime.user_error import UserError

        if likely == ALL_NUMBERS and not is_asked:
            return ALL_NUMBERS
        names = [column.name for column in columns if column.type not in ("", "text", "id") and column.role != "time"]
        if not is_asked and find_likely_target(columns)[1]:
            return str(likely)
        if not is_asked or not _has_terminal():
            raise UserError(
                "no name of a column says what is to be predicted, and nobody can be asked; name it with --target; the "
                f"columns are {', '.join(names[:50])}"
            )
        print(format_columns(columns))
        is_series = likely == ALL_NUMBERS
        question = f"Which column is to be {'forecast (* for all numbers)' if is_series else 'predicted'}"
        choice = click.Choice([*names, *([ALL_NUMBERS] * is_series)])
        try:
            return str(click.prompt(f"\n{question}?", default=likely, type=choice, show_choices=False))
        except (click.Abort, KeyboardInterrupt):
            print(NOTHING_ADDED, file=sys.stderr)
            raise

    return choose_target


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _confirm() -> bool:
    from pipelines.runtime.user_error import UserError

    if not _has_terminal():
        raise UserError("nothing was added: there is no terminal to ask at; say --yes to add it, or --dry-run to look")
    try:
        return click.confirm("\nAdd it?", default=True)
    except (click.Abort, KeyboardInterrupt):
        print(NOTHING_ADDED, file=sys.stderr)
        raise


def _proposal_record(proposal: "Proposal", *, is_added: bool) -> dict[str, Any]:
    return {
        "problem": proposal.problem,
        "summary": proposal.place.summary,
        "learned": proposal.learned,
        "examples": proposal.examples,
        "columns": proposal.place.columns,
        "counts": proposal.counts,
        "findings": proposal.findings,
        "reasons": proposal.reasons,
        "settings": proposal.settings,
        "contenders": proposal.contenders,
        "seconds": proposal.seconds,
        "workers": proposal.workers,
        "added": is_added,
    }
