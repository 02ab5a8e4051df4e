"""``python -m labkit.data.faces FOLDER``: render the portraits again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labkit.data.card import find_card
from labkit.data.faces.generator import GROUPS, write


def main() -> int:
    """Render the data sets into a folder and say which digests their cards must carry."""
    parser = argparse.ArgumentParser(
        prog="python -m labkit.data.faces", description="Render the portraits again."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write the files")
    parser.add_argument("--group", choices=sorted(GROUPS), help="one of the data sets; all by default")
    parser.add_argument("--seed", type=int, help="that of the card by default")
    args = parser.parse_args()
    # These need torch, which the rendering does not.
    from labkit.data.dataset import digest_of
    from labkit.data.loading import read_npz

    for group in [args.group] if args.group else GROUPS:
        seed = (find_card(group).seed or 0) if args.seed is None else args.seed
        path = write(args.folder, seed=seed, group=group)
        print(f'{path}: sha256 = "{digest_of(*read_npz(path))}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
