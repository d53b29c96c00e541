"""bakeoff serve: every champion over HTTP, or those that are named."""

from collections.abc import Sequence
from typing import NoReturn

import click

ARCHIVE_ENDING = ".mar"
EPILOG = """\b
Examples:
  bakeoff serve                      every champion, at http://127.0.0.1:8080
  bakeoff serve digits tumours       the champions of two problems
  bakeoff serve --port 9000          ... at another port
  bakeoff serve --store some/folder  all archives of a folder
  bakeoff serve old/digits.mar       one archive, wherever it lies
"""


@click.command("serve", short_help="Answer over HTTP with every champion, until Ctrl-C.", epilog=EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--store", metavar="FOLDER", help="Serve all archives of a folder (default: artifacts).")
@click.option("--host", help="Address to listen on (default: this machine alone).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (default: 8080).")
@click.option("--timeout", type=float, metavar="SECONDS", help="Longest start-up.")
def serve_command(
    names: tuple[str, ...], store: str | None, host: str | None, port: int | None, timeout: float | None
) -> NoReturn:
    """Serve models over HTTP with TorchServe: every champion, or what is named.

    Each NAME is a problem's, whose champion is meant, or an archive (.mar). Each model is checked first: it has to
    answer as it did when it was exported. Then the address is printed, and a `curl` line that works. Ctrl-C stops all
    of it.
    """
    from pipelines.cli.processes import become_module
    from pipelines.cli.project import check_folder

    if not names and store is None:
        check_folder()
    archives = _find_archives(names)
    options = {"--store": store, "--host": host, "--port": port, "--timeout": timeout}
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    become_module("serving.server", *given, *archives)


def _find_archives(names: Sequence[str]) -> list[str]:
    """The archive of each name: of a problem its champion's, and what ends as an archive itself.

    Raises:
        UnknownName: a name is neither.
        UserError: a problem has no archive yet, or the current folder is not a project's.
    """
    from pipelines.cli.names import check_names
    from pipelines.cli.project import read_project
    from pipelines.runtime.user_error import UserError
    from pipelines.settings import paths

    problems = [name for name in names if not name.endswith(ARCHIVE_ENDING)]
    if problems:
        check_names(problems, read_project().problems, "problem")
    archives = {name: paths.package_folder(name) / f"{name}{ARCHIVE_ENDING}" for name in problems}
    for problem, archive in archives.items():
        if not archive.exists():
            raise UserError(
                f"{problem} has no champion to serve yet: there is no {archive}; `bakeoff run {problem}` makes it"
            )
    return [str(archives.get(name, name)) for name in names]
