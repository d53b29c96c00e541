"""bakeoff status: what is stale, and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pipelines.cli.json_output import print_json

if TYPE_CHECKING:
    from pipelines.cli.staleness import StaleStage

MAX_NAMED = 3  # stages that a line of the table names
NOTHING_STALE = "Everything is up to date."

EPILOG = """\b
Examples:
  bakeoff status                     a table: stage, why, what changed
  bakeoff status --json              for a script: [] if nothing would run
"""


@click.command("status", short_help="Show what would run again, and why.", epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def status_command(as_json: bool) -> int:
    """Show the stages that a run would do again, and why; nothing is run or written.

    A stage is stale if its settings, its code, its source, the data it reads or what it wrote are not what they were
    when it ran. What reads its results waits for it; it may turn out to be up to date if they come out as before.
    """
    from pipelines.cli.staleness import find_stale_stages

    stale = find_stale_stages()
    if as_json:
        print_json(stale)
    else:
        print(format_table(stale) if stale else NOTHING_STALE)
    return 0


def format_table(stale: Sequence["StaleStage"]) -> str:
    """A line per reason, with the stage's address on its first; then how many stages that are."""
    rows = [("stage", "why", "what changed")]
    for one in stale:
        reasons = [(str(change.kind), change.what) for change in one.changes]
        if one.waits_for and "new" not in dict(reasons):  # what has not run yet waits for all before it anyway
            reasons.append(("waits", f"for {_shorten(one.waits_for)}"))
        addresses = [one.stage, *[""] * (len(reasons) - 1)]
        rows += [(address, *reason) for address, reason in zip(addresses, reasons, strict=True)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = ["  ".join((row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2])) for row in rows]
    waiting = sum(not one.changes for one in stale)
    return "\n".join([*lines, "", f"{len(stale) - waiting} to run, {waiting} waiting. `bakeoff run` does it."])


def _shorten(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - MAX_NAMED} more" if len(addresses) > MAX_NAMED else ""
    return f"{', '.join(addresses[:MAX_NAMED])}{more}"
