"""The wrist's own files, where they are: what is measured of them here needs no registration."""

import pytest
import roma
import torch
from real_wrist import FOLDER, needs_wrist

from diffpose_nb import sets
from diffpose_nb.camera import invert, triangulate
from diffpose_nb.sets.biplane.autoscoper import REMOTES, SILVER


@pytest.fixture(scope="module")
def wrist():
    return sets.wrist()


def _views(wrist, frame):
    return [wrist.patient("radius").xray(f"{frame} {camera}").read() for camera in ("cam01", "cam02")]


@pytest.fixture(scope="module")
def paired(wrist):
    """Frame → X-rays, and the paired beads."""
    return {frame: (views := _views(wrist, frame), sets.paired_beads(*views, limit=2)) for frame in ("0099", "0158")}


def test_every_published_file_has_an_address_of_its_own():
    assert len({remote.address for remote in REMOTES}) == len({remote.name for remote in REMOTES}) == 8
    assert all(len(remote.sha256) == 64 for remote in REMOTES)


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(sets.SetError, match=r"xr_calib_wrist_cam01\.txt, .*not in this folder") as caught:
        sets.wrist(tmp_path)
    assert str(tmp_path) in str(caught.value)


@needs_wrist
def test_it_is_what_was_published(wrist):
    assert [patient.name for patient in wrist.patients] == ["radius", "ulna"]
    radius = wrist.patient("radius")
    assert [xray.name for xray in radius.xrays] == ["0099 cam01", "0099 cam02", "0158 cam01", "0158 cam02"]
    assert radius.subject()["volume"].spatial_shape == (68, 86, 128)
    assert radius.landmarks is None
    view = radius.xray("0158 cam02").read()
    assert view.camera.shape == (1760, 1760) and not view.camera.mirrored
    assert view.pixels.max() == 255 and view.attenuation().min() == 0
    with pytest.raises(sets.SetError, match="0099 cam01"):
        radius.xray("0002 cam01")


@needs_wrist
def test_only_the_radius_in_one_frame_has_a_standard(wrist):
    known = {(p.name, x.name) for p in wrist.patients for x in p.xrays if x.standard is not None}
    assert known == {("radius", "0099 cam01"), ("radius", "0099 cam02")}
    for view, name in zip(_views(wrist, "0099"), ("0099 cam01", "0099 cam02"), strict=True):
        standard = wrist.patient("radius").xray(name).standard
        assert (standard.kind, standard.millimetres) == ("silver", 0.5)
        there = view.world_from_camera @ invert(standard.world_from_camera)
        torch.testing.assert_close(there, SILVER, atol=1e-9, rtol=0)


@needs_wrist
def test_the_files_are_accepted_by_their_folder_and_others_have_no_standard(tmp_path):
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert sets.wrist(tmp_path).patient("radius").xrays[0].standard is not None
    changed = tmp_path / "xr_calib_wrist_cam01.txt"
    changed.write_text(changed.read_text() + "\n")
    other = sets.wrist(tmp_path)
    assert other.patient("radius").xrays[0].standard is None
    assert any("xr_calib_wrist_cam01.txt" in note for note in other.notes)


@needs_wrist
@pytest.mark.parametrize("frame", ["0099", "0158"])
def test_beads_lie_on_epipolar_lines(paired, frame):
    """Six on the forearm within half a pixel, five on the hand within one and a half."""
    _, (first, _, misses) = paired[frame]
    forearm = first[:, 1] > 1200
    assert (int(forearm.sum()), int((~forearm).sum())) == (6, 5)
    assert misses[forearm].abs().max() < 0.5
    assert misses[~forearm].abs().max() < 1.6


@needs_wrist
def test_no_bead_would_find_a_partner_with_rows_counted_from_below(paired):
    """The reading that Autoscoper's documentation suggests."""
    views, (first, second, _) = paired["0099"]
    turned = [torch.stack([pixels[:, 0], 1759 - pixels[:, 1]], 1) for pixels in (first, second)]
    _, gap = triangulate([v.camera for v in views], [v.world_from_camera for v in views], turned)
    assert gap.median() > 2  # mm; 0.1 as it is read


@needs_wrist
def test_the_beads_of_the_forearm_move_as_one_body(paired):
    places = {}
    for frame, (views, (first, second, _)) in paired.items():
        arm = first[:, 1] > 1200
        places[frame], _ = triangulate(
            [v.camera for v in views], [v.world_from_camera for v in views], (first[arm], second[arm])
        )
    rotation, shift = roma.rigid_points_registration(places["0099"], places["0158"])
    left = places["0099"] @ rotation.mT + shift - places["0158"]
    moved = (places["0158"] - places["0099"]).norm(dim=1).mean()
    assert left.norm(dim=1).max() < 0.25
    assert 1 < moved < 3
