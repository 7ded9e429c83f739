"""How features become numbers."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from mainspring.datasets.encoding import encode_columns, encode_frame, learn_encoding
from mainspring.datasets.errors import InexactFeature, UnencodableFeature, UnencodableValue


@pytest.fixture
def fitted():
    return pl.DataFrame(
        {
            "carrier": ["UA", "AA", None, "UA"],
            "distance": [1, 2, 3, None],
            "is_late": [True, False, None, True],
        }
    )


@pytest.fixture
def encoding(fitted):
    return learn_encoding(fitted, ["carrier", "distance", "is_late"])


def one(**values):
    """The columns of one row that has these values and no others."""
    return {name: [values.get(name)] for name in ("carrier", "distance", "is_late")}


def test_text_becomes_its_place_in_the_sorted_vocabulary(fitted, encoding):
    np.testing.assert_array_equal(encode_frame(fitted, encoding)[:, 0], [1.0, 0.0, np.nan, 1.0])


def test_unseen_text_is_missing(encoding):
    assert np.isnan(encode_columns(one(carrier="ZZ"), encoding)[0, 0])


def test_booleans_are_zero_or_one_and_null_is_nan(fitted, encoding):
    np.testing.assert_array_equal(encode_frame(fitted, encoding)[:, 2], [1.0, 0.0, np.nan, 1.0])


def test_matrix_is_in_c_order(fitted, encoding):
    assert encode_frame(fitted, encoding).flags["C_CONTIGUOUS"]


def test_categorical_features_are_the_texts(encoding):
    assert encoding.categorical == ("carrier",)


def test_whole_number_beyond_two_to_the_53_is_refused_in_a_frame(encoding):
    with pytest.raises(InexactFeature, match="9007199254740993"):
        encode_frame(
            pl.DataFrame({"carrier": ["UA"], "distance": [2**53 + 1], "is_late": [True]}), encoding
        )


@pytest.mark.parametrize("rows", [1, 100])
def test_whole_number_beyond_two_to_the_53_is_refused_in_columns(encoding, rows):
    columns = {name: values * rows for name, values in one(distance=-(2**53)).items()}
    assert encode_columns(columns, encoding)[-1, 1] == -(2.0**53)
    with pytest.raises(InexactFeature):
        encode_columns(columns | {"distance": [*columns["distance"][1:], -(2**53) - 1]}, encoding)


@pytest.mark.parametrize(
    "row",
    [{"carrier": 3}, {"distance": "far"}, {"distance": True}, {"is_late": 1}, {"distance": 1.5}],
)
@pytest.mark.parametrize("rows", [0, 100])
def test_value_of_another_type_is_refused_by_name(encoding, row, rows):
    columns = {name: [None] * rows + values for name, values in one(**row).items()}
    with pytest.raises(UnencodableValue, match=next(iter(row))):
        encode_columns(columns, encoding)


def test_a_list_feature_becomes_as_many_columns_as_it_has_elements_at_most():
    frame = pl.DataFrame({"near": [1.5, 2.5], "stops": [[1, 2], None]})
    encoding = learn_encoding(frame, ["stops", "near"], sizes={"stops": 3})
    assert (encoding.names, encoding.column_names) == (
        ("stops", "near"),
        ("stops.0", "stops.1", "stops.2", "near"),
    )
    np.testing.assert_array_equal(
        encode_frame(frame, encoding), [[1.0, 2.0, np.nan, 1.5], [np.nan, np.nan, np.nan, 2.5]]
    )
    np.testing.assert_array_equal(
        encode_columns({"stops": [[7], None], "near": [None, None]}, encoding),
        [[7.0, *[np.nan] * 3], [np.nan] * 4],
    )


@pytest.mark.parametrize("values", [3, "far", [1.5], ["far"]])
def test_a_list_of_another_type_is_refused_by_name(values):
    encoding = learn_encoding(pl.DataFrame({"stops": [[1, 2]]}), ["stops"], sizes={"stops": 2})
    with pytest.raises(UnencodableValue, match="stops"):
        encode_columns({"stops": [values]}, encoding)


@pytest.mark.parametrize(
    ("values", "sizes"), [([[1, 2]], {}), ([["far"]], {"stops": 2}), ([[[1]]], {"stops": 2})]
)
def test_a_list_of_unknown_length_or_of_texts_or_lists_is_refused(values, sizes):
    with pytest.raises(UnencodableFeature, match="List"):
        learn_encoding(pl.DataFrame({"stops": values}), ["stops"], sizes=sizes)


def test_instants_in_a_list_become_their_microseconds():
    frame = pl.DataFrame({"seen": [[datetime(1970, 1, 2, tzinfo=UTC)]]})
    np.testing.assert_array_equal(
        encode_frame(frame, learn_encoding(frame, ["seen"], sizes={"seen": 2})),
        [[86_400_000_000.0, np.nan]],
    )


def test_instant_becomes_its_microseconds():
    frame = pl.DataFrame({"at": [datetime(1970, 1, 2, tzinfo=UTC), None]})
    np.testing.assert_array_equal(
        encode_frame(frame, learn_encoding(frame, ["at"])), [[86_400_000_000.0], [np.nan]]
    )


def test_no_rows_give_an_empty_matrix(encoding):
    columns = {name: [] for name in encoding.names}
    assert encode_columns(columns, encoding).shape == (0, 3)
