"""python -m coin_edu; `cli` has the commands."""

import sys

from coin_edu.cli import main

if __name__ == "__main__":
    sys.exit(main())
