"""python -m pipelines.tracking: see sync.py."""

import sys

from pipelines.tracking.sync import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
