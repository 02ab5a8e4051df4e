"""One suite for our own attacks and for every engine: what each of them has to keep to."""

import inspect
import re
from functools import cache, lru_cache, partial

import pytest
import torch
from torch import nn

from labkit import engines
from labkit.attacks import Oracle, evasion
from labkit.core import InvalidInputError, Norm, ThreatModel, predict
from labkit.metrics import robust_accuracy
from labkit.models import TorchClassifier
from tests.unit.victims import linear, small_cnn

BUDGETS = {Norm.LINF: 0.1, Norm.L2: 0.6, Norm.L1: 4.0, Norm.L0: 6}
FEW = {
    "steps": 3,
    "query_budget": 30,
    "restarts": 1,
    "samples": 4,
    "scales": 2,
    "evaluations": 10,
    "binary_search_steps": 2,
    "population": 4,
    "repeats": 3,
    "weight": 1,
}
"""Enough to run every attack through, and no more."""


def _native():
    yield "fgsm", Norm.LINF, partial(evasion.fgsm, epsilon=BUDGETS[Norm.LINF])
    for norm in (Norm.LINF, Norm.L2):
        budget = {"epsilon": BUDGETS[norm], "norm": norm}
        yield f"pgd {norm}", norm, partial(evasion.pgd, **budget, steps=5)
        yield f"apgd {norm}", norm, partial(evasion.apgd, **budget, steps=5, loss="dlr")
        quick = {**budget, "steps": 5, "target_count": 2}
        yield f"apgd_targeted {norm}", norm, partial(evasion.apgd_targeted, **quick)
        yield f"noise {norm}", norm, partial(evasion.random_noise, **budget)
        yield f"square {norm}", norm, partial(evasion.square, **budget, query_budget=40)
    yield "hop_skip_jump", Norm.L2, partial(evasion.hop_skip_jump, epsilon=0.6, query_budget=80)


def _few(offer):
    return {
        word: max(value, offer.at_least.get(word, 1)) for word, value in FEW.items() if word in offer.words
    }


def _from_engines():
    for engine in engines.available():
        loaded = engines.load(engine)
        for name, offer in loaded.ATTACKS.items():
            budget = {"epsilon": BUDGETS[offer.norm]} if "epsilon" in offer.words else {}
            yield f"{engine}/{name}", offer, loaded.attack(name, **budget, **_few(offer))


ENGINES = {name: (offer, attack) for name, offer, attack in _from_engines()}
NORMS = {name: norm for name, norm, _ in _native()} | {
    name: offer.norm for name, (offer, _) in ENGINES.items()
}
ATTACKS = {name: attack for name, _, attack in _native()} | {name: pair[1] for name, pair in ENGINES.items()}


@lru_cache(maxsize=1)
def _batch():
    """Return a victim, four inputs that it reads correctly, and a fifth that it does not."""
    model, x, y = small_cnn()
    x = x[predict(model, x) == y][:5]
    y = predict(model, x)
    y[4] = (y[4] + 1) % 10
    return model, x, y


@cache
def _made(name):
    return ATTACKS[name](*_batch())


def _threat(name):
    return ThreatModel(NORMS[name], BUDGETS[NORMS[name]])


def test_every_engine_is_installed_where_labkit_is_developed():
    assert engines.available() == ["art", "cleverhans", "foolbox", "secml-torch", "torchattacks"]
    assert len(ENGINES) > 120


@pytest.mark.parametrize("name", ATTACKS)
def test_the_result_is_legal_and_input_and_model_are_untouched(name):
    model, x, y = _batch()
    before, weights = x.clone(), [p.clone() for p in model.module.parameters()]
    with _nothing_drawn():
        adv = ATTACKS[name](model, x, y)
    assert _threat(name).allows(x, adv.x_adv, model.bounds).all()
    assert torch.equal(x, before)
    assert all(torch.equal(p, q) for p, q in zip(model.module.parameters(), weights, strict=True))
    assert all(p.grad is None and not p.requires_grad for p in model.module.parameters())
    assert not model.module.training
    assert not adv.x_adv.requires_grad
    # Who is misread already is nobody's business.
    assert torch.equal(adv.x_adv[4], x[4]) or name not in ENGINES


class _nothing_drawn:  # noqa: N801 - reads as what it is
    """Fail when a block draws from a global generator, of Python, NumPy or torch."""

    def __enter__(self):
        self.before = self._states()

    def __exit__(self, *error):
        assert self.before == self._states()

    @staticmethod
    def _states():
        import random

        import numpy as np

        kind, keys, *rest = np.random.get_state()
        return random.getstate(), kind, keys.tobytes(), rest, torch.random.get_rng_state().tolist()


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_seed_gives_the_same_result_whatever_was_drawn_before(name):
    first = _made(name)
    torch.rand(3)
    assert torch.equal(ATTACKS[name](*_batch()).x_adv, first.x_adv)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_view_of_inputs_and_a_caller_in_inference_mode_are_no_trouble(name):
    model, x, y = _batch()
    view = x.transpose(2, 3).contiguous().transpose(2, 3)
    assert not view.is_contiguous()
    with torch.inference_mode():
        adv = ATTACKS[name](model, view, y)
    assert torch.allclose(adv.x_adv, _made(name).x_adv, atol=1e-5)


@pytest.mark.parametrize("name", ATTACKS)
def test_inputs_that_are_all_misread_already_are_no_trouble(name):
    model, x, _ = small_cnn()
    wrong = (model.logits(x).argmax(1) + 1) % 10
    adv = ATTACKS[name](model, x[:5], wrong[:5])
    assert robust_accuracy(model, adv, _threat(name)).value == 0


@pytest.mark.parametrize("name", ATTACKS)
def test_one_sample_will_do(name):
    model, x, y = _batch()
    adv = ATTACKS[name](model, x[:1], y[:1])
    assert _threat(name).allows(x[:1], adv.x_adv, model.bounds).all()


@pytest.mark.parametrize("name", ENGINES)
def test_no_budget_means_no_change(name):
    model, x, y = _batch()
    offer, _ = ENGINES[name]
    engine, attack = name.split("/")
    if "epsilon" in offer.words:
        adv = engines.load(engine).attack(attack, epsilon=0, **_few(offer))(model, x, y)
        assert torch.equal(adv.x_adv, x)
    else:
        assert torch.equal(_made(name).x_adv, x)


def test_no_budget_means_no_change_for_our_own():
    model, x, y = _batch()
    for attack in (evasion.fgsm, evasion.pgd, evasion.random_noise, evasion.square):
        assert torch.equal(attack(model, x, y, epsilon=0.0).x_adv, x)


@pytest.mark.parametrize("name", [name for name, (offer, _) in ENGINES.items() if offer.free])
def test_a_search_without_a_budget_keeps_to_the_box(name):
    model, x, y = _batch()
    engine, attack = name.split("/")
    adv = engines.load(engine).attack(attack, **_few(ENGINES[name][0]))(model, x[:2], y[:2])
    assert ThreatModel(NORMS[name], 1e6).allows(x[:2], adv.x_adv, model.bounds).all()


SPOILT = {
    "finite": lambda x, y: (x * float("nan"), y),
    "within": lambda x, y: (x * 255, y),
    "floats": lambda x, y: ((x * 16).to(torch.uint8), y),
    "32 bits": lambda x, y: (x.double(), y),
    "x as a tensor": lambda x, y: (x.numpy(), y),
    "shape": lambda x, y: (x[:, :, :4], y),
    "labels": lambda x, y: (x, y + 10),
    "y as integers": lambda x, y: (x, y.float()),
    "int64": lambda x, y: (x, y.int()),
    "y as a tensor": lambda x, y: (x, y.tolist()),
    "integers": lambda x, y: (x, y[:3]),
    "empty batch": lambda x, y: (x[:0], y[:0]),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_bad_input_is_refused_in_words(name):
    model, x, y = _batch()
    for says, spoil in SPOILT.items():
        with pytest.raises(InvalidInputError, match=says):
            ATTACKS[name](model, *spoil(x, y))


@pytest.mark.parametrize("name", ENGINES)
def test_a_class_is_aimed_at_or_the_aim_is_refused(name, capfd):
    model, x, y = _batch()
    offer, attack = ENGINES[name]
    if not offer.targeted:
        with pytest.raises(InvalidInputError, match="leave y_target out"):
            attack(model, x, y, y_target=y)
        return
    with pytest.raises(InvalidInputError, match="y_target does not fit"):
        attack(model, x, y, y_target=y + 10)
    adv = attack(model, x, y, y_target=(predict(model, x) + torch.tensor([1, 2, 3, 1, 0])) % 10)
    assert _threat(name).allows(x, adv.x_adv, model.bounds).all()
    # Who is read as the target already stays.
    assert torch.equal(adv.x_adv[4], x[4])
    assert capfd.readouterr() == ("", "")


class _Fickle(nn.Module):
    """A victim with everything that training mode would stir: dropout and batch norm."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.read = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Dropout(0.5))

    def forward(self, x):
        return self.read(self.norm(x))


@lru_cache(maxsize=1)
def _fickle():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = _Fickle()
    model = TorchClassifier(module, (1, 8, 8), 10)
    x = _batch()[1][:2]
    return model, x, predict(model, x)


@pytest.mark.parametrize("name", ENGINES)
def test_a_victim_in_training_mode_is_attacked_at_rest_and_left_in_training_mode(name):
    model, x, y = _fickle()
    at_rest = ATTACKS[name](model, x, y)
    before = {key: value.clone() for key, value in model.module.state_dict().items()}
    model.module.train()
    model.module.norm.eval()
    try:
        adv = ATTACKS[name](model, x, y)
        assert [part.training for part in model.module.children()] == [False, True]
    finally:
        model.module.eval()
    assert torch.equal(adv.x_adv, at_rest.x_adv)
    assert all(torch.equal(value, before[key]) for key, value in model.module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.module.parameters())


class _Deaf(nn.Module):
    """A victim that looks at nothing: it reads everything as class 0, and has no gradient."""

    def forward(self, x):
        return torch.linspace(1.0, 0.0, 10).expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)


STUMBLE = {}
"""Attacks whose library stops where there is no gradient."""


@pytest.mark.parametrize("name", ENGINES)
def test_a_victim_without_a_slope_gets_a_legal_answer_or_an_error_in_words(name):
    model = TorchClassifier(_Deaf(), (1, 8, 8), 10)
    x, y = _batch()[1][:1], torch.zeros(1, dtype=torch.int64)
    if name in STUMBLE:
        with pytest.raises(InvalidInputError, match=f"{re.escape(name)} stopped with"):
            ATTACKS[name](model, x, y)
        return
    adv = ATTACKS[name](model, x, y)
    assert _threat(name).allows(x, adv.x_adv, model.bounds).all()
    assert robust_accuracy(model, adv, _threat(name)).value == 1


@pytest.mark.parametrize("name", ENGINES)
def test_a_table_is_attacked_or_refused_in_words(name):
    """Two classes and four columns: what wants a picture, or more classes, says so."""
    model = linear(bias=-0.1)
    x, y = torch.full((2, 4), 0.5), torch.ones(2, dtype=torch.int64)
    offer, attack = ENGINES[name]
    if offer.look != "any" or offer.least_classes > 2:
        with pytest.raises(InvalidInputError, match=r"works on pictures|needs a victim of \d classes"):
            attack(model, x, y)
        return
    adv = attack(model, x, y)
    assert _threat(name).allows(x, adv.x_adv, model.bounds).all()


@pytest.mark.parametrize("engine", engines.available())
def test_a_victim_that_answers_at_random_gives_the_same_result_for_the_same_seed(engine):
    class Noisy(nn.Module):
        def forward(self, x):
            return _batch()[0].module(x + 0.05 * torch.randn_like(x))

    model, (_, x, y) = TorchClassifier(Noisy(), (1, 8, 8), 10), _batch()
    for name in {"fgsm", "pgd", "carlini_wagner", "deepfool"} & engines.load(engine).ATTACKS.keys():
        attack = ATTACKS[f"{engine}/{name}"]
        with _nothing_drawn():
            adv, again = attack(model, x, y), attack(model, x, y)
        assert torch.equal(adv.x_adv, again.x_adv)
        assert _threat(f"{engine}/{name}").allows(x, adv.x_adv, model.bounds).all()


def _right():
    model, x, y = small_cnn()
    right = model.logits(x).argmax(1) == y
    return model, x[right], y[right]


COINCIDE = {
    "fgsm": ({}, partial(evasion.fgsm, epsilon=0.1)),
    "bim": ({"step_size": 0.02, "steps": 10}, partial(evasion.pgd, epsilon=0.1)),
    "pgd": ({"step_size": 0.02, "steps": 10, "random_start": False}, partial(evasion.pgd, epsilon=0.1)),
    "pgd_l2": (
        {"step_size": 0.05, "steps": 10, "random_start": False},
        partial(evasion.pgd, epsilon=0.2, norm=Norm.L2),
    ),
}
"""Where libraries run the same algorithm: their settings, and ours."""
# It keeps the best of the points that it passed, which is another algorithm; its "bim" is not its own.
OTHERWISE = {("secml-torch", "pgd"), ("secml-torch", "pgd_l2")}


@pytest.mark.parametrize("engine", engines.available())
@pytest.mark.parametrize("name", COINCIDE)
def test_the_same_algorithm_gives_the_same_everywhere(engine, name):
    model, x, y = _right()
    settings, ours = COINCIDE[name]
    if name == "pgd_l2":
        # Two libraries cut to the box before they shorten to the ball: stay clear of the box.
        x = 0.3 + 0.4 * x
        y = predict(model, x)
    epsilon = ours.keywords["epsilon"]
    if name != "fgsm":
        ours = partial(ours, early_stop=False, **{"random_start": False} | settings)
    their_adv = engines.load(engine).attack(name, epsilon=epsilon, **settings)(model, x, y).x_adv
    our_adv = ours(model, x, y).x_adv
    ours_read, theirs_read = predict(model, our_adv) == y, predict(model, their_adv) == y
    if (engine, name) in OTHERWISE:
        assert abs(float(ours_read.float().mean() - theirs_read.float().mean())) < 0.05
        return
    # Where a gradient is zero within rounding its sign may differ; nowhere else may anything.
    differing = ((their_adv - our_adv).abs() > 1e-5).float().mean()
    assert differing < 0.005
    assert abs(float(ours_read.float().mean() - theirs_read.float().mean())) < 0.02


NEAREST = {"deepfool": {"steps": 50}, "carlini_wagner": {"steps": 40, "lr": 0.05, "weight": 1.0}}


@pytest.mark.parametrize("engine", engines.available())
@pytest.mark.parametrize("name", NEAREST)
def test_the_smallest_change_is_about_as_small_everywhere(engine, name):
    loaded = engines.load(engine)
    if (engine, name) == ("cleverhans", "deepfool"):
        assert name not in loaded.ATTACKS  # the torch half of CleverHans has none
        return
    model, x, y = _right()
    x, y = x[:4], y[:4]
    few = {word: 3 for word in ("binary_search_steps",) if word in loaded.ATTACKS[name].words}
    adv = loaded.attack(name, **NEAREST[name], **few)(model, x, y)
    assert robust_accuracy(model, adv, ThreatModel("l2", 5.0)).value == 0
    assert 0.2 < float(Norm.L2.size(adv.delta).mean()) < 1.0


@pytest.mark.parametrize(("norm", "epsilon", "name"), [("linf", 0.2, "square"), ("l2", 1.2, "square_l2")])
def test_square_is_as_strong_as_torchattacks(norm, epsilon, name):
    model, x, y = small_cnn()
    threat, settings = ThreatModel(norm, epsilon), {"epsilon": epsilon, "query_budget": 150}
    ours = robust_accuracy(model, evasion.square(model, x, y, norm=Norm(norm), **settings), threat)
    engine = engines.load("torchattacks").attack(name, **settings)
    theirs = robust_accuracy(model, engine(model, x, y), threat)
    assert ours.value <= theirs.high


@pytest.mark.parametrize("engine", engines.available())
def test_an_unknown_attack_or_word_is_refused_with_those_that_there_are(engine):
    loaded = engines.load(engine)
    with pytest.raises(LookupError, match="Did you mean 'pgd"):
        loaded.attack("pgdd")
    with pytest.raises(InvalidInputError, match="it takes epsilon"):
        loaded.attack("fgsm", eps=0.1)
    with pytest.raises(InvalidInputError, match="expected epsilon, the budget"):
        loaded.attack("fgsm")
    with pytest.raises(LookupError, match="torchattacks"):
        engines.load("torchatacks")


@pytest.mark.parametrize("name", ENGINES)
def test_a_black_box_is_attacked_by_questions_alone(name):
    model, x, y = _batch()
    offer, attack = ENGINES[name]
    if offer.black_box:
        adv = attack(Oracle(model), x[:2], y[:2])
        assert _threat(name).allows(x[:2], adv.x_adv, model.bounds).all()
    else:
        with pytest.raises(InvalidInputError, match="black-box"):
            attack(Oracle(model), x, y)


def test_our_own_attacks_by_gradient_refuse_a_black_box():
    model = linear()
    x, y = torch.full((1, 4), 0.5), torch.zeros(1, dtype=torch.int64)
    for attack in (evasion.fgsm, evasion.pgd):
        with pytest.raises(InvalidInputError, match="black-box"):
            attack(Oracle(model), x, y, epsilon=0.1)


@pytest.mark.parametrize("engine", engines.available())
def test_every_word_of_a_table_is_one_of_theirs(engine):
    """A word that the library no longer knows would only show when somebody uses it."""
    for name, offer in engines.load(engine).ATTACKS.items():
        known = inspect.signature(offer.make).parameters
        if any(word.kind is word.VAR_KEYWORD for word in known.values()):
            continue
        theirs = {word for word in offer.words.values() if word} | offer.fixed.keys()
        assert theirs <= known.keys() | {"epsilon"}, name
