"""python -m pipelines.zoo: write docs/zoo.md, or with --check say whether it is as it would be written."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.runtime.files import write_bytes
from pipelines.zoo.page import COMMAND, write_page

PAGE = Path("docs", "zoo.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; return 1 if it was to be checked and differs."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Write docs/zoo.md from the files of models/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")
    check: bool = parser.parse_args(arguments).check
    page = write_page()
    if not check:
        write_bytes(PAGE, page.encode())
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        print(f"{PAGE} is not up to date: run {COMMAND}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
