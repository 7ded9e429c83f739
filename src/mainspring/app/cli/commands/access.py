"""The commands about access: tokens and keys, and the audit of the journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.access.tokens import PERMISSIONS
from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import (
    GivenPath,
    Invocation,
    WorkspaceGroup,
    WorkspaceVerb,
    actor_name,
)
from mainspring.app.cli.paint import Paint, columns
from mainspring.app.cli.secret import require_place_for_secret, write_new_secret
from mainspring.elements.events import Event
from mainspring.elements.identity import short
from mainspring.elements.time import format_instant

if TYPE_CHECKING:
    from mainspring.govern.audit import AuditReport

__all__ = ["audit", "audit_lines", "auth"]


@click.group()
def auth() -> None:
    """Create, list and revoke tokens."""


@auth.command("create", cls=WorkspaceVerb)
@click.argument("owner", metavar="ACTOR", callback=actor_name)
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    required=True,
    type=click.Choice(PERMISSIONS),
    help="A permission of the token; may be repeated.",
)
@click.option(
    "--to",
    "file",
    type=GivenPath(dir_okay=False),
    metavar="FILE",
    help="Write the token to this new file, which only you can read, instead of showing it.",
)
@click.pass_obj
def create_token(
    at: Invocation, owner: str, permissions: tuple[str, ...], file: Path | None
) -> None:
    """Create a token and show it once.

    ACTOR is who will use it, such as service:checkout.  Only its digest is stored.  A token is
    shown on a terminal only: whatever else takes what is printed could be a log.
    """
    require_place_for_secret(file)
    token = at.open().tokens.create(owner, permissions)
    shown = write_new_secret(file, token) if file else token
    record = {"file" if file else "token": shown, "actor": owner, "permissions": permissions}
    at.answer(record, lambda _: [shown])
    at.note(f"{owner} may {', '.join(permissions)}.  The token is not shown again.")


@auth.command("list", cls=WorkspaceVerb)
@click.pass_obj
def list_tokens(at: Invocation) -> None:
    """List tokens: their actors and permissions."""
    found = at.open().tokens.list()
    rows = [
        [record.actor, ", ".join(record.permissions), f"since {format_instant(record.created_at)}"]
        for record in found
    ]
    at.answer(found, lambda _: columns(rows) if rows else ["there is no token yet"])


@auth.command("key", cls=WorkspaceVerb)
@click.pass_obj
def show_keys(at: Invocation) -> None:
    """Show the public keys of this workspace, for an environment's trust in project.toml."""
    keys = at.open().public_keys()
    at.answer(keys, lambda _: columns([[f"{role} =", f'["{key}"]'] for role, key in keys.items()]))


@auth.command("revoke", cls=WorkspaceVerb)
@click.argument("token")
@click.pass_obj
def revoke_token(at: Invocation, token: str) -> None:
    """Revoke a token, effective at once."""
    at.open().tokens.revoke(token)
    at.answer({"revoked": True}, lambda paint: [f"{paint.mark(True)} the token is revoked"])


@click.group(cls=WorkspaceGroup, invoke_without_command=True)
@click.option(
    "--last",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many events to show.",
)
@click.option(
    "--kind",
    default="",
    metavar="KIND",
    help="Only events of this kind, such as environment.moved.",
)
@click.pass_context
def audit(ctx: click.Context, last: int, kind: str) -> int | None:
    """Show who did what, and verify that the journal is unchanged.

    Each event of the journal has a digest of all events before it, and signed checkpoints say what
    it was.  Exit code 1 when this chain is broken, or is another than the one that was signed.
    """
    if ctx.invoked_subcommand is not None:
        return None
    at = ctx.ensure_object(Invocation)
    report = at.open().audit(kind=kind, last=last)
    at.answer(report, lambda paint: audit_lines(report, paint))
    return 0 if report.intact else EXIT_REFUSED


@audit.command("verify", cls=WorkspaceVerb)
@click.option(
    "--against",
    type=GivenPath(exists=True),
    required=True,
    metavar="FILE",
    help="A checkpoint, a folder of them, or what `mainspring audit --json` printed.",
)
@click.pass_obj
def verify_audit(at: Invocation, against: Path) -> int:
    """Compare the journal with a checkpoint or an audit that was kept elsewhere.

    Exit code 1 when an event up to there is another one, or is missing.
    """
    report = at.open().audit_against(against)
    at.answer(report, lambda paint: audit_lines(report, paint))
    return 0 if report.intact else EXIT_REFUSED


def audit_lines(report: "AuditReport", paint: Paint) -> Iterator[str]:
    """The newest events, and whether the chain of digests is intact."""
    events = [record.event for record in report.shown]
    rows = [
        [
            paint.quiet(format_instant(event.at)[:19]),
            event.actor,
            event.kind,
            event.environment,
            _subject(event),
        ]
        for event in events
    ]
    yield from columns(rows) if rows else []
    yield from (f"{paint.mark(False)} {fault}" for fault in report.faults)
    if report.broken_at is None:
        signed = f", signed up to event {report.signed_until:,}" if report.signed_until else ""
        yield (
            f"{paint.mark(report.intact)} {report.events:,} events, and their chain of digests is "
            f"intact{signed}"
        )
    else:
        yield (
            f"{paint.mark(False)} the chain of digests breaks at event {report.broken_at} of "
            f"{report.events:,}: the journal was changed there"
        )


def _subject(event: Event) -> str:
    return short(event.subject) if event.subject.startswith("sha256:") else event.subject
