"""Codes of words are numbers in the order in which words are met."""

import numpy as np

from mainspring.features.kernel.grouping.dictionary import Dictionary, learn_in_shares


def test_a_word_has_the_code_of_its_first_appearance() -> None:
    dictionary = Dictionary()
    assert dictionary.learn(np.array([7, -7, 7, 0, -7])).tolist() == [0, 1, 0, 2, 1]
    assert dictionary.firsts.tolist() == [0, 1, 3]


def test_a_word_that_was_not_learnt_has_no_code() -> None:
    dictionary = Dictionary()
    dictionary.learn(np.array([4, 5]))
    assert dictionary.look_up(np.array([5, 6, 4, 0])).tolist() == [1, -1, 0, -1]


def test_a_dictionary_grows_and_keeps_its_codes() -> None:
    dictionary, words = Dictionary(), np.arange(150_000) << 32
    assert np.array_equal(dictionary.learn(np.repeat(words, 2)), np.repeat(np.arange(150_000), 2))
    assert np.array_equal(dictionary.look_up(words), np.arange(150_000))
    assert np.array_equal(dictionary.firsts, np.arange(0, 300_000, 2))


def test_words_learnt_in_shares_are_told_apart_and_numbered_as_they_are_met() -> None:
    words = np.random.default_rng(3).integers(0, 50_000, 400_000) << 40
    dictionary, codes = learn_in_shares(words)
    distinct, firsts, inverse = np.unique(words, return_index=True, return_inverse=True)
    assert np.array_equal(dictionary.words[codes], words)
    assert np.array_equal(np.sort(dictionary.firsts), np.sort(firsts))
    assert np.array_equal(dictionary.firsts[codes], firsts[inverse])
    assert np.all(np.diff(dictionary.firsts) > 0)
    assert np.array_equal(dictionary.look_up(distinct), codes[firsts])
