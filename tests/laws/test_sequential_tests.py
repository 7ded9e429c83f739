"""Tests that are looked at after every event raise a false alarm as seldom as they say."""

import numpy as np
import pytest

from mainspring.stats.count_e_value import count_e_value
from mainspring.stats.mixture_sprt import Moments, mixture_e_value

ALPHA = 0.05


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_counts_that_are_looked_at_after_each_event_alarm_seldom(share):
    rng, alarms = np.random.default_rng(7), 0
    for _ in range(300):
        falls = np.cumsum(rng.random(150) < share)
        alarms += any(
            count_e_value(int(watched), seen - int(watched), share=share) >= 1 / ALPHA
            for seen, watched in enumerate(falls, start=1)
        )
    assert alarms <= 300 * ALPHA


def test_means_that_are_looked_at_again_and_again_alarm_seldom():
    rng, alarms = np.random.default_rng(7), 0
    for _ in range(300):
        ours, theirs = rng.normal(0, 1, (2, 1000))
        alarms += any(
            mixture_e_value(moments(theirs[:rows]), moments(ours[:rows]), tolerated=0, tau=0.2)
            >= 1 / ALPHA
            for rows in range(50, 1001, 25)
        )
    assert alarms <= 300 * ALPHA


def test_a_mean_that_is_higher_is_found():
    rng = np.random.default_rng(7)
    ours, theirs = moments(rng.normal(0, 1, 2000)), moments(rng.normal(0.3, 1, 2000))
    assert mixture_e_value(theirs, ours, tolerated=0.0, tau=0.2) > 1 / ALPHA
    assert mixture_e_value(theirs, ours, tolerated=0.5, tau=0.2) < 1


def moments(values):
    return Moments(len(values), float(values.sum()), float((values**2).sum()))
