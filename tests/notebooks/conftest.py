"""Failures in the helper that runs nbval are shown as those in a test are."""

import pytest

pytest.register_assert_rewrite("tests.notebooks.nbval_run")
