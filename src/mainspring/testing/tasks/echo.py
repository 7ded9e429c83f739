"""Answers with its order."""

import sys

__all__: list[str] = []

if __name__ == "__main__":
    order = sys.stdin.buffer.read()
    print(f"echoed {len(order)} bytes", file=sys.stderr)
    sys.stdout.buffer.write(order)
