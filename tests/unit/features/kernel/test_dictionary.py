"""Codes of words are numbers in the order in which words are met."""

import numpy as np
import pytest

from mainspring.features.kernel.arrays import Ints, ShortInts
from mainspring.features.kernel.grouping.dictionary import Dictionary, learn_in_shares


def learnt(dictionary: Dictionary, words: Ints, *, row: int = 0) -> ShortInts:
    """The codes that a dictionary gives to words."""
    codes = np.empty(words.size, dtype=np.int32)
    dictionary.learn(words, codes, row=row)
    return codes


def test_a_word_has_the_code_of_its_first_appearance() -> None:
    dictionary = Dictionary()
    assert learnt(dictionary, np.array([7, -7, 7, 0, -7])).tolist() == [0, 1, 0, 2, 1]
    assert dictionary.firsts.tolist() == [0, 1, 3]


def test_words_are_learnt_piece_by_piece() -> None:
    dictionary = Dictionary()
    assert learnt(dictionary, np.array([7, -7])).tolist() == [0, 1]
    assert learnt(dictionary, np.array([3, 7, -7, 4]), row=2).tolist() == [2, 0, 1, 3]
    assert dictionary.firsts.tolist() == [0, 1, 2, 5]


def test_a_word_that_was_not_learnt_has_no_code() -> None:
    dictionary = Dictionary()
    learnt(dictionary, np.array([4, 5]))
    assert dictionary.look_up(np.array([5, 6, 4, 0])).tolist() == [1, -1, 0, -1]


def test_a_dictionary_grows_and_keeps_its_codes() -> None:
    dictionary, words = Dictionary(), np.arange(150_000) << 32
    assert np.array_equal(learnt(dictionary, np.repeat(words, 2)), np.repeat(np.arange(150_000), 2))
    assert np.array_equal(dictionary.look_up(words), np.arange(150_000))
    assert np.array_equal(dictionary.firsts, np.arange(0, 300_000, 2))


@pytest.mark.parametrize("cuts", [[], [1, 150_000, 150_000, 399_999]])
def test_words_learnt_in_shares_are_told_apart_and_numbered_as_they_are_met(
    cuts: list[int],
) -> None:
    words = np.random.default_rng(3).integers(0, 50_000, 400_000) << 40
    dictionary, codes = learn_in_shares(np.split(words, cuts))
    distinct, firsts, inverse = np.unique(words, return_index=True, return_inverse=True)
    assert np.array_equal(dictionary.words[codes], words)
    assert np.array_equal(np.sort(dictionary.firsts), np.sort(firsts))
    assert np.array_equal(dictionary.firsts[codes], firsts[inverse])
    assert np.all(np.diff(dictionary.firsts) > 0)
    assert np.array_equal(dictionary.look_up(distinct), codes[firsts])
