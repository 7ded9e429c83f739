"""Where a roll-out goes."""

import pytest

import mainspring as ms
from mainspring.elements.time import MINUTE
from mainspring.serving.rollouts.decide import RolloutEvidence, WantedRevision, decide
from mainspring.serving.rollouts.judge import Quality, RuleFinding
from mainspring.serving.rollouts.state import EndpointRollout
from mainspring.stats.mixture_sprt import Moments
from tests.unit.serving.rollouts.conftest import NEW, OLD, did

CANARY = ms.Canary(steps=[5, 25, 100], hold="10m")
SETTLED = EndpointRollout(stable=OLD, epoch=4)
READY = RolloutEvidence(is_ready=True)


def wanted(rollout=CANARY, revision=NEW):
    return WantedRevision(revision=revision, rollout=rollout)


def begun(rollout=CANARY):
    return decide(SETTLED, wanted(rollout), READY, now=0).rollout


def test_the_first_revision_is_in_charge_at_once():
    move = decide(None, wanted(), RolloutEvidence(is_ready=False), now=0)
    assert (move.rollout.stable, move.rollout.candidate, move.kind) == (NEW, None, "")


@pytest.mark.parametrize("rollout", [None, CANARY])
def test_nothing_moves_before_every_process_is_ready(rollout):
    assert decide(SETTLED, wanted(rollout), RolloutEvidence(is_ready=False), now=0) is None


def test_what_declares_no_rollout_takes_over_once_all_are_ready():
    assert decide(SETTLED, wanted(None), READY, now=0).rollout.stable == NEW


def test_a_canary_goes_through_its_steps_and_takes_over():
    stands, shares, now = begun(), [], 0
    while stands.candidate:
        shares.append((stands.share, stands.epoch))
        assert decide(stands, wanted(), READY, now=now + 10 * MINUTE - 1) is None
        now += 10 * MINUTE
        stands = decide(stands, wanted(), READY, now=now).rollout
    assert (shares, stands.stable) == ([(5, 5), (25, 6)], NEW)


def test_a_candidate_that_fails_more_often_is_taken_back_before_the_hold_ends():
    bad = RolloutEvidence(is_ready=True, stable=did(1900, failed=1), candidate=did(100, failed=20))
    move = decide(begun(), wanted(), bad, now=1)
    assert (move.kind, move.rollout.stable, move.rollout.refused) == ("rollout.aborted", OLD, "new")
    assert "errors: 20 of 100 calls beside 1 of 1900 calls" in move.rollout.reason


def test_evidence_is_written_in_figures_that_people_read():
    found = RuleFinding(rule="errors", evidence=1.25, limit=1000.0, stable="0", candidate="1")
    assert str(found).endswith("(evidence 1.25 of 1,000)")


def test_a_revision_that_was_taken_back_is_not_tried_again():
    taken_back = EndpointRollout(stable=OLD, refused="new")
    assert decide(taken_back, wanted(), READY, now=0) is None


def test_the_next_revision_begins_anew_after_one_that_was_taken_back():
    taken_back = EndpointRollout(stable=OLD, refused="newer")
    assert decide(taken_back, wanted(), READY, now=0).kind == "rollout.started"


def test_errors_of_both_alike_take_nothing_back():
    both = RolloutEvidence(
        is_ready=True, stable=did(1900, failed=190), candidate=did(100, failed=10)
    )
    assert decide(begun(), wanted(), both, now=1) is None


def test_slow_answers_take_a_candidate_back():
    stands = decide(
        SETTLED, wanted(), RolloutEvidence(is_ready=True, stable=did(1000, slow=20)), now=0
    ).rollout
    slow = RolloutEvidence(is_ready=True, stable=did(1900, slow=40), candidate=did(100, slow=60))
    assert decide(stands, wanted(), slow, now=1).kind == "rollout.aborted"


def test_scores_that_move_take_a_candidate_back_where_a_rule_says_so():
    rollout = ms.Canary(steps=[50, 100], hold="1m", rules=ms.RolloutRules(scores=1.5))
    same, moved = [400, 400], [700, 100]
    pair = {"stable": did(800, scores=same), "candidate": did(800, scores=moved)}
    move = decide(begun(rollout), wanted(rollout), RolloutEvidence(is_ready=True, **pair), now=1)
    assert move.kind == "rollout.aborted"
    quiet = pair | {"candidate": did(800, scores=same)}
    assert (
        decide(begun(rollout), wanted(rollout), RolloutEvidence(is_ready=True, **quiet), now=1)
        is None
    )


def test_worse_quality_on_labels_takes_a_candidate_back():
    rollout = ms.Canary(steps=[50, 100], hold="1m", rules=ms.RolloutRules(quality=0.01))
    worse = Quality(stable=Moments(500, 50.0, 20.0), candidate=Moments(500, 150.0, 70.0))
    move = decide(
        begun(rollout), wanted(rollout), RolloutEvidence(is_ready=True, quality=worse), now=1
    )
    assert "loss on labels: 0.3 on 500 labels" in move.rollout.reason


def test_a_step_waits_for_as_many_rows_as_were_asked_for():
    rollout = ms.Canary(steps=[5, 100], hold="1m", rules=ms.RolloutRules(min_predictions=100))
    few = RolloutEvidence(is_ready=True, candidate=did(99))
    assert decide(begun(rollout), wanted(rollout), few, now=MINUTE) is None
    enough = RolloutEvidence(is_ready=True, candidate=did(100))
    assert decide(begun(rollout), wanted(rollout), enough, now=MINUTE).rollout.stable == NEW


def test_a_map_that_goes_back_ends_the_rollout_at_once():
    move = decide(begun(), wanted(None, OLD), RolloutEvidence(is_ready=False), now=1)
    assert (move.kind, move.rollout.stable, move.rollout.candidate) == (
        "rollout.aborted",
        OLD,
        None,
    )


def test_a_test_of_two_revisions_waits_for_a_person_in_the_end():
    test = ms.ABTest(share=50, hold="1m")
    over = decide(begun(test), wanted(test), READY, now=MINUTE)
    assert (over.kind, over.rollout.phase, over.rollout.share) == (
        "rollout.waiting",
        "waiting for a person",
        50,
    )


def test_a_shadow_answers_nobody_and_then_takes_over():
    shadow = ms.Shadow(hold="1m")
    assert begun(shadow).share == 0
    assert decide(begun(shadow), wanted(shadow), READY, now=MINUTE).rollout.stable == NEW


def test_what_is_paused_stays_where_it_is():
    paused = EndpointRollout(stable=OLD, candidate=NEW, kind="Canary", phase="paused", share=5)
    assert decide(paused, wanted(), READY, now=10 * MINUTE) is None
