"""bakeoff verify: train contenders once more and say whether the numbers are the same."""

import click

EPILOG = """\b
Examples:
  bakeoff verify                     every champion
  bakeoff verify digits              the champion of a problem
  bakeoff verify digits-mlp co2-esn  two contenders
"""


@click.command("verify", short_help="Train again, elsewhere, and compare every number.", epilog=EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1)
def verify_command(names: tuple[str, ...]) -> int:
    """Train contenders once more and say whether every number is reproduced bit for bit, within what, or not.

    Each NAME is a contender's, or a problem's, whose champion is meant; without a NAME, every champion. The best
    settings of the search are trained from the same seeds in a folder of their own: nothing of the project is touched.
    Beside the verdict stands in what this machine differs from the one that trained before.

    It ends with 0 if every number is the same but for rounding, and with 1 otherwise.
    """
    from pipelines.cli.project import read_project
    from pipelines.cli.reproduction import champions_of, check_is_trained, compare_trainings, train_again

    project = read_project()
    contenders = champions_of(project, names)
    for name in contenders:
        check_is_trained(project.contenders[name], name)
    all_reproduced = True
    for name in contenders:
        with train_again(project.contenders[name], name) as folder:
            comparison = compare_trainings(project.contenders[name], name, folder)
        click.echo(comparison.sentence)
        all_reproduced &= comparison.is_reproduced
    return 0 if all_reproduced else 1
