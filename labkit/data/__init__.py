"""Data sets: cards, loaders, generators, integrity, and the user's own."""

from labkit.core.lazy import lazy_exports
from labkit.data.card import DatasetCard, Feature, cards, find_card, names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.data.dataset import Dataset, Split
    from labkit.data.loading import Verdict, load, verify
    from labkit.data.own import add, remove
    from labkit.data.sheets import contact_sheet, save_sheet
    from labkit.data.tabular import in_units

__all__ = [
    "Dataset",
    "DatasetCard",
    "Feature",
    "Split",
    "Verdict",
    "add",
    "cards",
    "contact_sheet",
    "find_card",
    "in_units",
    "load",
    "names",
    "remove",
    "save_sheet",
    "verify",
]

# These need torch, so they load when first used.
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Dataset": "labkit.data.dataset",
        "Split": "labkit.data.dataset",
        "Verdict": "labkit.data.loading",
        "add": "labkit.data.own",
        "contact_sheet": "labkit.data.sheets",
        "in_units": "labkit.data.tabular",
        "load": "labkit.data.loading",
        "remove": "labkit.data.own",
        "save_sheet": "labkit.data.sheets",
        "verify": "labkit.data.loading",
    },
)
