"""Curves, thresholds and gaps between subgroups against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, confusion_matrix, roc_curve

from medvision_desktop.training import curves, fairness, gallery, metrics
from medvision_desktop.training.predictions import Predictions

SEEDS = st.integers(0, 2**32 - 1)


def _case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    n = int(random.integers(4, 150))
    truth = random.random(n) < 0.4
    truth[:2] = True, False
    return np.round(np.clip(0.3 * truth + random.random(n) * 0.7, 0, 1), 2), truth


@given(SEEDS)
def test_the_roc_curve_is_that_of_scikit_learn(seed: int) -> None:
    scores, truth = _case(seed)
    found = curves.roc(scores, truth)
    wrong, right, _ = roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.false_positive, wrong)
    np.testing.assert_allclose(found.true_positive, right)
    assert auc(found.false_positive, found.true_positive) == pytest.approx(metrics.auroc(scores, truth))


def test_a_curve_of_one_answer_is_none() -> None:
    with pytest.raises(ValueError, match="both answers"):
        curves.roc(np.array([0.1, 0.2]), np.array([True, True]))


@given(SEEDS, st.sampled_from(curves.THRESHOLDS))
def test_every_share_at_a_threshold_follows_from_the_confusion_matrix(seed: int, threshold: float) -> None:
    scores, truth = _case(seed)
    (row,) = curves.at_thresholds(scores, truth, (threshold,))
    (true_negative, false_positive), (false_negative, true_positive) = confusion_matrix(
        truth, scores >= threshold, labels=[False, True]
    )
    assert row.called == true_positive + false_positive
    assert row.sensitivity == pytest.approx(true_positive / (true_positive + false_negative))
    assert row.specificity == pytest.approx(true_negative / (true_negative + false_positive))
    if row.called:
        assert row.positive_predictive == pytest.approx(true_positive / row.called)
    else:
        assert np.isnan(row.positive_predictive)


def test_net_benefit_of_a_perfect_model_is_the_prevalence_and_of_nobody_called_zero() -> None:
    truth = np.arange(20) < 5
    perfect = curves.decision_curve(truth.astype(float), truth, (0.1, 0.5, 0.9))
    assert [row.model for row in perfect] == pytest.approx([0.25] * 3)
    silent = curves.decision_curve(np.zeros(20), truth, (0.5,))
    assert silent[0].model == 0


@given(SEEDS, st.floats(0.01, 0.99))
def test_calling_everybody_is_the_model_that_is_always_sure(seed: int, threshold: float) -> None:
    _, truth = _case(seed)
    (row,) = curves.decision_curve(np.ones(len(truth)), truth, (threshold,))
    assert row.model == pytest.approx(row.everybody)


def test_a_threshold_of_one_has_no_odds() -> None:
    with pytest.raises(ValueError, match="within"):
        curves.decision_curve(np.ones(3), np.array([True, False, True]), (1.0,))


def _people(n: int, strata: list[str], scores: np.ndarray, truth: np.ndarray) -> Predictions:
    names = tuple(f"p{row}" for row in range(n))
    return Predictions(names, ("test",) * n, names, tuple(strata), truth.astype(np.int64), scores)


def test_a_model_that_fails_for_one_sex_shows_a_clear_gap() -> None:
    random = np.random.default_rng(1)
    n = 400
    truth = random.random(n) < 0.5
    female = np.arange(n) % 2 == 0
    said = np.where(female, random.random(n), 0.6 * truth + 0.4 * random.random(n))
    strata = ["sex F; view PA" if one else "sex M; view PA" for one in female]
    found = fairness.gaps(_people(n, strata, said, truth), said[:, None], (("Ill", 0.5),), rounds=100)
    (gap,) = [entry for entry in found if entry.subgroup == "sex F" and entry.measure == "auroc"]
    assert gap.clear
    assert gap.own is not None
    assert gap.difference is not None
    expected = metrics.auroc(said[female], truth[female]) - metrics.auroc(said[~female], truth[~female])
    assert gap.difference.value == pytest.approx(expected)
    assert not [entry for entry in found if entry.subgroup == "view PA"]  # nobody to compare with


def test_too_few_people_are_said_to_be_too_few() -> None:
    truth = np.arange(60) % 2 == 0
    strata = ["sex F" if row < 12 else "sex M" for row in range(60)]
    said = truth.astype(float)
    found = fairness.gaps(_people(60, strata, said, truth), said[:, None], (("Ill", 0.5),), rounds=20)
    assert {(gap.subgroup, gap.own, gap.difference) for gap in found} == {
        ("sex F", None, None),
        ("sex M", None, None),
    }


@given(st.integers(0, 149))
def test_every_age_is_in_one_band_that_holds_it(years: int) -> None:
    words = fairness.age_band(years).split()
    low = int(words[1])
    assert low <= years
    assert words[2] == "and" or years <= int(words[3])


def test_subgroups_of_an_image_are_read_back() -> None:
    joined = fairness.stratum("view PA", "", "sex F")
    truth = np.array([True, False])
    members = fairness.subgroups(_people(2, [joined, "view AP"], np.zeros(2), truth))
    assert {name: inside.tolist() for name, inside in members.items()} == {
        "sex F": [True, False],
        "view AP": [False, True],
        "view PA": [True, False],
    }


def test_the_gallery_takes_the_surest_mistakes_first() -> None:
    said = np.array([[0.9], [0.8], [0.2], [0.1], [0.95], [0.4]])
    truth = np.array([[False], [False], [True], [True], [True], [False]])
    found = gallery.worst(said, truth, (0.5,), each=2)
    assert [(one.row, one.missed) for one in found] == [(0, False), (1, False), (3, True), (2, True)]
