"""Which route a path has."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mainspring.engines.http.desk import Desk, RouteDesk
from mainspring.ports.http import Route

__all__ = ["Place", "Router"]

_KNOWN = 1_024


class Place(NamedTuple):
    """What is at a path.

    Args:
        desks: the routes by method; HEAD is answered by that of GET.
        values: of the names in the template.
    """

    desks: Mapping[str, RouteDesk]
    values: Mapping[str, str]


class _Template(NamedTuple):
    parts: tuple[str, ...]
    names: tuple[tuple[int, str], ...]
    desks: dict[str, RouteDesk]

    def place(self, parts: list[str]) -> Place | None:
        for wanted, part in zip(self.parts, parts, strict=True):
            if not part or (wanted and wanted != part):
                return None
        return Place(self.desks, {name: parts[index] for index, name in self.names})


class Router:
    """The routes of a service; what was found is remembered, since most callers ask for a few
    paths again and again.
    """

    def __init__(self, routes: Iterable[Route], desk: Desk) -> None:
        self._exact: dict[str, Place] = {}
        self._templates: dict[int, list[_Template]] = {}
        self._found: dict[str, Place] = {}
        by_path: dict[str, dict[str, RouteDesk]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = RouteDesk(route, desk)
        for path, desks in by_path.items():
            if "GET" in desks:
                desks.setdefault("HEAD", desks["GET"])
            self._add(path, desks)

    def _add(self, path: str, desks: dict[str, RouteDesk]) -> None:
        if "{" not in path:
            self._exact[path] = Place(desks, {})
            return
        parts = path.split("/")[1:]
        names = tuple((at, part[1:-1]) for at, part in enumerate(parts) if part.startswith("{"))
        fixed = tuple("" if part.startswith("{") else part for part in parts)
        self._templates.setdefault(len(parts), []).append(_Template(fixed, names, desks))

    def find(self, path: str) -> Place | None:
        """What is at a percent-decoded path; None where no route has it."""
        return self._exact.get(path) or self._found.get(path) or self._search(path)

    def _search(self, path: str) -> Place | None:
        parts = path.split("/")[1:]
        for template in self._templates.get(len(parts), ()):
            place = template.place(parts)
            if place is not None:
                if len(self._found) >= _KNOWN:
                    self._found.clear()
                self._found[path] = place
                return place
        return None
