"""The commands that show model versions."""

import click

from mainspring.app.cli.options import Invocation, WorkspaceGroup, WorkspaceVerb

__all__ = ["models"]


@click.group(cls=WorkspaceGroup, invoke_without_command=True)
@click.pass_context
def models(ctx: click.Context) -> None:
    """Show model versions: metrics, parameters, what a fit printed."""
    if ctx.invoked_subcommand is None:
        at = ctx.ensure_object(Invocation)
        reports = at.open().models.reports()
        none = f"{at.environment} holds no model.  Train what is declared: mainspring apply"
        at.answer(reports, lambda _: list(map(str, reports)) or [none])


@models.command("show", cls=WorkspaceVerb)
@click.argument("name", metavar="MODEL")
@click.pass_obj
def show(at: Invocation, name: str) -> None:
    """Show all of a model version.

    MODEL is a model, for the version that --env holds, or a version such as late_arrival@v3.
    """
    report = at.open().models.report(name)
    at.answer(report, lambda _: report.lines())


@models.command("card", cls=WorkspaceVerb)
@click.argument("name", metavar="MODEL")
@click.pass_obj
def card(at: Invocation, name: str) -> None:
    """Print the model card of a version, as Markdown.

    MODEL is a model, for the version that --env holds, or a version such as late_arrival@v3.  The
    card says what the version is for, how good it is, what was signed about it, which features its
    scores come from, and what it learned from.
    """
    text = at.open().models.card(name)
    at.answer({"card": text}, lambda _: text.splitlines())
