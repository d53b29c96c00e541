"""bakeoff tensorboard: TensorBoard on what was run."""

import click

EPILOG = """\b
Examples:
  bakeoff tensorboard                  http://127.0.0.1:6006
  bakeoff tensorboard digits           one problem: HPARAMS then has few empty cells
  bakeoff tensorboard digits-mlp       one contender
  bakeoff tensorboard --port 6007      ... at another port
  bakeoff tensorboard --write-only     the files alone, in .state/tensorboard
"""


@click.command("tensorboard", short_help="Look into trainings with TensorBoard, until Ctrl-C.", epilog=EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--port", type=click.IntRange(1, 65535), default=6006, show_default=True, help="Port to listen on.")
@click.option("--write-only", is_flag=True, help="Write the files, and show nothing.")
def tensorboard_command(names: tuple[str, ...], port: int, write_only: bool) -> None:
    """Write TensorBoard's files from the artifacts, and show them in a browser, until Ctrl-C.

    Of all contenders, or of those that are named, by themselves or by their problem.

    Curves of every training, histograms of its weights, settings and scores of every trial (HPARAMS), the graph that is
    served, pictures, and what is predicted as points (PROJECTOR). The files are in .state/tensorboard; they may be
    deleted.
    """
    from pipelines.cli.names import check_names
    from pipelines.cli.processes import become_module
    from pipelines.cli.project import read_project
    from pipelines.cli.ui import HOST, check_port_is_free
    from pipelines.runtime.user_error import UserError
    from pipelines.tracking.tensorboard import board_command_line, write_boards

    project = read_project()
    check_names(names, [*project.problems, *project.contenders], "problem or contender")
    contenders = {
        name: problem for name, problem in project.contenders.items() if not names or {name, problem} & set(names)
    }
    if not write_only:
        check_port_is_free(port)
    shown = write_boards(contenders)
    if not shown:
        asked = " ".join(["bakeoff run", *names])
        raise UserError(f"no contender is evaluated yet, so there is nothing to show: `{asked}` first")
    if not write_only:
        print(f"Open http://{HOST}:{port} once it answers; Ctrl-C stops it.")
        become_module(*board_command_line(port))
