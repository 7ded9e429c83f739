"""Ends with status 3."""

import sys

__all__: list[str] = []

if __name__ == "__main__":
    print("this task always fails", file=sys.stderr)
    sys.exit(3)
