"""Train the victims that the labs need, at low priority, while the participant reads."""

from __future__ import annotations

import contextlib
import os

from labkit import data
from labkit.core.errors import LabkitError
from labkit.course import labs
from labkit.models import load_victim

__all__ = ["main"]


def main() -> None:
    """Train what is missing, in the order of the labs; a victim that is there costs a look."""
    with contextlib.suppress(OSError, AttributeError):  # Windows has no nice
        os.nice(10)
    for victim, dataset in dict.fromkeys(
        (scenario.victim, scenario.dataset)
        for lab in labs()
        for scenario in lab.scenarios
        if scenario.victim and scenario.dataset
    ):
        # Whatever is wrong here is said where it matters: when the lab itself is opened.
        with contextlib.suppress(LabkitError):
            load_victim(victim, data.load(dataset))


if __name__ == "__main__":
    main()
