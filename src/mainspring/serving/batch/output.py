"""The columns of a batch's output: those of the input, and behind them what was answered."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from mainspring.datasets.encoding import Encoding
from mainspring.serving.batch.answer import AnsweredBlock
from mainspring.serving.batch.errors import BatchOutputUnusable
from mainspring.serving.batch.job import BatchJob, BatchOptions
from mainspring.serving.predict import ServedModel
from mainspring.stats.classes import most_probable

__all__ = ["ANSWERS", "output_block", "output_columns", "prediction_ids"]

ANSWERS: dict[str, pl.DataType] = {
    "prediction_id": pl.String(),
    "score": pl.Float64(),
    "model_version": pl.String(),
    "revision": pl.String(),
    "predicted_at": pl.Datetime("us", "UTC"),
    "missing_features": pl.String(),
    "error": pl.String(),
}
"""What every output has; that of a model of several classes has `predicted_class` beside it, and
behind `score_` the name of each class.
"""


def output_columns(
    columns: pl.Schema, options: BatchOptions, model: ServedModel
) -> dict[str, pl.DataType]:
    """The columns of the output.

    Raises: BatchOutputUnusable SRV-086 where the input has one of the names of the answers.
    """
    carried = list(columns) if options.columns is None else list(options.columns)
    explained = _names_of_shares(model.encoding) if options.explain else []
    answers = _answers(model.classes) | dict.fromkeys(explained, pl.Float64())
    for name in carried:
        if name in answers:
            raise BatchOutputUnusable(
                file=model.label,
                problem=f"has a column {name!r} of its own, and the input has one too",
            )
    return {name: columns[name] for name in carried} | answers


def _answers(classes: Sequence[str]) -> dict[str, pl.DataType]:
    """Behind the score stands what it is of, and the others."""
    answers = dict[str, pl.DataType]()
    for name, dtype in ANSWERS.items():
        answers[name] = dtype
        if name == "score" and classes:
            answers["predicted_class"] = pl.String()
            answers |= {f"score_{each}": pl.Float64() for each in classes}
    return answers


def prediction_ids(job: BatchJob, rows: pl.Series) -> pl.Series:
    """The ids of these rows of the input: the job and the row, so that they are the same when a
    block is answered again.
    """
    numbers = rows.cast(pl.String).str.zfill(12)
    return pl.select(pl.format(f"prediction-{job.id}-{{}}", pl.lit(numbers))).to_series()


def output_block(
    block: pl.DataFrame, answered: AnsweredBlock, *, job: BatchJob, label: str, first: int
) -> pl.DataFrame:
    """The rows of a block with their answers; a row that cannot be answered says why.

    Args:
        label: of the model version.
        first: the row of the input that the block begins with.
    """
    carried = block if job.options.columns is None else block.select(job.options.columns)
    rows = pl.Series(answered.rows, dtype=pl.Int64)
    constant = {"model_version": label, "revision": job.revision}
    good = pl.DataFrame(
        {
            "_place": rows,
            "prediction_id": prediction_ids(job, rows + first),
            **_scores(answered),
            **{name: pl.repeat(text, len(rows), eager=True) for name, text in constant.items()},
            "predicted_at": answered.times.cast(pl.Int64).cast(pl.Datetime("us", "UTC")),
            "missing_features": answered.missing,
            **_shares(answered),
        }
    )
    reasons = answered.faults.reasons
    if not reasons:
        error = pl.repeat(None, block.height, dtype=pl.String, eager=True).alias("error")
        return pl.concat([carried, good.drop("_place"), error.to_frame()], how="horizontal")
    places = np.full(block.height, len(rows), dtype=np.int64)
    places[answered.rows] = np.arange(len(rows))
    nothing = pl.DataFrame(schema=good.schema).clear(1)
    spread = pl.concat([good, nothing])[places].drop("_place")
    error = pl.Series("error", [reasons.get(row) for row in range(block.height)], dtype=pl.String)
    return pl.concat([carried, spread, error.to_frame()], how="horizontal")


def _names_of_shares(encoding: Encoding) -> list[str]:
    return ["base_value", "raw_score", *(f"contribution_{name}" for name in encoding.names)]


def _shares(answered: AnsweredBlock) -> dict[str, pl.Series]:
    found = answered.contributions
    if found is None:
        return {}
    columns = [found.base, found.raw, *found.by_feature.values()]
    names = ["base_value", "raw_score", *(f"contribution_{name}" for name in found.by_feature)]
    return {
        name: pl.Series(column, dtype=pl.Float64)
        for name, column in zip(names, columns, strict=True)
    }


def _scores(answered: AnsweredBlock) -> dict[str, pl.Series]:
    scores = answered.scores
    if not answered.classes:
        return {"score": pl.Series(scores[:, 0], dtype=pl.Float64)}
    places = most_probable(scores)
    named = {
        f"score_{name}": pl.Series(scores[:, place], dtype=pl.Float64)
        for place, name in enumerate(answered.classes)
    }
    return {
        "score": pl.Series(scores.max(axis=1), dtype=pl.Float64),
        "predicted_class": pl.Series(answered.classes, dtype=pl.String).gather(places),
    } | named
