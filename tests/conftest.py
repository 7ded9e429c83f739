"""What all tests share: how hypothesis searches."""

import os

from hypothesis import settings

# Deadlines measure the machine, not the code.  In CI the search repeats itself, so that a red build is about the change.
settings.register_profile("mainspring", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mainspring")
