"""A plan as text for people; `apply` is the other reader of the same records."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mainspring.elements.identity import short
from mainspring.elements.time import format_duration
from mainspring.elements.values.guess import Guess
from mainspring.project.kinds.data import DataChange, DataEffects
from mainspring.project.kinds.kind import FeatureProof
from mainspring.project.kinds.stage import Estimate, stage_kind
from mainspring.project.kinds.union import kind_of_stage
from mainspring.project.plan.diff import AssetChange, ChangeKind
from mainspring.project.plan.estimate import total_estimate
from mainspring.project.plan.notation import render_field_change
from mainspring.project.plan.plan import Plan
from mainspring.project.plan.stages import MoveEnvironment, Stage, VerifyVersion

__all__ = ["render_plan"]

_SIGNS = {
    "added": "+",
    "changed": "~",
    "changed_indirectly": "↳",
    "policy_changed": "·",
    "renamed": "→",
    "removed": "-",
}
_COUNTED: dict[ChangeKind, str] = {
    "added": "added",
    "changed": "changed",
    "changed_indirectly": "changed through their parents",
    "policy_changed": "changed in policy only",
    "renamed": "renamed",
    "removed": "removed",
}
_COLOURS = {
    "+": "32",
    "~": "33",
    "↳": "36",
    "·": "35",
    "→": "36",
    "-": "31",
    "title": "1",
    "quiet": "2",
}
_TOUCHED = 6
_GUESSED = 12
_ASSUMED = "known_at assumed"

_Paint = Callable[[str, str], str]


def render_plan(plan: Plan, *, colour: bool = False) -> str:
    """What would change and why, what would run, and its cost; an empty plan says so, and what it
    cannot see.  Ends without a line break.
    """
    paint = _coloured if colour else _plain
    held = f"version {plan.environment_version}" if plan.environment_version else "nothing"
    if plan.is_empty:
        nothing = (
            f"Nothing to do: {plan.environment} ({held}) holds all {plan.unchanged} assets "
            f"of {plan.project} as they are declared."
        )
        data, columns = _data_lines(plan, paint), _column_lines(plan, paint)
        return "\n".join([nothing, *data, *columns, *_unseen_lines(plan)])
    if plan.act != "apply":
        return "\n".join(_lines_of_move(plan, held, paint))
    counts = Counter(change.change for change in plan.changes)
    said = [f"{counts[kind]} {words}" for kind, words in _COUNTED.items() if counts[kind]]
    lines = [
        paint("title", f"Plan for {plan.project} → {plan.environment}, which holds {held}"),
        ", ".join([*said, f"{plan.unchanged} unchanged"]),
        "",
        paint("title", "Changes"),
        *_change_lines(plan.changes, paint),
        *_data_lines(plan, paint),
        *_column_lines(plan, paint),
        "",
        paint("title", "Stages"),
        *_stage_lines(plan, paint),
        *_rollout_lines(plan, paint),
        "",
        *_closing_lines(plan),
    ]
    return "\n".join(lines)


def _lines_of_move(plan: Plan, held: str, paint: _Paint) -> Iterator[str]:
    """A plan that was not made from a difference of declarations: the moves and their stages."""
    title = f"Plan for {plan.project} → {plan.environment}, which holds {held}: {plan.reason}"
    yield paint("title", title)
    last = [stage for stage in plan.stages if isinstance(stage, MoveEnvironment)]
    moves = [move for stage in last for move in stage.moves]
    if moves:
        yield from ("", paint("title", "Moves"))
        names = max(len(move.asset) for move in moves)
        for move in moves:
            before = short(move.before) if move.before else "nothing"
            after = short(move.digest) if move.digest else "a new build"
            yield f"  {move.asset:<{names}}  {before} → {after}"
    yield from (f"  {name}  removed" for stage in last for name in stage.removes)
    yield from ("", paint("title", "Stages"), *_stage_lines(plan, paint))
    yield from _rollout_lines(plan, paint)


def _change_lines(changes: Sequence[AssetChange], paint: _Paint) -> Iterator[str]:
    names = max(len(change.asset) for change in changes)
    places = max(len(change.at or "") for change in changes)
    for change in changes:
        sign = _SIGNS[change.change]
        notes = (
            [f"because of {', '.join(change.because_of)}"]
            if change.change == "changed_indirectly"
            else []
        )
        notes += [_ASSUMED] if change.is_assumed else []
        asset, place = (
            paint(sign, f"{sign} {change.asset:<{names}}"),
            paint("quiet", f"{change.at or '':<{places}}"),
        )
        yield f"  {asset}  {place}  {'; '.join(notes)}".rstrip()
        yield from _detail_lines(change)


def _data_lines(plan: Plan, paint: _Paint) -> Iterator[str]:
    """The files that differ from what was read of them."""
    if not plan.data:
        return
    yield from ("", paint("title", "Data"))
    paths = max(len(change.path) for change in plan.data)
    for change in plan.data:
        yield f"  {change.path:<{paths}}  {_data_words(change)}"
        if change.effects is not None:
            yield f"      {_effect_words(change.effects)}"
    if plan.leaves_data:
        yield "  They are left as they were read."


def _column_lines(plan: Plan, paint: _Paint) -> Iterator[str]:
    """What columns were taken for, and those that no source has."""
    if any(found.guesses for found in plan.columns):
        yield from ("", paint("title", "Guessed types (a contract says others)"))
    for found in plan.columns:
        yield from _guess_lines(found.source, found.guesses)
    ignored = [(found.source, each) for found in plan.columns for each in found.ignored]
    if ignored:
        yield from ("", paint("title", "Ignored columns"))
        yield from (f"  {source}  {each.column}: {each.reason}" for source, each in ignored)


def _guess_lines(source: str, guesses: Sequence[Guess]) -> Iterator[str]:
    if not guesses:
        return
    yield f"  {source}"
    # What a later row decided is the surprise; of a wide file those that the first row decided are
    # only counted.
    shown = sorted(guesses, key=lambda guess: guess.row == 1)[:_GUESSED]
    yield from (f"      {guess}" for guess in guesses if guess in shown)
    if len(guesses) > len(shown):
        yield f"      and {len(guesses) - len(shown)} more (plan --json has all)"


def _data_words(change: DataChange) -> str:
    match change.change:
        case "new":
            return f"new, {_bytes(change.size_bytes)}"
        case "grown":
            grown = change.size_bytes - change.before_bytes
            return f"has grown by {_bytes(grown)} since it was read"
        case "changed":
            return f"was changed since it was read, {_bytes(change.size_bytes)}"
        case "unchanged":
            return "is as it was read; rows that it had before it was read last are deleted"
        case "missing":
            return "is gone; its rows stay (--delete-missing deletes them)"


def _effect_words(effects: DataEffects) -> str:
    found = (
        (effects.new, "new"),
        (effects.replaced, "replaced"),
        (effects.unchanged, "as they were"),
        (effects.quarantined, "to quarantine"),
        (effects.missing, "missing, which stay (--delete-missing deletes them)"),
    )
    said = [f"{count:,} {words}" for count, words in found if count]
    return f"{effects.rows:,} rows: {', '.join(said) or 'none'}"


def _bytes(size: int) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}"
        size //= 1000
    return f"{size:,} GB"


def _detail_lines(change: AssetChange) -> Iterator[str]:
    width = max((len(field.field) for field in change.fields), default=0)
    for field in change.fields:
        yield f"      {field.field:<{width}}  {_turn(field.field, field.before, field.after)}"
    if change.pushed:
        name = change.asset.partition(".")[2]
        yield (
            f"      {change.pushed:,} rows were pushed to it; they stay until "
            f"`mainspring gc --source {name}`"
        )
    if change.touches:
        more = len(change.touches) - _TOUCHED
        yield f"      touches {', '.join(change.touches[:_TOUCHED])}" + (
            f" and {more} more" if more > 0 else ""
        )


def _turn(field: str, before: str | None, after: str | None) -> str:
    """Old → new; a change of code is only named, because its syntax tree is not readable, and so is
    one of the content of an input.
    """
    if field == "code":
        return "the code of the fit, or of what it uses"
    if field.startswith("inputs.") and before and after:
        return "its content"
    return render_field_change(field, before, after)


def _rollout_lines(plan: Plan, paint: _Paint) -> Iterator[str]:
    """How revisions that are new would take over."""
    if plan.rollouts:
        yield from ("", paint("title", "Roll-outs"), *(f"  {each}" for each in plan.rollouts))


def _stage_lines(plan: Plan, paint: _Paint) -> Iterator[str]:
    rows = [_stage_cells(stage, plan.currency) for stage in plan.stages]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for number, (stage, row) in enumerate(zip(plan.stages, rows, strict=True), start=1):
        cells = [
            f"{row[0]:<{widths[0]}}",
            f"{row[1]:<{widths[1]}}",
            *(f"{row[i]:>{widths[i]}}" for i in (2, 3, 4)),
            row[5],
        ]
        line = f"  {number:>{len(str(len(rows)))}}  " + "  ".join(cell for cell in cells if cell)
        yield paint("quiet", line.rstrip()) if stage.reuses else line.rstrip()


def _stage_cells(stage: Stage, currency: str) -> tuple[str, str, str, str, str, str]:
    """Kind, asset, rows, seconds, cost and notes of one stage."""
    estimate = stage.estimate or Estimate()
    notes = [f"reuses {short(stage.reuses)}"] if stage.reuses else [stage.reason]
    match stage:
        case MoveEnvironment(from_version=version):
            notes.append(f"version {version} → {version + 1}")
        case VerifyVersion(version=digest):
            notes.append(short(digest))
        case _:
            notes += kind_of_stage(stage).notes(stage)
    notes += [_ASSUMED] if stage.is_assumed else []
    return (
        stage_kind(stage).replace("_", " "),
        stage.asset,
        f"{estimate.rows:,} rows" if estimate.rows is not None else "",
        f"{_seconds(estimate.cpu_s)}" if estimate.cpu_s is not None else "",
        _money(estimate.cost, currency) if estimate.cost is not None else "",
        "; ".join(notes),
    )


def _closing_lines(plan: Plan) -> Iterator[str]:
    sum_ = total_estimate(plan.stages)
    reused = len(plan.stages) - len(plan.work)
    noun = "stage" if len(plan.work) == 1 else "stages"
    parts = [f"{len(plan.work)} {noun} to run" + (f", {reused} reused" if reused else "")]
    if sum_.cpu_s is not None:
        parts.append(f"about {_seconds(sum_.cpu_s)} of one core")
    else:
        parts.append("no estimate yet, because no such stage has run here")
    if sum_.size_bytes is not None:
        parts.append(f"{_bytes(sum_.size_bytes)} of rows to read")
    if sum_.cost is not None:
        parts.append(_money(sum_.cost, plan.currency))
    yield "; ".join(parts) + "."
    yield from _proof_lines(plan.features)
    for assumed in plan.assumed:
        after = format_duration(assumed.delay_us) if assumed.delay_us > 0 else "no time"
        yield (
            f"Assumed: facts of {assumed.source} are known {after} after they happen; "
            f"{_depend(len(assumed.assets))} on that."
        )
    for timeless in plan.timeless:
        yield (
            f"No time: {timeless.source} has no event times, so leakage cannot be excluded; "
            f"{_depend(len(timeless.assets))} on that."
        )
    yield from _unseen_lines(plan)


def _depend(assets: int) -> str:
    return "1 asset depends" if assets == 1 else f"{assets} assets depend"


def _unseen_lines(plan: Plan) -> Iterator[str]:
    for model in plan.unseen:
        yield from (f"{model.asset} {unseen}" for unseen in model.unseen)


def _proof_lines(proofs: Sequence[FeatureProof]) -> Iterator[str]:
    proven = sum(len(proof.proven) for proof in proofs)
    tested = [f"{proof.asset}: {', '.join(proof.tested)}" for proof in proofs if proof.tested]
    ordered = [f"{proof.asset}: {', '.join(proof.ordered)}" for proof in proofs if proof.ordered]
    said = [f"{proven} proven equal in batch and online"]
    said += (
        [f"ordered, at a cost that grows with the window: {'; '.join(ordered)}"] if ordered else []
    )
    said += [f"only tested: {'; '.join(tested)}"] if tested else []
    yield f"Features: {'; '.join(said)}."
    for proof in proofs:
        if proof.hop_us is not None:
            yield (
                f"Hopped: {proof.asset} is computed as of the last multiple of "
                f"{format_duration(proof.hop_us)}, not of the prediction time."
            )


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _money(amount: float, currency: str) -> str:
    return f"{amount:.2f} {currency}" if amount >= 0.01 or amount == 0 else f"< 0.01 {currency}"


def _plain(_: str, text: str) -> str:
    return text


def _coloured(kind: str, text: str) -> str:
    return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m"
