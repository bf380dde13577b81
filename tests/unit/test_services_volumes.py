"""Models that segment: gate, sequences, and a label map that is in the record before it is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from medvision_desktop.audit.schema import EventKind
from medvision_desktop.domain.findings import AnalysisState, Decision, ReviewState
from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource
from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from medvision_desktop.domain.labelmap import LayerOrigin
from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import Cancelled, ChildFailed, InputRefused
from medvision_desktop.io import volume as grids
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volumes import VolumeSpec
from medvision_desktop.paths import Locations
from medvision_desktop.services import channels, review
from medvision_desktop.services.analyse import analyse
from medvision_desktop.services.verify import verify
from medvision_desktop.services.volume_gate import volume_gate
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken
from tests.helpers.volume_cases import drawn, make_package

SERIES = SeriesRef("1.2", SourceKind.DICOM, (), modality="MR", body_part="BRAIN", description="T1 crop")
STUDY = StudyRef("1", Patient(id="7"), (SERIES,))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("volumes"), epochs=3)


@pytest.fixture
def bench(locations: Locations, models: Path) -> Iterator[Workbench]:
    made = Workbench(dataclasses.replace(Settings(), engine="onnxruntime"), locations)
    made._registry = Registry((models,))
    yield made
    made.close()


def loaded(
    seed: int = 1, *, step: float = 1.0, study: StudyRef = STUDY, series: SeriesRef = SERIES
) -> LoadedSeries:
    values, _ = drawn(seed)
    spacing = PixelSpacing(step, step, SpacingSource.PATIENT)
    frames = tuple(
        Frame(
            np.ascontiguousarray(values[:, :, k].T),
            bits_stored=32,
            signed=True,
            geometry=PlaneGeometry((0.0, 0.0, k * step), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), spacing, "9.9"),
            sop_instance_uid=f"{series.uid}.{k}",
        )
        for k in range(values.shape[2])
    )
    return LoadedSeries(study, series, Stack(frames), grids.build_volume(frames, None))


def test_a_label_map_and_its_volumes_are_in_the_record_and_come_back_from_it(bench: Workbench) -> None:
    opened = loaded()
    done = analyse(bench, opened, model="blobs", reader="Dr A")
    assert done.result.state is AnalysisState.DONE
    layer = done.result.label_map
    assert layer is not None
    assert opened.volume is not None
    assert layer.values_kji.shape == opened.volume.stored_kji.shape
    assert layer.frame_of_reference == "9.9"
    kept = review.label_map(bench.store, done.ledger_seq)
    assert kept is not None
    np.testing.assert_array_equal(kept.values_kji, layer.values_kji)
    assert kept.segments == layer.segments
    assert kept.origin is LayerOrigin.MODEL
    found = {finding.label: finding.score for finding in review.findings(bench.store, "1")}
    for number, label in ((1, "Bright"), (2, "Brighter")):
        score = found[label]
        assert score is not None
        assert score.volume_ml == pytest.approx(layer.volume_ml(number), abs=1e-6)
    assert verify(bench.store).ok


def test_the_volume_of_a_finding_can_be_accepted_and_overridden(bench: Workbench) -> None:
    analyse(bench, loaded(), model="blobs", reader="Dr A")
    first, second = review.findings(bench.store, "1")
    accepted = review.decide(bench.store, first.id, Decision(ReviewState.ACCEPTED), reader="Dr A")
    assert accepted.score is not None
    assert accepted.score.named.endswith("mL")
    said = Decision(ReviewState.OVERRIDDEN, label="Cyst", reason="It is one")
    assert review.decide(bench.store, second.id, said, reader="Dr A").decision.label == "Cyst"


def test_a_label_map_whose_voxels_were_changed_is_named_and_not_shown(bench: Workbench) -> None:
    from medvision_desktop.audit import schema

    done = analyse(bench, loaded(), model="blobs", reader="Dr A")
    with bench.store.writing() as tx:
        tx.connection.execute(schema.mask.update().values(voxels=b"something else"))
    assert review.label_map(bench.store, done.ledger_seq) is None
    result = verify(bench.store)
    assert not result.ok
    assert any(fault.part == "label maps" for fault in result.faults)


def test_the_run_manifest_names_the_voxels_it_saw(bench: Workbench) -> None:
    from medvision_desktop.pixels.digest import pixel_digest

    opened = loaded()
    manifest = analyse(bench, opened, model="blobs", reader="Dr A").result.manifest
    assert manifest is not None
    assert opened.volume is not None
    (given,) = manifest.inputs
    assert given.pixel_sha256 == pixel_digest(opened.volume.stored_kji)
    assert given.sop_instance_uid == "1.2.0"
    assert manifest.preprocessing_version == "volumes-1 T1"


def test_a_whole_head_is_refused_where_crops_were_learnt_from_and_that_is_recorded(
    bench: Workbench,
) -> None:
    done = analyse(bench, loaded(step=6.0), model="blobs", reader="Dr A")
    assert done.result.state is AnalysisState.REFUSED
    assert "wrong_size" in done.result.gate.reasons
    assert review.label_map(bench.store, done.ledger_seq) is None
    assert review.analyses(bench.store, "1")[0].state is AnalysisState.REFUSED


@pytest.mark.parametrize(
    ("modality", "step", "reason", "ok"),
    [
        ("CT", 1.0, "wrong_modality", False),
        ("MR", 0.6, "size_outside_training", True),
        ("MR", 1.0, "", True),
        ("MR", 3.0, "wrong_size", False),
    ],
)
def test_the_gate_of_volumes_refuses_and_doubts_by_modality_and_size(
    models: Path, modality: str, step: float, reason: str, ok: bool
) -> None:
    manifest = Registry((models,)).get("blobs").manifest
    series = dataclasses.replace(SERIES, modality=modality)
    gate = volume_gate({"T1": loaded(step=step, series=series)}, "T1", manifest)
    assert gate.ok is ok
    assert gate.reasons[:1] == ((reason,) if reason else ())


def test_images_that_make_no_volume_are_refused_with_the_reason(models: Path) -> None:
    manifest = Registry((models,)).get("blobs").manifest
    flat = dataclasses.replace(loaded(), volume=None, not_a_volume="Slice spacing varies: 2.5 to 5.0 mm.")
    gate = volume_gate({"T1": flat}, "T1", manifest)
    assert not gate.ok
    assert any("2.5 to 5.0" in check.detail for check in gate.checks)


def test_the_gate_names_missing_sequences_and_refuses_without_a_needed_one(models: Path) -> None:
    manifest = Registry((models,)).get("blobs").manifest
    spec = VolumeSpec(("T1", "T1ce", "FLAIR"), (1.0,) * 3, (32,) * 3, presence=True)
    four = Segmentation(spec, ((1, 2, 3), (4, 5, 6)), needed=("T1ce", "FLAIR"))
    manifest = dataclasses.replace(manifest, segmentation=four)
    gate = volume_gate({"FLAIR": loaded()}, "FLAIR", manifest)
    assert gate.ok
    assert "channels_missing" in gate.reasons
    assert any("missing T1, T1ce" in check.detail for check in gate.checks)
    gate = volume_gate({"T1": loaded()}, "T1", manifest)
    assert not gate.ok
    assert "channel_needed" in gate.reasons


class _Host:
    def __init__(self, ends: Exception) -> None:
        self._ends = ends

    def segment(self, *_: object, **__: object) -> object:
        raise self._ends

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        (Cancelled(), EventKind.ANALYSIS_CANCELLED),
        (ChildFailed("The child ended.", "It ran out of memory."), EventKind.ANALYSIS_FAILED),
    ],
)
def test_a_run_that_ends_early_is_recorded_and_leaves_no_finding(
    bench: Workbench, ends: Exception, kind: EventKind
) -> None:
    bench._host = _Host(ends)  # type: ignore[assignment]  # stands for the child
    with pytest.raises(type(ends)):
        analyse(bench, loaded(), model="blobs", reader="Dr A", cancel=CancelToken())
    with bench.store.reading() as tx:
        assert [entry.kind for entry in tx.entries()][-1] == kind
    assert review.findings(bench.store, "1") == ()


def test_a_segmenting_model_can_be_loaded_ahead_of_its_first_use(bench: Workbench) -> None:
    assert bench.host.warm("blobs") == "ONNX Runtime CPU"


def test_cancelling_while_the_child_runs_ends_the_run(bench: Workbench) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        analyse(bench, loaded(), model="blobs", reader="Dr A", cancel=token)


@pytest.mark.parametrize(
    ("description", "sequence"),
    [
        ("t2_tirm_tra_dark-fluid FLAIR", "FLAIR"),
        ("Ax T2 FLAIR", "FLAIR"),
        ("t1_mprage_sag_p2_iso", "T1"),
        ("t1_mprage_tra + KM", "T1ce"),
        ("Ax T1 POST GAD", "T1ce"),
        ("BraTS21_00001_t1ce.nii.gz", "T1ce"),
        ("T1c_subtrMeanDivStd.nii.gz", "T1ce"),
        ("Flair_subtrMeanDivStd.nii.gz", "FLAIR"),
        ("BraTS-GLI-00001-000-t2w.nii.gz", "T2"),
        ("BraTS-GLI-00001-000-t2f.nii.gz", "FLAIR"),
        ("BraTS-GLI-00001-000-t1n.nii.gz", "T1"),
        ("t2_tse_tra", "T2"),
        ("ep2d_diff_ADC", ""),
        ("t2* swi", ""),
        ("localizer", ""),
        ("Brain", ""),
    ],
)
def test_a_description_names_its_sequence(description: str, sequence: str) -> None:
    assert channels.sequence_of(description) == sequence


def _series(uid: str, description: str, files: int = 1) -> SeriesRef:
    instances = tuple(InstanceRef(Path(f"{uid}-{index}"), f"{uid}.{index}") for index in range(files))
    return SeriesRef(uid, SourceKind.DICOM, instances, modality="MR", description=description)


def test_each_sequence_gets_the_series_on_screen_or_the_largest_that_fits() -> None:
    plain, post, small, flair = (
        _series("1", "T1 mprage", 30),
        _series("2", "T1 mprage post gd", 30),
        _series("3", "T1 mprage post gd", 5),
        _series("4", "FLAIR", 20),
    )
    study = StudyRef("1", Patient(), (plain, post, small, flair))
    names = ("T1", "T1ce", "T2", "FLAIR")
    assert channels.suggested(study, flair, names) == {"T1": "1", "T1ce": "2", "FLAIR": "4"}
    assert channels.suggested(study, small, names)["T1ce"] == "3"
    assert channels.missing(names, channels.suggested(study, flair, names)) == ("T2",)
    assert channels.suggested(study, post, ("T1",)) == {"T1": "2"}


def test_a_study_without_any_named_sequence_lends_the_series_on_screen() -> None:
    study = StudyRef("1", Patient(), (_series("1", "Brain"), _series("2", "Head")))
    assert channels.suggested(study, study.series[1], ("T1", "FLAIR")) == {"T1": "2"}


def test_a_reader_who_chooses_nothing_is_told(bench: Workbench) -> None:
    with pytest.raises(InputRefused, match="No sequence is chosen"):
        analyse(bench, loaded(), model="blobs", reader="Dr A", channels={"T1": "not here"})


def _nifti(path: Path) -> None:
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(list(path.name.encode())).normal(size=(6, 7, 8)).astype(np.float32)
    nibabel.Nifti1Image(values, np.eye(4)).to_filename(path)  # type: ignore[attr-defined]


def test_the_sequences_of_one_folder_are_one_study_and_a_lone_file_stays_alone(tmp_path: Path) -> None:
    from medvision_desktop.services.open_study import index

    for name in ("case_flair.nii.gz", "case_t1ce.nii.gz", "case_seg.nii.gz"):
        _nifti(tmp_path / "case" / name)
    _nifti(tmp_path / "other" / "alone_t1.nii.gz")
    studies = index([tmp_path], scratch=tmp_path / "scratch").studies
    assert sorted(len(study.series) for study in studies) == [1, 1, 2]
    joined = next(study for study in studies if len(study.series) == 2)
    assert joined.description == "case"
    names = ("T1", "T1ce", "T2", "FLAIR")
    given = channels.suggested(joined, joined.series[0], names)
    assert {name: given[name] for name in given} == {
        "T1ce": joined.series[0].uid,
        "FLAIR": joined.series[1].uid,
    }
    again = index([tmp_path], scratch=tmp_path / "scratch").studies
    assert {study.key for study in again} == {study.key for study in studies}


def test_two_files_of_one_sequence_are_not_taken_for_one_person(tmp_path: Path) -> None:
    from medvision_desktop.services.open_study import index

    for name in ("anna_t1.nii.gz", "bert_t1.nii.gz"):
        _nifti(tmp_path / name)
    assert [len(study.series) for study in index([tmp_path], scratch=tmp_path / "s").studies] == [1, 1]
