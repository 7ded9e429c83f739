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


@pytest.mark.parametrize(
    "spell",
    [
        lambda value: f"{value / 1e6:.6e}",
        lambda value: f"{value * 1e4:,.2f}",
        lambda value: f"{-value}".replace("-", "\N{MINUS SIGN}"),
        lambda value: f"{value / 1e3:.6f}".lstrip("0"),
    ],
)
def test_number_in_a_text_is_read_as_people_and_programs_write_it(spell):
    texts = tuple(sorted(map(spell, NUMBERS)))
    codes = [texts.index(spell(number)) for number in NUMBERS]
    assert power(EncodedFeature("x", DType.STRING, texts), codes, NUMBERS) > 0.999


@pytest.mark.parametrize("rows", [300, 2_000])
@pytest.mark.parametrize("shape", [np.abs, np.square, lambda x: (np.abs(x) > 1.5) * 1.0])
def test_copy_that_rises_and_falls_is_seen_whatever_the_label(shape, rows):
    column = np.random.default_rng(2).normal(size=(rows, 1))
    labels = shape(column[:, 0])
    sides = [LabelledRows(column[part], labels[part]) for part in (slice(200), slice(200, None))]
    found = predictive_power(
        Encoding((EncodedFeature("x", DType.FLOAT64),)),
        *sides,
        is_classified=set(labels) <= {0.0, 1.0},
    )
    assert found.single["x"] > 0.99


def test_product_of_positive_numbers_is_seen():
    prices, pieces = NUMBERS, np.exp(NOISE[:, 0])
    found = pairs(prices, pieces, labels=prices * pieces)
    assert found["a × b"] == pytest.approx(1.0)


def few_of_a_class(rng, column):
    """A feature of 300 rows, of which one in fifty is positive, on both sides of the split."""
    labels = (rng.random(300) < 0.02).astype(np.float64)
    labels[[0, 1, -2, -1]] = 1.0
    matrix = column(rng, labels).reshape(300, -1)
    return [LabelledRows(matrix[part], labels[part]) for part in (slice(200), slice(200, None))]


def test_chance_is_not_suspected_where_few_rows_are_positive():
    texts = tuple(sorted(f"{number:x}" for number in range(300)))
    features = [EncodedFeature(f"t{n}", DType.STRING, texts) for n in range(4)]
    features += [EncodedFeature(f"x{n}", DType.FLOAT64) for n in range(8)]

    def column(rng, labels):
        codes = [rng.permutation(len(labels)) for _ in range(4)]
        return np.column_stack([*codes, rng.normal(size=(len(labels), 8))])

    for seed in range(50):
        sides = few_of_a_class(np.random.default_rng(seed), column)
        found = predictive_power(Encoding(tuple(features)), *sides, is_classified=True)
        assert not any(power > 0.95 for power in found.single.values())
        assert max(found.pairs.values(), default=0.0) <= 0.995


def test_copy_is_seen_where_few_rows_are_positive():
    feature = EncodedFeature("x", DType.FLOAT64)
    for seed in range(10):
        sides = few_of_a_class(np.random.default_rng(seed), lambda _, labels: labels * 3 - 1)
        found = predictive_power(Encoding((feature,)), *sides, is_classified=True)
        assert found.single["x"] == 1.0
