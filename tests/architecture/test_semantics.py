"""Every line of the semantics of features (§4 of the design), and the tests that hold it.

The table is read from top to bottom beside the design; a test that was renamed or taken away fails
here by name.
"""

import re

import pytest

from tools.source_tree import ROOT

MEANING, EDGES, WINDOWS = (
    "unit/features/test_meaning.py",
    "unit/features/test_edges.py",
    "unit/features/test_windows.py",
)
PROOF, PAGES, STREAM, DOOR = (
    "laws/test_proof.py",
    "laws/test_pages.py",
    "unit/features/test_stream.py",
    "unit/app/test_workspace.py",
)
INGEST, SEQUENCER, AT_INGEST = (
    "unit/sources/test_ingest.py",
    "laws/test_sequencer.py",
    "unit/sources/test_edges.py",
)
KERNEL, LAWS_OF_KERNEL, BUILD = (
    "unit/features/kernel/test_aggregate.py",
    "laws/test_kernel.py",
    "unit/datasets/test_build.py",
)
IDS = "unit/features/test_id_order.py"
PREDICT, REQUEST, LIVES = (
    "unit/serving/test_predict.py",
    "unit/features/test_cast.py",
    "crash/test_lives.py",
)

SEMANTICS = {
    "1 a window is [q - w, q), exact to the microsecond": [
        (MEANING, "test_window_includes_its_left_edge_and_excludes_the_prediction_time"),
        (EDGES, "test_an_event_comes_in_and_leaves_at_the_microsecond_that_the_edges_say"),
        (EDGES, "test_a_window_of_years_ends_to_the_microsecond"),
    ],
    "1 closed on the right or on both sides, if declared": [
        (WINDOWS, "test_the_edges_of_a_window_are_those_declared")
    ],
    "1 a hop is opt-in, and is told": [
        (WINDOWS, "test_a_hopped_view_answers_as_at_the_last_multiple_of_its_hop"),
        (EDGES, "test_a_hop_moves_both_edges_and_the_view_of_what_was_known"),
        ("unit/features/test_explanation.py", "test_the_text_tells_sources_hop_and_hindsight"),
    ],
    "1 a day has 24 hours": [(MEANING, "test_one_day_is_24_hours_also_when_clocks_change")],
    "2 ties are resolved by (event time, source, id)": [
        (MEANING, "test_a_tie_in_time_is_resolved_by_id_and_not_by_arrival"),
        (
            "unit/features/test_union.py",
            "test_a_tie_in_time_is_resolved_by_the_name_of_the_source_before_the_id",
        ),
        (EDGES, "test_ties_are_first_and_last_by_id"),
        (IDS, "test_keys_sort_as_the_ids_do_column_by_column"),
        (IDS, "test_whole_numbers_decide_ties_as_numbers_in_history_and_online"),
    ],
    "2 arrival, batches and partitions change nothing": [
        (PROOF, "test_any_history_is_answered_the_same_in_every_way"),
        (PAGES, "test_batches_leave_no_trace"),
        (PAGES, "test_partitions_leave_no_trace_and_each_key_lies_in_its_own"),
        ("laws/test_backfill.py", "test_the_order_of_the_facts_changes_nothing"),
    ],
    "3 a fact counts from its visible time on": [
        (MEANING, "test_a_fact_is_not_seen_before_it_is_known"),
        (EDGES, "test_a_fact_is_seen_from_its_visible_time_on_and_not_at_the_one_that_ends_it"),
        (EDGES, "test_a_fact_that_becomes_visible_after_it_left_the_window_was_never_in_it"),
    ],
    "3 hindsight is asked for, taints what is taught on it, and never serves": [
        (MEANING, "test_hindsight_sees_what_stands_in_the_end_at_any_time"),
        (BUILD, "test_a_view_that_knows_in_hindsight_taints_what_is_taught_on_it"),
        ("unit/gates/test_other_checks.py", "test_hindsight_fails_and_names_the_view"),
    ],
    "4 what is too late lies in quarantine, counted": [
        (INGEST, "test_a_fact_beyond_the_lateness_lies_in_quarantine"),
        (SEQUENCER, "test_every_row_is_counted_once"),
    ],
    (
        "4 the same again is a duplicate, other content a conflict unless it is said to "
        "replace or delete"
    ): [
        (INGEST, "test_the_same_row_again_is_a_duplicate"),
        (INGEST, "test_other_content_without_an_operation_is_a_conflict"),
        (SEQUENCER, "test_rows_are_judged_by_what_stood_before_them"),
    ],
    "4 the decision is made once: batches change nothing": [
        (SEQUENCER, "test_how_rows_are_cut_into_batches_changes_nothing")
    ],
    "4 revisions carry increasing visible times, and old questions see old values": [
        (INGEST, "test_revisions_at_one_instant_carry_increasing_times"),
        (MEANING, "test_an_old_question_still_sees_the_value_that_was_known_then"),
        (AT_INGEST, "test_a_replacement_and_a_deletion_have_visible_times_of_their_own"),
    ],
    "5 nulls count nowhere but as rows": [
        (MEANING, "test_a_window_of_nulls_is_as_an_empty_one_but_for_the_count_of_rows"),
        (MEANING, "test_last_passes_over_nulls"),
    ],
    "5 an empty window has the value that is said of it": [
        (MEANING, "test_an_empty_window_counts_and_sums_to_zero_and_has_no_other_value"),
        (
            "unit/features/test_aggregates.py",
            "test_an_aggregate_says_this_of_five_facts_and_that_of_none",
        ),
    ],
    "5 a variance needs two values, and has ddof 1": [
        (MEANING, "test_a_variance_needs_two_values_and_divides_by_one_less")
    ],
    "5 an integer that overflows is an error": [
        (MEANING, "test_integer_overflow_is_an_error"),
        (LAWS_OF_KERNEL, "test_an_overflow_names_the_first_row_in_spine_order"),
    ],
    "5 NaN is rejected unless the contract allows it": [
        ("unit/sources/test_compiled.py", "test_a_broken_promise_is_named_with_its_column"),
        (AT_INGEST, "test_every_broken_promise_of_a_row_is_named"),
    ],
    "6 event_time < q < event_time + ttl, online and offline": [
        (MEANING, "test_ttl_is_checked_online_and_offline_alike"),
        (EDGES, "test_a_time_to_live_is_open_on_both_sides"),
        ("unit/features/test_peers.py", "test_a_time_to_live_is_applied_to_online_reads"),
    ],
    "6 a row of a spine is never dropped": [
        (MEANING, "test_a_spine_row_without_a_match_gets_nulls_and_is_kept"),
        ("unit/features/test_peers.py", "test_rows_of_a_spine_that_match_nothing_are_not_dropped"),
    ],
    "7 serving reads at the injected clock, so that idle keys decay": [
        (MEANING, "test_an_idle_key_decays_without_any_event"),
        (PREDICT, "test_an_idle_key_decays_without_any_event"),
    ],
    "7 a question beyond the clock's skew is refused": [
        (DOOR, "test_a_read_of_a_time_to_come_is_refused_beyond_what_clocks_may_differ_by")
    ],
    "7 the inference log keeps q and the declared time": [
        (PREDICT, "test_an_answer_is_in_the_log_with_all_that_it_came_from"),
        (PREDICT, "test_the_log_keeps_the_time_at_which_training_would_have_asked"),
    ],
    "8 sums, means and variances are Fractions rounded once": [
        (LAWS_OF_KERNEL, "test_sum_mean_and_variance_are_the_fraction_rounded_once"),
        (LAWS_OF_KERNEL, "test_kernel_equals_the_oracle_bit_for_bit"),
        (KERNEL, "test_a_sum_is_exact_and_rounded_once"),
        (
            "unit/features/test_peers.py",
            "test_what_left_a_window_leaves_no_trace_in_sums_and_deviations",
        ),
    ],
    "8 infinities, and -0 that becomes +0": [
        (KERNEL, "test_a_mean_does_not_overflow_where_its_sum_does"),
        (KERNEL, "test_an_infinity_that_left_the_window_is_forgotten"),
        (KERNEL, "test_a_sum_of_negative_zeros_is_positive_zero"),
    ],
    "8 states merge to what the whole would be": [
        (PAGES, "test_every_tile_is_the_summary_of_its_page"),
        (PAGES, "test_other_keys_leave_no_trace"),
        (PROOF, "test_long_histories_are_answered_the_same_in_every_way"),
    ],
    "8 what folds events one by one is marked ordered": [
        ("unit/features/test_explanation.py", "test_what_folds_events_one_by_one_is_marked_ordered")
    ],
    "8 functions have the same bits in both evaluators": [
        ("laws/test_numbers.py", "test_columns_have_the_bits_of_the_row"),
        ("laws/test_physical.py", "test_a_few_facts_evaluate_to_the_same_bits_as_many"),
    ],
    "9 online at (L, q) = backfill over log[:L] = any partitions = replay": [
        (PROOF, "test_any_history_is_answered_the_same_in_every_way"),
        (PROOF, "test_any_history_is_told_as_the_oracle_says"),
        (
            "unit/features/test_recompute.py",
            "test_a_read_is_recomputed_at_the_position_of_each_partition",
        ),
    ],
    "9 an answer says the positions that were read": [
        (STREAM, "test_the_position_that_was_read_is_part_of_the_answer")
    ],
    "9 K, and what becomes visible later": [
        (STREAM, "test_a_shard_records_the_largest_visible_time_that_it_folded"),
        (STREAM, "test_a_fact_that_becomes_visible_later_needs_no_timer"),
    ],
    "9 before what is kept a read says so": [
        (STREAM, "test_a_read_before_the_horizon_says_so_rather_than_answer"),
        (DOOR, "test_a_read_of_a_time_before_what_state_keeps_is_refused"),
    ],
    "10 acknowledged is in the log, and a crash loses and doubles nothing": [
        (LIVES, "test_nothing_is_lost_doubled_or_different_after_many_kills"),
        ("crash/test_full_disk.py", "test_a_full_disk_loses_and_doubles_nothing"),
        (
            "laws/test_failing_writes.py",
            "test_a_failure_of_every_nth_write_loses_and_doubles_nothing",
        ),
    ],
    "10 tables and online state carry their offset in their own transaction": [
        ("crash/test_engines.py", "test_rows_and_position_of_a_table_move_together"),
        ("crash/test_engines.py", "test_rows_and_position_of_a_shard_move_together"),
        ("crash/test_engines.py", "test_all_topics_of_an_append_are_in_the_log_or_none"),
    ],
    "11 labels known after the cut-off leave fitting": [
        (BUILD, "test_a_label_known_after_the_cutoff_leaves_fitting_and_is_counted")
    ],
    "11 fitting uses questions inside the split": [
        (BUILD, "test_the_split_is_closed_on_its_left_and_open_on_its_right")
    ],
    "11 null labels stay and are counted": [
        (BUILD, "test_a_null_label_is_no_label"),
        (BUILD, "test_a_row_without_a_label_stays_and_is_counted"),
    ],
    "12 request values are cast by the spine's schema": [
        (REQUEST, "test_any_value_is_cast_or_refused_and_casting_again_changes_nothing"),
        (REQUEST, "test_a_value_of_another_type_is_refused_and_named"),
    ],
    "12 requests evaluate by columns as they did by rows": [
        ("unit/features/test_view.py", "test_on_demand_features_are_the_same_by_row_and_by_column"),
        ("unit/serving/test_predict.py", "test_a_replay_is_identical"),
    ],
}


@pytest.mark.parametrize("line", SEMANTICS)
def test_the_tests_that_hold_a_line_exist(line: str) -> None:
    absent = [
        f"{path}: {name}"
        for path, name in SEMANTICS[line]
        if not re.search(rf"^def {name}\(", (ROOT / "tests" / path).read_text(), re.MULTILINE)
    ]
    assert absent == []


def test_all_twelve_lines_are_held_by_tests() -> None:
    assert {int(line.split()[0]) for line in SEMANTICS} == set(range(1, 13))
