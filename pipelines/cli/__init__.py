"""Command line: `bakeoff` and its subcommands."""

from pipelines.cli.command import main as main
