"""The renderer of the road signs: the same picture again, and conditions that differ."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import labkit.data as data
from labkit.core.errors import UnknownNameError
from labkit.data.loading import read_npz
from labkit.data.signs import CLASSES, PIXELS, face, render, render_split, write
from labkit.data.signs.camera import shoot
from labkit.data.signs.placing import place, wear
from labkit.data.signs.scene import backdrop
from labkit.data.signs.weather import LIGHTS, WEATHERS


def test_the_same_number_gives_the_same_picture_and_another_number_another_one() -> None:
    first = render("stop", 3, seed=1)
    assert first.shape == (PIXELS, PIXELS, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, render("stop", 3, seed=1))
    others = [render("stop", 4, seed=1), render("stop", 3, seed=2), render("stop", 3, seed=1, split="test")]
    assert not any(np.array_equal(first, other) for other in others)


def test_rendering_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    render("roundabout", 0)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]


def test_an_unknown_sign_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'give way'\?"):
        render("giveway", 0)


def test_every_face_is_opaque_in_the_middle_and_transparent_in_the_corners() -> None:
    for name in CLASSES:
        cover = np.asarray(face(name, 64))[..., 3]
        assert cover[32, 32] == 255
        assert name == "pedestrian crossing" or max(cover[0, 0], cover[0, -1], cover[-1, 0]) == 0


def test_no_two_faces_look_alike() -> None:
    small = {name: np.asarray(face(name, 24).convert("RGBA"), dtype=float) for name in CLASSES}
    for first in CLASSES:
        for second in CLASSES[CLASSES.index(first) + 1 :]:
            assert np.abs(small[first] - small[second]).mean() > 1.5, (first, second)


def test_left_and_right_are_mirrored() -> None:
    left, right = (np.asarray(face(f"turn {side} ahead", 64), dtype=float) for side in ("left", "right"))
    assert np.abs(left[:, ::-1] - right).mean() < 3


def test_the_classes_take_turns() -> None:
    pictures, labels = render_split("test", 2)
    assert pictures.shape == (2 * len(CLASSES), 3, PIXELS, PIXELS)
    assert labels.tolist() == [*range(len(CLASSES)), *range(len(CLASSES))]
    assert np.array_equal(pictures[len(CLASSES) + 1].transpose(1, 2, 0), render(CLASSES[1], 1, split="test"))


def test_a_small_run_has_the_statistics_of_the_bundled_pictures() -> None:
    pictures, _ = render_split("train", 12, seed=99)
    drawn, kept = pictures / 255, data.load("signs").train.x.numpy()
    assert np.abs(drawn.mean((0, 2, 3)) - kept.mean((0, 2, 3))).max() < 0.06
    assert abs(drawn.std() - kept.std()) < 0.04
    sharpness = [np.abs(np.diff(x, axis=-1)).mean() for x in (drawn, kept)]
    assert 0.8 < sharpness[0] / sharpness[1] < 1.25


def test_pictures_of_one_sign_differ_in_light_contrast_and_sharpness() -> None:
    dataset = data.load("signs")
    x = dataset.train.x[dataset.train.y == dataset.card.classes.index("stop")].numpy()
    brightness, contrast = x.mean((1, 2, 3)), x.std((1, 2, 3))
    assert np.quantile(brightness, 0.95) - np.quantile(brightness, 0.05) > 0.3
    assert np.quantile(contrast, 0.95) > 2 * np.quantile(contrast, 0.05)


@pytest.mark.parametrize("name", [name for name in WEATHERS if name != "clear"])
def test_every_weather_can_be_seen_and_stays_legal(name: str) -> None:
    scene = backdrop(np.random.default_rng(1), 64)
    wet = WEATHERS[name][1](np.random.default_rng(2), scene)
    assert np.abs(wet - scene).mean() > 0.02
    assert -0.01 < wet.min() <= wet.max() < 1.01


def test_fog_takes_contrast_away() -> None:
    scene = backdrop(np.random.default_rng(4), 64)
    assert WEATHERS["fog"][1](np.random.default_rng(2), scene).std() < 0.8 * scene.std()


def test_at_night_the_sign_is_brighter_than_its_surroundings() -> None:
    scene, lit = np.full((64, 64, 3), 0.8), np.zeros((64, 64))
    lit[20:44, 20:44] = 1
    dark = LIGHTS["night"][1](np.random.default_rng(0), scene, lit, (32.0, 32.0, 16.0))
    assert dark[lit == 1].mean() > 2 * dark[lit == 0].mean()


def test_the_shares_of_weather_and_of_light_add_up() -> None:
    assert sum(share for share, _ in WEATHERS.values()) == pytest.approx(1)
    assert sum(share for share, _ in LIGHTS.values()) == pytest.approx(1)


def test_a_placed_sign_is_mostly_in_the_picture() -> None:
    sign = face("no entry", 128)
    for number in range(20):
        rng = np.random.default_rng(number)
        colours, cover, (x, y, radius) = place(rng, wear(rng, sign), 128)
        assert colours.shape == (128, 128, 3)
        assert cover.shape == (128, 128)
        assert 0 < x < 128
        assert 0 < y < 128
        assert cover.sum() > 0.5 * radius**2


def test_the_camera_keeps_the_mean_of_a_plain_picture() -> None:
    for number in range(8):
        seen = shoot(np.random.default_rng(number), np.full((128, 128, 3), 0.5), 32)
        assert seen.shape == (32, 32, 3)
        assert np.abs(seen - 0.5).max() < 0.01


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    sizes = {"train": 2, "test": 1}
    train, test = read_npz(write(tmp_path / "new", seed=5, sizes=sizes))
    assert (len(train), len(test)) == (2 * len(CLASSES), len(CLASSES))
    again = write(tmp_path / "again", seed=5, sizes=sizes)
    assert again.read_bytes() == (tmp_path / "new" / "signs.npz").read_bytes()
    assert np.array_equal(
        (test.x[0].numpy() * 255).round().transpose(1, 2, 0), render("stop", 0, seed=5, split="test")
    )


def test_the_generator_says_how_it_is_called() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "labkit.data.signs", "--help"], capture_output=True, text=True, check=True
    )
    assert "FOLDER" in told.stdout
