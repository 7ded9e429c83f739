"""What each feature is worth alone, and two together."""

import numpy as np
import pytest

from mainspring.datasets.encoding import EncodedFeature, Encoding
from mainspring.elements.schema import DType
from mainspring.training.predictive_power import LabelledRows, predictive_power

LABELS = np.array([0.0, 1.0] * 50)
NUMBERS = np.random.default_rng(0).lognormal(size=100).round(3)
NOISE = np.random.default_rng(1).normal(size=(100, 3))


def power(feature, column, labels=LABELS):
    matrix = np.asarray(column, dtype=np.float64).reshape(-1, 1)
    rows = LabelledRows(matrix, labels)
    return predictive_power(
        Encoding((feature,)), rows, rows, is_classified=labels is LABELS
    ).single[feature.name]


def pairs(*columns, labels=LABELS, vocabularies=(None, None)):
    features = tuple(
        EncodedFeature(name, DType.FLOAT64 if texts is None else DType.STRING, texts)
        for name, texts in zip("ab", vocabularies, strict=True)
    )
    rows = LabelledRows(np.column_stack(columns), labels)
    return predictive_power(Encoding(features), rows, rows, is_classified=labels is LABELS).pairs


def test_label_in_disguise_has_power_one_whatever_its_sign():
    assert power(EncodedFeature("x", DType.FLOAT64), LABELS) == 1.0
    assert power(EncodedFeature("x", DType.FLOAT64), -LABELS) == 1.0


def test_constant_has_power_one_half():
    assert power(EncodedFeature("x", DType.FLOAT64), np.ones(100)) == 0.5


def test_being_missing_can_give_the_label_away():
    assert power(EncodedFeature("x", DType.FLOAT64), np.where(LABELS == 1, np.nan, 0.0)) == 1.0


def test_category_is_worth_its_share_and_not_its_place():
    codes = np.where(LABELS == 1, 1.0, np.arange(100) % 4 / 2 * 2)
    assert power(EncodedFeature("c", DType.STRING, ("a", "b", "c")), codes) == 1.0


def test_copy_that_rises_and_falls_has_power_one():
    assert power(EncodedFeature("x", DType.FLOAT64), np.where(LABELS == 1, NOISE[:, 0], 9.0)) == 1.0
    assert (
        power(EncodedFeature("x", DType.FLOAT64), (LABELS - 0.5) * np.tile([1, 1, -1, -1], 25))
        < 0.7
    )
    assert power(EncodedFeature("x", DType.INT64), np.tile([0, 1, 2, 3], 25)) == 1.0


@pytest.mark.parametrize("copy", [NUMBERS, -NUMBERS, np.log(NUMBERS), NUMBERS * 1.8 + 32])
def test_copy_of_a_number_has_power_one(copy):
    assert power(EncodedFeature("x", DType.FLOAT64), copy, NUMBERS) == pytest.approx(1.0)


def test_number_with_noise_has_the_power_that_it_has():
    found = power(EncodedFeature("x", DType.FLOAT64), np.log(NUMBERS) + NOISE[:, 0], NUMBERS)
    assert 0.2 < found < 0.8


def test_number_in_a_text_has_power_one_though_each_text_occurs_once():
    texts = tuple(sorted(f"{number} min" for number in NUMBERS))
    codes = [texts.index(f"{number} min") for number in NUMBERS]
    assert power(EncodedFeature("x", DType.STRING, texts), codes, NUMBERS) == pytest.approx(1.0)


def test_category_of_a_number_is_worth_the_variance_that_it_explains():
    kinds = np.arange(100.0) % 3
    labels = np.array([5.0, -1.0, 3.0])[kinds.astype(int)]
    feature = EncodedFeature("c", DType.STRING, ("a", "b", "c"))
    assert power(feature, kinds, labels) > 0.99


def test_category_that_occurs_once_is_given_no_credit_on_other_rows():
    texts = tuple("abcdefghij"[place // 10 % 10] * (place + 1) for place in range(200))
    fitted, tested = np.arange(100.0), np.arange(100.0, 200.0)
    found = predictive_power(
        Encoding((EncodedFeature("x", DType.STRING, texts),)),
        LabelledRows(fitted.reshape(-1, 1), LABELS),
        LabelledRows(tested.reshape(-1, 1), LABELS),
        is_classified=True,
    )
    assert found.single["x"] == 0.5


def test_two_times_whose_difference_is_the_label_are_found_together():
    planned = NOISE[:, 0] * 1e6
    assert pairs(planned + NUMBERS, planned, labels=NUMBERS) == {"a - b": pytest.approx(1.0)}
    assert pairs(planned, planned + LABELS - 0.5)["a - b"] == 1.0


def test_two_times_are_paired_among_many_features_that_are_stronger():
    many = LABELS.reshape(-1, 1) + 0.8 * np.random.default_rng(2).normal(size=(100, 60))
    planned = NOISE[:, 0] * 1e6
    rows = LabelledRows(np.column_stack([many, planned, planned + LABELS - 0.5]), LABELS)
    features = [EncodedFeature(f"f{place}", DType.FLOAT64) for place in range(60)]
    features += [EncodedFeature(name, DType.TIMESTAMP) for name in ("planned", "landed")]
    found = predictive_power(Encoding(tuple(features)), rows, rows, is_classified=True).pairs
    assert found["planned - landed"] == 1.0


def test_two_texts_whose_equality_is_the_label_are_found_together():
    first = np.arange(100.0) // 2 % 10
    second = np.where(LABELS == 1, 9 - first, (9 - first + 3) % 10)
    texts = tuple("abcdefghij")
    found = pairs(first, second, vocabularies=(texts, tuple("jihgfedcba")))
    assert max(found.values()) == 1.0


def test_what_either_tells_alone_is_no_matter_of_the_pair():
    assert pairs(LABELS, NOISE[:, 0]) == {}
    assert pairs(NOISE[:, 0], NOISE[:, 1]) == {}
