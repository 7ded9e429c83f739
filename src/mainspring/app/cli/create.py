"""Writes the project that `mainspring init` creates."""

import csv
import io
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mainspring.app.cli.errors import ProjectExists
from mainspring.app.cli.starter import DECLARATIONS, IGNORED, SETTINGS
from mainspring.engines.local.signer import FileSigner

__all__ = ["create_project"]

_WEEKS = 4
_ORDERS_A_DAY = 120
_SHOPS = {"harbour": 0.0, "market": 6.0, "station": 12.0, "old-town": 3.0}
_FIRST_DAY = datetime(2024, 3, 4, tzinfo=UTC)


def create_project(folder: Path, name: str) -> list[Path]:
    """Write a project that runs into a folder; returns the files written.

    Raises: ProjectExists ACC-007 when the folder already has something that looks
        like a project; nothing is written then.
    """
    found = [
        path
        for path in (
            folder / "project.toml",
            folder / "deliveries.py",
            folder / ".mainspring",
            folder / "data",
        )
        if path.exists()
    ]
    if found:
        raise ProjectExists(folder=str(folder), found=found[0].name)
    orders, deliveries = _invent()
    tester = FileSigner.load_or_create(folder / ".mainspring" / "keys" / "tester").public_key
    texts = {
        "project.toml": SETTINGS.format(
            name=re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "deliveries", tester=tester
        ),
        "deliveries.py": DECLARATIONS,
        "data/orders.csv": orders,
        "data/deliveries.csv": deliveries,
    }
    if not (folder / ".gitignore").exists():
        texts[".gitignore"] = IGNORED
    for place, text in texts.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    return [folder / place for place in texts]


def _invent() -> tuple[str, str]:
    """Four weeks of orders and deliveries as CSV; always the same ones.

    A shop that is behind stays behind for hours, so features over the last hours can predict it.
    """
    dice = random.Random(20240304)
    orders: list[tuple[object, ...]] = []
    deliveries: list[tuple[object, ...]] = []
    for order_id, ordered_at, behind in _iter_orders(dice):
        shop = dice.choice(list(_SHOPS))
        distance_km = round(dice.uniform(0.4, 6.0), 1)
        minutes = max(8.0, 14 + 3.5 * distance_km + _SHOPS[shop] + behind[shop] + dice.gauss(0, 6))
        orders.append((order_id, f"{ordered_at:%Y-%m-%dT%H:%M:%SZ}", shop, distance_km))
        deliveries.append(
            (
                order_id,
                f"{ordered_at + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}",
                shop,
                round(minutes, 1),
            )
        )
    return _csv(("order_id", "ordered_at", "shop", "distance_km"), orders), _csv(
        ("order_id", "delivered_at", "shop", "minutes"), deliveries
    )


def _iter_orders(dice: random.Random) -> Iterator[tuple[int, datetime, dict[str, float]]]:
    """Order ids, times, and by how many minutes each shop is behind then."""
    behind = dict.fromkeys(_SHOPS, 0.0)
    order_id = 0
    for day in range(7 * _WEEKS):
        moments = sorted(dice.uniform(10 * 60, 22 * 60) for _ in range(_ORDERS_A_DAY))
        for minute in moments:
            order_id += 1
            behind = {shop: 0.985 * late + dice.gauss(0, 2.0) for shop, late in behind.items()}
            yield order_id, _FIRST_DAY + timedelta(days=day, seconds=round(60 * minute)), behind


def _csv(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
