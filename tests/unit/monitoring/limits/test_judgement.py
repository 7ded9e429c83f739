"""What a monitor says of a subject."""

from mainspring.monitoring.limits.judgement import Judgement, MonitorFinding, group_unjudged


def test_subjects_that_lack_the_same_are_one_line():
    few = [Judgement.needs("feature_drift", name, 12, 20) for name in "xyz"]
    other = Judgement.needs("score_drift", "score", 12, 20)
    within = Judgement("data_quality", "trips")
    assert [each.words for each in group_unjudged([*few, within, other])] == [
        "feature_drift of x, y, z: 12 rows, 20 needed",
        "score_drift of score: 12 rows, 20 needed",
    ]


def test_a_line_names_eight_subjects_and_counts_the_others():
    [line] = group_unjudged(Judgement.needs("feature_drift", f"x{n}", 0, 20) for n in range(99))
    assert line.words == (
        "feature_drift of x0, x1, x2, x3, x4, x5, x6, x7, 91 more: 0 rows, 20 needed"
    )
    assert len(line.subjects) == 99


def test_what_no_number_of_rows_would_tell_has_none():
    judgement = Judgement.impossible("feature_drift", "hour", 60, "the hours differ as much")
    assert judgement.unjudged is not None
    assert (judgement.unjudged.seen, judgement.unjudged.needed) == (60, None)


def test_the_excess_of_a_skill_grows_as_the_skill_falls():
    def skill(auc: float) -> float:
        finding = MonitorFinding(
            kind="performance", subject="roc_auc", statistic=auc, limit=0.68, sentence=""
        )
        return finding.excess

    assert skill(0.5) > skill(0.6) > 1
