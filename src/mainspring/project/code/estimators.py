"""Which estimators a fit returns that cannot be exported, as far as its text says so.

A fit is refused only where that is certain: every `return` gives an estimator of a known library,
made where the text shows it, and of a class that no exporter writes.  Anything else (a class of the
project's own, an estimator that is chosen while the fit runs, a pipeline that is changed later) may
be exportable, and is judged by what the fit returned.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType

from mainspring.elements.errors import Location
from mainspring.ports.models import EXPORTABLE
from mainspring.project.code.names import Foreign, Names
from mainspring.project.code.text import Routine, parse_module, routine_of
from mainspring.project.kinds.asset import ProjectCode

__all__ = ["ReturnedEstimator", "not_exportable"]

_LIBRARIES = {
    "catboost": "CatBoost",
    "keras": "Keras",
    "sklearn": "scikit-learn",
    "tensorflow": "TensorFlow",
    "torch": "PyTorch",
    "xgboost": "XGBoost",
}
_FIT_RETURNS_ITSELF = frozenset({"catboost", "sklearn", "xgboost"})
_TRAINS = {("catboost", "train"): "CatBoost", ("xgboost", "train"): "Booster"}
_CHANGES_NOTHING = frozenset(
    {"classes_", "decision_function", "fit", "get_params", "predict", "predict_proba", "score"}
)
_DEEPEST = 5


@dataclass(frozen=True)
class ReturnedEstimator:
    """An estimator that a fit returns: its class, the library that this is from, and where the text
    makes it.
    """

    class_name: str
    library: str
    at: Location


def not_exportable(fit: object, code: ProjectCode) -> tuple[ReturnedEstimator, ...]:
    """The estimators that a fit returns, none of which can be exported; nothing where one might
    be.
    """
    return tuple(_of_function(fit, code, 0) or ())


_Found = list[ReturnedEstimator] | None
"""What certainly cannot be exported; None where that is not certain."""


def _of_function(function: object, code: ProjectCode, depth: int) -> _Found:
    if not isinstance(function, FunctionType) or depth > _DEEPEST:
        return None
    path = function.__code__.co_filename
    text = code.texts.get(path, "")
    tree = routine_of(parse_module(text), function.__code__)
    # A method of that name may be given to an estimator in many ways.
    if tree is None or "to_onnx" in text:
        return None
    package = str(function.__globals__.get("__package__") or "")
    names = Names(code, package, values=function.__globals__, tree=tree)
    reading = _Reading(code, names, tree, path, depth)
    return _all_of(reading.of(value) for value in _returned(tree))


def _all_of(found: Iterator[_Found]) -> _Found:
    every = list(found)
    certain = [each for each in every if each is not None]
    return [one for each in certain for one in each] if len(certain) == len(every) else None


@dataclass(frozen=True)
class _Reading:
    """Reads the expressions of one function."""

    code: ProjectCode
    names: Names
    tree: Routine
    path: str
    depth: int

    def of(self, node: ast.expr, seen: tuple[str, ...] = ()) -> _Found:
        """The estimators that an expression certainly is one of.

        Args:
            seen: the names that led here; what one is bound to may refer to itself.
        """
        match node:
            case ast.IfExp(body=body, orelse=other):
                return _all_of(self.of(each, seen) for each in (body, other))
            case ast.NamedExpr(value=value):
                return self.of(value, seen)
            case ast.Name(id=name) if name in seen:
                return []
            case ast.Name(id=name) if values := _bound_to(name, self.tree):
                found = _all_of(self.of(value, (*seen, name)) for value in values)
                is_fixed = all(self._is_one_class(value) for value in values)
                return found if is_fixed or not _may_change(name, self.tree) else None
            case ast.Call(func=ast.Attribute(value=owner, attr="fit" | "partial_fit")):
                found = self.of(owner, seen)
                returns_itself = {_LIBRARIES[library] for library in _FIT_RETURNS_ITSELF}
                is_certain = found is not None and {e.library for e in found} <= returns_itself
                return found if is_certain else None
            case ast.Call():
                return self._of_call(node, seen)
            case _:
                return None

    def _of_call(self, call: ast.Call, seen: tuple[str, ...]) -> _Found:
        called = self.names.foreign(call.func)
        if called is None:
            return _of_function(self.names.value(call.func), self.code, self.depth + 1)
        if called.package == "sklearn" and called.last == "clone" and call.args:
            return self.of(call.args[0], seen)
        if called.package == "sklearn" and called.last in ("Pipeline", "make_pipeline"):
            found = list(self._of_steps(_steps_of(call, called.last), seen))
            return found or None
        name = _TRAINS.get((called.package, called.last), called.last)
        if called.package in _LIBRARIES and name[:1].isupper() and not _exports_itself(called):
            return None if _is_exportable(called, name) else [self._found(called, name, call)]
        return None

    def _of_steps(
        self, steps: list[ast.expr], seen: tuple[str, ...]
    ) -> Iterator[ReturnedEstimator]:
        """The steps of a pipeline that no exporter writes there."""
        for place, step in enumerate(steps):
            called = self.names.foreign(step.func) if isinstance(step, ast.Call) else None
            if not isinstance(step, ast.Call):
                yield from self.of(step, seen) or ()
            if called is None or called.package != "sklearn" or not called.last[:1].isupper():
                continue
            known = EXPORTABLE["sklearn"]
            allowed = known.predictors if place == len(steps) - 1 else known.transformers
            if called.last not in allowed and not _exports_itself(called):
                yield self._found(called, called.last, step)

    def _is_one_class(self, value: ast.expr) -> bool:
        """Whether it is made as one class and stays of it, unlike the steps of a pipeline."""
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            if value.func.attr not in _CHANGES_NOTHING:
                break
            value = value.func.value
        called = self.names.foreign(value.func) if isinstance(value, ast.Call) else None
        return called is not None and called.last not in ("Pipeline", "clone", "make_pipeline")

    def _found(self, called: Foreign, name: str, node: ast.expr) -> ReturnedEstimator:
        return ReturnedEstimator(name, _LIBRARIES[called.package], Location(self.path, node.lineno))


def _is_exportable(called: Foreign, name: str) -> bool:
    known = EXPORTABLE.get(called.package)
    return known is not None and name in (*known.predictors, *known.transformers)


def _exports_itself(called: Foreign) -> bool:
    """Whether a class, as far as it is imported by now, was given a method of its own."""
    held = vars(sys.modules[called.module]) if called.module in sys.modules else {}
    return hasattr(held.get(called.last), "to_onnx")


def _steps_of(call: ast.Call, kind: str) -> list[ast.expr]:
    """The steps of a pipeline as far as they stand in the text, in their order."""
    if kind == "make_pipeline":
        steps = list(call.args)
        return steps if not any(isinstance(step, ast.Starred) for step in steps) else []
    given = call.args[0] if call.args else None
    given = next((each.value for each in call.keywords if each.arg == "steps"), given)
    if not isinstance(given, ast.List | ast.Tuple):
        return []
    pairs = [each for each in given.elts if isinstance(each, ast.Tuple) and len(each.elts) == 2]
    return [pair.elts[1] for pair in pairs] if len(pairs) == len(given.elts) else []


def _returned(tree: Routine) -> list[ast.expr]:
    """What a function returns, in the order of its text; nothing for a generator."""
    if isinstance(tree, ast.Lambda):
        return [tree.body]
    if isinstance(tree, ast.AsyncFunctionDef):
        return []
    nodes = list(_own_nodes(tree))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        return []
    return [node.value for node in nodes if isinstance(node, ast.Return) and node.value]


def _own_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions and classes inside it."""
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, inner):
            yield child
            yield from _own_nodes(child)


def _bound_to(name: str, tree: Routine) -> list[ast.expr]:
    """The expressions that a name is bound to; nothing where it is bound in any other way too."""
    values: list[ast.expr] = []
    places = 0
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                values.append(value)
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if (
                target == name
            ):
                values.append(value)
            case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name:
                values.append(value)
        match node:
            case ast.Name(id=target, ctx=ast.Store() | ast.Del()) if target == name:
                places += 1
            case ast.arg(arg=target) if target == name:
                places += 1
    return values if len(values) == places else []


def _may_change(name: str, tree: Routine) -> bool:
    """Whether a name is used in any way that could change the steps of a pipeline."""
    harmless = sum(
        isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id == name
        for node in ast.walk(tree)
    ) + sum(
        isinstance(node, ast.Attribute)
        and node.attr in _CHANGES_NOTHING
        and isinstance(node.value, ast.Name)
        and node.value.id == name
        for node in ast.walk(tree)
    )
    uses = sum(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )
    return uses != harmless
