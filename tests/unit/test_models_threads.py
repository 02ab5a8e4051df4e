"""Threads are set where labkit computes, and put back."""

import pytest
import torch

from labkit.core.errors import InvalidInputError
from labkit.core.machine import recommended_threads, set_threads, thread_environment, threads


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("LABKIT_THREADS", raising=False)


def test_small_models_get_one_thread_unless_the_user_says_otherwise(monkeypatch):
    assert recommended_threads() == 1
    monkeypatch.setenv("LABKIT_THREADS", "3")
    assert recommended_threads() == 3


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch, value):
    monkeypatch.setenv("LABKIT_THREADS", value)
    with pytest.raises(InvalidInputError, match="LABKIT_THREADS"):
        recommended_threads()


def test_threads_are_put_back_even_after_an_error():
    before = set_threads(2)
    try:
        with pytest.raises(ZeroDivisionError), threads(1):
            _ = 1 / (torch.get_num_threads() - 1)
        assert torch.get_num_threads() == 2
    finally:
        set_threads(before)


def test_no_thread_at_all_is_refused():
    with pytest.raises(InvalidInputError, match="from 1 up"):
        set_threads(0)


def test_a_process_yet_to_be_started_gets_the_same_number():
    assert thread_environment()["OMP_NUM_THREADS"] == "1"
