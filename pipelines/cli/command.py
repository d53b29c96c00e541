"""The `bakeoff` command: its subcommands, its exit codes, and errors as sentences.

Commands import what they need when they run, so that a page of help and a mistyped option are answered at once.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pipelines.cli.add import add_command
from pipelines.cli.board import board_command
from pipelines.cli.check import check_command
from pipelines.cli.explain import explain_command
from pipelines.cli.names import UnknownName
from pipelines.cli.remove import remove_command
from pipelines.cli.run import run_command
from pipelines.cli.serve import serve_command
from pipelines.cli.status import status_command
from pipelines.cli.tensorboard import tensorboard_command
from pipelines.cli.track import track_command
from pipelines.cli.ui import ui_command
from pipelines.cli.verify import verify_command
from pipelines.runtime.user_error import UserError

COMMANDS = (  # in the order of use
    add_command,
    check_command,
    run_command,
    board_command,
    explain_command,
    serve_command,
    ui_command,
    tensorboard_command,
    status_command,
    verify_command,
    track_command,
    remove_command,
)

FAILED, MISUSED, INTERRUPTED = 1, 2, 130  # exit codes, besides 0

HELP = """A fair competition between neural networks on your data, and the winner behind an HTTP endpoint.

Call it in the project's folder, where params.yaml says which problems there are and which contenders compete. The
commands below are in the order of use.
"""
EXAMPLE = """\b
Example:
  bakeoff add mine some.csv    look at a file or a folder, and enter it as the problem 'mine'
  bakeoff run digits      compete for the problem 'digits', and show its leaderboard
  bakeoff serve           put the winners behind http://127.0.0.1:8080
  bakeoff status          after an edit: what would run again, and why

`bakeoff COMMAND --help` says more about one command. All settings are explained in docs/settings.md.
"""


class _OrderedGroup(click.Group):
    """Lists its commands in the order in which they were added, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    "bakeoff",
    cls=_OrderedGroup,
    help=HELP,
    epilog=EXAMPLE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="bakeoff", message="%(prog)s %(version)s")
def bakeoff() -> None:
    pass


for _command in COMMANDS:
    bakeoff.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 1 (failed), 2 (called wrongly) or 130 (Ctrl-C).

    Args:
        arguments: what stands behind `bakeoff`; that of this process if None.
    """
    if arguments is None:
        _use_code_of_this_folder()
    try:
        return int(bakeoff.main(arguments, prog_name="bakeoff", standalone_mode=False) or 0)
    except click.ClickException as mistake:
        mistake.show()
        return mistake.exit_code
    except UserError as failure:
        return _complain(str(failure), MISUSED if isinstance(failure, UnknownName) else FAILED)
    except OSError as error:  # a full disk, a folder that may not be written, a file that a run is just replacing
        return _complain(f"{error.filename or 'a file'}: {error.strerror or error}", FAILED)
    except (click.Abort, KeyboardInterrupt):
        return _complain("stopped; call it again to go on from here", INTERRUPTED)


def _complain(sentence: str, code: int) -> int:
    print(f"bakeoff: {sentence}", file=sys.stderr)
    return code


def _use_code_of_this_folder() -> None:
    """Let the project's code be that of the current folder, as it is for the stages, whichever copy is installed."""
    here, own = Path("pipelines", "cli").absolute(), Path(__file__).parent
    if not (here / "__main__.py").is_file() or sys.flags.safe_path:
        return
    if here.resolve() == own.resolve():
        sys.path.insert(0, str(Path.cwd()))  # models and serving lie beside pipelines
    else:
        os.execv(sys.executable, [sys.executable, "-m", "pipelines.cli", *sys.argv[1:]])
