"""Tokens on the command line: a secret goes to a terminal or into a file that only its owner reads,
and comes from a file or standard input, never from the words of a command.
"""

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from mainspring.access.secret_file import new_secret_file, secret_in
from mainspring.app.cli.options import GivenPath, Invocation
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.access.tokens import CreatedToken, TokenListing

__all__ = ["delivery", "given_secret", "out_option", "require_place", "token_id", "token_row"]

_ID = re.compile(r"[0-9a-f]{12}")
_LONGEST = 4_096

out_option = click.option(
    "--out",
    type=GivenPath(),
    metavar="FILE",
    help="A new file for the token, which only you can read.",
)


def token_id(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The id of a token, or a usage error that does not repeat what was given: it may be a token,
    and errors end in logs.
    """
    if value is None or _ID.fullmatch(value):
        return value
    if value.startswith("msp_"):
        reason = (
            "this is a token, and whatever stands on a command line can be read by others: "
            "`mainspring auth list` shows its id; revoke it"
        )
    else:
        reason = "an id has twelve hexadecimal digits, as `mainspring auth list` shows it"
    raise click.BadParameter(reason, ctx, param)


def require_place(
    out: Path | None, *, option: str = "--out", ends_with_process: bool = False
) -> None:
    """Returns where a secret can be delivered, before there is one.

    Args:
        ends_with_process: whether it is worth nothing after this process, so that the program which
            started it may read it from a pipe.
    """
    if out is None and not sys.stdout.isatty() and not (ends_with_process and _is_piped()):
        raise click.UsageError(
            "standard output is no terminal, and the token would stay wherever it goes: "
            f"write it to a file that only you can read, with {option} FILE"
        )


def _is_piped() -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def delivery(at: Invocation, out: Path | None) -> "Iterator[Callable[[CreatedToken], None]]":
    """Gives what shows or writes a new token; the file is made before the token.  Raises:
    SecretFileRefused ACC-034.
    """
    if out is None:
        yield lambda created: _show(at, created, token=created.token)
        return

    with new_secret_file(out) as file:

        def write(created: "CreatedToken") -> None:
            file.write(created.token)
            _show(at, created, file=str(out))

        yield write


def given_secret(path: Path | None) -> str:
    """The token in a file, or on standard input for `-`.  Raises: SecretFileRefused ACC-034."""
    return sys.stdin.read(_LONGEST).strip() if str(path) == "-" else secret_in(Path(path or "-"))


def token_row(listing: "TokenListing") -> list[str]:
    """A token as a line of a list."""
    if listing.state == "unreadable":
        return [listing.id, "unreadable: it was changed, or is of a later release", *[""] * 5]
    return [
        listing.id,
        listing.actor,
        ", ".join(listing.permissions),
        "all environments" if listing.environments is None else ", ".join(listing.environments),
        _limits(listing),
        _end(listing),
        f"used {format_instant(listing.last_used_at)[:16]}Z"
        if listing.last_used_at
        else "not used",
    ]


def _show(at: Invocation, created: "CreatedToken", *, token: str = "", file: str = "") -> None:
    listing = created.listing
    record = {**msgspec.to_builtins(listing), **({"token": token} if token else {"file": file})}
    at.answer(record, lambda _: [token] if token else [f"token {listing.id} is in {file}"])
    at.note("  ".join(token_row(listing)[:-1]) + ("\nIt is not shown again." if token else ""))


def _limits(listing: "TokenListing") -> str:
    limits = (
        ("endpoint", "endpoints", listing.endpoints),
        ("source", "sources", listing.sources),
    )
    return "; ".join(_limit(*limit) for limit in limits)


def _limit(one: str, many: str, names: Sequence[str] | None) -> str:
    if names is None:
        return f"all {many}"
    return f"{one if len(names) == 1 else many} {', '.join(names)}"


def _end(listing: "TokenListing") -> str:
    if listing.revoked_at is not None:
        return f"revoked {format_instant(listing.revoked_at)[:10]}"
    if listing.expires_at is None:
        return "never expires"
    word = "expired" if listing.state == "expired" else "until"
    return f"{word} {format_instant(listing.expires_at)[:10]}"
