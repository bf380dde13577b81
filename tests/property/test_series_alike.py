"""Frames of a series are those that each of its files gives alone, whatever differs between the files."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medvision_desktop.domain.image import Frame
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_alike import HeaderReader
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.io.dicom_series import load_frame, load_frames
from medvision_desktop.services.open_study import index
from tests.helpers.dicom_files import ct, write

SAID = st.fixed_dictionaries(
    {},
    optional={
        "WindowCenter": st.sampled_from([40, 300]),
        "WindowWidth": st.sampled_from([400, 2000]),
        "RescaleSlope": st.sampled_from([1, 2, 0, 0.5]),
        "RescaleIntercept": st.sampled_from([-1024, 0]),
        "RescaleType": st.sampled_from(["HU", "US", "X"]),
        "PixelSpacing": st.sampled_from([[0.5, 0.75], [1, 1]]),
        "ImageOrientationPatient": st.sampled_from([[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1]]),
        "ImagePositionPatient": st.sampled_from([[0, 0, 5], [1, 2, 3], None]),
        "SliceThickness": st.sampled_from([1, 2.5]),
        "SliceLocation": st.sampled_from([1, 7]),
        "AcquisitionTime": st.sampled_from(["101112", "111213.5", "bad"]),
        "KVP": st.sampled_from([80, 120]),
        "ViewPosition": st.sampled_from(["PA", "AP"]),
        "PatientOrientation": st.sampled_from([["L", "P"], ["A", "F"]]),
        "PixelPaddingValue": st.sampled_from([-2000, 7]),
        "PresentationLUTShape": st.sampled_from(["IDENTITY", "INVERSE"]),
        "ImageType": st.sampled_from([["ORIGINAL", "PRIMARY"], ["DERIVED", "SECONDARY"]]),
        "LossyImageCompression": st.sampled_from(["00", "01"]),
        "FrameOfReferenceUID": st.sampled_from(["1.2.3", "1.2.4"]),
        "SeriesDescription": st.sampled_from(["thin", "thick"]),
        "ShutterShape": st.sampled_from(["CIRCULAR"]),
        "CenterOfCircularShutter": st.sampled_from([[5, 5], [6, 4]]),
        "RadiusOfCircularShutter": st.sampled_from([3, 4]),
        "SpecificCharacterSet": st.sampled_from(["ISO_IR 100", "ISO_IR 192"]),
        "InstitutionName": st.sampled_from(["Hôpital", "Клиника"]),
    },
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__") and type(one) is type(other):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(common=SAID, own=st.lists(SAID, min_size=2, max_size=6))
def test_a_series_says_of_every_file_what_the_file_says(
    common: dict[str, Any], own: list[dict[str, Any]], decoder: Decoder
) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        for number, said in enumerate(own, start=1):
            pixels = np.arange(120, dtype=np.int16).reshape(12, 10) + number
            together = {**common, **said}
            if together.get("InstitutionName") == "Клиника":
                together["SpecificCharacterSet"] = "ISO_IR 192"
            elif "InstitutionName" in together:
                together.setdefault("SpecificCharacterSet", "ISO_IR 192")
            write(ct(pixels, z=float(number), number=number, **together), folder / str(number))
        reader = HeaderReader()
        for path in sorted(folder.iterdir()):
            assert scan_file(path, reader) == scan_file(path)
        for series in index([folder], scratch=folder).studies[0].series:
            for frame, instance in zip(load_frames(series, decoder), series.instances, strict=True):
                alone = load_frame(instance, 0, decoder)
                for field in fields(Frame):
                    ours, theirs = getattr(frame, field.name), getattr(alone, field.name)
                    assert same(ours, theirs), field.name
    finally:
        shutil.rmtree(folder)
