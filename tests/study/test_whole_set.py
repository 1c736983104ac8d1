"""A whole set as a table: rows in xvr's columns, resumed after a kill, summed up."""

import io

import numpy as np
import pandas as pd
import pytest
import torch

from diffpose_nb import ct, frames
from diffpose_nb.camera import Camera
from diffpose_nb.images import XRay
from diffpose_nb.register import STAGES, Strategy
from diffpose_nb.render import Renderer
from diffpose_nb.sets import Patient, Publication, PublicSet, SetXRay, Standard
from diffpose_nb.study.public import summary, whole_set

CAMERA = Camera(1020, (4.0, 4.0), (64, 64))
QUICK = Strategy(stages=STAGES[:1], restarts=0)


@pytest.fixture(scope="module")
def public():
    """Two patients of three X-rays each, of a block with some bars in it. The renderer draws them: errors do not count
    here."""
    rng = np.random.default_rng(0)
    hounsfield = np.full((30, 24, 34), -1000.0)
    hounsfield[3:27, 3:21, 2:32] = 20
    for _ in range(6):
        i, j, k = rng.integers(5, 18, 3)
        hounsfield[i : i + 6, j : j + 3, k : k + 4] = 900
    lps_from_voxel = np.diag([8.0, 8.0, 8.0, 1.0])
    subject = ct.make_subject(hounsfield, lps_from_voxel)
    renderer = Renderer(subject, CAMERA)
    landmarks = pd.DataFrame(rng.uniform(-60, 60, (6, 3)), columns=["x", "y", "z"]).assign(name="a point")

    def xray(name, n):
        pose = frames.carm_pose(6 * n, -4 * n, 760)
        pixels = 60_000 * torch.exp(-renderer(pose)[0, 0])
        standard = Standard(pose, "gold", 0.0, "drawn with it")
        return SetXRay(name, lambda: XRay(pixels, CAMERA, frames.carm_pose(0, 0, 760)), standard)

    patients = [
        Patient(
            f"subject{p:02d}", lambda: subject, tuple(xray(f"{n:03d}", 3 * p + n) for n in range(3)), lambda: landmarks
        )
        for p in range(2)
    ]
    return PublicSet(tuple(patients), Publication("a set", "none", "nobody", "nowhere"))


def test_rows_have_xvr_s_columns(public, tmp_path):
    path = tmp_path / "new folder" / "table.csv"
    table = whole_set.run(public, "deepfluoro", path, limit=1, search=QUICK, progress=False)
    identity = ["dataset", "result", "subject", "xray", "pose", "ncc", "runtime"]
    assert list(table.columns[:11]) == [*identity, "mPE", "mRPE", "mTRE", "dGeo"]
    assert list(table.pose) == ["init", "final"] * 2
    assert list(table.subject.unique()) == ["subject00", "subject01"]
    before, after = (table[table.pose == pose] for pose in ("init", "final"))
    assert (before.mTRE_camera.between(12, 34)).all() and (before.runtime == 0).all()
    assert (after.mTRE_camera.to_numpy() < before.mTRE_camera.to_numpy()).all()
    assert (after.ncc.to_numpy() > before.ncc.to_numpy()).all()
    assert np.allclose(table.mTRE_diffpose, 0.194 * table.mRPE, rtol=1e-3)
    read = whole_set.read(path)
    assert list(read.xray) == ["000"] * 4  # names stay names
    pd.testing.assert_frame_equal(read, table.reset_index(drop=True), check_dtype=False, rtol=1e-3)


def test_a_run_goes_on_where_it_was_killed(public, tmp_path, monkeypatch):
    path, begun = tmp_path / "table.csv", []
    register = whole_set.register

    def killed_at_the_third(subject, patient, xray, *rest):
        begun.append((patient.name, xray.name))
        if len(begun) == 3:
            raise SystemExit("killed")
        return register(subject, patient, xray, *rest)

    monkeypatch.setattr(whole_set, "register", killed_at_the_third)
    with pytest.raises(SystemExit):
        whole_set.run(public, "deepfluoro", path, search=QUICK, progress=False)
    assert len(whole_set.read(path)) == 4  # two X-rays, two rows each
    table = whole_set.run(public, "deepfluoro", path, search=QUICK, progress=False)
    assert len(table) == 12 and not table.duplicated(["subject", "xray", "pose"]).any()
    assert len(begun) == 3 + 4  # the third again, and the three that were left
    monkeypatch.setattr(whole_set, "register", register)
    other = whole_set.run(public, "deepfluoro", tmp_path / "at once.csv", limit=2, search=QUICK, progress=False)
    both = other.merge(table, on=["subject", "xray", "pose"])
    assert np.allclose(both.mTRE_camera_x, both.mTRE_camera_y, rtol=1e-3)  # the same starts, the same ends


def test_several_results_share_a_table(public, tmp_path):
    path = tmp_path / "table.csv"
    whole_set.run(public, "deepfluoro", path, limit=1, search=QUICK, progress=False)
    nominal = whole_set.run(
        public, "deepfluoro", path, start="nominal", result="nominal", limit=1, search=QUICK, progress=False
    )
    assert len(nominal) == 4 and len(whole_set.read(path)) == 8
    assert nominal[(nominal.pose == "init") & (nominal.subject == "subject00")].mTRE_camera.item() == pytest.approx(
        0, abs=1e-4
    )
    again = whole_set.run(public, "deepfluoro", path, seed=1, limit=1, search=QUICK, progress=False)
    assert len(again) == 4 and len(whole_set.read(path)) == 12


def test_an_x_ray_without_a_pose_to_compare_with(public):
    patient = public.patients[0]
    xray = SetXRay("loose", patient.xrays[0].read)
    with pytest.raises(ValueError, match="subject00, X-ray loose: the set has no pose"):
        whole_set.register(patient.subject(), patient, xray, "deepfluoro")


TABLE = pd.read_csv(
    io.StringIO(
        "subject,xray,pose,ncc,runtime,mPE,mRPE,mTRE,dGeo,mTRE_camera,mRPD,mTRE_diffpose,judgement\n"
        "a,000,init,.1,0,9,20,30,25,20,10,3.9,\n"
        "a,000,final,.9,2,.2,.6,.9,.8,.4,.1,.12,found\n"
        "a,001,init,.1,0,9,20,30,25,22,10,3.9,\n"
        "a,001,final,.9,4,.3,4.5,6,5,4.0,.2,.87,found\n"
        "b,000,init,.1,0,9,20,30,25,24,10,3.9,\n"
        "b,000,final,.4,6,30,60,90,80,40,20,11.6,lost\n"
    ),
    dtype={"xray": str},
)


def test_patients_are_summed_up_by_two_definitions():
    rows = summary.patients(TABLE)
    assert list(rows.index) == ["a", "b", "all"]
    assert rows.loc["a", "success"] == 0.5 and rows.loc["a", "success as DiffPose counts"] == 1.0
    assert rows.loc["a", "found, but over 3 mm"] == 0.5
    assert rows.loc["all", "over 10 mm"] == pytest.approx(1 / 3)
    assert rows.loc["all", "start, mm"] == 22 and rows.loc["b", "mTRE, mm"] == 40
    assert rows.loc["all", "s"] == 4


def test_each_number_stands_under_its_definition():
    rows = summary.errors(TABLE)
    assert len(rows) == len(summary.DEFINITIONS)
    by_name = {name.split(":")[0]: row for name, row in rows.iterrows()}
    assert by_name["mTRE"]["median after"] == 4.0 and by_name["xvr's mTRE"]["median after"] == 6.0
    assert by_name["DiffPose's mTRE"]["median before"] == 3.9


def test_starts_of_twins_differ(public):
    """No two X-rays begin with the same motion away from their truth."""
    patient = public.patients[0]
    starts = []
    for seed in range(3):
        rows = whole_set.register(patient.subject(), patient, patient.xrays[0], "deepfluoro", "near", seed, QUICK)
        starts.append(rows[0]["mTRE_camera"])
    assert len({round(start, 3) for start in starts}) == 3
