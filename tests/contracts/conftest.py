"""What contract tests share: a readable failure, and no trace of the modules that they import."""

import comm
import pytest

pytest.register_assert_rewrite("tests.contracts.lab_contract")


@pytest.fixture(autouse=True)
def same_keeper_of_comms(monkeypatch):
    """Put back who keeps the lines of widgets.

    A contract imports every module, the warm kernel's too, and with it ipykernel, which makes
    itself the keeper. Widgets that other tests left open are known to the keeper before it alone,
    and could not be closed any more.
    """
    for name in ("create_comm", "get_comm_manager"):
        monkeypatch.setattr(comm, name, getattr(comm, name))
