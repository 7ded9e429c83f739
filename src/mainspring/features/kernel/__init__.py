"""The array kernel of the feature engine: facts, spine and program in, exact point-in-time
aggregates out.

It owns windows, visibility, the total order and exact arithmetic; it knows neither views nor frames
nor stores, and the same compiled sweep serves a backfill, a stream replay and an online read.  The
way in:

    outputs = [Output(Op.MEAN, column=0, span=hours(3)), ...]
    program = compile_program(outputs, kinds=[Kind.FLOAT, Kind.INTEGER])      (module `program`)
    facts   = Facts.of(key_start=…, event_time=…, visible_from=…, visible_to=…,
                       columns=[(values, valid | None), ...])                 (module `arrays`)
    answer  = aggregate(program, facts, Spine(key_code, prediction_time))     (`windows.aggregate`)
    answer.floats(0), answer.integers(1), answer.valid[1], answer.overflow    (a row for each of
                                                                              `program.slots`)

Facts lie grouped by key and sorted inside a key by the total order (event_time, source, id), which
`grouping` brings about, ties apart; the spine may come in any order.  `windows` sweeps over grouped
facts, `tree` answers from online state, and both use the `states` of aggregates. Modules import
numba, so this package re-exports nothing.
"""

__all__: list[str] = []
