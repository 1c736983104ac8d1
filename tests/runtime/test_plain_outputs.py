"""The last value of a cell is shown plainly in a notebook, and as ever elsewhere."""

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from diffpose_nb.runtime import outputs


@pytest.fixture
def shown(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(outputs, "get_ipython", lambda: shell)
    shell.kernel = object()  # what makes a shell one of a notebook
    outputs.plain_outputs()
    return lambda value: shell.display_formatter.format(value)[0]["text/plain"]


def test_sentences_and_numbers(shown):
    assert shown("84 mm off") == "84 mm off"
    assert shown(3.7885120391845706) == shown(np.float64(3.7885120391845706)) == "3.78851"
    assert shown(torch.tensor(0.25)) == "0.25" and shown(torch.tensor(7)) == "7"


def test_small_tensors_are_rows_of_numbers(shown):
    pose = torch.tensor([[0.94, -0.059, 235.777], [0.0, -1e-12, 1.0]], dtype=torch.float64)
    lines = shown(pose).splitlines()
    assert [line.split() for line in lines] == [["0.940", "-0.059", "235.777"], ["0.000", "0.000", "1.000"]]
    assert len({line.rindex(".") for line in lines}) == 1, "points below each other"


def test_what_is_within_other_values_stays_as_it_is(shown):
    assert shown(["a"]) == "['a']" and shown({"a": "b"}) == "{'a': 'b'}"
    assert shown((torch.tensor([1.0]),)) == "(tensor([1.]),)"


def test_large_tensors_stay_as_they_are(shown):
    assert shown(torch.zeros(20, 20)) == repr(torch.zeros(20, 20))


def test_outside_a_notebook_nothing_changes(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(outputs, "get_ipython", lambda: shell)
    outputs.plain_outputs()
    assert shell.display_formatter.format("a")[0]["text/plain"] == "'a'"
