"""The commands about access: tokens and keys, and the audit of the journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mainspring.access.scope import PERMISSIONS
from mainspring.app.cli.faults import EXIT_REFUSED
from mainspring.app.cli.options import (
    GivenPath,
    Invocation,
    WorkspaceGroup,
    WorkspaceVerb,
    actor_name,
)
from mainspring.app.cli.paint import Paint, columns
from mainspring.app.cli.secrets import (
    delivery,
    given_secret,
    out_option,
    require_place,
    token_id,
    token_row,
)
from mainspring.elements.events import Event
from mainspring.elements.identity import short
from mainspring.elements.time import format_instant, parse_duration

if TYPE_CHECKING:
    from mainspring.govern.audit import AuditReport

__all__ = ["audit", "audit_lines", "auth"]


@click.group()
def auth() -> None:
    """Create, list, revoke and rotate tokens."""


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
    "--endpoint",
    "endpoints",
    multiple=True,
    metavar="NAME",
    help="An endpoint that it is for; may be repeated.  [all]",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    help="A source that it is for; may be repeated.  [all]",
)
@click.option(
    "--also-env",
    "more_environments",
    multiple=True,
    metavar="NAME",
    help="An environment that it is for beside that of --env; may be repeated.",
)
@click.option("--all-envs", is_flag=True, help="It is for all environments.")
@click.option(
    "--expires",
    default="90d",
    show_default=True,
    metavar="DURATION",
    help="How long it is valid, such as 90d.",
)
@click.option("--never", is_flag=True, help="It does not expire.")
@out_option
@click.pass_obj
def create_token(
    at: Invocation,
    owner: str,
    permissions: tuple[str, ...],
    *,
    endpoints: tuple[str, ...],
    sources: tuple[str, ...],
    more_environments: tuple[str, ...],
    all_envs: bool,
    expires: str,
    never: bool,
    out: Path | None,
) -> None:
    """Create a token for the environment of --env.

    ACTOR is who will use it, such as service:checkout.  The token is shown once, on a terminal, or
    written to a file; only its digest is stored.
    """
    require_place(out)
    lifetime = None if never else parse_duration(expires)
    workspace = at.open()
    for name in more_environments:
        workspace.project_config.environment(name)
    with delivery(at, out) as deliver:
        created = workspace.tokens.create(
            owner,
            permissions,
            environments=(workspace.environment, *more_environments),
            all_environments=all_envs,
            endpoints=endpoints or None,
            sources=sources or None,
            lifetime=lifetime,
        )
        deliver(created)


@auth.command("rotate", cls=WorkspaceVerb)
@click.argument("id", callback=token_id)
@click.option(
    "--overlap",
    default="",
    metavar="DURATION",
    help="How long the old one stays valid, such as 1d.  [it is revoked at once]",
)
@out_option
@click.pass_obj
def rotate_token(at: Invocation, id: str, overlap: str, out: Path | None) -> None:
    """Replace a token by a new one of the same actor, scope and lifetime.

    ID is what `mainspring auth list` shows.
    """
    require_place(out)
    length = parse_duration(overlap) if overlap else 0
    tokens = at.open().tokens
    with delivery(at, out) as deliver:
        deliver(tokens.rotate(id, overlap=length))


@auth.command("list", cls=WorkspaceVerb)
@click.option("--all", "shows_all", is_flag=True, help="Also those that expired or were revoked.")
@click.pass_obj
def list_tokens(at: Invocation, *, shows_all: bool) -> None:
    """List tokens: their ids, actors, permissions and scopes, and when they end and were used."""
    found = [
        listing
        for listing in at.open().tokens.list()
        if shows_all or listing.state in ("valid", "unreadable")
    ]
    rows = [token_row(listing) for listing in found]
    at.answer(found, lambda _: columns(rows) if rows else ["there is no token yet"])


@auth.command("key", cls=WorkspaceVerb)
@click.pass_obj
def show_keys(at: Invocation) -> None:
    """Show the public keys of this workspace, for an environment's trust in project.toml."""
    keys = at.open().public_keys()
    at.answer(keys, lambda _: columns([[f"{role} =", f'["{key}"]'] for role, key in keys.items()]))


@auth.command("revoke", cls=WorkspaceVerb)
@click.argument("id", required=False, callback=token_id)
@click.option(
    "--token-file",
    type=GivenPath(dir_okay=False),
    metavar="FILE",
    help="Revoke the token in this file; - reads it from standard input.",
)
@click.pass_obj
def revoke_token(at: Invocation, id: str | None, token_file: Path | None) -> None:
    """Revoke a token, effective at its next request.

    ID is what `mainspring auth list` shows.
    """
    if (id is None) == (token_file is None):
        raise click.UsageError("name a token by its ID, or a file that holds it by --token-file")
    tokens = at.open().tokens
    revoked = tokens.revoke(id or tokens.find(given_secret(token_file)).id)
    at.answer(revoked, lambda paint: [f"{paint.mark(True)} token {revoked.id} is revoked"])


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
