"""Training, on images that a person could sort at a glance."""

import pytest
import torch

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import predict
from labkit.core.seeds import make_generator
from labkit.models import build, train
from labkit.models.optimiser import AdamW, one_cycle
from labkit.models.recipes import shift

IMAGE = (1, 8, 8)


def quadrants(samples: int = 200, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with one bright quadrant, which is the class."""
    generator = make_generator(seed)
    y = torch.randint(4, (samples,), generator=generator)
    x = torch.rand(samples, *IMAGE, generator=generator) * 0.5
    for sample, label in enumerate(y.tolist()):
        row, column = 4 * (label // 2), 4 * (label % 2)
        x[sample, :, row : row + 4, column : column + 4] += 0.5
    return x, y


@pytest.mark.parametrize("architecture", ["cnn", "resnet", "mlp", "logistic"])
def test_training_learns_what_can_be_learned(architecture):
    model = train(build(architecture, IMAGE, 4), *quadrants(), epochs=6, lr=1e-2, batch_size=32)
    x, y = quadrants(seed=1)
    assert (predict(model, x) == y).float().mean() > 0.95


def test_training_twice_from_one_seed_gives_the_same_victim():
    x, y = quadrants()
    first, again, other = (
        train(build("cnn", IMAGE, 4), x, y, epochs=1, seed=seed).logits(x) for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_leaves_module_data_generator_and_threads_as_they_were():
    x, y = quadrants()
    module = build("resnet", IMAGE, 4).requires_grad_(False)
    weights = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    before = (x.clone(), y.clone(), torch.get_rng_state(), torch.get_num_threads())
    module.train()

    train(module, x, y, epochs=1)

    assert module.training
    assert all(torch.equal(weights[name], tensor) for name, tensor in module.state_dict().items())
    assert not any(weight.requires_grad for weight in module.parameters())
    assert torch.equal(before[0], x)
    assert torch.equal(before[1], y)
    assert torch.equal(before[2], torch.get_rng_state())
    assert before[3] == torch.get_num_threads()


def test_a_trained_victim_is_frozen():
    model = train(build("cnn", IMAGE, 4), *quadrants(), epochs=1)
    assert not model.module.training
    assert not any(weight.requires_grad for weight in model.module.parameters())


def test_training_works_where_the_caller_has_switched_gradients_off():
    with torch.no_grad():
        model = train(build("logistic", IMAGE, 4), *quadrants(), epochs=3, lr=5e-2)
    x, y = quadrants(seed=1)
    assert (predict(model, x) == y).float().mean() > 0.9


def test_adversarial_training_hands_in_inputs_made_on_the_model_in_evaluation_mode():
    seen = []

    def perturb(model, x, y):
        seen.append((model.module.training, len(x) == len(y)))
        return (x + 0.1).clamp(0, 1)

    train(build("resnet", IMAGE, 4), *quadrants(100), epochs=2, batch_size=50, perturb=perturb)

    assert seen == [(False, True)] * 4


def test_progress_is_reported_about_a_hundred_times_and_ends_at_the_total():
    calls = []
    train(
        build("logistic", IMAGE, 4),
        *quadrants(),
        epochs=150,
        batch_size=100,
        progress=lambda *call: calls.append(call),
    )
    assert 100 <= len(calls) <= 110
    assert calls[-1][:2] == (300, 300)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(0, *IMAGE)}, "one sample or more"),
        ({"x": torch.zeros(200, *IMAGE, dtype=torch.uint8)}, "as floats"),
        ({"y": torch.zeros(200)}, "as int64"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(change, message):
    x, y = quadrants()
    with pytest.raises(InvalidInputError, match=message):
        train(build("logistic", IMAGE, 4), **{"x": x, "y": y, **change})


def test_adam_takes_the_steps_that_torch_takes():
    generator = make_generator(0)
    ours = torch.randn(5, 3, generator=generator)
    theirs = ours.clone().requires_grad_()
    reference = torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.2)
    adam = AdamW([ours], weight_decay=0.2)
    for _ in range(5):
        gradient = torch.randn(5, 3, generator=generator)
        theirs.grad = gradient.clone()
        reference.step()
        adam.step([gradient], lr=0.1)
    torch.testing.assert_close(ours, theirs.detach())


def test_the_learning_rate_climbs_to_its_peak_and_falls_to_nothing():
    rates = [one_cycle(step / 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 30
    assert rates[-1] == pytest.approx(0.0)


def test_shifted_images_are_the_images_moved_with_their_edge_repeated():
    x = torch.arange(16.0).view(1, 1, 4, 4).repeat(50, 1, 1, 1)
    moved = shift(x, make_generator(0), reach=1)
    padded = torch.nn.functional.pad(x[:1], (1, 1, 1, 1), mode="replicate")[0, 0]
    legal = [padded[row : row + 4, column : column + 4] for row in range(3) for column in range(3)]
    assert all(any(torch.equal(image[0], option) for option in legal) for image in moved)
    assert len(moved.unique(dim=0)) > 4
