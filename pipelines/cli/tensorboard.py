"""bakeoff tensorboard: TensorBoard on what was run."""

import click

EPILOG = """\b
Examples:
  bakeoff tensorboard                  http://127.0.0.1:6006
  bakeoff tensorboard --port 6007      ... at another port
  bakeoff tensorboard --write-only     the files alone, in .state/tensorboard
"""


@click.command("tensorboard", short_help="Look into trainings with TensorBoard, until Ctrl-C.", epilog=EPILOG)
@click.option("--port", type=click.IntRange(1, 65535), default=6006, show_default=True, help="Port to listen on.")
@click.option("--write-only", is_flag=True, help="Write the files, and show nothing.")
def tensorboard_command(port: int, write_only: bool) -> None:
    """Write TensorBoard's files from the artifacts, and show them in a browser, until Ctrl-C.

    Curves of every training, histograms of its weights, settings and scores of every trial (HPARAMS), the graph that is
    served, pictures, and what is predicted as points (PROJECTOR). The files are in .state/tensorboard; they may be
    deleted.
    """
    from pipelines.cli.processes import become_module
    from pipelines.cli.project import read_project
    from pipelines.cli.ui import HOST, check_port_is_free
    from pipelines.runtime.user_error import UserError
    from pipelines.tracking.tensorboard import board_command_line, write_boards

    contenders = read_project().contenders
    if not write_only:
        check_port_is_free(port)
    shown = write_boards(contenders)
    if not shown:
        raise UserError("no contender is evaluated yet, so there is nothing to show: `bakeoff run` first")
    if not write_only:
        print(f"Open http://{HOST}:{port} once it answers; Ctrl-C stops it.")
        become_module(*board_command_line(port))
