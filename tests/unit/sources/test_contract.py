"""What a declaration may say about its data."""

from typing import Any

import pytest

from mainspring.elements.expression import col
from mainspring.elements.schema import DType, Field, Schema
from mainspring.sources.contract import (
    contract_problems,
    contract_schema,
    effective_schema,
    validate_source,
)
from mainspring.sources.errors import PromisedColumnMissing, TypeConflict
from mainspring.sources.spec import Boolean, Contract, Float64, Source, Timestamp

ORDERED = (DType.INT64, DType.UINT64, DType.STRING, DType.BOOLEAN, DType.TIMESTAMP)
FOUND = Schema.of(n=DType.INT64, at=DType.STRING, x=DType.FLOAT64)


def source(**changes: Any) -> Source:
    return Source(
        "s", **{"id": "n", "event_time": "at", "contract": Contract(at=Timestamp())} | changes
    )


def codes(declared: Source) -> list[str]:
    return [fault.code for fault in validate_source(declared, FOUND)]


def test_a_promised_timestamp_is_read_from_text_and_a_float_from_whole_numbers() -> None:
    schema = effective_schema(
        source(contract=Contract(at=Timestamp(nullable=False), n=Float64())), FOUND
    )
    assert schema.fields == (
        Field("n", DType.FLOAT64),
        Field("at", DType.TIMESTAMP, nullable=False),
        Field("x", DType.FLOAT64),
    )


def test_a_column_that_is_promised_and_missing_is_an_error_at_the_users_line() -> None:
    declared = source(contract=Contract(gone=Float64()))
    with pytest.raises(PromisedColumnMissing) as error:
        effective_schema(declared, FOUND)
    assert error.value.at == declared.declared_at


def test_a_float_is_not_guessed_to_be_a_boolean() -> None:
    with pytest.raises(TypeConflict, match="float64 in the data and boolean"):
        effective_schema(source(contract=Contract(x=Boolean())), FOUND)


def test_a_sound_declaration_has_no_faults() -> None:
    assert codes(source()) == []


def test_every_fault_is_reported_with_the_users_line() -> None:
    declared = source(
        id=["m", "x"], event_time="x", known_at=col("nothing"), contract=Contract(gone=Float64())
    )
    faults = validate_source(declared, FOUND)
    assert [fault.code for fault in faults] == [
        "PRJ-015",
        "PRJ-011",
        "PRJ-018",
        "PRJ-017",
        "PRJ-011",
    ]
    assert {fault.at for fault in faults} == {declared.declared_at}


def test_an_id_names_each_column_once() -> None:
    assert codes(source(id=["n", "n"])) == ["PRJ-018"]


@pytest.mark.parametrize("dtype", DType)
def test_an_id_is_of_a_type_whose_order_is_known(dtype: DType) -> None:
    found = Schema.of(n=dtype, at=DType.TIMESTAMP)
    faults = list(validate_source(source(), found))
    assert [fault.code for fault in faults] == ["PRJ-018"] * (dtype not in ORDERED)


def test_the_contract_is_the_schema_of_a_source_that_is_only_pushed_to() -> None:
    assert contract_schema(source(contract=Contract(a=Float64(nullable=False)))).fields == (
        Field("a", DType.FLOAT64, nullable=False),
    )


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M:%S %z", "%Y-%m-%dT%H:%M%z", "%d %B %y 100%%Z"])
def test_a_format_may_say_the_offset(form: str) -> None:
    assert not list(contract_problems(Timestamp(form)))
