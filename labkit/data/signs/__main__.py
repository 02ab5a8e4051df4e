"""``python -m labkit.data.signs FOLDER``: render the road signs again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labkit.data.card import find_card
from labkit.data.signs.generator import write


def main() -> int:
    """Render the data set into a folder and say which digest its card must carry."""
    parser = argparse.ArgumentParser(
        prog="python -m labkit.data.signs", description="Render the road signs again."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write signs.npz")
    parser.add_argument("--seed", type=int, help="that of the card by default")
    args = parser.parse_args()
    path = write(args.folder, seed=(find_card("signs").seed or 0) if args.seed is None else args.seed)

    # These need torch, which the rendering does not.
    from labkit.data.dataset import digest_of
    from labkit.data.loading import read_npz

    print(f'{path}: sha256 = "{digest_of(*read_npz(path))}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
