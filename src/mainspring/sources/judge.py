"""Judge contested rows one by one, in their order: those that share an id with another row or fact,
and those that correct others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mainspring.elements.time import Micros
from mainspring.ports.log import Identity

__all__ = ["ContestedRow", "JudgedRecord", "Revision", "TakenRows", "Verdicts", "judge_rows"]


@dataclass(frozen=True)
class ContestedRow:
    """A row to judge.

    Args:
        row: its place in the batch.
        place: its place among the rows that fulfil the contract; None for one that does not, and
            that is judged for what it takes back only.
        hits: the raw offsets of rows that it took back when it came; empty for a row that says by
            its id what it corrects.
    """

    row: int
    place: int | None
    id: str
    content: bytes
    known_at: Micros
    visible_at: Micros
    op: str
    is_late: bool = False
    hits: Sequence[int] = ()


@dataclass(frozen=True)
class Revision:
    """The newest revision of an id while the batch is judged; `offset` is where its record lies, or
    `row` and `place` which row of the batch it is.
    """

    content: bytes
    visible_at: Micros
    stands: bool
    offset: int | None = None
    row: int | None = None
    place: int | None = None


@dataclass(frozen=True)
class JudgedRecord:
    """A record to write because of a row; a retract has the revision that it takes back."""

    row: int
    place: int | None
    op: str
    known_at: Micros
    visible_at: Micros
    taken_back: Revision | None = None


@dataclass(frozen=True)
class TakenRows:
    """Where the rows lie that corrections took back when they came.

    Args:
        first: the raw offset of the batch's first row.
        ids: by raw offset the id of the fact that it is, if it stands when the batch begins.
        batch_ids: the id of each row of the batch that fulfils the contract, by its place in it.
    """

    first: int = 0
    ids: Mapping[int, str] = field(default_factory=dict)
    batch_ids: Mapping[int, str] = field(default_factory=dict)


@dataclass
class Verdicts:
    """What was decided.

    Args:
        refused: the reason, by the row's place among those that fulfil the contract.
        repeated: the rows that say what stands already; `duplicates` counts those too that say what
            was deleted.
        dropped: places of corrections, and raw offsets of rows that they took back and that are no
            facts, which leave quarantine.
        overruled: by id, the place of a row of a file that is read again and that says something
            else than what the log has.
    """

    records: list[JudgedRecord] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    dropped: list[tuple[int, int]] = field(default_factory=list)
    overruled: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    revised: int = 0
    deleted: int = 0
    unknown: int = 0


def judge_rows(
    rows: Sequence[ContestedRow], known: Mapping[str, Identity], taken: TakenRows
) -> Verdicts:
    """The verdicts on rows in their order.

    Args:
        known: the newest revision of each of their ids that the log has, and of those of `taken`.
    """
    judge = _Judge(known, taken)
    for row in rows:
        judge.judge(row)
    return judge.verdicts


class _Judge:
    def __init__(self, known: Mapping[str, Identity], taken: TakenRows) -> None:
        self._known, self._taken = known, taken
        self._newest: dict[str, Revision] = {}
        self.verdicts = Verdicts()

    def judge(self, row: ContestedRow) -> None:
        for raw in row.hits:
            self._take_back(row, raw)
        # What a delete took back when it came is all that it takes back; a definition that names
        # facts otherwise must not read it as the deletion of another one.
        if row.place is None or (row.op == "delete" and row.hits):
            return
        after = self._delete(row) if row.op == "delete" else self._write(row)
        if after is not None:
            self._newest[row.id] = after

    def _revision(self, id_: str) -> Revision | None:
        if id_ in self._newest:
            return self._newest[id_]
        known = self._known.get(id_)
        return known and Revision(known.content, known.visible_at, known.stands, known.offset)

    def _take_back(self, row: ContestedRow, raw: int) -> None:
        """End the fact that a raw row is, if it is one and stands."""
        in_batch = raw - self._taken.first
        id_ = self._taken.ids.get(raw) or self._taken.batch_ids.get(in_batch)
        before = self._revision(id_) if id_ is not None else None
        if id_ is None or before is None or not self._is_raw(before, raw, id_):
            self.verdicts.dropped.append((row.row, raw))
        elif before.stands and not (row.op != "delete" and id_ == row.id):
            self._newest[id_] = self._retract(row, before)

    def _is_raw(self, revision: Revision, raw: int, id_: str) -> bool:
        """Whether the revision is the fact that came as this raw row."""
        if revision.row is not None:
            return self._taken.first + revision.row == raw
        return self._taken.ids.get(raw) == id_

    def _retract(self, row: ContestedRow, before: Revision) -> Revision:
        visible_at = max(row.visible_at, before.visible_at + 1)
        self.verdicts.records.append(
            JudgedRecord(row.row, row.place, "retract", row.known_at, visible_at, before)
        )
        self.verdicts.deleted += 1
        return replace(before, visible_at=visible_at, stands=False)

    def _delete(self, row: ContestedRow) -> Revision | None:
        before = self._revision(row.id)
        if before is None:
            self.verdicts.unknown += 1
            return None
        if not before.stands:
            self.verdicts.duplicates += 1
            return None
        return self._retract(row, before)

    def _write(self, row: ContestedRow) -> Revision | None:
        """What stands afterwards if that changes."""
        assert row.place is not None
        before, verdicts = self._revision(row.id), self.verdicts
        # Said again, also after a delete: rows that come twice must not bring deleted facts back.
        # A file that is read again may; what it had before as it is now is not asked (`keep`).
        if (
            before is not None
            and before.content == row.content
            and (before.stands or row.op not in ("replace", "upsert"))
        ):
            verdicts.duplicates += 1
            if before.stands:
                verdicts.repeated.append(row.row)
            return None
        if row.op == "keep":
            verdicts.duplicates += 1
            return None
        # Which of the two is right nobody can tell; only `replace`, and a file that is read again,
        # say that they mean to.
        if before is not None and row.op == "insert":
            verdicts.refused[row.place] = "conflict"
            return None
        if row.is_late:
            verdicts.refused[row.place] = "late"
            return None
        # Revisions get strictly increasing visible times, so that no moment sees two of them.
        visible_at = row.visible_at
        if before is not None:
            if row.op == "upsert":
                verdicts.overruled[row.id] = row.row
            visible_at = max(visible_at, before.visible_at + 1)
            if before.stands:
                # The old revision ends at the very instant at which the new one begins.
                verdicts.records.append(
                    JudgedRecord(row.row, row.place, "retract", row.known_at, visible_at, before)
                )
                verdicts.revised += 1
        verdicts.records.append(
            JudgedRecord(row.row, row.place, "insert", row.known_at, visible_at)
        )
        return Revision(row.content, visible_at, stands=True, row=row.row, place=row.place)
