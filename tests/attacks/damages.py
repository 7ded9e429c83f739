"""Damages: what an accident or an intruder does to one file of a workspace.

Each says which file it damages, so that a test can look for its name in the message, and which
verbs need that file; the others go on as if nothing had happened.
"""

import os
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.attacks.document_damages import iter_document_damages

__all__ = ["DAMAGES", "DOCUMENT_DAMAGES", "Damage", "damage_named"]

Harm = Callable[[Path], None]
"""What is done to one file."""

_STATE = ".mainspring"
_PAGE = 4096


@dataclass(frozen=True)
class Damage:
    """One kind of damage to one place.

    Args:
        names: what the message says where a verb needs the file: any one of these.
    """

    name: str
    apply: Callable[[Path], None]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


# --- what can happen to any file


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut_to_a_byte(file: Path) -> None:
    os.truncate(file, 1)


def cut_in_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def cut_at_the_end(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def fill_with_garbage(file: Path) -> None:
    file.write_bytes(b"\xa7garbage\n" * (file.stat().st_size // 9 + 1))


def zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def flip_a_bit(file: Path, *, at: float = 0.5) -> None:
    payload = bytearray(file.read_bytes())
    payload[int(len(payload) * at)] ^= 4
    file.write_bytes(payload)


def remove(file: Path) -> None:
    shutil.rmtree(file) if file.is_dir() else file.unlink()


def put_a_folder(file: Path) -> None:
    remove(file)
    file.mkdir()


def put_a_pipe(file: Path) -> None:
    remove(file)
    os.mkfifo(file)


def put_a_device(file: Path) -> None:
    remove(file)
    file.symlink_to("/dev/zero")


def dangle(file: Path) -> None:
    remove(file)
    file.symlink_to(file.with_name("nowhere"))


def circle(file: Path) -> None:
    remove(file)
    file.symlink_to(file.name)


def put_a_file(folder: Path) -> None:
    remove(folder)
    folder.write_bytes(b"not a folder\n")


def forbid(file: Path) -> None:
    file.chmod(0)


ANYTHING: dict[str, Harm] = {
    "empty": empty,
    "cut to a byte": cut_to_a_byte,
    "cut in half": cut_in_half,
    "cut at the end": cut_at_the_end,
    "garbage": fill_with_garbage,
    "zeros": zero,
    "a flipped bit": flip_a_bit,
    "removed": remove,
    "a folder in its place": put_a_folder,
    "a pipe in its place": put_a_pipe,
    "a device in its place": put_a_device,
    "a dangling link": dangle,
    "a circular link": circle,
}

FILES: dict[str, str] = {
    "state database": f"{_STATE}/state.db",
    "log database": f"{_STATE}/log.db",
    "inference log": f"{_STATE}/log-inference.db",
    "online rows": f"{_STATE}/online.lmdb",
    "online rows' lock": f"{_STATE}/online.lmdb-lock",
    "token": f"{_STATE}/token",
    "tester key": f"{_STATE}/keys/tester",
    "project settings": "project.toml",
    "declarations": "desk.py",
    "source file": "tickets.csv",
    "backup manifest": "../backup/manifest.json",
    "backup's state": "../backup/state.db",
}


def _newest(project: Path, pattern: str) -> Path:
    """The largest file of a kind: the one with something in it."""
    return max((project / _STATE).glob(pattern), key=lambda path: path.stat().st_size)


PATTERNS: dict[str, str] = {
    "object": "objects/??/??/*",
    "table's data": "tables/source/tickets*/*.parquet",
    "table's log": "tables/source/tickets*/_delta_log/*1.json",
}

FOLDERS: dict[str, str] = {
    "state folder": _STATE,
    "objects": f"{_STATE}/objects",
    "unfinished objects": f"{_STATE}/objects/unfinished",
    "keys": f"{_STATE}/keys",
    "tables": f"{_STATE}/tables",
}


def _of_files() -> Iterator[Damage]:
    for title, place in FILES.items():
        for said, harm in ANYTHING.items():
            yield Damage(f"{title}: {said}", partial(_at, place, harm), (Path(place).name,))
    for title, pattern in PATTERNS.items():
        for said, harm in ANYTHING.items():
            yield Damage(f"{title}: {said}", partial(_matching, pattern, harm))
    for title, place in FOLDERS.items():
        for said, harm in {
            "removed": remove,
            "a file in its place": put_a_file,
            "a pipe in its place": put_a_pipe,
            "a dangling link": dangle,
            "a circular link": circle,
        }.items():
            yield Damage(f"{title}: {said}", partial(_at, place, harm), (Path(place).name,))
    if os.geteuid() != 0:
        for title, place in FILES.items():
            yield Damage(f"{title}: forbidden", partial(_at, place, forbid), (Path(place).name,))


def _at(place: str, harm: Harm, project: Path) -> None:
    harm(Path(os.path.normpath(project / place)))


def _matching(pattern: str, harm: Harm, project: Path) -> None:
    for path in sorted((project / _STATE).glob(pattern)):
        if path.stat().st_size > 1:
            harm(path)


# --- what is particular to one store


def add_a_log_of_another_database(project: Path) -> None:
    """The write-ahead log of the log beside the state."""
    with closing(sqlite3.connect(project / _STATE / "log.db")) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE IF NOT EXISTS more (n)")
        other.execute("INSERT INTO more VALUES (randomblob(100000))")
        other.commit()
        shutil.copy(project / _STATE / "log.db-wal", project / _STATE / "state.db-wal")


def exchange_databases(project: Path) -> None:
    folder = project / _STATE
    (folder / "log.db").rename(folder / "other")
    (folder / "state.db").rename(folder / "log.db")
    (folder / "other").rename(folder / "state.db")


def drop_a_table(file: str, table: str, project: Path) -> None:
    _execute(project, file, f"DROP TABLE {table}")


def put_a_pipe_beside(file: str, project: Path) -> None:
    os.mkfifo(project / _STATE / file)


def put_a_folder_beside(file: str, project: Path) -> None:
    (project / _STATE / file).mkdir()


def run_statements(file: str, statements: str, project: Path) -> None:
    _execute(project, file, statements)


def _execute(project: Path, file: str, statements: str) -> None:
    with closing(sqlite3.connect(project / _STATE / file)) as database:
        database.executescript(statements)
        database.commit()


def claim_a_huge_map(project: Path) -> None:
    _write_metas(project, 32, struct.pack("<Q", 1 << 62))


def claim_many_pages(project: Path) -> None:
    _write_metas(project, 136, struct.pack("<Q", 1 << 40))


def point_the_root_outside(project: Path) -> None:
    _write_metas(project, 128, struct.pack("<Q", 1 << 33))


def _write_metas(project: Path, at: int, word: bytes) -> None:
    with (project / _STATE / "online.lmdb").open("r+b") as file:
        for page in range(2):
            file.seek(page * _PAGE + at)
            file.write(word)


def cut_online_after(pages: int, project: Path) -> None:
    os.truncate(project / _STATE / "online.lmdb", pages * _PAGE)


def garble_online_page(page: int, project: Path) -> None:
    with (project / _STATE / "online.lmdb").open("r+b") as file:
        file.seek(page * _PAGE + 16)
        file.write(b"\xa7" * (_PAGE - 16))


def flip_every_online_page(project: Path) -> None:
    """A bit in the last bytes of each page, where rows lie."""
    with (project / _STATE / "online.lmdb").open("r+b") as file:
        for page in range(2, os.fstat(file.fileno()).st_size // _PAGE):
            file.seek((page + 1) * _PAGE - 9)
            [byte] = file.read(1)
            file.seek((page + 1) * _PAGE - 9)
            file.write(bytes([byte ^ 1]))


def exchange_tables(project: Path) -> None:
    """The data of one table in the place of another's, byte for byte as long as it was."""
    folder = project / _STATE / "tables" / "source"
    [mine] = folder.glob("tickets*/*.parquet")
    [theirs] = folder.glob("solved*/*.parquet")
    payload, size = theirs.read_bytes(), mine.stat().st_size
    mine.write_bytes(payload[:size].ljust(size, b"\0"))


def remove_first_table_entry(project: Path) -> None:
    [log] = (project / _STATE / "tables" / "source").glob("tickets*/_delta_log")
    (log / "00000000000000000000.json").unlink()


def put_an_object_under_another_name(project: Path) -> None:
    found = [path for path in (project / _STATE / "objects").glob("??/??/*") if path.stat().st_size]
    for path in found:
        path.write_bytes(b"other content")


def name_objects_oddly(project: Path) -> None:
    folder = project / _STATE / "objects"
    (folder / "ab" / "cd").mkdir(parents=True, exist_ok=True)
    (folder / "ab" / "cd" / "README").write_bytes(b"what is this")
    (folder / "unfinished" / "strange name").write_bytes(b"")
    (folder / "unfinished" / "1-2").mkdir()


def let_others_read_the_key(project: Path) -> None:
    (project / _STATE / "keys" / "tester").chmod(0o644)


def _particular() -> Iterator[Damage]:
    yield Damage("state database: the WAL of another", add_a_log_of_another_database)
    yield Damage("databases exchanged", exchange_databases)
    for file, tables in {
        "state.db": ("documents", "journal", "leases"),
        "log.db": ("topics", "batches", "recent_ids", "id_runs", "id_pages"),
        "log-inference.db": ("batches",),
    }.items():
        for table in tables:
            yield Damage(f"{file}: no table {table}", partial(drop_a_table, file, table))
        for beside in (f"{file}-wal", f"{file}-shm"):
            yield Damage(f"{beside} is a pipe", partial(put_a_pipe_beside, beside))
            yield Damage(f"{beside} is a folder", partial(put_a_folder_beside, beside))
    statements = {
        "log.db: frames of garbage": ("log.db", "UPDATE batches SET frame = x'a7a7a7a7'"),
        "log.db: empty frames": ("log.db", "UPDATE batches SET frame = x''"),
        "log.db: frames of text": ("log.db", "UPDATE batches SET frame = 'text'"),
        "log.db: frames cut": (
            "log.db",
            "UPDATE batches SET frame = substr(frame, 1, length(frame) / 2)",
        ),
        "log.db: frames of others": (
            "log.db",
            "UPDATE batches SET frame = (SELECT frame FROM batches AS b ORDER BY start, number "
            "LIMIT 1)",
        ),
        "log.db: fewer rows than said": ("log.db", "UPDATE batches SET count = count + 7"),
        "log.db: batches missing": ("log.db", "DELETE FROM batches"),
        "log.db: negative heads": ("log.db", "UPDATE topics SET head = -5"),
        "log.db: huge heads": ("log.db", "UPDATE topics SET head = 9000000000000000000"),
        "log.db: heads of text": ("log.db", "UPDATE topics SET head = 'many'"),
        "log.db: starts shifted": ("log.db", "UPDATE batches SET start = start + 1000"),
        "log-inference.db: frames of garbage": (
            "log-inference.db",
            "UPDATE batches SET frame = x'a7a7a7a7'",
        ),
        "log-inference.db: batches missing": ("log-inference.db", "DELETE FROM batches"),
        "journal: no JSON": (
            "state.db",
            _NO_JSON,
        ),
        "journal: wrong types": (
            "state.db",
            "UPDATE journal SET event = json_object('kind', 'x', 'actor', 3)",
        ),
        "journal: invalid UTF-8": (
            "state.db",
            "UPDATE journal SET chain = cast(x'fffe' AS TEXT)",
        ),
        "leases: of nobody who can be read": (
            "state.db",
            "INSERT OR REPLACE INTO leases VALUES ('desk', 'environment:dev', 'x', 'person:a', "
            "9000000000000000000, x'ff')",
        ),
        "documents: versions of text": ("state.db", "UPDATE documents SET version = 'x'"),
    }
    for title, (file, text) in statements.items():
        yield Damage(title, partial(run_statements, file, text))
    yield Damage("online rows: a huge map", claim_a_huge_map)
    yield Damage("online rows: more pages than there are", claim_many_pages)
    yield Damage("online rows: a root outside", point_the_root_outside)
    for pages in (1, 2, 3, 4):
        yield Damage(f"online rows: only {pages} pages", partial(cut_online_after, pages))
    for page in (2, 3, 4):
        yield Damage(f"online rows: page {page} is garbage", partial(garble_online_page, page))
    yield Damage("online rows: a bit flipped in every page", flip_every_online_page)
    yield Damage("tables exchanged", exchange_tables)
    yield Damage("table's log: its first entry is missing", remove_first_table_entry)
    yield Damage("objects: of other content", put_an_object_under_another_name)
    yield Damage("objects: odd names", name_objects_oddly)
    yield Damage("tester key: others can read it", let_others_read_the_key)


_NO_JSON = """
CREATE TABLE other (project TEXT NOT NULL, sequence INTEGER NOT NULL, event TEXT NOT NULL,
    chain TEXT NOT NULL, kind TEXT, actor TEXT, PRIMARY KEY (project, sequence)) WITHOUT ROWID;
INSERT INTO other SELECT project, sequence, 'no json', chain, kind, actor FROM journal;
DROP TABLE journal;
ALTER TABLE other RENAME TO journal;
"""
"""The present table computes kind and actor from the event, and refuses what is no JSON."""

DAMAGES: tuple[Damage, ...] = (*_of_files(), *_particular())
"""To files and stores."""

DOCUMENT_DAMAGES: tuple[Damage, ...] = tuple(
    Damage(name, apply) for name, apply in iter_document_damages()
)
"""To what stands in the state database: every kind of document, changed in every way."""


def damage_named(name: str) -> Damage:
    """The damage of this name."""
    return next(each for each in (*DAMAGES, *DOCUMENT_DAMAGES) if each.name == name)
