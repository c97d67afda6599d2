"""`python -m binadd`: the command line."""

import sys

from binadd.cli import main

if __name__ == "__main__":
    sys.exit(main())
