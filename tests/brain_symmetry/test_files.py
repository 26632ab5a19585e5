"""Scans in files, formats of annotations, sets: good, odd and wrong input."""

import json

import numpy as np
import pytest

from symplast.brain_symmetry import Settings, Volume, build_dataset, load, read_dataset, save, write_card
from symplast.brain_symmetry.dataset import split_by_subject, subject_of
from symplast.brain_symmetry.format_check import BROKEN, ENDS, largest_change, share_read
from symplast.brain_symmetry.formats import (
    from_coco,
    from_parquet,
    from_symbrain,
    from_yolo,
    image_line,
    parse_line,
    read_symbrain_parquet,
    to_coco,
    to_symbrain,
    to_yolo,
)
from symplast.brain_symmetry.image_files import read_image
from symplast.brain_symmetry.measuring import stored_as

from .scans import coarse, small

nibabel = pytest.importorskip("nibabel")
pytestmark = pytest.mark.usefixtures("optimised")
DATA = np.random.default_rng(0).random((20, 22, 24)).astype(np.float32)


def nifti(path, data=DATA, sform=1, qform=1, affine=None, other=None, unit="mm"):
    """A NIfTI file with these codes."""
    A = np.diag([2.0, 2, 2, 1]) if affine is None else affine
    image = nibabel.Nifti1Image(data, A)
    image.header.set_xyzt_units(unit)
    image.set_sform(A, sform)
    image.set_qform(A if other is None else other, qform)
    nibabel.save(image, path)
    return path


def test_round_trip_and_codes(tmp_path):
    scan, _ = small()
    save(scan, tmp_path / "a_T2w.nii.gz")
    again = load(tmp_path / "a_T2w.nii.gz")
    np.testing.assert_array_equal(again.data, scan.data)
    np.testing.assert_allclose(again.affine, scan.affine, atol=1e-5)
    assert (again.contrast, again.name) == ("T2", "a_T2w")
    assert load(nifti(tmp_path / "s.nii", qform=0)).axes == "RAS"
    flipped = np.diag([-2.0, 2, 2, 1])
    assert load(nifti(tmp_path / "q.nii", sform=0, other=flipped)).axes == "LAS"
    near = np.diag([2.0, 2, 2, 1])
    near[0, 3] = 0.5
    assert "sform taken" in load(nifti(tmp_path / "near.nii", other=near)).notes[0]
    with pytest.raises(ValueError, match=r"no orientation \(sform code 0, qform code 0\).*--orientation"):
        load(nifti(tmp_path / "none.nii", sform=0, qform=0))
    assert load(tmp_path / "none.nii", orientation="LPS").axes == "LPS"
    with pytest.raises(ValueError, match=r"contradicts itself: sform \(RAS\) and qform \(LAS\)"):
        load(nifti(tmp_path / "both.nii", other=flipped))
    assert load(tmp_path / "both.nii", orientation="qform").axes == "LAS"
    with pytest.raises(ValueError, match="orientation must be"):
        load(tmp_path / "both.nii", orientation="RRS")


def test_units_axes_and_bad_values(tmp_path):
    metres = load(nifti(tmp_path / "m.nii", affine=np.diag([0.002, 0.002, 0.002, 1]), unit="meter"))
    assert metres.spacing == pytest.approx([2, 2, 2])
    four = np.stack([DATA, DATA + 1], -1)
    with pytest.raises(ValueError, match=r"holds 2 volumes.*--index 0 to 1"):
        load(nifti(tmp_path / "4.nii", four))
    assert load(tmp_path / "4.nii", index=1).data.min() >= 1
    with pytest.raises(ValueError, match=r"index must lie in \[0, 1\]"):
        load(tmp_path / "4.nii", index=2)
    bad = DATA.copy()
    bad[0, 0, :3] = np.nan
    for name, data, message in (
        ("nan", bad, "3 of .* voxels are NaN"),
        ("flat", np.ones_like(DATA), "constant"),
        ("thin", DATA[:, :, :8], "at least 16 samples"),
    ):
        with pytest.raises(ValueError, match=message):
            load(nifti(tmp_path / f"{name}.nii", data))
    with pytest.raises(ValueError, match="check the unit"):
        load(nifti(tmp_path / "big.nii", affine=np.diag([9.0, 9, 9, 1])))


@pytest.mark.parametrize(
    ("name", "content"), [("a.nii", b""), ("a.nii.gz", b"rubbish"), ("a.mgz", b"\x1f\x8b\x00"), ("a.nii", b"x" * 400)]
)
def test_unreadable_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="can't be read as a scan") as error:
        load(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_cut_file_and_wrong_names(tmp_path):
    path = nifti(tmp_path / "a.nii.gz")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="can't be read as a scan"):
        load(path)
    (tmp_path / "a.txt").write_text("x" * 200)
    with pytest.raises(ValueError, match="must end in"):
        load(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="no file"):
        load(tmp_path / "b.nii")
    with pytest.raises(ValueError, match="source must be a path"):
        load(np.ones((20, 20, 20)))


def test_analyze_needs_letters(tmp_path):
    nibabel.save(nibabel.AnalyzeImage(DATA, np.diag([2.0, 2, 2, 1])), tmp_path / "a.img")
    with pytest.raises(ValueError, match=r"Analyze.*--orientation RAS"):
        load(tmp_path / "a.img")
    assert load(tmp_path / "a.img", orientation="LAS").axes == "LAS"


def dicom_series(folder, volume, series="1.2.3", skip=()):
    """A volume whose axes are LPS as plain DICOM slices."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    folder.mkdir(exist_ok=True)
    lps = np.diag([-1.0, -1, 1, 1]) @ volume.affine
    for k in range(volume.shape[2]):
        if k in skip:
            continue
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = MRImageStorage
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = f"1.2.3.{k + 1}"
        one.SeriesInstanceUID, one.PatientName = series, "Secret^Name"
        one.Rows, one.Columns = volume.shape[1], volume.shape[0]
        one.PixelSpacing = [float(volume.spacing[1]), float(volume.spacing[0])]
        one.ImageOrientationPatient = [
            *map(float, lps[:3, 0] / volume.spacing[0]),
            *map(float, lps[:3, 1] / volume.spacing[1]),
        ]
        one.ImagePositionPatient = [float(x) for x in (lps @ [0, 0, k, 1])[:3]]
        one.SamplesPerPixel, one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 1, 16, 16, 15, 0
        one.PhotometricInterpretation = "MONOCHROME2"
        one.PixelData = volume.data[:, :, k].T.astype("<u2").tobytes()
        one.save_as(folder / f"{series}-{(7 * k) % 31}-{k}.dcm", enforce_file_format=True)


def test_dicom_folders(tmp_path):
    pytest.importorskip("pydicom")
    scan, truth = small(shape=(40, 42, 44), spacing=3.4)
    stored, _, _ = stored_as(scan, truth.labels, "LPS")
    dicom_series(tmp_path / "one", stored)
    (tmp_path / "one" / "notes.txt").write_text("not DICOM")
    found = load(tmp_path / "one")
    np.testing.assert_allclose(found.canonical().data, scan.data)
    np.testing.assert_allclose(found.canonical().affine, scan.affine, atol=1e-4)
    assert found.notes == ("44 DICOM slices", "1 other files left out")
    assert "Secret" not in repr(found)
    dicom_series(tmp_path / "gap", stored, skip=(20,))
    for folder, message in (
        ("gap", "even steps.*dcm2niix"),
        ("two", "2 series.*dcm2niix"),
        ("empty", "no DICOM images"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        if folder == "two":
            dicom_series(tmp_path / "two", stored)
            dicom_series(tmp_path / "two", stored, "1.2.4")
        with pytest.raises(ValueError, match=message):
            load(tmp_path / folder)
    with pytest.raises(ValueError, match=r"one DICOM file.*dcm2niix"):
        load(next((tmp_path / "one").glob("*.dcm")))


@pytest.mark.parametrize("text", BROKEN)
def test_broken_lines_are_read(text):
    np.testing.assert_allclose(parse_line(text), ENDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '[{"x": 1, "y": 2}]',
        '[{"x": 1}{"x": 2}]',
        "__import__('os')",
        '[{"x": 1, "y": 2}, {"x": 3, "y": 4}] rm',
        None,
    ],
)
def test_other_lines_are_refused(text):
    with pytest.raises(ValueError, match=r"line|point"):
        parse_line(text)


def test_round_trips():
    assert share_read() == 1
    assert largest_change(40, np.random.default_rng(0)) <= 0.01
    with pytest.raises(ValueError, match="11 numbers"):
        from_yolo("0 1 2", "", "a", 10, 10)
    with pytest.raises(ValueError, match="not a COCO record"):
        from_coco({"images": []})
    with pytest.raises(ValueError, match="columns image and line"):
        from_symbrain("a,b\n1,2\n")
    with pytest.raises(ValueError, match="row 2:"):
        from_symbrain('image,line\na,"[[1,2],[3,4]]"\nb,"[[1,2]]"\n')


def test_a_set_with_its_card(tmp_path):
    for name, motion in (("sub-01_ses-1_T2w", 4), ("sub-01_ses-2_T2w", -6), ("sub-02_T2w", 2)):
        from symplast.brain_symmetry import rigid_motion

        save(coarse(rigid_motion([0, motion, 5], [2, 1, 0]), noise=3)[0], tmp_path / f"{name}.nii.gz")
    (tmp_path / "sub-03_T2w.nii.gz").write_bytes(b"rubbish")
    settings = Settings(
        formats=("coco", "yolo", "symbrain", "parquet", "nifti"), split=(0.5, 0.5, 0.0), licence="<MIT>"
    )
    about = {"01": {"age_weeks": "40.5"}, "02": {"age_weeks": "37"}}
    found = build_dataset(f"{tmp_path}/*.nii.gz", tmp_path / "set", settings, about=about)
    assert len(found.annotations) == 9
    assert [why for _, why in found.failed] == [found.failed[0][1]]
    assert {each.subject for each in found.annotations} == {"01", "02"}
    assert len({(each.subject, each.split) for each in found.annotations}) == 2
    assert read_dataset(tmp_path / "set").annotations == found.annotations
    assert from_parquet(tmp_path / "set/annotations.parquet") == list(found.annotations)
    names = read_symbrain_parquet(tmp_path / "set/annotations.parquet")
    assert len(names) == 9
    one = found.annotations[0]
    back = from_yolo(*to_yolo(one), one.image, one.width, one.height)
    np.testing.assert_allclose(back.line, one.line, atol=0.01)
    assert from_coco(to_coco([one]))[0] == image_line(one)
    assert from_symbrain(to_symbrain([one]))[0][0] == one.image
    assert read_image(tmp_path / "set/images" / one.image).shape == (one.height, one.width)
    M = np.array(one.pixel_to_world)
    np.testing.assert_allclose(np.column_stack([one.line, np.ones(2)]) @ M.T, one.line_mm, atol=1e-6)
    sides = nibabel.load(tmp_path / "set/masks/sub-02_T2w_sides.nii.gz")
    assert set(np.unique(sides.dataobj)) == {0, 1, 2, 3}
    markdown, page = write_card(found, settings)
    text = page.read_text()
    assert "&lt;MIT&gt;" in text
    assert "<MIT>" not in text
    assert "40 to 42" in markdown.read_text()
    assert "sub-03_T2w.nii.gz" in text
    assert "<script" not in text
    assert 'src="http' not in text
    assert 'href="http' not in text
    assert "not stated" in text


def test_splits_and_subjects():
    parts = split_by_subject([str(i) for i in range(20)], (0.7, 0.15, 0.15), 1)
    assert [list(parts.values()).count(part) for part in ("train", "validation", "test")] == [14, 3, 3]
    assert subject_of("data/sub-CC01_T2w.nii.gz", r"sub-(\w+?)_") == "CC01"
    assert subject_of("data/scan.nii.gz", r"sub-(\w+)") == "scan"
    for options, message in (
        ({"formats": ("voc",)}, "formats must be of"),
        ({"split": (1, 1, 0)}, "add up to 1"),
        ({"subject_regex": "("}, "regular"),
    ):
        with pytest.raises(ValueError, match=message):
            Settings(**options)


def test_volume_checks():
    for data, affine, message in (
        (np.ones((2, 2)), np.eye(4), "three axes"),
        (DATA.astype(complex), np.eye(4), "real numbers"),
        (DATA, np.diag([1.0, 1, 1, 2]), "4 x 4"),
        (DATA, np.array([[1, 1, 0, 0], [0, 0.01, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "upright"),
        (np.ma.masked_array(DATA, DATA > 0.5), np.eye(4), "masked"),
    ):
        with pytest.raises(Exception, match=message):
            Volume(data, affine.astype(float))
    assert json.dumps(Volume(DATA, np.eye(4)).axes) == '"RAS"'
