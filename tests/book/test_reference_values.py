"""The reference shows the values of constants that are dataclasses or dictionaries, in a table."""

import importlib.util
from dataclasses import fields

import pytest
from the_book import BOOK

from diffpose_nb import register, simulate, train


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", BOOK / "_ext" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_several_stages_have_a_column_each(reference):
    rows = reference.values_of(register.STAGES)
    assert list(rows) == [field.name for field in fields(register.Stage)]
    assert all(row == [getattr(stage, name) for stage in register.STAGES] for name, row in rows.items())
    lines = reference.table(rows)
    last = max(n for n, line in enumerate(lines) if line.endswith("- pixels")) + len(register.STAGES)
    assert lines[last].endswith(f"- {register.STAGES[-1].pixels}")


def test_a_camera_and_a_dictionary_have_one_column(reference):
    assert reference.values_of(train.CAMERA)["sid"] == [train.CAMERA.sid]
    assert reference.values_of(simulate.OFF)["photons"] == [None]


def test_what_is_not_plain_has_no_table(reference):
    assert reference.values_of(simulate.MATERIALS) == {}
    assert reference.values_of({"a": object()}) == {} and reference.values_of(3.0) == {}
    assert reference.values_of((register.STAGES[0], train.CAMERA)) == {}
