"""`binadd` and `python -m binadd`: the command line, from the first import on."""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line and return its exit status, also if Ctrl-C comes while it is loaded."""
    try:
        from binadd.cli import main

        return main()
    except KeyboardInterrupt:
        sys.stderr.write("binadd: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
