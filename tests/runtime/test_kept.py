"""Arrays on the disk: whole or not there, mapped, and made again without a word when the disk cannot be used."""

import subprocess
import sys

import numpy as np
import pytest

from diffpose_nb.runtime import fingerprint, kept_arrays
from diffpose_nb.runtime import kept as its_file

TWICE = """
import sys
import numpy as np
from diffpose_nb.runtime import kept_arrays
for key in range(30):
    values = np.full(20_000, key)
    assert (kept_arrays("squares", f"k{key}", lambda: {"values": values})["values"] == key).all()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFPOSE_NB_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def squares():
    """Keeps squares, and says how often they were made."""

    class Squares:
        made = 0

        def make(self):
            self.made += 1
            return {"values": np.asfortranarray(np.arange(12.0, dtype=np.float32).reshape(3, 4) ** 2), "words": ["a é"]}

        def __call__(self, key="k"):
            return kept_arrays("squares", key, self.make)

    return Squares()


def assert_right(found):
    assert found["values"].dtype == np.float32 and found["values"].flags.f_contiguous
    assert np.array_equal(found["values"], np.arange(12.0).reshape(3, 4) ** 2)
    assert list(found["words"]) == ["a é"]


def test_made_once(folder, squares):
    for _ in range(3):
        assert_right(squares())
    assert squares.made == 1


def test_from_the_disk_it_is_mapped_and_changes_stay_here(folder, squares):
    squares()
    mine, theirs = squares(), squares()
    assert isinstance(mine["values"].base, np.memmap) and mine["values"].flags.writeable
    mine["values"][:] = -1
    assert_right(theirs)
    assert_right(squares())


def test_only_the_newest_key_is_kept(folder, squares):
    squares("k1")
    squares("k2")
    squares("k2")
    assert squares.made == 2
    assert [path.name for path in folder.iterdir()] == ["squares-k2"]


def test_no_more_than_so_many_of_a_kind(folder):
    made = []
    for _ in range(2):
        for name in ("level.1", "level.2", "level.3"):
            kept_arrays(name, "k", lambda name=name: made.append(name) or {"values": np.ones(3)}, at_most=2)
    assert made == ["level.1", "level.2", "level.3", "level.3"]
    kept_arrays("level.3", "another", lambda: {"values": np.ones(3)}, at_most=2)
    assert [path.name for path in folder.iterdir()] == ["level.3-another"]


@pytest.mark.parametrize("harm", ["cut short", "cut to nothing", "emptied", "no folder can be made"])
def test_what_is_not_whole_is_made_again(folder, squares, harm):
    squares()
    (kept,) = folder.iterdir()
    if harm.startswith("cut"):
        with (kept / "values.npy").open("r+b") as file:
            file.truncate(140 if harm == "cut short" else 0)
    else:
        for path in kept.iterdir():
            path.unlink()
    if harm == "no folder can be made":
        kept.rmdir()
        folder.rmdir()
        folder.write_text("a file where the folder should be")
    assert_right(squares())
    assert_right(squares())
    assert squares.made == (3 if harm == "no folder can be made" else 2)


def test_a_full_disk_leaves_nothing_behind(folder, squares, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(its_file.np, "save", full)
    assert_right(squares())
    assert not list(folder.iterdir())


def test_two_processes_at_once(folder):
    """Each makes what the other makes, and deletes what the other has just used."""
    both = [subprocess.Popen([sys.executable, "-c", TWICE]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert not list(folder.glob(".*")), "nothing half written"


def test_a_fingerprint_is_that_of_the_content(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    assert fingerprint(first, "x") == fingerprint(second, "x")
    assert fingerprint(first, "x") != fingerprint(first, "y")
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    second.write_bytes(b"other")
    assert fingerprint(first) != fingerprint(second)
