"""Which rule hangs a study, and what goes where."""

from __future__ import annotations

from pathlib import Path

import pytest

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.hanging import CELLS, HangingRule, PaneRule, StageRule
from medvision_desktop.domain.prior import priors_of
from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.services import hanging_table
from medvision_desktop.services.hanging import HungStage, comparable, stages_for
from medvision_desktop.ui.viewmodels.layouts import BY_NAME

JANE = Patient("Doe^Jane", "4711", "1950-03-01", "F")


def series(uid: str, modality: str, *, frames: int = 1, **words: str) -> SeriesRef:
    file = InstanceRef(Path(f"{uid}.dcm"), uid, number_of_frames=frames)
    return SeriesRef(uid, SourceKind.DICOM, (file,), modality=modality, **words)


def study(key: str, *all_series: SeriesRef, day: str = "2004-03-01") -> StudyRef:
    return StudyRef(key, JANE, all_series, date=day)


def hung(one: StudyRef, *others: StudyRef, pick: int = 0) -> tuple[HungStage, ...]:
    return stages_for(hanging_table.shipped(), one, one.series[pick], priors_of(one, others))


def uids(stage: HungStage) -> list[str]:
    return [pane.series.uid if pane is not None else "" for pane in stage.panes]


def test_every_layout_of_the_table_is_one_of_the_window() -> None:
    for name, panes in CELLS.items():
        planes_of_one = 2 if name == "mpr" else 0
        assert len(BY_NAME[name].cells) == panes + planes_of_one


def test_a_chest_film_hangs_plain_beside_its_layers() -> None:
    first = hung(study("now", series("pa", "DX", body_part="CHEST", view_position="PA")))[0]
    assert (first.layout, uids(first)) == ("1x2", ["pa", "pa"])
    assert [pane.companion for pane in first.panes if pane is not None] == [False, True]


def test_a_chest_film_hangs_beside_the_film_of_the_same_view_two_years_before() -> None:
    now = study("now", series("pa", "DX", body_part="CHEST", view_position="PA"))
    old = study(
        "old",
        series("lat", "CR", body_part="THORAX", view_position="LL"),
        series("old pa", "CR", body_part="THORAX", view_position="PA"),
        day="2001-12-01",
    )
    stages = hung(now, old)
    assert uids(stages[0]) == ["pa", "old pa"]
    assert stages[0].panes[1] is not None
    assert stages[0].panes[1].study.key == "old"
    assert [stage.name for stage in stages] == ["Beside the prior", "Plain and layers"]


def test_a_knee_is_no_prior_of_a_chest() -> None:
    now = study("now", series("pa", "DX", body_part="CHEST"))
    knee = study("knee", series("ap", "DX", body_part="KNEE"), day="2001-12-01")
    ct = study("ct", series("ct", "CT", frames=80, body_part="CHEST"), day="2002-12-01")
    assert comparable(now, priors_of(now, [knee, ct])) == ()
    assert [prior.study.key for prior in priors_of(now, [knee, ct])] == ["ct", "knee"]


def test_a_ct_is_hung_beside_the_prior_and_not_beside_its_scout() -> None:
    now = study("now", series("thin", "CT", frames=300, description="Thorax 1.0"))
    old = study(
        "old",
        series("scout", "CT", frames=2, description="Topogram"),
        series("old thin", "CT", frames=200, description="Chest 1.5"),
        day="2003-03-01",
    )
    assert uids(hung(now, old)[0]) == ["thin", "old thin"]


def test_the_sequences_of_an_mr_find_their_panes_by_their_words() -> None:
    mr = study(
        "mr",
        series("loc", "MR", frames=9, description="Survey"),
        series("flair", "MR", frames=24, description="Ax T2 FLAIR"),
        series("t2", "MR", frames=24, description="Ax T2 TSE"),
        series("t1", "MR", frames=24, description="Ax T1 SE"),
    )
    stages = {stage.name: stage for stage in hung(mr, pick=1)}
    assert uids(stages["T1, T2, FLAIR and diffusion"]) == ["t1", "t2", "flair", ""]


def test_a_stage_whose_panes_find_nothing_is_left_out() -> None:
    ct = study("ct", series("ct", "CT", frames=80, body_part="ABDOMEN"))
    assert [stage.name for stage in hung(ct)] == ["Alone", "Three planes"]
    film = study("film", series("pa", "CR", body_part="CHEST", view_position="PA"))
    assert [stage.name for stage in hung(film)] == ["Plain and layers"]


def test_mammograms_hang_right_beside_left() -> None:
    views = [("lcc", "CC", "L"), ("rcc", "CC", "R"), ("lmlo", "MLO", "L"), ("rmlo", "MLO", "R")]
    films = [series(uid, "MG", view_position=view, laterality=side) for uid, view, side in views]
    stages = hung(study("mg", *films))
    assert [uids(stage) for stage in stages] == [
        ["rcc", "lcc"],
        ["rmlo", "lmlo"],
        ["rcc", "lcc", "rmlo", "lmlo"],
    ]


def test_one_series_may_hang_twice_with_two_windows() -> None:
    ct = study("ct", series("ct", "CT", frames=80, body_part="CHEST"))
    twice = next(stage for stage in hung(ct) if stage.name == "Mediastinum and lung")
    assert [pane.preset for pane in twice.panes if pane is not None] == ["Mediastinum", "Lung"]
    assert uids(twice) == ["ct", "ct"]


def test_the_first_rule_that_holds_wins_and_a_word_begins_where_a_word_begins() -> None:
    rules = (
        HangingRule("ear", (StageRule("a", "1x1", (PaneRule(),)),), body_part=("ear",)),
        HangingRule("rest", (StageRule("b", "1x1", (PaneRule(),)),)),
    )
    heart = study("h", series("h", "CT", frames=3, body_part="HEART"))
    ear = study("e", series("e", "CT", frames=3, description="Inner_ear left"))
    assert stages_for(rules, heart, heart.series[0])[0].name == "b"
    assert stages_for(rules, ear, ear.series[0])[0].name == "a"


def test_the_table_that_ships_reads_back_as_it_is_written(tmp_path: Path) -> None:
    rules = hanging_table.shipped()
    hanging_table.save(tmp_path / hanging_table.FILE_NAME, rules)
    assert hanging_table.load(tmp_path / hanging_table.FILE_NAME) == rules
    full = PaneRule(
        "prior", ("CT",), ("a “b”",), ("c",), ("PA",), "L", Plane.AXIAL, Plane.CORONAL, "Lung", True
    )
    rule = HangingRule(
        "all", (StageRule("s", "1x1", (full,)),), ("film",), ("CT",), ("x",), ("PA",), "R", ("y",), False
    )
    assert hanging_table.read(hanging_table.written([rule])) == (rule,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rule = 1",
        "other = 1",
        '[[rule]]\nname = "a"',
        '[[rule]]\nname = "a"\nwhat = 1\n[[rule.stage]]\nname = "s"\nlayout = "1x1"\npane = [{}]',
        '[[rule]]\nname = "a"\n[[rule.stage]]\nname = "s"\nlayout = "9x9"\npane = [{}]',
        '[[rule]]\nname = "a"\n[[rule.stage]]\nname = "s"\nlayout = "1x1"\npane = [{}, {}]',
        '[[rule]]\nname = "a"\n[[rule.stage]]\nname = "s"\nlayout = "1x1"\npane = [{ study = "next" }]',
        '[[rule]]\nname = "a"\n[[rule.stage]]\nname = "s"\nlayout = "1x1"\npane = [{ plane = "oblique" }]',
        '[[rule]]\nname = "a"\nprior = "yes"\n[[rule.stage]]\nname = "s"\nlayout = "1x1"\npane = [{}]',
        "[[rule",
        "rule = " + "[" * 5000,
        "#" * (300 << 10),
    ],
)
def test_a_table_with_a_fault_is_refused_whole_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / hanging_table.FILE_NAME
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid) as refused:
        hanging_table.load(path)
    assert refused.value.why
    assert "\n" not in refused.value.why.strip()
