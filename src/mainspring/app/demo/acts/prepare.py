"""Step 0: the data."""

from mainspring.app.demo.scene import Scene
from mainspring.engines.nycflights.prepare import FLIGHTS_ROWS, flights_ready, prepare_flights

__all__ = ["prepare"]


def prepare(scene: Scene) -> None:
    """Convert the flights to Parquet in the honest project's folder; the leaky one reads the same
    files.
    """
    stage = scene.stage
    stage.open_act(
        "Real data",
        "Every flight that left New York City in 2013.  The prediction, one hour before "
        "scheduled departure: will it land more than 15 minutes late?",
    )
    data = scene.honest.folder / "data"
    stage.command("cd flights && ls  # a project: a file of declarations, settings, and data")
    prepare_flights(data)
    stage.lines(
        sorted(
            path.name + ("/" if path.is_dir() else "")
            for path in scene.honest.folder.iterdir()
            if not path.name.startswith((".", "__"))
        )
    )
    size = sum(path.stat().st_size for path in data.iterdir()) / 1e6
    stage.claim(
        flights_ready(data),
        f"{FLIGHTS_ROWS:,} flights, their departures, arrivals, weather and aircraft: "
        f"five Parquet files, {size:.0f} MB.",
    )
