"""Where following a fit's code ends, and what a plan says of it."""

import pytest

from mainspring.project.loader.discover import discover
from mainspring.project.loader.graph import build_graph
from tests.unit.project.conftest import WriteProject
from tests.unit.project.shop import CIRCUMSTANCES, graph_of

TOP = """
import importlib, json, os, subprocess, time
from os import environ
from pathlib import Path
import numpy as np
import polars as pl
from polars import read_csv as read

HERE = Path(__file__).parent
NAME = "params.json"


class Paths:
    params = "params.json"


def loaded():
    return json.load(open("params.json"))


STARTED = time.time()
NOISE = np.random.rand(3)
SEEDED = np.random.RandomState(3).rand(3)
MARGIN = 0.5
"""
RETURN = "    return scaled(2.0)\n"


def with_body(write_shop: WriteProject, body: str, **options: str):
    return write_shop(("MARGIN = 0.5\n", TOP), (RETURN, f"    {body}\n{RETURN}"), **options)


def unseen(write_shop: WriteProject, body: str) -> list[str]:
    """What the plan says of the fit, without places and advice."""
    graph = graph_of(with_body(write_shop, body))
    return [said.partition(": ")[0] for said in graph.assets["model.returned"].unseen]


PARAMS = ["reads params.json"]
COMPUTED = ["reads a file whose name is computed"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('open("params.json")', PARAMS),
        ("open(NAME)", PARAMS),
        ("open(Paths.params)", PARAMS),
        ('with open(file="params.json") as file: json.load(file)', PARAMS),
        ('Path("params.json").read_text()', PARAMS),
        ('(HERE / "params.json").read_bytes()', PARAMS),
        ('HERE.joinpath("params.json").open()', PARAMS),
        ("place = HERE / NAME; place.read_text()", PARAMS),
        ("loaded()", PARAMS),
        ("open(run.name)", COMPUTED),
        ('open(os.path.join("data", "w.csv"))', ["reads data/w.csv"]),
        ('os.listdir("data")', ["reads data"]),
        ('np.load("w.npy")', ["reads w.npy"]),
        ('pl.scan_parquet("w.pq")', ["reads w.pq"]),
        ('read("w.csv")', ["reads w.csv"]),
        ('import pandas as pd; pd.read_csv("w.csv")', ["reads w.csv"]),
        ('from joblib import load; load("m.pkl")', ["reads m.pkl"]),
        ('os.environ["A"]', ["reads the variable A of the environment"]),
        ('os.getenv("A")', ["reads the variable A of the environment"]),
        ('environ.get("A")', ["reads the variable A of the environment"]),
        ("dict(os.environ)", ["reads variables of the environment"]),
        ('import requests; requests.get("http://a")', ["reads http://a"]),
        ('subprocess.run(["ls"])', ["runs another program"]),
        ('eval("1")', ["runs text as code"]),
        ("importlib.import_module(run.name)", ["imports a module whose name is computed"]),
        ("STARTED", ["uses STARTED, which may be another value in every process"]),
        ("NOISE", ["uses NOISE, which may be another value in every process"]),
        ("getattr(train, run.name)", ["looks something up by a name that is computed"]),
    ],
)
def test_what_a_fit_reads_is_said(write_shop: WriteProject, body: str, said: list[str]) -> None:
    assert unseen(write_shop, body) == said


def test_an_object_that_cannot_be_taken_apart_is_named(write_shop: WriteProject) -> None:
    line = ("MARGIN = 0.5\n", "MARGIN = (part for part in [0.5])\n")
    [said] = graph_of(write_shop(line)).assets["model.returned"].unseen
    assert said.startswith("uses an object of builtins.generator that cannot be compared: ")
    assert said.endswith("(shop.py:6)")


@pytest.mark.parametrize(
    "body",
    [
        'open("log.txt", "w")',
        "getattr(np, NAME)",
        "SEEDED",
        'getattr(train, "X")',
        "globals()[NAME]",
        'run.log_params({"a": 1})',
        'from urllib.parse import quote; quote("a")',
        "from sklearn.datasets import load_iris; load_iris()",
    ],
)
def test_nothing_is_said_of_what_hides_nothing(write_shop: WriteProject, body: str) -> None:
    assert unseen(write_shop, body) == []


def test_a_file_of_the_project_that_is_named_is_taken_to_be_read(write_shop: WriteProject) -> None:
    file = with_body(write_shop, 'train.use("params.json")')
    (file.parent / "params.json").write_text("{}")
    [said] = graph_of(file).assets["model.returned"].unseen
    assert said.startswith("names the file params.json: not part of the identity; declare")


@pytest.mark.parametrize(
    ("before", "after", "is_change"),
    [
        ("return value * MARGIN", "return value / MARGIN", True),
        ("def scaled", "def spare():\n    return 1\n\n\ndef scaled", True),
        ("def scaled", "# why\n\n\ndef scaled", False),
        ("    return value * MARGIN", '    """Say."""\n    return (value * MARGIN)', False),
        ("ms.Monitor(returned)", 'ms.Monitor(returned, schedule="weekly")', False),
        ('min_metric("roc_auc", 0.7)', 'min_metric("roc_auc", 0.8)', False),
    ],
)
def test_where_following_ends_the_text_of_the_module_counts(
    write_shop: WriteProject, before: str, after: str, is_change: bool
) -> None:
    reads = (RETURN, f"    open(run.name)\n{RETURN}")
    was, now = graph_of(write_shop(reads)), graph_of(write_shop(reads, (before, after)))
    fingerprints = [graph.assets["model.returned"].build_fingerprint for graph in (was, now)]
    assert (fingerprints[0] != fingerprints[1]) == is_change


@pytest.mark.parametrize("declared", ["params.json", "."])
def test_nothing_is_said_of_an_input_that_is_declared(
    write_shop: WriteProject, declared: str
) -> None:
    declares = ("history, gates", f'history, inputs=["{declared}"], gates')
    file = write_shop(declares, (RETURN, f'    open("params.json")\n{RETURN}'))
    assert build_graph(discover(file), CIRCUMSTANCES).assets["model.returned"].unseen == ()
