"""Core: norms and threat models, seeds, errors, results, checks, paths."""

import os
import subprocess
import sys

import pytest
import torch

from labkit.core import (
    AdversarialExamples,
    Classifier,
    DeclarationError,
    DifferentiableClassifier,
    EngineNotInstalledError,
    InvalidInputError,
    LabkitError,
    Norm,
    StorageError,
    ThreatModel,
    UnknownNameError,
    derive,
    make_generator,
    predict,
)
from labkit.core.checks import length, whole
from labkit.core.files import append_whole, write_whole
from labkit.core.paths import cache_dir, content_dir, data_dir, ensure_dir
from labkit.core.protocols import check_batch, require_differentiable
from tests.unit.victims import linear

X, Y = torch.full((2, 4), 0.5), torch.tensor([0, 1])


def test_sizes_are_measured_over_all_but_the_first_axis():
    delta = torch.tensor([[[0.3, 0.0], [-0.4, 0.0]]])
    assert Norm.LINF.size(delta).tolist() == pytest.approx([0.4])
    assert Norm.L2.size(delta).tolist() == pytest.approx([0.5])


def test_the_steepest_step_has_length_one_however_faint_the_gradient():
    for scale in (1.0, 1e-20, 1e-35):
        step = Norm.L2.steepest(torch.tensor([[3.0, 0.0, -4.0]]) * scale)
        assert torch.allclose(step, torch.tensor([[0.6, 0.0, -0.8]]), atol=1e-3)


def test_no_gradient_is_no_step():
    for norm in Norm:
        assert torch.equal(norm.steepest(torch.zeros(2, 3)), torch.zeros(2, 3))


def test_a_norm_is_known_by_name_and_an_unknown_one_is_answered_with_the_names():
    assert Norm("l2") is Norm.L2
    with pytest.raises(InvalidInputError, match="linf, l2, l1, l0"):
        Norm("l7")


def test_a_threat_model_allows_the_edge_and_nothing_beyond():
    threat = ThreatModel("linf", 0.1)
    x_adv = X.clone()
    x_adv[0] += 0.1
    x_adv[1, 0] += 0.11
    assert threat.allows(X, x_adv, (0.0, 1.0)).tolist() == [True, False]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.2, 1.2])
def test_a_threat_model_allows_nothing_outside_the_box_and_nothing_that_is_no_number(bad):
    x_adv = X.clone()
    x_adv[0, 0] = bad
    assert ThreatModel("linf", 5.0).allows(X, x_adv, (0.0, 1.0)).tolist() == [False, True]


def test_a_threat_model_has_a_budget():
    for epsilon in (-0.1, float("nan")):
        with pytest.raises(InvalidInputError, match="epsilon"):
            ThreatModel("linf", epsilon)


def test_seeds_depend_on_every_label_and_on_nothing_else():
    assert derive(0, "a", "b") != derive(0, "ab") != derive(1, "ab")
    assert derive(7, "victim", 3) == derive(7, "victim", 3)
    assert 0 <= derive(-5) < 2**63


def test_seeds_are_the_same_on_every_machine():
    assert derive(0, "pgd") == 4304764070222431314


def test_a_generator_is_passed_through_and_a_seed_makes_a_new_one():
    generator = torch.Generator()
    assert make_generator(generator) is generator
    assert torch.equal(torch.rand(3, generator=make_generator(1)), torch.rand(3, generator=make_generator(1)))


@pytest.mark.parametrize("seed", [None, 0.5, "1", 2**64])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(InvalidInputError, match="seed"):
        make_generator(seed)


def test_numbers_are_checked_in_words():
    assert whole("steps", 3) == 3
    assert length("epsilon", torch.tensor(0.5)) == 0.5
    for value in (0, 1.5, "2", None, True):
        with pytest.raises(InvalidInputError, match="steps as a whole number from 1"):
            whole("steps", value)
    for value in (-1, float("inf"), float("nan"), "0.1", None, torch.ones(2)):
        with pytest.raises(InvalidInputError, match="epsilon >= 0"):
            length("epsilon", value)


def test_an_unknown_name_is_answered_with_the_closest_one():
    error = UnknownNameError("data set", "digit", ["signs", "digits"])
    assert str(error) == "there is no data set called 'digit'. Did you mean 'digits'? Known: digits, signs."
    assert "Known: none." in str(UnknownNameError("lab", "x", []))


def test_errors_are_also_what_python_would_have_raised():
    assert issubclass(InvalidInputError, ValueError)
    assert issubclass(UnknownNameError, LookupError)
    assert issubclass(EngineNotInstalledError, ImportError)
    assert issubclass(StorageError, OSError)


def test_a_declaration_error_begins_with_file_and_line():
    assert str(DeclarationError("lab.toml", 12, "no such key")) == "lab.toml:12: no such key"
    assert str(DeclarationError("lab.toml", None, "is missing")) == "lab.toml: is missing"


def test_a_notebook_shows_the_message_and_no_traceback():
    assert LabkitError("say it in words")._render_traceback_() == ["LabkitError: say it in words"]


def test_access_is_a_type():
    model = linear()
    assert isinstance(model, DifferentiableClassifier)
    assert require_differentiable(model, "fgsm") is model

    class BlackBox:
        bounds, input_shape, classes = (0.0, 1.0), (4,), 2

        def logits(self, x):
            return model.logits(x)

    box = BlackBox()
    assert isinstance(box, Classifier)
    assert predict(box, X).tolist() == predict(model, X).tolist()
    with pytest.raises(InvalidInputError, match="fgsm needs the gradient"):
        require_differentiable(box, "fgsm")


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([[0.5] * 4] * 2, Y, "x as a tensor, got list"),
        (X, [0, 1], "y as a tensor, got list"),
        (X.double(), Y, "floats of 32 bits"),
        (X[:, :3], Y, "shape"),
        (X * 3, Y, "within"),
        (X * float("nan"), Y, "finite"),
        (X, Y.int(), "integers"),
        (X, Y + 1, "labels from 0 to 1, got 1 to 2"),
        (X, Y[:1], "integers"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused_in_words(x, y, says):
    with pytest.raises(InvalidInputError, match=says):
        check_batch(linear(), x, y)


@pytest.mark.parametrize("x_adv", [None, [[0.5] * 4] * 2, X.double(), X.byte(), X[:1], X[:, :2]])
def test_a_result_holds_tensors_that_belong_together(x_adv):
    with pytest.raises(InvalidInputError, match="expected x_adv"):
        AdversarialExamples(x=X, x_adv=x_adv, y=Y, attack="by hand")


def test_a_result_cannot_be_changed_and_knows_its_perturbation():
    adv = AdversarialExamples(x=X, x_adv=X + 0.25, y=Y, attack="by hand")
    assert torch.equal(adv.delta, torch.full((2, 4), 0.25))
    assert len(adv) == 2
    with pytest.raises(AttributeError):
        adv.attack = "other"


def test_a_home_of_ones_own_moves_data_and_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    assert data_dir() == tmp_path / "data"
    assert cache_dir() == tmp_path / "cache"
    assert ensure_dir(data_dir() / "progress").is_dir()


def test_content_can_lie_in_a_folder_of_ones_own(monkeypatch, tmp_path):
    assert (content_dir("datasets") / "digits").is_dir()
    monkeypatch.setenv("LABKIT_DATASETS", str(tmp_path))
    assert content_dir("datasets") == tmp_path


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="LABKIT_HOME"):
        ensure_dir(tmp_path / "file" / "below")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "kept.json"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        write_whole(tmp_path / "folder", b"never")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "kept.json"]


def test_a_line_is_added_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"one\nhalf of wh")
    append_whole(path, b"two\n", len(b"one\n"))
    assert path.read_bytes() == b"one\ntwo\n"

    def fail(handle):
        raise OSError("the disk failed")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk failed"):
        append_whole(path, b"three\n", len(b"one\ntwo\n"))
    assert path.read_bytes() == b"one\ntwo\n"


def test_importing_core_does_not_import_torch():
    code = "import sys, labkit.core; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
