"""bakeoff serve: every champion over HTTP."""

from typing import NoReturn

import click

EPILOG = """\b
Examples:
  bakeoff serve                      every champion, at http://127.0.0.1:8080
  bakeoff serve --port 9000          ... at another port
  bakeoff serve --store some/folder  all archives of a folder
  bakeoff serve digits.mar           one archive, wherever it lies
"""


@click.command("serve", short_help="Answer over HTTP with every champion, until Ctrl-C.", epilog=EPILOG)
@click.argument("archives", metavar="[MAR]...", nargs=-1)
@click.option("--store", metavar="FOLDER", help="Serve all archives of a folder (default: artifacts).")
@click.option("--host", help="Address to listen on (default: this machine alone).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (default: 8080).")
@click.option("--timeout", type=float, metavar="SECONDS", help="Longest start-up.")
def serve_command(
    archives: tuple[str, ...], store: str | None, host: str | None, port: int | None, timeout: float | None
) -> NoReturn:
    """Serve models over HTTP with TorchServe: every champion, or the archives that are named.

    Each model is checked first: it has to answer as it did when it was exported. Then the address is printed, and a
    `curl` line that works. Ctrl-C stops all of it.
    """
    from pipelines.cli.processes import become_module
    from pipelines.cli.project import check_folder

    if not archives and store is None:
        check_folder()
    options = {"--store": store, "--host": host, "--port": port, "--timeout": timeout}
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    become_module("serving.server", *given, *archives)
