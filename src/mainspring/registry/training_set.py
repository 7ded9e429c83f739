"""The rows of a training set as an environment holds them, as a frame to look at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import get_args

import polars as pl

from mainspring.datasets.build import parse_training_rows
from mainspring.datasets.card import TrainingSetCard
from mainspring.elements.declaration import shown_briefly
from mainspring.elements.errors import WrongArgument
from mainspring.elements.foreign_frame import to_pandas
from mainspring.elements.html import html_page, html_table
from mainspring.elements.identity import Digest, digest_of, short
from mainspring.elements.stored import parse_stored
from mainspring.ports.errors import ObjectDamaged
from mainspring.ports.objects import ObjectReader
from mainspring.ports.state import StateReader
from mainspring.registry.environment import AssetPointer, asset_names
from mainspring.registry.errors import ArtifactChanged, TrainingSetNotBuilt, UnknownAsset
from mainspring.registry.read_environment import read_build, read_environment

__all__ = ["SplitPart", "StoredTrainingSet", "read_training_set"]

SplitPart = OneOf["all", "fit", "test"]
"""Every row, or the rows that models are fitted on, or those that they are tested on."""

_SYSTEM = ("_id", "_prediction_time", "_label", "_label_known_at", "_split")
_FEW_ROWS = 5
_TIMES = frozenset({"_prediction_time", "_label_known_at"})


@dataclass(frozen=True, eq=False)
class StoredTrainingSet:
    """One build of a training set.  Provisional.

    Its frames have a row for each fact of the spine, by prediction time, and the columns `id`,
    `prediction_time`, `label`, `label_known_at` and `split` (`fit`, `test`, or empty for a row that
    is neither), then the request columns, then the features in the order of the model's matrix.  A
    request column or feature of one of those names takes it, and the other then begins with an
    underscore.
    """

    card: TrainingSetCard
    stored: pl.DataFrame

    @property
    def name(self) -> str:
        """As declared."""
        return self.card.name

    @property
    def digest(self) -> Digest:
        """Names these rows; every model that was trained on them has it in its manifest."""
        return self.card.digest

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features, in the order of the model's matrix."""
        return self.card.feature_names

    def to_polars(self, split: SplitPart = "all") -> pl.DataFrame:
        """The rows as a frame of Polars.  Raises: WrongArgument PRJ-082 for another split."""
        if split not in get_args(SplitPart):
            raise WrongArgument(
                method="to_polars",
                argument="split",
                found=shown_briefly(split),
                wanted=" or ".join(map(repr, get_args(SplitPart))),
            )
        rows = self.stored if split == "all" else self.stored.filter(pl.col("_split") == split)
        instant = pl.Datetime("us", "UTC")
        times = [name for name in rows.columns if name in _TIMES]
        plain = {
            name: name.removeprefix("_")
            for name in _SYSTEM
            if name in rows.columns and name.removeprefix("_") not in rows.columns
        }
        return rows.with_columns(pl.col(times).cast(instant)).rename(plain)

    def to_pandas(self, split: SplitPart = "all") -> object:
        """The rows as a frame of pandas.  Raises: PandasMissing FEA-071, WrongArgument
        PRJ-082."""
        return to_pandas(self.to_polars(split))

    def _repr_html_(self) -> str:
        first = self.to_polars().head(_FEW_ROWS)
        return html_page(repr(self)[1:-1], html_table("First rows", first.columns, first.rows()))

    def __repr__(self) -> str:
        card = self.card
        return (
            f"<training set {card.name} {short(card.digest)}: {card.rows:,} rows, "
            f"{card.fitted:,} to fit, {card.tested:,} to test; features: {len(card.features)}>"
        )


def read_training_set(
    name: str,
    environment: str,
    *,
    state: StateReader,
    objects: ObjectReader,
    declared: Callable[[], Iterable[str]],
) -> StoredTrainingSet:
    """The training set as an environment holds it, its rows checked against their digest.

    Args:
        declared: gives the names that the project declares; called only for what is not held.

    Raises: TrainingSetNotBuilt PRJ-090 for one that is declared and not applied yet, UnknownAsset
        ACC-006 for another name, ArtifactChanged REG-002 when the rows were changed, ObjectMissing
        ENG-002 when they are gone.
    """
    current = read_environment(state, environment)
    pointer = current.pointers.get(f"training_set.{name}")
    if pointer is None:
        names = sorted({*declared(), *asset_names(current, "training_set")})
        if name in names:
            raise TrainingSetNotBuilt(name=name, environment=environment)
        known = ", ".join(names) or "none"
        raise UnknownAsset(kind="training set", name=name, known=known)
    card = parse_stored(objects.read(_card_of(pointer, state)), TrainingSetCard)
    return StoredTrainingSet(card, parse_training_rows(_checked(pointer, objects)))


def _card_of(pointer: AssetPointer, state: StateReader) -> Digest:
    """The card of the build that the environment holds: a later build of the same definition may
    be on record, whose model did not pass its gates, and then the journal knows the earlier one.
    """
    build = read_build(state, pointer.asset, pointer.build_fingerprint)
    if build is not None and build.digest == pointer.build_digest:
        return Digest(str(build.facts["card"]))
    [*_, made] = (
        recorded.event.facts
        for recorded in state.iter_events(kind="build.made")
        if recorded.event.subject == pointer.asset
        and recorded.event.facts.get("digest") == pointer.build_digest
    )
    return Digest(str(made["card"]))


def _checked(pointer: AssetPointer, objects: ObjectReader) -> bytes:
    expected, payload = pointer.build_digest, b""
    try:
        payload = objects.read(expected)
        found: str = digest_of(payload)
    except ObjectDamaged as error:
        found = error.found
    if found != expected:
        raise ArtifactChanged(version=pointer.asset, part="rows", expected=expected, found=found)
    return payload
