"""The shipped suites explain their failed assertions as tests of our own do."""

import pytest

pytest.register_assert_rewrite("mainspring.testing.contracts")
