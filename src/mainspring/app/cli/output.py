"""The one place that prints a result: one JSON document for programs, or lines for people."""

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TextIO

import msgspec

from mainspring.app.cli.paint import Paint, paint_for
from mainspring.app.cli.progress import LiveLine
from mainspring.elements.plain_json import encode_json

__all__ = ["colours_of", "live_line", "render_json", "write_answer"]

_ENCODER = msgspec.json.Encoder(enc_hook=str)


def colours_of(stream: TextIO) -> Paint:
    """The colours for a stream of this process."""
    return paint_for(stream, os.environ)


def live_line(stream: TextIO) -> LiveLine:
    """The progress line of a stream; it is rewritten in place on a terminal only."""
    in_place = stream.isatty() and os.environ.get("TERM") != "dumb"
    return LiveLine(stream, width=shutil.get_terminal_size().columns if in_place else 0)


def render_json(record: object) -> str:
    """A record as one JSON document, indented, for `--json`."""
    return msgspec.json.format(encode_json(record, encoder=_ENCODER), indent=2).decode()


def write_answer(record: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Print the record or the lines about it."""
    text = render_json(record) if as_json else "\n".join(lines)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
