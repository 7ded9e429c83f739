"""Which outcome is the label of a row, and since when it is known: the one rule that training sets,
monitors and simulations share.

Of the facts with a row's key the last by (event time, id) counts, in whichever order they arrived;
one that was taken back counts no more, and leaves the one before it.  A label that is no finite
number is none.

Where absence means *no*, a row asks whether a fact comes within the horizon: one that a feature
could have seen at the prediction time is no answer, nor is one that first became known after the
horizon, for by then the row was answered.  No row is answered before its horizon has passed.  To
take those whose fact came early would be to train on recent rows of one class only.
"""

from collections.abc import Sequence

import polars as pl

from mainspring.datasets.spec import Label
from mainspring.elements.expression.columns import to_polars
from mainspring.elements.expression.infer import infer_type
from mainspring.elements.schema import DType, Schema
from mainspring.elements.time import Micros
from mainspring.features.id_order import id_keys

__all__ = ["join_outcomes", "revisions_of"]


def revisions_of(
    label: Label, facts: pl.DataFrame, schema: Schema, *, visible_from: str, stands: pl.Expr
) -> pl.DataFrame:
    """What facts of the label's source say; one without a key says nothing about any row.

    Args:
        visible_from: the column that says since when a fact is visible.
        stands: whether a fact was neither taken back nor replaced.

    Returns: the columns of `join_on`, `_order` (a text that sorts as ids do), `_event_time`,
        `_visible_from`, `_stands` and `_label`.
    """
    key = list(label.join_on)
    types = tuple(schema[name].dtype for name in label.source.id)
    return facts.select(
        *key,
        id_keys(facts["_id"], types).alias("_order"),
        "_event_time",
        pl.col(visible_from).alias("_visible_from"),
        stands.alias("_stands"),
        _finite(to_polars(label.value, schema), infer_type(label.value, schema)).alias("_label"),
    ).drop_nulls(key)


def _finite(value: pl.Expr, dtype: DType) -> pl.Expr:
    # NaN and infinities would leave a model without metrics, and every feature without power.
    return pl.when(value.is_finite()).then(value) if dtype is DType.FLOAT64 else value


def join_outcomes(
    rows: pl.DataFrame,
    revisions: pl.DataFrame,
    *,
    on: Sequence[str],
    horizon: Micros | None,
    now: Micros,
) -> pl.DataFrame:
    """The label of each row, in their order.

    Args:
        rows: the columns of `on`, and `_prediction_time`.
        revisions: as `revisions_of` gives them, with the columns of `on`.
        horizon: after which a row without a fact is negative; None leaves it without a label.
        now: a row whose horizon has not passed by then has no label yet.

    Returns: `_label`, null where there is none; `_label_known_at`; and `_by_absence`, whether the
        label says that no fact came.
    """
    if horizon is None:
        ordered = revisions.filter("_stands").sort("_event_time", "_order")
        once = ordered.unique(on, keep="last", maintain_order=True)
        joined = rows.join(once, on=list(on), how="left", maintain_order="left")
        known, absent = pl.col("_visible_from"), pl.lit(value=False)
    else:
        joined = _join_within(rows, revisions, on=on, horizon=horizon)
        # A row without a key cannot have a fact, so that none came says nothing about it.
        has_key = pl.all_horizontal(pl.col(on).is_not_null())
        passed = pl.when(has_key).then(pl.col("_prediction_time") + horizon)
        known = pl.max_horizontal(passed, "_visible_from")
        known = pl.when(passed.is_not_null() & (known <= now)).then(known)
        absent = known.is_not_null() & pl.col("_visible_from").is_null()
    negative = pl.lit(0).cast(revisions.schema["_label"])
    label = pl.when(absent).then(negative).when(known.is_not_null()).then("_label")
    return joined.select(
        label.alias("_label"), known.alias("_label_known_at"), absent.alias("_by_absence")
    ).with_columns(pl.when(pl.col("_label").is_not_null()).then("_label_known_at"))


def _join_within(
    rows: pl.DataFrame, revisions: pl.DataFrame, *, on: Sequence[str], horizon: Micros
) -> pl.DataFrame:
    """The rows with the last fact that came within the horizon of each."""
    # A correction is known later than the fact that it corrects, and does not make it late.
    came = pl.col("_visible_from").min().over("_order", *on)
    standing = revisions.with_columns(_came_at=came).filter("_stands")
    asked, numbered = pl.col("_prediction_time"), rows.with_row_index("_row")
    was_known = (pl.col("_event_time") < asked) & (pl.col("_came_at") <= asked)
    answers = (
        numbered.join(standing, on=list(on))
        .filter(~was_known & (pl.col("_came_at") <= asked + horizon))
        .sort("_row", "_event_time", "_order")
        .unique("_row", keep="last", maintain_order=True)
        .select("_row", "_visible_from", "_label")
    )
    return numbered.join(answers, on="_row", how="left", maintain_order="left")
