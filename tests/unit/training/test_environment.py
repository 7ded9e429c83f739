"""What a fit ran on."""

import json
from importlib import metadata

import hypothesis

from mainspring.training.environment import observe_environment


def fit_here(train, run):
    """Reaches hypothesis and json through this module's globals."""
    return hypothesis, json


def fit_with_import(train, run):
    """Imports in its own body."""
    import click

    return click


def test_packages_of_the_functions_module_are_recorded():
    assert observe_environment(fit_here).packages["hypothesis"] == metadata.version("hypothesis")


def test_imports_in_the_functions_body_are_recorded():
    assert "click" in observe_environment(fit_with_import).packages


def test_standard_library_and_mainspring_are_not_packages():
    assert not {"json", "mainspring"} & observe_environment(fit_here).packages.keys()


def test_numeric_packages_are_always_recorded():
    assert {"numpy", "onnxruntime", "polars"} <= observe_environment(fit_here).packages.keys()


def test_same_process_gives_the_same_digest():
    assert observe_environment(fit_here).digest == observe_environment(fit_here).digest
