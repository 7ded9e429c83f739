"""How long to wait before looking for news again: as short as news is frequent."""

__all__ = ["LONGEST_S", "SHORTEST_S", "pause_after"]

SHORTEST_S, LONGEST_S = 0.001, 0.01


def pause_after(quiet_s: float) -> float:
    """Seconds to wait when nothing has come for so long: a tenth of it, so that looking finds a
    twentieth of a gap as its own delay, within bounds.

    >>> pause_after(0.0), pause_after(0.05), pause_after(3600.0)
    (0.001, 0.005, 0.01)
    """
    return min(max(quiet_s / 10, SHORTEST_S), LONGEST_S)
