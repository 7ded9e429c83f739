"""What it costs to import the package and to ask for help (STYLE 34).  Modules are counted, seconds
only printed: they depend on the machine.
"""

import json
import subprocess
import sys

HEAVY = {
    "numpy",
    "polars",
    "pandas",
    "pyarrow",
    "duckdb",
    "sqlalchemy",
    "torch",
    "numba",
    "sklearn",
    "lightgbm",
    "onnxruntime",
    "onnx",
    "deltalake",
}

IMPORT = """
import json, sys
before = set(sys.modules)
import mainspring
print(json.dumps(sorted(set(sys.modules) - before)))
"""

HELP = """
import json, resource, sys
before = set(sys.modules)
from mainspring.app.cli import main
sys.argv = ["mainspring", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
usage = resource.getrusage(resource.RUSAGE_SELF)
cpu_ms = round(1000 * (usage.ru_utime + usage.ru_stime))
print(json.dumps({"modules": sorted(set(sys.modules) - before), "cpu_ms": cpu_ms}))
"""


def last_line_of(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def heavy(modules: list[str]) -> list[str]:
    return sorted({module.split(".")[0] for module in modules} & HEAVY)


def test_importing_mainspring_loads_few_modules_and_no_heavy_one() -> None:
    modules = json.loads(last_line_of(IMPORT))
    print(f"import mainspring adds {len(modules)} modules")
    assert heavy(modules) == []
    assert len(modules) <= 250


def test_asking_for_help_loads_few_modules_and_no_heavy_one() -> None:
    answer = json.loads(last_line_of(HELP))
    print(
        f"mainspring --help: {answer['cpu_ms']} ms CPU with the interpreter, "
        f"{len(answer['modules'])} modules"
    )
    assert heavy(answer["modules"]) == []
    assert len(answer["modules"]) <= 300
