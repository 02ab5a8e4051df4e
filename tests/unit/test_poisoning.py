"""Poisoning attacks, triggers, screenings and their metrics: a behaviour each."""

import math

import pytest
import torch

from labkit.attacks import poisoning
from labkit.core import InvalidInputError, PoisonedDataset, Trigger
from labkit.defenses.sanitising import (
    Batch,
    Screening,
    activation_clustering,
    batch_digest,
    knn_consistency,
    provenance,
    spectral_signatures,
)
from labkit.metrics import clean_accuracy_drop, detection, normalised_score, trigger_success_rate
from labkit.models import TorchClassifier, build, features, penultimate, train


def some(n=40, classes=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((n, 1, 8, 8), generator=generator), torch.arange(n) % classes


def blobs(n=60, apart=10.0, seed=0):
    """Two clouds far from each other, in two dimensions, each with its own label."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    return torch.randn((n, 2), generator=generator) + apart * y[:, None], y


# ------------------------------------------------------------------ triggers


def test_a_trigger_replaces_what_is_under_its_mask_and_nothing_else():
    x, _ = some()
    trigger = poisoning.patch((1, 8, 8), size=2, top=6, left=6)
    stamped = trigger.apply(x)
    assert (stamped[:, :, 6:, 6:] == 1).all()
    assert torch.equal(stamped[:, :, :6], x[:, :, :6])
    assert trigger.size == 4


def test_a_blended_trigger_is_a_weighted_mean():
    x, _ = some()
    pattern = torch.ones(1, 8, 8)
    trigger = Trigger(mask=torch.full((1, 8, 8), 0.25), pattern=pattern)
    assert torch.allclose(trigger.apply(x), 0.75 * x + 0.25, atol=1e-6)


@pytest.mark.parametrize(
    "mask",
    [
        torch.full((1, 8, 8), 1.5),
        torch.full((1, 8, 8), -0.1),
        torch.ones(8, 8),
        torch.full((1, 8, 8), math.nan),
    ],
)
def test_a_trigger_that_cannot_be_applied_is_refused(mask):
    with pytest.raises(InvalidInputError):
        Trigger(mask=mask, pattern=torch.ones(1, 8, 8))


def test_a_trigger_of_another_shape_than_the_inputs_is_refused():
    with pytest.raises(InvalidInputError, match="shape"):
        poisoning.patch((1, 8, 8)).apply(torch.zeros(2, 1, 16, 16))


@pytest.mark.parametrize(("size", "top"), [(0, 0), (3, 6), (2, -1), (9, 0)])
def test_a_patch_outside_the_picture_is_refused(size, top):
    with pytest.raises(InvalidInputError, match="within 8 by 8"):
        poisoning.patch((1, 8, 8), size=size, top=top)


# ------------------------------------------------------------------ attacks


def test_targeted_flips_go_from_the_source_to_the_target_only():
    x, y = some(100)
    made = poisoning.label_flip(x, y, poison_rate=0.1, classes=4, y_source=2, y_target=1, seed=3)
    assert len(made.indices) == 10
    assert (made.y[made.indices] == 2).all()
    assert (made.y_poisoned[made.indices] == 1).all()


def test_more_flips_than_there_are_samples_are_refused():
    x, y = some(40)
    with pytest.raises(InvalidInputError, match="lower poison_rate"):
        poisoning.label_flip(x, y, poison_rate=0.5, classes=4, y_source=0, y_target=1)


def test_source_and_target_must_differ():
    x, y = some()
    with pytest.raises(InvalidInputError, match="differ"):
        poisoning.label_flip(x, y, poison_rate=0.1, classes=4, y_source=1, y_target=1)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan, "0.1", None, True])
def test_a_rate_that_is_no_share_is_refused(rate):
    x, y = some()
    with pytest.raises(InvalidInputError, match="poison_rate"):
        poisoning.label_flip(x, y, poison_rate=rate, classes=4)


def test_badnets_takes_other_classes_and_with_clean_labels_its_own():
    x, y = some(100)
    trigger = poisoning.patch((1, 8, 8))
    dirty = poisoning.badnets(x, y, trigger=trigger, y_target=1, poison_rate=0.1)
    clean = poisoning.badnets(x, y, trigger=trigger, y_target=1, poison_rate=0.1, clean_label=True)
    assert (y[dirty.indices] != 1).all()
    assert (dirty.y_poisoned[dirty.indices] == 1).all()
    assert (y[clean.indices] == 1).all()
    assert torch.equal(clean.y_poisoned, y)


def test_feature_collision_comes_nearer_in_feature_space_and_stays_near_in_pixels():
    x, y = some(60)
    model = train(build("mlp", (1, 8, 8), 4), x, y, epochs=3)
    made = poisoning.feature_collision(
        x,
        y,
        features=penultimate(model),
        x_target=x[y == 0][:1],
        y_target=1,
        poison_rate=0.05,
        epsilon=0.2,
        steps=40,
    )
    aim = features(model, x[y == 0][:1])
    before = torch.cdist(features(model, made.x[made.indices]), aim).mean()
    after = torch.cdist(features(model, made.x_poisoned[made.indices]), aim).mean()
    assert after < 0.75 * before
    assert (made.x_poisoned - made.x).abs().max() <= 0.2 + 1e-6
    assert (made.y[made.indices] == 1).all()


def test_on_linear_features_the_collision_is_exact_when_the_budget_allows_it():
    """With features that are the pixels themselves, the poison becomes the input that it aims at."""
    x = torch.full((4, 1, 2, 2), 0.4)
    y = torch.tensor([0, 1, 1, 1])
    aim = torch.full((1, 1, 2, 2), 0.5)
    made = poisoning.feature_collision(
        x,
        y,
        features=lambda v: v.flatten(1),
        x_target=aim,
        y_target=1,
        poison_rate=0.25,
        epsilon=0.2,
        steps=200,
        pull=0.0,
    )
    assert torch.allclose(made.x_poisoned[made.indices], aim, atol=5e-3)


def test_a_poisoned_data_set_counts_its_poison():
    x, y = some(10)
    made = poisoning.label_flip(x, y, poison_rate=0.3, classes=4, seed=1)
    assert int(made.poisoned.sum()) == len(made.indices) == 3
    assert len(made) == 10


def test_a_poisoned_data_set_refuses_positions_that_do_not_exist():
    x, y = some(4)
    with pytest.raises(InvalidInputError, match="indices"):
        PoisonedDataset(x=x, y=y, x_poisoned=x, y_poisoned=y, indices=torch.tensor([4]), attack="none")


def test_penultimate_features_feed_the_last_layer():
    x, _ = some()
    model = TorchClassifier(build("mlp", (1, 8, 8), 4), (1, 8, 8), 4)
    assert torch.allclose(model.module[-1](features(model, x)), model.logits(x), atol=1e-5)


# ------------------------------------------------------------------ screenings


def test_neighbours_flag_exactly_the_flipped_labels_of_two_separate_clouds():
    x, y = blobs()
    flipped = torch.zeros(60, dtype=torch.bool)
    flipped[[3, 10, 41]] = True
    found = knn_consistency(x, torch.where(flipped, 1 - y, y), k=7)
    assert torch.equal(found.remove, flipped)
    assert found.indices.tolist() == [3, 10, 41]
    assert len(found.keep) == 57


def test_trusted_neighbours_find_poison_that_would_vouch_for_itself():
    """A tight heap of relabelled samples fools neighbours among themselves, and not trusted ones."""
    x, y = blobs(apart=30.0)
    heap = torch.zeros(60, dtype=torch.bool)
    heap[y.eq(0).nonzero().flatten()[:12]] = True
    moved = x.clone()
    moved[heap] += torch.tensor([0.0, 8.0])
    labels = torch.where(heap, 1 - y, y)
    alone = knn_consistency(moved, labels, k=5)
    asked = knn_consistency(moved, labels, k=5, trusted=blobs(apart=30.0, seed=9))
    assert not alone.remove[heap].any()
    assert torch.equal(asked.remove, heap)


def test_more_neighbours_than_there_are_cannot_be_asked():
    x, y = blobs(6)
    with pytest.raises(InvalidInputError, match="k from 1 to 5"):
        knn_consistency(x, y, k=6)


def test_spectral_signatures_find_a_shift_of_rank_one():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn((400, 20), generator=generator), torch.arange(400) % 2
    shifted = (y == 0) & (torch.arange(400) < 40)
    x[shifted] += 12 * torch.nn.functional.normalize(torch.randn(20, generator=generator), dim=0)
    found = spectral_signatures(x, y, poison_rate=0.1)
    assert found.remove[shifted].all()
    assert detection(found.remove, shifted, found.scores).auc > 0.99


def test_spectral_signatures_take_one_and_a_half_times_the_rate_of_each_class():
    x, y = torch.randn((200, 5), generator=torch.Generator().manual_seed(0)), torch.arange(200) % 2
    found = spectral_signatures(x, y, poison_rate=0.1)
    assert [int(found.remove[y == label].sum()) for label in (0, 1)] == [15, 15]


def test_spectral_scores_have_a_mean_of_one_in_each_class():
    x, y = torch.randn((200, 5), generator=torch.Generator().manual_seed(0)), torch.arange(200) % 2
    found = spectral_signatures(x, y)
    assert torch.allclose(torch.stack([found.scores[y == label].mean() for label in (0, 1)]), torch.ones(2))


def test_activation_clustering_finds_a_small_heap_of_its_own():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn((300, 8), generator=generator), torch.arange(300) % 3
    heap = (y == 1) & (torch.arange(300) < 30)
    x[heap] += 15
    found = activation_clustering(x, y, threshold=0.2)
    assert torch.equal(found.remove, heap)


def test_activation_clustering_leaves_classes_of_one_heap_alone():
    x, y = torch.randn((600, 8), generator=torch.Generator().manual_seed(0)), torch.arange(600) % 3
    assert not activation_clustering(x, y, threshold=0.15).remove.any()


def test_provenance_takes_out_what_changed_and_what_nobody_vouches_for():
    x, y = some(30)
    parts = torch.arange(30).tensor_split(3)
    batches = [Batch(f"batch {i}", "own" if i < 2 else "other", part) for i, part in enumerate(parts)]
    vouchers = {"own": [batch_digest(x[part], y[part]) for part in parts[:2]]}
    assert provenance(x, y, batches, vouchers).indices.tolist() == list(range(20, 30))
    touched = y.clone()
    touched[3] = (touched[3] + 1) % 4
    assert provenance(x, touched, batches, vouchers).indices.tolist() == [*range(10), *range(20, 30)]


def test_a_digest_holds_for_its_own_source_only():
    x, y = some(10)
    batch = Batch("batch", "somebody else", torch.arange(10))
    assert provenance(x, y, [batch], {"own": [batch_digest(x, y)]}).remove.all()


def test_a_digest_vouches_for_one_batch_and_not_for_the_same_again():
    x, y = some(10)
    again = torch.cat([x, x, x]), torch.cat([y, y, y])
    batches = [Batch(f"batch {i}", "own", torch.arange(10) + 10 * i) for i in range(3)]
    digest = batch_digest(x, y)
    assert provenance(*again, batches, {"own": [digest]}).indices.tolist() == list(range(10, 30))
    # Who published it twice has two such batches.
    twice = provenance(*again, batches, {"own": [digest, digest]})
    assert twice.indices.tolist() == list(range(20, 30))
    assert twice.params["vouched_batches"] == 2


def test_vouchers_that_can_be_read_once_only_are_read_once():
    x, y = some(10)
    batches = [Batch(f"batch {i}", "own", part) for i, part in enumerate(torch.arange(10).tensor_split(2))]
    published = (batch_digest(x[each.indices], y[each.indices]) for each in batches)
    assert not provenance(x, y, batches, {"own": published}).remove.any()


def test_a_batch_that_names_a_sample_twice_is_refused():
    x, y = some(10)
    with pytest.raises(InvalidInputError, match="twice"):
        provenance(x, y, [Batch("a", "own", torch.tensor([0, 1, 1]))], {})


def test_a_sample_in_two_batches_is_refused():
    x, y = some(10)
    twice = [Batch("a", "own", torch.arange(6)), Batch("b", "own", torch.arange(5, 10))]
    with pytest.raises(InvalidInputError, match="another batch"):
        provenance(x, y, twice, {})


@pytest.mark.parametrize("screening", [knn_consistency, spectral_signatures, activation_clustering])
def test_features_that_cannot_be_screened_are_refused(screening):
    x, y = blobs()
    with pytest.raises(InvalidInputError, match="NaN"):
        screening(torch.full_like(x, math.nan), y)
    with pytest.raises(InvalidInputError, match="int64"):
        screening(x, y[:5])


def test_a_screening_says_for_each_sample_whether_it_goes():
    with pytest.raises(InvalidInputError, match="remove"):
        Screening("x", torch.zeros(3), torch.zeros(2, dtype=torch.bool))


# ------------------------------------------------------------------ metrics


class AlwaysOne:
    """Reads every input as class 1."""

    bounds, input_shape, classes = (0.0, 1.0), (1, 8, 8), 4

    def logits(self, x):
        return torch.nn.functional.one_hot(torch.ones(len(x), dtype=torch.int64), 4).float()


def test_a_trigger_is_counted_over_the_other_classes_only():
    x, y = some(40)
    rate = trigger_success_rate(AlwaysOne(), x, y, trigger=poisoning.patch((1, 8, 8)), y_target=1)
    assert (rate.value, rate.n) == (1.0, 30)
    assert trigger_success_rate(AlwaysOne(), x, y, trigger=poisoning.patch((1, 8, 8)), y_target=2).value == 0


def test_clean_accuracy_that_was_lost_is_a_difference():
    x, y = some(40)
    assert clean_accuracy_drop(AlwaysOne(), x, y, before=AlwaysOne()) == 0


def test_detection_counts_poison_caught_and_good_samples_lost():
    poisoned = torch.tensor([True, True, False, False, False])
    found = detection(torch.tensor([True, False, True, False, False]), poisoned)
    assert (found.caught.value, found.caught.n) == (0.5, 2)
    assert found.false_removals.value == pytest.approx(1 / 3)
    assert math.isnan(found.auc)


def test_the_auc_counts_ties_half():
    poisoned = torch.tensor([True, False, False])
    nobody = torch.zeros(3, dtype=torch.bool)
    assert detection(nobody, poisoned, torch.tensor([1.0, 1.0, 0.0])).auc == 0.75
    assert detection(nobody, poisoned, torch.tensor([2.0, 1.0, 0.0])).auc == 1.0
    assert detection(nobody, poisoned, torch.zeros(3)).auc == 0.5


def test_a_normalised_score_is_zero_at_nothing_and_one_at_the_reference():
    assert normalised_score(0.9, 0.9, 0.1) == 0
    assert normalised_score(0.1, 0.9, 0.1) == 1
    assert normalised_score(0.5, 0.9, 0.1) == pytest.approx(0.5)
    assert normalised_score(0.0, 0.9, 0.1) == 1
    with pytest.raises(InvalidInputError, match="cannot be scored"):
        normalised_score(0.5, 0.3, 0.3)
    with pytest.raises(InvalidInputError, match="finite"):
        normalised_score(math.nan, 0.3, 0.1)
