"""Print the measures of the house: how much one reader has to hold in mind, and what hides.

python -m tools.measures                # this tree
python -m tools.measures --tree PATH    # another checkout, to compare with
"""

import argparse
import ast
import io
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.source_tree import ROOT

__all__ = ["Measures", "homonyms", "main", "measure", "parse_modules"]

WIDTH = 100
CONVENTIONS = frozenset({"main"})
"""Names that mean the same everywhere by the language's own convention."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured.

    Args:
        app_lines: of `app`, which should compose and little else.
        workspace_fan_out: modules of ours that the module of `Workspace` imports.
        hidden_imports: imports of ours inside functions, outside `app` and `engines`.
        kind_lists: modules that name the kinds of assets one by one; a new kind touches these, and
            its own module.
        wide_code: share of code lines over 100 columns.
        homonyms: public names that two or more modules define.
        comments: comment lines for each hundred lines of code; `kernel_comments`: in the kernel.
    """

    app_lines: int
    workspace_fan_out: int
    hidden_imports: int
    kind_lists: int
    wide_code: float
    homonyms: int
    comments: float
    kernel_comments: float


def parse_modules(source: Path) -> dict[str, ast.Module]:
    """The modules below `src`, by their name."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if "examples" not in parts:
            found[".".join(parts)] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def measure(root: Path) -> Measures:
    """The measures of a checkout."""
    source = root / "src"
    modules = parse_modules(source)
    texts = {
        ".".join(path.relative_to(source).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in sorted(source.rglob("*.py"))
        if "examples" not in path.parts
    }
    code = [line for text in texts.values() for line in _code_lines(text)]
    app = {name: text for name, text in texts.items() if name.startswith("mainspring.app")}
    return Measures(
        app_lines=sum(text.count("\n") for text in app.values()),
        workspace_fan_out=len(set(_own_imports(modules["mainspring.app.workspace"]))),
        hidden_imports=sum(
            1
            for name, tree in modules.items()
            if not name.startswith(("mainspring.app", "mainspring.engines"))
            for _ in _hidden(tree)
        ),
        kind_lists=sum(len(_kinds_named(tree)) > 2 for tree in modules.values()),
        wide_code=sum(len(line) > WIDTH for line in code) / len(code),
        homonyms=len(homonyms(modules)),
        comments=_density(texts.values()),
        kernel_comments=_density(
            text for name, text in texts.items() if name.startswith("mainspring.features.kernel")
        ),
    )


def homonyms(modules: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Public names that several modules define, each with these modules."""
    defined: dict[str, list[str]] = defaultdict(list)
    for name, tree in modules.items():
        for public in set(_exported(tree)) & set(_defined(tree)) - CONVENTIONS:
            defined[public].append(name)
    return {name: sorted(found) for name, found in sorted(defined.items()) if len(found) > 1}


def _exported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names))
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.List(elts=names))
            ):
                yield from (str(each.value) for each in names if isinstance(each, ast.Constant))


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Assign(targets=targets):
                yield from (
                    name.id
                    for target in targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _own_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mainspring"):
            yield node.module or ""


def _hidden(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own_imports(node)


def _kinds_named(tree: ast.Module) -> set[str]:
    """The classes of kinds, or of declarations, that a module tells apart one by one."""
    specs = {"Source", "FeatureView", "TrainingSet", "Model", "Endpoint", "Monitor"}
    kinds = {f"{spec}Kind" for spec in specs}
    named = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.MatchClass)
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
    }
    return named & (specs | kinds)


def _code_lines(text: str) -> Iterator[str]:
    """The lines that hold code, without the comments behind it: no docstrings or blank lines."""
    tree, skipped = ast.parse(text), set[int]()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for number, line in enumerate(text.splitlines(), start=1):
        if number not in skipped and line.strip() and not line.strip().startswith("#"):
            yield line.split("  # ")[0]


def _density(texts: Iterable[str]) -> float:
    code = comments = 0
    for text in texts:
        code += sum(1 for _ in _code_lines(text))
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        comments += sum(token.type == tokenize.COMMENT for token in tokens)
    return 100 * comments / max(code, 1)


def main() -> None:
    """Print the measures of a tree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tree", type=Path, default=ROOT, help="the root of a checkout")
    found = measure(parser.parse_args().tree)
    print(f"lines of app                          {found.app_lines:,}")
    print(f"modules that workspace.py imports     {found.workspace_fan_out}")
    print(f"hidden imports outside app, engines   {found.hidden_imports}")
    print(f"files that a new kind touches         {found.kind_lists + 1}")
    print(f"code lines over {WIDTH} columns           {found.wide_code:.1%}")
    print(f"public names with several meanings    {found.homonyms}")
    print(f"comments for each 100 lines of code   {found.comments:.1f}")
    print(f"  in the kernel                       {found.kernel_comments:.1f}")


if __name__ == "__main__":
    main()
