"""``python -m labkit.data.loans FOLDER``: draw the loan applications again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labkit.data.card import find_card
from labkit.data.loans.generator import write


def main() -> int:
    """Draw the data set into a folder and say which digest its card must carry."""
    parser = argparse.ArgumentParser(
        prog="python -m labkit.data.loans", description="Draw the loan applications again."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write loans.csv")
    parser.add_argument("--seed", type=int, help="that of the card by default")
    args = parser.parse_args()
    card = find_card("loans")
    path = write(args.folder, seed=(card.seed or 0) if args.seed is None else args.seed)

    # These need torch, which the drawing does not.
    from labkit.data.dataset import digest_of
    from labkit.data.tabular import read_csv

    print(f'{path}: sha256 = "{digest_of(*read_csv(path, card))}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
