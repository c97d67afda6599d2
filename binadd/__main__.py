"""`binadd` and `python -m binadd`: the command line, from the first import on."""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line and return its exit status, also if Ctrl-C comes while it is loaded."""
    try:
        from binadd.cli import main

        return main()
    except KeyboardInterrupt:
        pass
    except Exception as error:  # what Ctrl-C becomes where a library stumbles over it
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__context__
        if cause is None:
            raise
    sys.stderr.write("binadd: interrupted\n")
    return 130


if __name__ == "__main__":
    sys.exit(main())
