"""Attacks that look for the smallest change: ours against every engine, same victim, data and process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from labkit import data, engines
from labkit.attacks import evasion
from labkit.core import AdversarialExamples, EngineNotInstalledError, Norm, predict
from labkit.core.machine import set_threads
from labkit.models import load_victim

__all__ = ["TITLE", "rows_of", "run"]

TITLE = "time and size of the change on digits, one thread, processor time, median of interleaved repeats"
REPEATS = 3
SAMPLES = slice(256, 304)  # not those that our settings were chosen on
PROBE, LONGEST = 4, 8.0  # inputs that a player is tried on first, and seconds that all may take by that

# Attack and norm; our settings by name; the names that engines may give it, and settings for them.
MATCHES: tuple[
    tuple[str, Norm, dict[str, Callable[..., Any]], tuple[str, ...], dict[str, dict[str, Any]]], ...
] = (
    (
        "carlini_wagner",
        Norm.L2,
        {
            "labkit": evasion.carlini_wagner,
            "labkit, 1 search of 15 steps": partial(evasion.carlini_wagner, searches=1, steps=15),
            "labkit, 4 searches of 40 steps": partial(evasion.carlini_wagner, searches=4, steps=40),
        },
        ("cw", "carlini_wagner", "cw_l2", "carlini_wagner_l2"),
        {"50 steps": {"steps": 50}, "200 steps, constant 10": {"steps": 200, "constant": 10.0}},
    ),
    (
        "deepfool",
        Norm.L2,
        {"labkit": evasion.deepfool},
        ("deepfool", "deepfool_l2"),
        {"50 steps": {"steps": 50}},
    ),
    (
        "fab",
        Norm.LINF,
        {"labkit": partial(evasion.fab, steps=20)},
        ("fab", "fab_linf"),
        {"20 steps": {"steps": 20, "epsilon": 1.0}},
    ),
    (
        "fab",
        Norm.L2,
        {"labkit": partial(evasion.fab, steps=20, norm=Norm.L2)},
        ("fab_l2",),
        {"20 steps": {"steps": 20, "epsilon": 8.0}},
    ),
)


def run() -> list[dict[str, Any]]:
    """Return a row for each victim, attack and library."""
    return rows_of(tuple(dict.fromkeys(attack for attack, *_ in MATCHES)))


def rows_of(attacks: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the rows of some of the attacks."""
    set_threads()
    digits = data.load("digits")
    x, y = digits.test.x[SAMPLES], digits.test.y[SAMPLES]
    rows = []
    for victim in ("cnn", "resnet"):
        model = load_victim(victim, digits)
        for attack, norm, ours, names, settings in MATCHES:
            if attack not in attacks:
                continue
            peers = dict(_peers(names, norm, settings))
            for row in _compared({**ours, **peers}, set(peers), norm, model, x, y):
                rows.append({"victim": victim, "attack": f"{attack}, {norm}", **row})
    return rows


def _peers(
    names: tuple[str, ...], norm: Norm, settings: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, Callable[..., AdversarialExamples]]]:
    """Yield what the installed engines have under one of the names, with the settings that it takes."""
    for engine in engines.available():
        try:
            loaded = engines.load(engine)
        except EngineNotInstalledError:
            continue
        name = next((each for each in names if each in loaded.ATTACKS), None)
        if name is None or loaded.ATTACKS[name].norm is not norm:
            continue
        for title, given in settings.items():
            taken = {word: value for word, value in given.items() if word in loaded.ATTACKS[name].words}
            yield f"{engine}, {title}", loaded.attack(name, **taken)


def _compared(
    players: dict[str, Callable[..., AdversarialExamples]],
    peers: set[str],
    norm: Norm,
    model: Any,
    x: Any,
    y: Any,
) -> Iterator[dict[str, Any]]:
    seconds: dict[str, list[float]] = {player: [] for player in players}
    results: dict[str, AdversarialExamples] = {}
    for player, attack in list(players.items()):
        attack(model, x[:PROBE], y[:PROBE])  # the first run pays for what is lazy
        start = time.process_time()
        attack(model, x[:PROBE], y[:PROBE])
        about = (time.process_time() - start) * len(x) / PROBE
        if player in peers and about > LONGEST:
            del players[player]
            yield {"library": player, "left out": f"about {about:.0f} s"}
    for _ in range(REPEATS):
        for player, attack in players.items():
            start = time.process_time()
            results[player] = attack(model, x, y)
            seconds[player].append(time.process_time() - start)
    known = peers & players.keys()
    fastest = min((statistics.median(seconds[peer]) for peer in known), default=float("nan"))
    right = predict(model, x) == y
    for player in players:
        adv = results[player]
        misled = (predict(model, adv.x_adv) != y)[right]
        size = norm.size(adv.delta)[right]
        median = float(torch.where(misled, size, torch.inf).median())
        yield {
            "library": player,
            "seconds": statistics.median(seconds[player]),
            "times the fastest peer": fastest / statistics.median(seconds[player]),
            "misled": float(misled.float().mean()),
            "median change": median,
        }
