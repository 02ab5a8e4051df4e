"""``python -m labkit.data.signs FOLDER``: render the road signs again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labkit.core.paths import content_dir
from labkit.data.card import read_card
from labkit.data.dataset import digest_of
from labkit.data.loading import read_npz
from labkit.data.signs.generator import write


def main() -> int:
    """Render the data set into a folder and say which digest its card must carry."""
    card = read_card(content_dir("datasets") / "signs" / "card.toml")
    parser = argparse.ArgumentParser(description="Render the road signs again.")
    parser.add_argument("folder", type=Path, help="where to write signs.npz")
    parser.add_argument("--seed", type=int, default=card.seed or 0)
    args = parser.parse_args()
    path = write(args.folder, seed=args.seed)
    print(f'{path}: sha256 = "{digest_of(*read_npz(path))}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
