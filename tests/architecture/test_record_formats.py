"""Whatever is stored says its format, and what is digested is digested by that format's fields
(docs/decisions/0012).
"""

import ast
import importlib
import re
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from mainspring.elements.stored import StoredRecord
from mainspring.gates.attestation import PREDICATE_FIELDS, STATEMENT_FORMAT, Predicate, Subject
from mainspring.registry.version import ModelManifest, ModelVersion
from tools.source_tree import ROOT, python_files

PAGE = ROOT / "docs" / "decisions" / "0012-record-formats.md"
ROW = re.compile(
    r"\| `(?P<name>\w+)` \| (?P<kept>[^|]+) \| (?P<newest>\d+) \|(?P<digested>[^|]*)\|"
)

# Who makes or reads bytes without `elements.stored`, and why those need no format.
TO_PEOPLE = "an answer to a person or a caller"
FROM_A_SERVER = "an answer of a server of any release"
ON_ITS_OWN = "says in words of its own what it is"
IDENTITY = "digested or compared, never read back"
FIELD = "a field of a stored definition, which has the format of the record"
BY_HAND = {
    "app.cli.commands.interface": TO_PEOPLE,
    "app.cli.output": TO_PEOPLE,
    "app.cli.rows": TO_PEOPLE,
    "app.demo.acts.ask": TO_PEOPLE,
    "app.demo.acts.month": TO_PEOPLE,
    "app.demo.load": TO_PEOPLE,
    "app.demo.server": TO_PEOPLE,
    "app.http.problem": TO_PEOPLE,
    "engines.local.access_log": TO_PEOPLE,
    "app.http.worker_metrics": "read by workers of the same supervisor, whose end removes it",
    "client.client": FROM_A_SERVER,
    "client.connection": FROM_A_SERVER,
    "client.serving.attempts": FROM_A_SERVER,
    "client.serving.calls": FROM_A_SERVER,
    "client.serving.tensors": FROM_A_SERVER,
    "features.history.answer_file": TO_PEOPLE,
    "interface.openapi.api": TO_PEOPLE,
    "ports.body": TO_PEOPLE,
    "project.catalog": TO_PEOPLE,
    "project.plan.plan": "the schema of a plan",
    "serving.protocol.request": "a protocol of others: nothing is stored",
    "serving.protocol.response": "a protocol of others: nothing is stored",
    "training.worker_protocol": "between a process and its child, of one release",
    "elements.stored": "makes and reads the bytes of records",
    "elements.identity": IDENTITY,
    "elements.plain_json": "spells numbers for whoever encodes",
    "project.loader.fingerprint": IDENTITY,
    "serving.tracing.sample": IDENTITY,
    "features.state.names": "a key of online state, which is computed from the log",
    "ports.online": "a position of online state, which is computed from the log",
    "engines.lightgbm.xgboost_json": "a file of XGBoost's, which says its version",
    "engines.local.state": "who holds a lease, while that process lives",
    "engines.nats.envelope": ON_ITS_OWN,
    "engines.nats.fold": "a row of an index that is computed from the stream",
    "engines.nats.index": "a row of an index that is computed from the stream",
    "features.state.snapshot": ON_ITS_OWN,
    "gates.attestation": ON_ITS_OWN,
    "gates.release.sign": FIELD,
    "gates.release.statement": ON_ITS_OWN,
    "engines.local.frames": ON_ITS_OWN,
    "engines.local.packed": ON_ITS_OWN,
    "engines.local.sequences": ON_ITS_OWN,
    "govern.lineage": FIELD,
    "maintenance.read_inventory": FIELD,
    "monitoring.definition": FIELD,
    "govern.audit": "an audit that a person has noted",
    "monitoring.join": IDENTITY,
    "serving.definition": FIELD,
    "elements.values.scalar": "a vector in a text, as users write it",
    "sources.bodies.json_rows": "rows of a caller",
    "sources.bodies.read": "rows of a caller",
    "sources.receive": "rows of a caller",
    "serving.batch.input": "a data file of a user",
    "sources.json_lines": "a data file of a user",
    "sources.uploads.upload": IDENTITY,
    "maintenance.manifest": ON_ITS_OWN,
    "maintenance.signature": ON_ITS_OWN,
}
CODECS = {"canonical_json", "encode", "Encoder", "decode", "Decoder"}

# What digested records are made of, as it was when their first format was written.  A part has no
# number of its own, so what it gains later must be unset in what is there.
FIRST_FIELDS_OF_PARTS = {
    "FitEnvironment": ("python", "system", "machine", "packages"),
    "ExportCheck": ("rows", "differing", "largest"),
    "EncodedFeature": ("name", "dtype", "vocabulary", "size"),
    "Subject": ("name", "digest"),
}


def stored_records(root: type[StoredRecord] = StoredRecord) -> Iterator[type[StoredRecord]]:
    """Every kind of record that is stored, but those that others only build on."""
    for file in python_files("src"):
        if file.package and "examples" not in file.module:
            importlib.import_module(file.module)
    yield from leaves(root)


def leaves(kind: type[StoredRecord]) -> Iterator[type[StoredRecord]]:
    below = [each for each in kind.__subclasses__() if each.__module__.startswith("mainspring.")]
    for each in below:
        yield from leaves(each)
    if not below:
        yield kind


RECORDS = sorted(stored_records(), key=lambda record: record.__name__)
DIGESTED = [record for record in RECORDS if record.fields_by_format]
each_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
each_digested = pytest.mark.parametrize("record", DIGESTED, ids=lambda record: record.__name__)


def test_the_page_lists_every_stored_record_as_it_is() -> None:
    told = {
        row["name"]: (row["kept"].strip(), int(row["newest"]), bool(row["digested"].strip()))
        for row in ROW.finditer(PAGE.read_text())
    }
    assert {name: (newest, digested) for name, (_, newest, digested) in told.items()} == {
        record.__name__: (record.newest_format, bool(record.fields_by_format)) for record in RECORDS
    }
    documents = {record.__name__: record.document for record in RECORDS if record.document}
    kept = {name: re.fullmatch(r"document `(\w+)`", place) for name, (place, _, _) in told.items()}
    assert {name: found[1] for name, found in kept.items() if found} == documents


@each_record
def test_an_error_can_name_a_stored_record(record: type[StoredRecord]) -> None:
    assert record.title != StoredRecord.title


def test_no_two_records_are_the_same_kind_of_document() -> None:
    kinds = [record.document for record in RECORDS if record.document]
    assert sorted(kinds) == sorted(set(kinds))


def codecs_of(tree: ast.Module) -> set[str]:
    """The ways around `elements.stored` that a module takes."""
    return {
        ast.unparse(node)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and ast.unparse(node).startswith("msgspec."))
        or isinstance(node, ast.Name)
        if ast.unparse(node).rpartition(".")[2] in CODECS
    }


def test_whoever_makes_bytes_by_hand_is_listed_with_a_reason() -> None:
    found = {
        file.module.removeprefix("mainspring.")
        for file in python_files("src")
        if codecs_of(file.tree)
    }
    assert found == BY_HAND.keys()


def own_fields(record: type[StoredRecord]) -> set[str]:
    """What is digested of a record today: of a model version its manifest."""
    kind = ModelManifest if record is ModelVersion else record
    return {*kind.__struct_encode_fields__} - {"record_format"}


@each_digested
def test_the_newest_format_digests_every_field(record: type[StoredRecord]) -> None:
    newest = {*record.fields_by_format[record.newest_format]} - {"record_format"}
    assert newest == own_fields(record), (
        f"{record.__name__} has other fields than its newest format: give it a new one"
    )


@each_digested
def test_every_format_has_its_fields_and_from_the_second_on_its_number(
    record: type[StoredRecord],
) -> None:
    assert [*record.fields_by_format] == [*range(1, record.newest_format + 1)]
    assert all(
        ("record_format" in fields) == (number > 1)
        for number, fields in record.fields_by_format.items()
    )


def test_the_newest_format_of_statements_has_every_field_of_a_predicate() -> None:
    assert [*PREDICATE_FIELDS] == [*range(1, STATEMENT_FORMAT + 1)]
    assert {*PREDICATE_FIELDS[STATEMENT_FORMAT]} == {*Predicate.__struct_encode_fields__}


def parts_of(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """The records that a field is made of, however deep."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        if not issubclass(hint, StoredRecord):
            yield hint
        for inner in get_type_hints(hint).values():
            yield from parts_of(inner)
    for argument in get_args(hint):
        yield from parts_of(argument)


def test_parts_of_digested_records_gain_fields_only_unset() -> None:
    kinds = [ModelManifest if record is ModelVersion else record for record in DIGESTED]
    found = {part.__name__: part for kind in kinds for part in parts_of(kind)} | {
        "Subject": Subject
    }
    assert found.keys() == FIRST_FIELDS_OF_PARTS.keys()
    for name, part in found.items():
        later = msgspec.structs.fields(part)[len(FIRST_FIELDS_OF_PARTS[name]) :]
        assert (
            part.__struct_encode_fields__[: len(FIRST_FIELDS_OF_PARTS[name])]
            == (FIRST_FIELDS_OF_PARTS[name])
        )
        assert all(field.default is msgspec.UNSET for field in later)


def test_a_document_of_the_state_is_read_with_its_key() -> None:
    """A record under the key of another is found where it is decoded, and nowhere else is one."""
    bare = re.compile(r"\bparse_stored\(\w+\.payload\b")
    found = {file.module for file in python_files("src") if bare.search(ast.unparse(file.tree))}
    assert found == {"mainspring.elements.stored"}


UNNAMED = {
    "AssetRecord": "says what an asset was first called, and not which asset it is of",
    "FiledPolicy": "an envelope, which says in what is signed where it belongs",
    "FiledRelease": "an envelope, likewise",
    "FiledStatement": "names an envelope, likewise",
    "JournaledRows": "lengths of topics, which are told from those of others by the topics",
    "LogBinding": "identities, which are compared with those of the log itself",
    "MonitorPosition": "of another subject it is of no use, and says which it is of",
    "OpenedIncidents": "a number, of which only the change matters",
    "TokenUse": "a time",
    "WorkspaceFormat": "there is one",
}


def test_every_document_says_where_it_lies_or_why_not() -> None:
    silent = {
        record.__name__
        for record in RECORDS
        if record.document and record.is_filed_under is StoredRecord.is_filed_under
    }
    assert silent == UNNAMED.keys()
