"""Limits on what one reader has to hold in mind at once (STYLE 13)."""

from statistics import median

from tools.source_tree import Function, depth, line_count, python_files

WRITTEN_BY_US = ("src", "tools", "tests", "examples", "benchmarks")
FUNCTIONS: list[Function] = [
    function for file in python_files("src", "tools") for function in file.functions()
]


def test_files_have_at_most_500_lines() -> None:
    problems = [
        f"{file.name} has {len(file.lines)} lines: split it by noun"
        for file in python_files(*WRITTEN_BY_US)
        if len(file.lines) > 500
    ]
    assert not problems, "\n".join(problems)


def test_functions_have_at_most_60_lines() -> None:
    problems = [
        f"{f.at} has {line_count(f.node)} lines" for f in FUNCTIONS if line_count(f.node) > 60
    ]
    assert not problems, "\n".join(problems)


def test_few_functions_have_more_than_50_lines() -> None:
    long = [f"{f.at} has {line_count(f.node)} lines" for f in FUNCTIONS if line_count(f.node) > 50]
    assert len(long) <= 0.025 * len(FUNCTIONS), (
        f"{len(long)} of {len(FUNCTIONS)} functions:\n" + "\n".join(long)
    )


def test_half_of_all_functions_have_at_most_10_lines() -> None:
    assert median(line_count(f.node) for f in FUNCTIONS) <= 10


def test_at_most_four_parameters_go_by_position() -> None:
    problems = [
        f"{f.at} takes {f.positional_count} by position: put * before the rest"
        for f in FUNCTIONS
        if f.positional_count > 4 and not f.is_compiled
    ]
    assert not problems, "\n".join(problems)


def test_statements_nest_at_most_three_deep() -> None:
    problems = [f"{f.at} nests {depth(f.node)} deep" for f in FUNCTIONS if depth(f.node) > 3]
    assert not problems, "\n".join(problems)


def test_tests_are_short_and_named_by_what_they_claim() -> None:
    tests = [
        f
        for file in python_files("tests")
        for f in file.functions()
        if f.node.name.startswith("test_") and file.path.name.startswith("test_")
    ]
    problems = [f"{f.at}: a test's name is a sentence" for f in tests if f.node.name.count("_") < 3]
    assert not problems, "\n".join(problems)
    assert median(line_count(f.node) for f in tests) <= 12
