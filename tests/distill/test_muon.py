"""Muon: steps of orthogonal direction, and the weights that get them."""

from dataclasses import replace
from pathlib import Path

import pytest

from semsig.distill import DistillOptions

torch = pytest.importorskip("torch")
pytest.importorskip("mmseg")
pytestmark = pytest.mark.mmseg

from semsig.distill.muon import RMS, Muon, orthogonalized  # noqa: E402
from semsig.distill.network import new_network, optimizers  # noqa: E402

OPTIONS = DistillOptions(photos=Path("photos"), teacher="labels:labels", out=Path("out"))


@pytest.mark.parametrize("shape", [(1, 5, 5), (3, 4, 9), (2, 9, 4), (1, 1, 7)])
def test_singular_values_come_near_one_and_vectors_stay(shape):
    torch.manual_seed(0)
    matrices = torch.randn(shape)
    u, _, vh = torch.linalg.svd(orthogonalized(matrices), full_matrices=False)
    values = torch.linalg.svdvals(orthogonalized(matrices))
    assert values.min() > 0.5
    assert values.max() < 1.3
    exact_u, _, exact_vh = torch.linalg.svd(matrices, full_matrices=False)
    inner = ((u @ vh) * (exact_u @ exact_vh)).sum((1, 2)) / min(shape[1:])
    torch.testing.assert_close(inner, torch.ones(shape[0]), rtol=0, atol=0.02)


def test_the_size_of_a_gradient_does_not_matter():
    torch.manual_seed(1)
    matrix = torch.randn(1, 4, 6)
    torch.testing.assert_close(orthogonalized(matrix), orthogonalized(1000 * matrix))


def test_zero_stays_zero():
    assert not orthogonalized(torch.zeros(2, 3, 4)).any()


def test_a_first_step_by_hand():
    """A 1 x 1 weight: direction +1 up to the quintic's error, length 0.2 * lr, decay 0.5 * lr."""
    weight = torch.nn.Parameter(torch.full((1, 1, 1, 1), 2.0))
    muon = Muon([weight], lr=0.1, weight_decay=0.5)
    weight.grad = torch.full_like(weight, 7.0)
    muon.step()
    direction = orthogonalized(torch.ones(1, 1, 1)).item()
    assert direction == pytest.approx(1, abs=0.35)
    assert weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5) - 0.1 * RMS * direction)


def test_weights_together_step_as_weights_apart():
    torch.manual_seed(2)
    together = [torch.nn.Parameter(torch.randn(4, 3, 3, 3)) for _ in range(3)]
    apart = [torch.nn.Parameter(weight.detach().clone()) for weight in together]
    optimizer = Muon(together, lr=0.01, weight_decay=0.1)
    alone = [Muon([weight], lr=0.01, weight_decay=0.1) for weight in apart]
    for _ in range(3):
        for one, other in zip(together, apart, strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        optimizer.step()
        for each in alone:
            each.step()
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one, other)


def test_a_weight_without_gradient_stays():
    weight = torch.nn.Parameter(torch.ones(2, 2))
    Muon([weight], lr=0.1, weight_decay=0.1).step()
    assert torch.equal(weight, torch.ones(2, 2))


@pytest.mark.parametrize(("optimizer", "number"), [("muon", 2), ("adamw", 1)])
def test_every_weight_has_one_optimizer(optimizer, number):
    network = new_network("hr18s", 3)
    mentor = torch.nn.Conv2d(2, 3, 1)
    made = optimizers(network, replace(OPTIONS, optimizer=optimizer), mentor)
    assert len(made) == number
    held = [id(p) for each in made for group in each.param_groups for p in group["params"]]
    learned = [*network.parameters(), *mentor.parameters()]
    assert sorted(held) == sorted(map(id, learned))
