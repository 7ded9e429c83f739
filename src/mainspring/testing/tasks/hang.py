"""Never ends."""

import signal

__all__: list[str] = []

if __name__ == "__main__":
    while True:
        signal.pause()
