"""The same thing has the same name everywhere."""

import enum
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import labkit

TABLE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "names.md"
PACKAGES = ("attacks", "defenses", "metrics", "models", "explain", "course")

_BLOCK = re.compile(r"<!-- words: begin.*?-->(.*?)<!-- words: end -->", re.DOTALL)


def _rows():
    """Return the chosen words of each row of the table, and the words they are chosen over."""
    block = _BLOCK.search(TABLE.read_text(encoding="utf-8"))[1]
    rows = [line.strip("|").split("|") for line in block.splitlines() if line.startswith("|")][2:]
    return [(re.findall(r"`(\w+)`", row[0]), re.findall(r"`(\w+)`", row[-1])) for row in rows]


def _banned():
    return {word: chosen[0] for chosen, others in _rows() for word in others}


def _modules(package):
    top = importlib.import_module(f"labkit.{package}")
    names = [module.name for module in pkgutil.walk_packages(top.__path__, f"{top.__name__}.")]
    public = [name for name in names if not name.rpartition(".")[2].startswith("_")]
    return [top, *map(importlib.import_module, public)]


def _public_functions(package):
    """Yield every function that a caller may call, methods of public classes included, by its name."""
    for module in _modules(package):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing):
                yield f"{module.__name__}.{name}", thing
            elif inspect.isclass(thing) and not issubclass(thing, enum.Enum | BaseException):
                for attribute, method in vars(thing).items():
                    if inspect.isfunction(method) and (attribute == "__init__" or attribute[0] != "_"):
                        yield f"{module.__name__}.{name}.{attribute}", method


def test_the_table_holds_the_words_of_the_house_once():
    chosen = [word for words, _ in _rows() for word in words]
    assert {"x", "y", "x_adv", "delta", "epsilon", "norm", "step_size", "steps", "restarts"} <= set(chosen)
    assert {"y_target", "model", "surrogate", "trigger", "poison_rate", "query_budget"} <= set(chosen)
    others = [word for _, words in _rows() for word in words]
    assert len(chosen + others) == len({*chosen, *others})
    assert {"eps", "alpha", "images", "labels", "num_steps", "max_iter"} <= set(others)


@pytest.mark.parametrize("package", PACKAGES)
def test_parameters_have_the_chosen_names(package):
    banned = _banned()
    wrong = {
        f"{where}({parameter}): say {banned[parameter]}"
        for where, function in _public_functions(package)
        for parameter in inspect.signature(function).parameters
        if parameter in banned
    }
    assert not wrong


def test_every_attack_takes_model_x_and_y_and_the_rest_by_name():
    for name, attack in labkit.attacks.evasion.ATTACKS.items():
        parameters = inspect.signature(attack).parameters
        by_place = [key for key, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
        assert by_place == ["model", "x", "y"], name
        assert {"epsilon", "norm"} <= set(parameters), name


def test_every_metric_that_reads_a_model_takes_it_first():
    for name in labkit.metrics.__all__:
        metric = getattr(labkit.metrics, name)
        parameters = list(inspect.signature(metric).parameters) if inspect.isfunction(metric) else []
        if {"model", "adv"} & set(parameters):
            assert parameters[0] in ("model", "adv"), name
