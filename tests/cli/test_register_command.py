"""The command from files of other programs to poses: what it writes, and that the poses are right."""

import json
import subprocess
import sys
from html.parser import HTMLParser

import own_patient
import PIL.Image
import pytest
import torch

from diffpose_nb import ct, evaluate, register
from diffpose_nb.exchange import read_itk_transform, read_record, read_slicer_scene

GEOMETRY = ("--sid", 1000, "--sod", 700, "--pixel-spacing", "2")


def _error(pose, truth):
    return evaluate.mtre(pose, truth, own_patient.POINTS).item()


def _pose(folder):
    return register.load_pose(folder / "pose.json")


@pytest.fixture(scope="module")
def done(files, tmp_path_factory):
    """One registration, made in a process of its own, as a user does."""
    output = tmp_path_factory.mktemp("once") / "out"
    words = ["register", files.ct, files.front, "-o", output, "--slicer", "--quiet"]
    ran = subprocess.run(
        [sys.executable, "-m", "diffpose_nb", *map(str, words)], capture_output=True, encoding="utf-8", check=False
    )
    assert ran.returncode == 0, ran.stderr
    return output, ran


def test_the_pose_is_found(done, files):
    output, ran = done
    assert _error(_pose(output), files.truth) < 1.5
    assert "found, confidence" in ran.stdout and str(output / "report.html") in ran.stdout
    assert ran.stderr == ""


def test_every_file_holds_the_same_pose(done, files):
    output, _ = done
    names = {path.name for path in output.iterdir()}
    assert names == {"report.html", "pose.json", "pose.tfm", "overlay.png", "slicer"}
    subject = ct.load_ct(files.ct, progress=False)
    content = json.loads((output / "pose.json").read_text())
    camera, pose = read_record(content["views"][0], subject)
    pixels = camera.project(own_patient.POINTS, pose)

    camera_from_lps = read_itk_transform(output / "pose.tfm")
    from_tfm = torch.linalg.inv(subject["lps_from_world"]) @ torch.linalg.inv(camera_from_lps)
    ((other, from_scene),) = read_slicer_scene(
        output / "slicer" / "scene.mrml", torch.linalg.inv(subject["lps_from_world"])
    ).values()
    assert (camera.project(own_patient.POINTS, from_tfm) - pixels).abs().max() < 1e-3
    assert (other.project(own_patient.POINTS, from_scene) - pixels).abs().max() < 1e-3
    assert (camera.project(own_patient.POINTS, _pose(output)) - pixels).abs().max() < 1e-3
    with PIL.Image.open(output / "overlay.png") as overlay:
        assert overlay.size == (112, 112)


class _Sources(HTMLParser):
    """What a page would load, and its text."""

    def __init__(self):
        super().__init__()
        self.loaded, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.loaded += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_stands_alone_and_says_how_it_went(done, files):
    output, _ = done
    page = _Sources()
    page.feed((output / "report.html").read_text(encoding="utf-8"))
    assert len(page.loaded) == 5 and all(source.startswith("data:image/png;base64,") for source in page.loaded)
    content = json.loads((output / "pose.json").read_text())
    assert "The pose was found." in page.text and "not for clinical use" in page.text
    for sentence in [*content["reasons"], *content["views"][0]["notes"], content["command"], str(files.front)]:
        assert sentence in page.text
    assert "diffpose-nb register" in content["command"] and "torch" in content["versions"]
    assert "Secret" not in page.text and "Secret" not in (output / "pose.json").read_text(encoding="utf-8")


def test_a_picture_with_its_geometry_in_words(call, files, tmp_path):
    words = ("--primary", 20, "--secondary", 5, "--values", "linear", "--bright", "beam", "-q")
    result = call("register", files.ct, files.picture, "-o", tmp_path / "out", *GEOMETRY, *words)
    assert result.exit_code == 0, result.stderr
    assert _error(_pose(tmp_path / "out"), files.truth) < 1.5


def test_a_picture_that_may_be_mirrored_is_read_both_ways(call, files, tmp_path):
    with PIL.Image.open(files.picture) as picture:
        picture.transpose(PIL.Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "flipped.png")
    words = ("--primary", 20, "--secondary", 5, "--values", "linear", "--bright", "beam", "--restarts", 0, "-q")
    picture, output = tmp_path / "flipped.png", tmp_path / "out"
    result = call("register", files.ct, picture, "-o", output, *GEOMETRY, *words, "--try-mirrored")
    assert result.exit_code == 0, result.stderr
    assert "Reading: the X-ray is taken mirrored." in result.stdout
    assert _error(_pose(output), files.truth) < 1.5
    assert json.loads((output / "pose.json").read_text())["views"][0]["camera"]["mirrored"] is False


def test_a_view_from_anywhere_is_searched_for(call, files, tmp_path):
    """Without angles, with the label map of the bones beside it."""
    bare = own_patient.write_xa(
        tmp_path / "bare.dcm",
        own_patient.shoot(own_patient.subject(), primary=-70.0),
        PositionerPrimaryAngle=None,
        PositionerSecondaryAngle=None,
    )
    words = ("--start", "search", "--labels", files.labels, "--structures", 1, "-q")
    result = call("register", files.ct, bare, "-o", tmp_path / "out", *words)
    assert result.exit_code in (0, 3), result.stderr
    assert _error(_pose(tmp_path / "out"), files.side_truth) < 3


def test_two_views_together_make_one_folder(call, files, tmp_path):
    result = call("register", files.ct, files.front, files.side, "-o", tmp_path / "out", "--together", "-q")
    assert result.exit_code == 0, result.stderr
    poses = _pose(tmp_path / "out")
    for pose, truth in zip(poses, (files.truth, files.side_truth), strict=True):
        assert _error(pose, truth) < 0.3
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"pose_front.tfm", "pose_side.tfm", "overlay_front.png", "overlay_side.png"} <= names


def test_two_views_apart_make_a_folder_each(call, files, tmp_path):
    result = call("register", files.ct, files.front, files.side, "-o", tmp_path / "out", "-q")
    assert result.exit_code == 0, result.stderr
    assert _error(_pose(tmp_path / "out" / "front"), files.truth) < 1.5
    assert _error(_pose(tmp_path / "out" / "side"), files.side_truth) < 1.5


def test_an_earlier_result_is_a_start(call, files, done, tmp_path):
    """For an X-ray that lost its angles: from the record, and from the transform."""
    bare = own_patient.write_xa(
        tmp_path / "bare.dcm",
        own_patient.shoot(own_patient.subject()),
        PositionerPrimaryAngle=None,
        PositionerSecondaryAngle=None,
    )
    for name in ("pose.json", "pose.tfm"):
        output = tmp_path / name
        result = call("register", files.ct, bare, "-o", output, "--start", f"pose:{done[0] / name}", "-q")
        assert result.exit_code == 0, result.stderr
        assert _error(_pose(output), files.truth) < 1.5
        notes = json.loads((output / "pose.json").read_text())["views"][0]["notes"]
        assert any(note.startswith("Angles: they are not used") for note in notes)


def test_a_network_is_trained_resumed_and_starts_a_registration(call, files, tmp_path):
    words = ("train", files.ct, "-o", tmp_path / "net.pt", "--steps", 2, "--sid", 1000, "--view", "20,5", "-q")
    result = call(*words)
    assert result.exit_code == 0, result.stderr
    assert "finished after 2 of 2 steps" in result.stdout
    assert "finished after 2 of 2 steps" in call(*words).stdout
    other = call(*words[:-1], "--seed", 4)
    assert other.exit_code == 2 and "was trained with seed=0, and now it is 4" in other.stderr
    result = call(
        "register", files.ct, files.front, "-o", tmp_path / "out", "--start", f"network:{tmp_path / 'net.pt'}", "-q"
    )
    assert result.exit_code in (0, 3), result.stderr
    start = json.loads((tmp_path / "out" / "pose.json").read_text())["views"][0]["start_world_from_camera"]
    header = own_patient.shoot(own_patient.subject()).world_from_camera
    assert _error(torch.tensor(start, dtype=torch.float64), header) > 0.01, "the start is the network's"


def test_a_picture_of_noise_is_not_found_and_says_so(call, files, tmp_path):
    noise = torch.rand(112, 112, generator=torch.Generator().manual_seed(3))
    PIL.Image.fromarray((60000 * noise.numpy()).astype("uint16")).save(tmp_path / "noise.png")
    words = ("--primary", 20, "--secondary", 5, "--values", "log", "--bright", "beam", "--restarts", 0, "-q")
    result = call("register", files.ct, tmp_path / "noise.png", "-o", tmp_path / "out", *GEOMETRY, *words)
    assert result.exit_code == 3, result.stderr
    content = json.loads((tmp_path / "out" / "pose.json").read_text())
    assert content["judgement"] in ("doubtful", "lost")
    assert "What to look at" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
