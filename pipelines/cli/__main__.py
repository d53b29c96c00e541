"""python -m pipelines.cli: the same as `bakeoff`, with the code of the current folder."""

import sys

from pipelines.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
