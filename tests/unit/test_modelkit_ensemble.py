"""Ensembles: what may vote, how votes are counted against closed forms, and what disagreement does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop import paths
from medvision_desktop.domain.findings import (
    AnalysisState,
    GateReport,
    HeatMap,
    InferenceResult,
    LabelScore,
)
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.provenance import ModelRef
from medvision_desktop.errors import ModelRefused
from medvision_desktop.inference import vote
from medvision_desktop.inference.request import InferenceRequest
from medvision_desktop.modelkit import ensemble
from medvision_desktop.modelkit.ensemble import Ensemble, Member
from medvision_desktop.modelkit.registry import Registry

SHIPPED = Registry((paths.shipped_models(),))
_HASH = "0" * 64
PAIR = Ensemble("pair", "0.1.0", "Two", "soft", (Member("one", _HASH, 3.0), Member("two", _HASH, 1.0)))


def _result(probability: float, *, threshold: float = 0.5, cells: int = 4) -> InferenceResult:
    score = LabelScore("Pneumonia", probability, probability, threshold, probability >= threshold)
    heat = HeatMap(
        "Pneumonia", "native", np.full((cells, cells), probability, np.float32), (0.0, 0.0, 9.0, 9.0)
    )
    ref = ModelRef("one", "0.1.0", _HASH)
    return InferenceResult(AnalysisState.DONE, ref, GateReport(ok=True), (score,), (heat,))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 9), st.floats(0.1, 9))
def test_soft_voting_is_the_weighted_mean_and_hard_voting_the_share_that_calls(
    first: float, second: float, one: float, two: float
) -> None:
    pair = replace(PAIR, members=(Member("one", _HASH, one), Member("two", _HASH, two)))
    results = [_result(first), _result(second)]
    (soft,) = vote.counted(pair, results).votes
    assert soft.score.probability == pytest.approx(np.average([first, second], weights=[one, two]))
    assert soft.disagreement == pytest.approx(abs(first - second))
    (hard,) = vote.counted(replace(pair, voting="hard"), results).votes
    called = np.average([first >= 0.5, second >= 0.5], weights=[one, two])
    assert hard.score.probability == pytest.approx(called)
    assert hard.score.positive == (called > 0.5)


def test_members_that_are_far_apart_are_told_and_make_the_answer_uncertain() -> None:
    voted = vote.counted(PAIR, [_result(0.9), _result(0.2)])
    assert voted.votes[0].score.uncertain
    assert voted.message == "The members disagree. Pneumonia: one 0.90, two 0.20."
    close = vote.counted(PAIR, [_result(0.9), _result(0.8)])
    assert not close.votes[0].score.uncertain
    assert close.message == ""


def test_maps_are_averaged_on_the_finest_grid() -> None:
    voted = vote.counted(PAIR, [_result(0.8, cells=4), _result(0.4, cells=8)])
    (heat,) = voted.maps
    assert heat.grid.shape == (8, 8)
    np.testing.assert_allclose(heat.grid, 0.7, atol=1e-6)
    assert heat.method == "mean of members"


def test_one_member_that_refuses_leaves_no_votes() -> None:
    refused = InferenceResult(
        AnalysisState.REFUSED, ModelRef("two", "0.1.0", _HASH), GateReport(ok=False), message="Not a film."
    )
    voted = vote.counted(PAIR, [_result(0.9), refused])
    assert voted.state is AnalysisState.REFUSED
    assert voted.votes == ()
    assert voted.message == "two gave no answer. Not a film."


def test_every_member_is_asked_under_its_own_name() -> None:
    asked: list[str] = []

    def ask(request: InferenceRequest) -> InferenceResult:
        asked.append(request.model)
        return _result(0.9)

    frame = Frame(np.zeros((9, 9), np.uint8), bits_stored=8)
    assert vote.run(PAIR, InferenceRequest("pair", frame, GateReport(ok=True)), ask).votes
    assert asked == ["one", "two"]


def test_an_ensemble_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / ensemble.FILE
    path.write_text(ensemble.text(PAIR), encoding="utf-8")
    assert ensemble.read(path) == PAIR


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"voting": "loud"}, "voting"),
        ({"members": PAIR.members[:1]}, "members"),
        ({"members": (PAIR.members[0], PAIR.members[0])}, "twice"),
        ({"members": (PAIR.members[0], Member("../two", _HASH))}, "leads out"),
        ({"members": (PAIR.members[0], Member("two", "abc"))}, "SHA-256"),
        ({"members": (PAIR.members[0], Member("two", _HASH, -1.0))}, "above 0"),
        ({"disagreement": 1.5}, "disagreement"),
        ({"name": "A b"}, "name"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, change: dict[str, object], why: str) -> None:
    path = tmp_path / ensemble.FILE
    path.write_text(ensemble.text(replace(PAIR, **change)), encoding="utf-8")  # type: ignore[arg-type]  # parameters
    with pytest.raises(ModelRefused, match=why):
        ensemble.read(path)


def test_a_file_that_is_no_ensemble_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ensemble.FILE
    for content in (b"\xff\xfe", b"name = [", b"name = 3", b"#" * (ensemble.MAX_BYTES + 1)):
        path.write_bytes(content)
        with pytest.raises(ModelRefused):
            ensemble.read(path)


def test_members_are_the_packages_that_were_measured_and_answer_one_question() -> None:
    pneumonia, tuberculosis = (SHIPPED.get(name).ref for name in ("chest-pneumonia", "chest-tuberculosis"))
    mixed = (
        Member(pneumonia.name, pneumonia.weights_sha256),
        Member(tuberculosis.name, tuberculosis.weights_sha256),
    )
    with pytest.raises(ModelRefused, match="different questions"):
        ensemble.members(replace(PAIR, members=mixed), SHIPPED)
    with pytest.raises(ModelRefused, match="not the one that was measured"):
        ensemble.members(replace(PAIR, members=(Member(pneumonia.name, _HASH), mixed[1])), SHIPPED)
