"""Losses and their gradients against closed forms, scikit-learn, torchvision and MONAI."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.losses.dice import DiceLoss
from monai.losses.focal_loss import FocalLoss
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from medvision_desktop.training import losses


def _logits(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def _balanced(n: int, labels: int) -> np.ndarray:
    """As many with as without of each label, so that no weight is other than 1."""
    return np.stack([np.roll(np.arange(n) % 2, label) for label in range(labels)], axis=1).astype(np.int64)


def _slope(loss: Tensor, logits: Tensor) -> np.ndarray:
    (found,) = torch.autograd.grad(loss, logits)
    return found.numpy()


def test_the_slope_of_the_binary_loss_is_the_weighted_difference_of_said_and_true() -> None:
    logits = _logits(12, 2)
    truth = (np.random.default_rng(1).random((12, 2)) < 0.3).astype(np.int64)
    found = _slope(losses.binary(logits, torch.from_numpy(truth).float(), truth), logits)
    said = 1 / (1 + np.exp(-logits.detach().numpy()))
    weights = np.empty((12, 2))
    for label in range(2):
        balanced = compute_class_weight("balanced", classes=np.array([0, 1]), y=truth[:, label])
        weights[:, label] = balanced[truth[:, label]]
    np.testing.assert_allclose(found, weights * (said - truth) / truth.size, rtol=1e-4, atol=1e-7)


def test_the_slope_of_the_class_loss_is_the_weighted_difference_of_shares_and_truth() -> None:
    logits = _logits(20, 3)
    kinds = np.array([0] * 12 + [1] * 6 + [2] * 2)
    truth = np.eye(3, dtype=np.int64)[kinds]
    found = _slope(losses.cross_entropy(logits, torch.from_numpy(truth).float(), truth), logits)
    shares = torch.softmax(logits.detach(), dim=1).numpy()
    weights = compute_class_weight("balanced", classes=np.arange(3), y=kinds)[kinds][:, None]
    np.testing.assert_allclose(found, weights * (shares - truth) / 20, rtol=1e-4, atol=1e-7)


def test_an_answer_that_nobody_knows_pulls_nothing_and_does_not_dilute_the_others() -> None:
    logits = _logits(6, 2)
    truth = _balanced(6, 2)
    truth[1, 0] = truth[4, 1] = -1
    loss = losses.binary(logits, torch.from_numpy(truth).float(), _balanced(6, 2))
    slope = _slope(loss, logits)
    assert slope[1, 0] == slope[4, 1] == 0
    known = truth >= 0
    each = np.logaddexp(0, logits.detach().numpy()) - truth * logits.detach().numpy()
    assert float(loss.detach()) == pytest.approx(each[known].mean(), rel=1e-5)


def test_weights_of_a_label_are_those_of_its_known_answers() -> None:
    assert losses.class_weights(np.array([1, -1, 0, 0, 0, -1])) == losses.class_weights(
        np.array([1, 0, 0, 0])
    )


def test_the_focal_loss_of_labels_is_that_of_torchvision() -> None:
    logits, truth = _logits(8, 3), _balanced(8, 3)
    given = torch.from_numpy(truth).float()
    ours = losses.focal(logits, given, truth, softmax=False)
    theirs = sigmoid_focal_loss(logits, given, alpha=-1, gamma=2, reduction="mean")
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-5)
    np.testing.assert_allclose(_slope(ours, logits), _slope(theirs, logits), rtol=1e-4, atol=1e-7)


def test_the_focal_loss_of_classes_is_that_of_monai() -> None:
    logits = _logits(9, 3)
    truth = np.eye(3, dtype=np.int64)[np.arange(9) % 3]
    given = torch.from_numpy(truth).float()
    ours = losses.focal(logits, given, truth, softmax=True)
    # MONAI means over classes as well, of which all but the right one are 0.
    theirs = FocalLoss(use_softmax=True, gamma=2.0)(logits, given) * 3
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-5)
    np.testing.assert_allclose(_slope(ours, logits), _slope(theirs, logits), rtol=1e-4, atol=1e-7)


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    logits, truth = _logits(8, 2), _balanced(8, 2)
    given = torch.from_numpy(truth).float()
    flat = losses.focal(logits, given, truth, softmax=False, gamma=0.0)
    assert float(flat.detach()) == pytest.approx(
        float(losses.binary(logits, given, truth).detach()), rel=1e-5
    )
    one = torch.nn.functional.one_hot(torch.arange(8) % 2, 2)
    classes = losses.focal(logits, one.float(), one.numpy(), softmax=True, gamma=0.0)
    plain = losses.cross_entropy(logits, one.float(), one.numpy())
    assert float(classes.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)


def test_dice_and_focal_add_up() -> None:
    logits = _logits(2, 3, 4, 4, 4)
    truth = torch.randint(0, 3, (2, 1, 4, 4, 4), generator=torch.Generator().manual_seed(2)).float()
    both = losses.dice_focal(logits, truth)
    dice = DiceLoss(include_background=False, to_onehot_y=True, softmax=True)(logits, truth)
    assert float(both.detach()) > float(dice.detach()) > 0
    right = torch.nn.functional.one_hot(truth[:, 0].long(), 3).movedim(-1, 1).float() * 40 - 20
    assert float(losses.dice_focal(right, truth)) == pytest.approx(0, abs=1e-3)


def test_reconstruction_is_the_mean_square() -> None:
    given = _logits(2, 3)
    wanted = torch.zeros(2, 3)
    loss = losses.reconstruction(given, wanted)
    assert float(loss.detach()) == pytest.approx(float((given.detach() ** 2).mean()))
    np.testing.assert_allclose(_slope(loss, given), 2 * given.detach().numpy() / 6, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "softmax", "fits"),
    [
        ("", True, True),
        ("", False, True),
        ("focal", True, True),
        ("binary", True, False),
        ("cross-entropy", False, False),
        ("dice-focal", False, False),
    ],
)
def test_a_loss_belongs_to_a_task(name: str, softmax: bool, fits: bool) -> None:
    assert losses.fits(name, softmax=softmax) is fits
