"""The dials of a screening: which method, and how it is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.course.cases.poisoning.deliveries import Delivery
from labkit.course.cases.poisoning.screening import screen
from labkit.defenses.sanitising import Screening
from labkit.ui.controls import choice, column, slider, tick, toggle

__all__ = ["TITLES", "Tools", "named", "unit_of"]

TITLES: Mapping[str, str] = {
    "knn_consistency": "Neighbours (kNN)",
    "spectral_signatures": "Spectral signatures",
    "activation_clustering": "Activation clustering",
    "provenance": "Provenance",
}
_TIPS = {
    "knn_consistency": "Does a sample carry the label of what looks like it?",
    "spectral_signatures": "Which samples stick out along the strongest direction of their class?",
    "activation_clustering": "Does a class fall into two heaps inside a model, one of them small?",
    "provenance": "Did the source vouch for the batch as it is?",
}
_UNITS = {
    "knn_consistency": "share of neighbours that disagree",
    "spectral_signatures": "squared projection, next to the class mean",
    "activation_clustering": "share of the class in the other cluster",
    "provenance": "not vouched for",
}
_NEIGHBOURS = {
    "delivery": "all samples of the delivery",
    "vouched": "samples of vouched batches",
    "acceptance": "the acceptance set, checked by hand",
}
_COMPARED = {"pixels": "pixels", "features": "what the reader in use makes of them"}


def unit_of(method: str) -> str:
    """Say what the scores of a method count."""
    return _UNITS[method]


def named(recipe: Mapping[str, Any]) -> str:
    """Say a recipe in words."""
    method = str(recipe["method"])
    words = TITLES[method]
    if method == "knn_consistency":
        words += f": {recipe['k']} of {_NEIGHBOURS[recipe['neighbours']]}, above {recipe['threshold']:g}"
        words += ", by features" if recipe.get("compare") == "features" else ""
    elif method == "spectral_signatures":
        words += f": {recipe['poison_rate']:.1%} poison expected"
    elif method == "activation_clustering":
        words += f": heaps below {recipe['threshold']:.0%}"
    return words + ("; batches without a voucher only" if recipe.get("only_unvouched") else "")


class Tools:
    """A method and its settings, as a recipe.

    Parameters
    ----------
    state : mapping
        A recipe to start from, or parts of one.
    noted : bool
        Whether the deliveries have a note that says which batch is whose.
    """

    def __init__(self, state: Mapping[str, Any], *, noted: bool) -> None:
        methods = [(title, key) for key, title in TITLES.items() if noted or key != "provenance"]
        who = [(words, key) for key, words in _NEIGHBOURS.items() if noted or key != "vouched"]
        self.method = toggle("Tool", methods, [_TIPS[key] for _, key in methods], state.get("method"))
        self.neighbours = choice("Neighbours are", who, state.get("neighbours"), "Whose labels are asked for")
        self.compare = choice(
            "Compared by",
            [(words, key) for key, words in _COMPARED.items()],
            state.get("compare"),
            "By what samples are neighbours",
        )
        self.k = slider("How many", int(state.get("k", 10)), 1, 30, 1, "Neighbours that are asked")
        self.threshold = slider(
            "Goes above",
            float(state.get("threshold", 0.5)),
            0.0,
            1.0,
            0.05,
            "Suspicion from which a sample goes",
        )
        self.share = slider(
            "Expected poison (%)",
            float(state.get("share", 5.0)),
            0.5,
            20.0,
            0.5,
            "One and a half times this share of every class goes",
        )
        self.heap = slider(
            "Smallest heap (%)",
            float(state.get("heap", 15.0)),
            1.0,
            50.0,
            1.0,
            "A smaller cluster of a class goes",
        )
        self.only = tick(
            "Take out only samples of batches without a voucher",
            bool(state.get("only_unvouched", False)),
            "Batches that their source vouches for stay as they are",
        )
        self._of = {
            "knn_consistency": (self.neighbours, self.compare, self.k, self.threshold),
            "spectral_signatures": (self.share,),
            "activation_clustering": (self.heap,),
            "provenance": (),
        }
        self._noted = noted
        self._dials = (self.neighbours, self.compare, self.k, self.threshold, self.share, self.heap)
        self.view = column(self.method, *self._dials, *((self.only,) if noted else ()))
        self.method.observe(lambda _: self._show(), "value")
        self._show()

    @property
    def dials(self) -> dict[str, Any]:
        """Every dial by the name that a state calls it by."""
        named = {
            "method": self.method,
            "neighbours": self.neighbours,
            "compare": self.compare,
            "k": self.k,
            "threshold": self.threshold,
            "share": self.share,
            "heap": self.heap,
        }
        return named | ({"only_unvouched": self.only} if self._noted else {})

    def recipe(self) -> dict[str, Any]:
        """Return what the dials say as a recipe that a judge can run."""
        method = str(self.method.value)
        settings: dict[str, Any] = {"method": method}
        if method == "knn_consistency":
            settings |= {
                "k": int(self.k.value),
                "threshold": float(self.threshold.value),
                "neighbours": str(self.neighbours.value),
                "compare": str(self.compare.value),
            }
        elif method == "spectral_signatures":
            settings["poison_rate"] = float(self.share.value) / 100
        elif method == "activation_clustering":
            settings["threshold"] = float(self.heap.value) / 100
        if method != "provenance" and self._noted:
            settings["only_unvouched"] = bool(self.only.value)
        return settings

    def put(self, recipe: Mapping[str, Any]) -> None:
        """Set the dials as a recipe of :meth:`recipe` says."""
        method = str(recipe["method"])
        names = {
            "spectral_signatures": {"poison_rate": "share"},
            "activation_clustering": {"threshold": "heap"},
        }.get(method, {})
        for name, value in recipe.items():
            dial = self.dials.get(names.get(name, name))
            if dial is not None:
                dial.value = 100 * value if name in names else value

    def line(self) -> float | None:
        """Return where a threshold is drawn among the scores, if the method has one."""
        method = self.method.value
        if method == "knn_consistency":
            return float(self.threshold.value)
        return 1 - float(self.heap.value) / 100 if method == "activation_clustering" else None

    def run(self, case: PoisoningCase, delivery: Delivery) -> Screening:
        """Screen a delivery."""
        return screen(case, delivery, self.recipe())

    def usual(self, case: PoisoningCase) -> Screening:
        """Screen what is known to be clean: the acceptance set, whose samples ask one another."""
        checked = Delivery("the acceptance set", case.x_test, case.y_test)
        recipe = self.recipe()
        if "neighbours" in recipe:
            recipe["neighbours"] = "delivery"
        return screen(case, checked, recipe)

    def _show(self) -> None:
        mine = self._of[str(self.method.value)]
        for dial in self._dials:
            dial.layout.display = "" if dial in mine else "none"
        self.only.layout.display = "none" if self.method.value == "provenance" else ""
