"""Laws of the projections: inside, nearest, and done once; against a solver and against brute force."""

from itertools import combinations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog, minimize

from labkit.attacks.evasion._planes import Plane, way_to_plane
from labkit.core import Norm

QUICK = settings(max_examples=30, deadline=None)
BOUNDS = (0.0, 1.0)
budgets = {Norm.LINF: 0.3, Norm.L2: 0.5, Norm.L1: 0.8, Norm.L0: 2.0}
norms = st.sampled_from(list(Norm))


def rows(low, high, n=3, d=5):
    values = st.floats(low, high, allow_subnormal=False)
    return arrays("float64", (n, d), elements=values).map(lambda drawn: torch.from_numpy(drawn).float())


def box_of(x):
    return BOUNDS[0] - x, BOUNDS[1] - x


@QUICK
@given(x=rows(0, 1), delta=rows(-2, 2), norm=norms)
def test_a_projection_into_the_box_lands_in_ball_and_box_and_is_done_once(x, delta, norm):
    low, high = box_of(x)
    once = norm.project(delta, budgets[norm], (low, high))
    assert (norm.size(once) <= budgets[norm] + 1e-6).all()
    assert ((once >= low - 1e-6) & (once <= high + 1e-6)).all()
    assert torch.allclose(norm.project(once, budgets[norm], (low, high)), once, atol=1e-6)


@QUICK
@given(x=rows(0, 1), delta=rows(-0.9, 0.9), norm=norms)
def test_what_is_inside_already_stays_as_it_is(x, delta, norm):
    low, high = box_of(x)
    within = torch.minimum(torch.maximum(delta, low), high)
    assert torch.allclose(norm.project(within, 100.0, (low, high)), within, atol=1e-6)


@QUICK
@given(x=rows(0, 1, n=1), delta=rows(-2, 2, n=1), epsilon=st.floats(0.01, 3), boxed=st.booleans())
def test_the_projection_onto_the_l1_ball_is_as_near_as_a_solver_finds(x, delta, epsilon, boxed):
    low, high = (side[0].double().numpy() for side in box_of(x))
    if not boxed:
        low, high = np.full(5, -10.0), np.full(5, 10.0)
    wanted = delta[0].double().numpy()
    # Each change is a rise less a fall, both zero or more: then the sum is the length.
    solved = minimize(
        lambda z: ((z[:5] - z[5:] - wanted) ** 2).sum(),
        np.zeros(10),
        jac=lambda z: np.r_[2 * (z[:5] - z[5:] - wanted), -2 * (z[:5] - z[5:] - wanted)],
        bounds=[*((0, up) for up in high), *((0, -down) for down in low)],
        constraints=[
            {"type": "ineq", "fun": lambda z: epsilon - z.sum(), "jac": lambda z: -np.ones(10)},
        ],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 300},
    )
    near = Norm.L1.project(delta, epsilon, box_of(x) if boxed else None)[0].double().numpy()
    assert ((near - wanted) ** 2).sum() <= solved.fun + 1e-4


@QUICK
@given(x=rows(0, 1, n=1), delta=rows(-2, 2, n=1), count=st.integers(0, 5))
def test_the_projection_onto_few_values_is_as_near_as_any_choice_of_them(x, delta, count):
    low, high = box_of(x)
    clipped = torch.minimum(torch.maximum(delta, low), high)[0]
    best = min(
        float(
            (torch.where(torch.tensor([i in kept for i in range(5)]), clipped, 0.0) - delta[0]).square().sum()
        )
        for kept in combinations(range(5), count)
    )
    near = Norm.L0.project(delta, count, (low, high))[0]
    assert float((near - delta[0]).square().sum()) <= best + 1e-5


def test_a_value_counts_as_changed_when_it_moves_by_more_than_rounding():
    assert Norm.L0.size(torch.tensor([[1e-8, 0.5, 0.0, -0.2]])).tolist() == [2.0]
    assert Norm.L1.size(torch.tensor([[0.25, -0.5, 0.0]])).tolist() == [0.75]


@QUICK
@given(
    x=rows(0, 1),
    start=rows(0, 1),
    normal=rows(-1, 1),
    need=arrays("float64", 3, elements=st.floats(-1.5, 1.5)),
    norm=st.sampled_from([Norm.LINF, Norm.L2, Norm.L1]),
)
def test_the_way_to_a_plane_is_the_shortest_that_the_box_allows(x, start, normal, need, norm):
    normal = torch.where(normal.abs() < 0.05, 0.0, normal)
    plane = Plane(normal, torch.from_numpy(need).float(), torch.zeros(3, 2), torch.zeros(3, dtype=torch.bool))
    way = way_to_plane(plane, x, start, BOUNDS, norm)
    low, high = box_of(start)
    assert ((way >= low - 1e-6) & (way <= high + 1e-6)).all()
    still = plane.need - (normal * (start - x)).sum(1)
    for row in range(3):
        weights = normal[row].double().numpy()
        sign = 1.0 if still[row] >= 0 else -1.0
        most = np.maximum(sign * weights * high[row].numpy(), sign * weights * low[row].numpy()).sum()
        gained = float((normal[row] * way[row]).sum()) * sign
        if most <= abs(float(still[row])) - 1e-4:
            assert abs(gained - most) < 1e-4  # as far as the box goes
        elif most >= abs(float(still[row])) + 1e-4:
            assert abs(gained - abs(float(still[row]))) < 1e-4
            shortest = _shortest(weights, float(still[row]), low[row], high[row], norm)
            assert float(norm.size(way)[row]) <= shortest + 1e-3


def _shortest(weights, need, low, high, norm):
    low, high = low.double().numpy(), high.double().numpy()
    if norm is Norm.L2:
        found = minimize(
            lambda z: (z**2).sum(),
            np.zeros(5),
            jac=lambda z: 2 * z,
            bounds=list(zip(low, high, strict=True)),
            constraints=[{"type": "eq", "fun": lambda z: weights @ z - need, "jac": lambda z: weights}],
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 300},
        )
        return np.inf if not found.success else found.fun**0.5
    rise_and_fall = np.r_[weights, -weights]
    bounds = [*((0, up) for up in high), *((0, -down) for down in low)]
    if norm is Norm.L1:
        return linprog(np.ones(10), A_eq=[rise_and_fall], b_eq=[need], bounds=bounds).fun
    # L-infinity: one more unknown that no change may exceed.
    ceiling = np.c_[np.eye(10), -np.ones(10)]
    return linprog(
        np.r_[np.zeros(10), 1.0],
        A_ub=ceiling,
        b_ub=np.zeros(10),
        A_eq=[np.r_[rise_and_fall, 0.0]],
        b_eq=[need],
        bounds=[*bounds, (0, None)],
    ).fun
