"""Pictures: what they say to somebody who does not see them, and what they leave behind."""

from __future__ import annotations

import base64
import gc
import io
import re
import sys

import pytest
import torch
from PIL import Image

from labkit.metrics import Curve, Rate
from labkit.ui import plots, strips
from labkit.ui.html import Picture, callout, card, escape, table

NAMES = [str(i) for i in range(10)]


def rate(value: float, n: int = 100) -> Rate:
    return Rate.of(torch.arange(n) < round(value * n))


def curve(*values: float) -> Curve:
    from labkit.core import Norm

    epsilons = tuple(0.05 * i for i in range(len(values)))
    return Curve(epsilons, tuple(rate(v) for v in values), Norm.LINF)


def every_figure() -> list[Picture]:
    counts = torch.eye(10) * 9
    attacked = torch.eye(10) * 4
    attacked[3, 8] = 5
    trials = [plots.Trial("none", rate(0.98), rate(0.1)), plots.Trial("<b>", rate(0.94), rate(0.6))]
    return [
        plots.robustness_curve({"victim": curve(0.9, 0.5, 0.1)}, budget=0.05),
        plots.confusion(counts, attacked, NAMES),
        plots.trade_off(trials, robust_target=0.5, clean_target=0.9, chosen=1),
        plots.attempts([0.9, 0.4, 0.1], [False, False, True], 0.2, unit="share", rising=False),
        plots.calibration([0.9, 0.6, 0.95], [True, False, True]),
    ]


def test_every_figure_has_a_text_alternative_with_numbers_in_it() -> None:
    for picture in every_figure():
        assert re.search(r"\d", picture.alt)
        assert f'alt="{escape(picture.alt)}"' in picture.markup()


def test_a_figure_reads_as_its_text_alternative_where_there_is_no_page() -> None:
    picture = every_figure()[0]
    assert repr(picture) == picture.alt


def test_figures_leave_no_figure_and_no_pyplot_behind() -> None:
    from matplotlib.figure import Figure

    every_figure()
    gc.collect()
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is Figure]
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_names_of_models_cannot_smuggle_markup_into_a_chart() -> None:
    trials = [plots.Trial("<script>alert(1)</script>", rate(0.9), rate(0.5))]
    markup = plots.trade_off(trials, robust_target=0.5, clean_target=0.9).markup()
    assert "<script>" not in markup
    assert "&lt;script&gt;" in markup


def test_confusion_names_the_commonest_mistake() -> None:
    assert "3 read as 8 (5)" in every_figure()[1].alt


def test_pictures_say_their_size_so_that_nothing_moves_once_they_are_drawn() -> None:
    figure, wide = every_figure()[0].markup(), strips.picture(torch.rand(3, 16, 32), "twice as wide as high")
    tag = r'<img src="data:image/png;base64,([^"]+)" alt="[^"]*" width="(\d+)" height="(\d+)">'
    for markup in (figure, wide):
        ((png, width, height),) = re.findall(tag, markup)
        real = Image.open(io.BytesIO(base64.b64decode(png)))
        assert int(width) / int(height) == pytest.approx(real.width / real.height, rel=0.01)


def test_a_change_is_described_by_where_and_how_much() -> None:
    delta = torch.zeros(1, 8, 8)
    delta[0, :2, :2] = 0.15
    words = strips.describe_change(delta)
    count = "4 of 64 pixels changed by more than 0.1, mostly brighter"
    assert words == f"largest changes in the upper left; {count}; largest 0.15"


def test_no_change_says_so() -> None:
    assert strips.describe_change(torch.zeros(3, 32, 32)) == "no pixel changed"


def test_an_even_change_names_no_corner() -> None:
    assert "evenly" in strips.describe_change(torch.full((1, 8, 8), -0.1))
    assert "mostly darker" in strips.describe_change(torch.full((1, 8, 8), -0.1))


@pytest.mark.parametrize("shape", [(8, 1, 8, 8), (8, 3, 32, 32)])
def test_a_strip_of_eight_is_small_enough_to_follow_a_slider(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(shape, generator=generator)
    x_adv = (x + 0.1 * torch.randn(shape, generator=generator)).clamp(0, 1)
    markup = strips.strip(x, x_adv, NAMES[:8], NAMES[1:9], NAMES[:8])
    assert markup.count("<figure>") == 8
    assert len(markup) < 200_000  # what one movement sends to a page


def test_a_strip_says_what_is_read_now_and_was_read_before() -> None:
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    x_adv = (x + 0.1).clamp(0, 1)
    markup = strips.strip(x, x_adv, ["8"], ["3"], ["8"])
    assert "read as <strong>3</strong> (was 8)" in markup
    assert "misread" in markup
    assert markup.count('alt="') == 3
    assert 'alt=""' not in markup


def test_class_names_are_escaped_in_a_strip() -> None:
    x = torch.rand(1, 1, 8, 8)
    assert "<img src=x" not in strips.strip(x, x, ["<img src=x>"], ["<img src=x>"], ["<img src=x>"])


def test_signs_of_a_heat_map_differ_without_colour() -> None:
    up = strips.heat_map(torch.full((1, 8, 8), 0.1), 0.1, "")
    down = strips.heat_map(torch.full((1, 8, 8), -0.1), 0.1, "")
    assert up != down
    assert "+" in strips.legend(0.1)
    assert "darker" in strips.legend(0.1)


def test_building_blocks_escape_what_they_are_given() -> None:
    evil = '<script>"&'
    for markup in (callout("bad", evil), card(evil, ""), table(evil, [evil], [[evil]])):
        assert "<script>" not in markup


class _Linear:
    """A victim whose border is a straight line, so the slice through it is known."""

    bounds = (-10.0, 10.0)
    input_shape = (2,)
    classes = 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x[:, 0], -x[:, 0]], dim=1)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self.forward(x)


def test_the_landscape_of_a_linear_victim_has_its_border_where_the_margin_ends() -> None:
    from labkit.core import Norm

    x, y = torch.tensor([[0.2, 0.0]]), torch.tensor([0])
    steps, logits = plots.slice_through(_Linear(), x, y, reach=0.4, seed=0, norm=Norm.L2)
    assert logits.shape == (41, 41, 2)
    picture = plots.landscape(steps, logits, 0, ["left", "right"], budget=0.1)
    assert "along the gradient at 0.2" in picture.alt
    assert "random direction nowhere up to 0.4" in picture.alt
