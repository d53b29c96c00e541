"""bakeoff remove: a problem and its contenders taken out of params.yaml."""

import click

EPILOG = """\b
Examples:
  bakeoff remove titanic             its lines, and those of its contenders
"""


@click.command("remove", short_help="Take a problem out of params.yaml.", epilog=EPILOG)
@click.argument("name", metavar="NAME")
def remove_command(name: str) -> int:
    """Take the problem NAME and all its contenders out of params.yaml; everything else in it stays as it is.

    What was made of it, in data/ and artifacts/, is left where it is.
    """
    from pipelines.cli.names import check_names
    from pipelines.cli.project import check_folder
    from pipelines.proposals.params_entries import problem_names
    from pipelines.proposals.params_file import read_params_text, take_out_problem

    check_folder()
    check_names([name], problem_names(read_params_text()), "problem")
    take_out_problem(name)
    print(f"Took {name} out of params.yaml. What was made of it is still in data/{name} and artifacts/{name}.")
    return 0
