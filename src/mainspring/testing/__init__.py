"""What those who test a project or write an engine need: a still clock, ids that repeat, a
workspace's engines in memory, contract suites, real servers.

It ships with the package, because an engine that nobody can check is a guess.  Nothing in the
package imports it; the suites need pytest.
"""

from mainspring.testing.clock import FrozenClock, SeededIds

__all__ = ["FrozenClock", "SeededIds"]
