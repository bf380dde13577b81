"""Every number of a card against scikit-learn or a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics import compute_roc_auc
from scipy.stats import binomtest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    recall_score,
    roc_auc_score,
)

from medvision_desktop.training import metrics

CASES = st.integers(0, 2**32 - 1).map(lambda seed: _case(seed))


def _case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    n = int(random.integers(4, 200))
    truth = random.random(n) < 0.4
    truth[:2] = True, False
    scores = np.clip(0.4 * truth + random.normal(0.3, 0.3, n), 0, 1)
    return np.round(scores, int(random.integers(1, 4))), truth  # rounded: ties matter


@given(CASES)
def test_numbers_agree_with_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = case
    assert metrics.auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    assert metrics.average_precision(scores, truth) == pytest.approx(average_precision_score(truth, scores))
    assert metrics.brier(scores, truth) == pytest.approx(brier_score_loss(truth, scores))
    called = scores >= 0.5
    assert metrics.sensitivity(0.5)(scores, truth) == pytest.approx(recall_score(truth, called))
    assert metrics.specificity(0.5)(scores, truth) == pytest.approx(recall_score(~truth, ~called))
    assert metrics.f1(0.5)(scores, truth) == pytest.approx(f1_score(truth, called, zero_division=0))


@given(CASES)
def test_the_auroc_agrees_with_monai(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = case
    theirs = compute_roc_auc(torch.from_numpy(scores), torch.from_numpy(truth.astype(np.int64)))
    assert metrics.auroc(scores, truth) == pytest.approx(float(theirs))


def test_perfectly_calibrated_bins_have_no_calibration_error() -> None:
    scores = np.repeat([0.25, 0.75], 4)
    truth = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    assert metrics.ece(scores, truth) == 0


def test_calibration_error_of_one_bin_is_its_gap() -> None:
    assert metrics.ece(np.full(10, 0.9), np.arange(10) < 6) == pytest.approx(0.3)


def test_one_class_alone_has_no_auroc() -> None:
    assert np.isnan(metrics.auroc(np.array([0.1, 0.2]), np.array([True, True])))


def test_the_interval_of_images_of_few_people_is_wider_than_of_many() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(random.random(40) < 0.5, 10)
    scores = np.clip(np.repeat(random.normal(0.5, 0.2, 40), 10) + 0.2 * truth, 0, 1)
    people = [str(index // 10) for index in range(400)]
    by_person = metrics.measured(metrics.auroc, scores, truth, people)
    by_image = metrics.measured(metrics.auroc, scores, truth)
    assert by_person.value == by_image.value
    assert by_person.high - by_person.low > 1.5 * (by_image.high - by_image.low)


@pytest.mark.parametrize("hit", [True, False])
def test_no_mistake_in_few_people_is_not_certainty(hit: bool) -> None:
    hits = np.full(60, hit)
    people = [str(index % 20) for index in range(60)]
    found = metrics.share(hits, people)
    exact = binomtest(20 if hit else 0, 20).proportion_ci(method="exact")
    assert (found.value, found.low, found.high) == pytest.approx((float(hit), exact.low, exact.high))
    assert found.n == 60


def test_a_share_of_nothing_is_not_a_number() -> None:
    assert np.isnan(metrics.share(np.zeros(0, dtype=bool)).value)


def test_a_bootstrap_is_the_same_every_time() -> None:
    scores, truth = _case(5)
    assert metrics.measured(metrics.auroc, scores, truth) == metrics.measured(metrics.auroc, scores, truth)
