"""Failures in the clauses of a contract are shown as those in a test are."""

import pytest

pytest.register_assert_rewrite("tests.contracts.lab_contract")
