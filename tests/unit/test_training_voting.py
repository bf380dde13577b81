"""Voting: weights from validation people, gains on test people, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.calibration import Calibration, Line
from medvision_desktop.training import voting
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.voting import Voter

PLAIN = Calibration("none", "", 0, 0, "", (Line("x"),))
TRUTH = np.random.default_rng(0).integers(0, 2, 400)


def _voter(name: str, scores: np.ndarray, *, turned: bool = False) -> Voter:
    rows = np.arange(400)[:: -1 if turned else 1]
    found = Predictions(
        tuple(f"{row:03d}" for row in rows),
        tuple("validation" if row < 200 else "test" for row in rows),
        tuple(f"p{row // 2}" for row in rows),
        ("",) * 400,
        TRUTH[rows],
        scores[rows],
    )
    return Voter(name, found, PLAIN, 0.5)


def _noisy(seed: int, noise: float) -> np.ndarray:
    return 2.0 * TRUTH - 1 + np.random.default_rng(seed).normal(0, noise, 400)


def test_two_that_err_apart_are_better_together_whatever_the_order_of_their_files() -> None:
    one, two = _noisy(1, 2.0), _noisy(2, 2.0)
    found = voting.compared(_voter("a", one), _voter("b", two, turned=True))
    assert 0.2 <= found.weight <= 0.8
    assert found.worth_it
    said = 1 / (1 + np.exp(-np.stack([one, two])))[:, 200:]
    mean = (1 - found.weight) * said[0] + found.weight * said[1]
    assert found.soft.value == pytest.approx(roc_auc_score(TRUTH[200:], mean))
    assert found.alone[1].value == pytest.approx(roc_auc_score(TRUTH[200:], said[1]))
    votes = (said >= 0.5).mean(axis=0)
    assert found.hard.value == pytest.approx(roc_auc_score(TRUTH[200:], votes))
    assert found.gain.value == pytest.approx(found.soft.value - found.alone[0].value)


def test_a_partner_that_only_guesses_is_not_worth_it() -> None:
    found = voting.compared(_voter("a", _noisy(1, 0.7)), _voter("b", _noisy(2, 1000.0)))
    assert not found.worth_it
    assert found.weight <= 0.2


def test_members_of_different_splits_cannot_be_compared() -> None:
    other = _voter("b", _noisy(2, 1.0))
    rows = other.found.where([True] * 399 + [False])
    with pytest.raises(InputRefused, match="same test images"):
        voting.compared(_voter("a", _noisy(1, 1.0)), Voter("b", rows, PLAIN, 0.5))
