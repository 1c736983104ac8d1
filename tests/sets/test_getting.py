import hashlib
from dataclasses import replace

import pytest

from diffpose_nb import sets
from diffpose_nb.sets import patient

CHUNK = 1 << 16  # bytes that are kept at once
PUBLICATION = sets.Publication("A set", "for nothing but tests", "Nobody et al.", "https://example.org")


@pytest.fixture
def remote(server):
    return sets.Remote("bone.tif", server.address, hashlib.sha256(server.content).hexdigest(), 1.0)


@pytest.fixture(autouse=True)
def nothing_announced(monkeypatch):
    monkeypatch.setattr(patient, "_announced", set())


def _fetch(remote, folder):
    return sets.fetch(remote, folder, PUBLICATION, progress=False)


def test_a_file_is_downloaded_once(server, remote, tmp_path, capsys):
    path = _fetch(remote, tmp_path / "set")
    assert path.read_bytes() == server.content
    assert _fetch(remote, tmp_path / "set") == path
    assert server.requests == [None]
    assert [entry.name for entry in path.parent.iterdir()] == ["bone.tif"]
    said = capsys.readouterr().out
    assert said.index("for nothing but tests") < said.index("Downloading bone.tif (1 MB)")


def test_a_broken_connection_is_taken_up_within_a_call(server, remote, tmp_path):
    server.cuts = [4 * CHUNK, 2 * CHUNK]
    assert _fetch(remote, tmp_path).read_bytes() == server.content
    assert server.requests == [None, f"bytes={4 * CHUNK}-", f"bytes={6 * CHUNK}-"]


def test_a_download_that_was_cut_short_goes_on_in_the_next_call(server, remote, tmp_path):
    server.cuts = [4 * CHUNK, 0]
    with pytest.raises(sets.SetNotHereError, match="broke off") as caught:
        _fetch(remote, tmp_path)
    assert str(tmp_path / "bone.tif") in str(caught.value)
    assert not (tmp_path / "bone.tif").exists()
    server.requests.clear()
    assert _fetch(remote, tmp_path).read_bytes() == server.content
    assert server.requests == [f"bytes={4 * CHUNK}-"]


def test_a_server_that_cannot_resume_sends_the_whole(server, remote, tmp_path):
    (tmp_path / "bone.tif.part").write_bytes(server.content[:1000])
    server.ranges = False
    assert _fetch(remote, tmp_path).read_bytes() == server.content


def test_a_file_that_had_arrived_whole_needs_only_its_checksum(server, remote, tmp_path):
    (tmp_path / "bone.tif.part").write_bytes(server.content)
    assert _fetch(remote, tmp_path).read_bytes() == server.content
    assert server.requests == [f"bytes={len(server.content)}-"]


def test_another_file_is_refused_and_nothing_of_it_is_kept(server, remote, tmp_path):
    with pytest.raises(sets.SetError, match=r"not the published bone\.tif"):
        _fetch(replace(remote, sha256="0" * 64), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_rest_of_another_file_is_refused_and_then_replaced(server, remote, tmp_path):
    (tmp_path / "bone.tif.part").write_bytes(b"something else")
    with pytest.raises(sets.SetError, match="Try again"):
        _fetch(remote, tmp_path)
    assert _fetch(remote, tmp_path).read_bytes() == server.content


def test_the_first_checksum_counts_where_none_is_published(server, remote, tmp_path):
    remote = replace(remote, sha256=None)
    _fetch(remote, tmp_path).unlink()
    assert _fetch(remote, tmp_path).read_bytes() == server.content
    (tmp_path / "bone.tif").unlink()
    server.content = server.content[::-1]
    with pytest.raises(sets.SetError, match="not the published"):
        _fetch(remote, tmp_path)


def test_without_a_network_the_error_says_what_to_put_where(server, remote, tmp_path):
    port = server.address.split(":")[2].split("/")[0]
    address = server.address.replace(port, "9")  # where nobody listens
    with pytest.raises(sets.SetNotHereError) as caught:
        _fetch(replace(remote, address=address), tmp_path / "wrist")
    message = str(caught.value)
    for part in (str(tmp_path / "wrist" / "bone.tif"), address, "no connection", "DIFFPOSE_NB_DATA", "wrist/bone.tif"):
        assert part in message


def test_an_error_of_the_server_is_named(server, remote, tmp_path):
    server.status = 404
    with pytest.raises(sets.SetNotHereError, match="404"):
        _fetch(remote, tmp_path)


def test_a_folder_that_cannot_be_written_is_named(server, remote, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(sets.SetNotHereError, match=str(tmp_path / "file")):
        _fetch(remote, tmp_path / "file")


def test_a_file_on_the_disk_is_used_and_checked(server, remote, tmp_path):
    (tmp_path / "bone.tif").write_bytes(server.content)
    assert _fetch(remote, tmp_path).read_bytes() == server.content
    (tmp_path / "bone.tif").write_bytes(b"mine")
    with pytest.raises(sets.SetError, match="Move it away"):
        _fetch(remote, tmp_path)
    assert (tmp_path / "bone.tif").read_bytes() == b"mine"
    assert not server.requests


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("DIFFPOSE_NB_DATA", str(tmp_path))
    assert sets.data_folder("wrist") == tmp_path / "wrist"
    monkeypatch.delenv("DIFFPOSE_NB_DATA")
    assert sets.data_folder("wrist").parts[-2:] == ("diffpose_nb", "wrist")


def test_a_publication_is_told_once(capsys):
    PUBLICATION.announce()
    PUBLICATION.announce()
    assert capsys.readouterr().out.count("for nothing but tests") == 1
