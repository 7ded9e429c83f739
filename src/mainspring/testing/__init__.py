"""For tests of a project or an engine: a frozen clock, repeatable ids, engines in memory, contract
suites, and real servers.

It ships with the package, because an engine that nobody can check is a guess.  Nothing in the
package imports it; the suites need pytest.
"""

from mainspring.testing.clock import FrozenClock, SeededIds

__all__ = ["FrozenClock", "SeededIds"]
