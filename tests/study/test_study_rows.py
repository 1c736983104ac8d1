"""A table is read whole and checked whole: one error tells everything that is wrong with it."""

import pytest

from diffpose_nb.study import TableError
from diffpose_nb.study.table.rows import read_table


@pytest.fixture
def folder(tmp_path):
    """Two CTs, two X-rays and a picture, of which only the names count."""
    for name in ("a.nii.gz", "b.nii.gz", "1.dcm", "2.dcm", "3.png"):
        (tmp_path / name).touch()
    return tmp_path


def written(folder, text, encoding="utf-8"):
    path = folder / "table.csv"
    path.write_text(text, encoding=encoding)
    return path


def problems(folder, text, **options):
    with pytest.raises(TableError) as raised:
        read_table(written(folder, text), **options)
    assert str(folder / "table.csv") in str(raised.value)
    return dict(raised.value.problems)


def test_cells_become_arguments(folder):
    text = (
        "ct,xray,sid,pixel_spacing,hounsfield,resample_labels,structures,restarts,values,start\n"
        'a.nii.gz,1.dcm,1020,0.5 0.6,1 -1024,yes,"femur; tibia",0,,\n'
        "a.nii.gz,3.png,,0.5,,,,,display,search\n"
    )
    first, second = read_table(written(folder, text))
    assert first.line == 2 and second.line == 3
    values = first.values
    assert (values["ct"], values["xray"]) == (str(folder / "a.nii.gz"), str(folder / "1.dcm"))
    assert values["sid"] == 1020.0 and values["pixel_spacing"] == (0.5, 0.6) and values["hounsfield"] == (1.0, -1024.0)
    assert values["resample_labels"] is True and values["restarts"] == 0 and values["structures"] == ("femur", "tibia")
    assert second.values["pixel_spacing"] == (0.5, 0.5) and second.values["start"] == "search"
    assert "sid" not in second.values
    assert first.ct != second.ct, "another reading of the Hounsfield units is another CT"


@pytest.mark.parametrize("cells", [";", "\t"])
def test_what_spreadsheets_write_is_read(folder, cells):
    text = "CT,XRay\r\na.nii.gz,1.dcm\r\n\r\na.nii.gz,2.dcm\r\n".replace(",", cells)
    rows = read_table(written(folder, text, "utf-8-sig"))
    assert [row.line for row in rows] == [2, 4], "the lines of the file, as an editor counts them"


def test_every_bad_row_is_told_at_once(folder):
    text = (
        "ct,xray,sid,frame\n"
        "a.nii.gz,1.dcm,1020,0\n"
        "no.nii.gz,2.dcm,far,\n"
        "b.nii.gz,,1020,\n"
        "b.nii.gz,2.dcm,,-1\n"
        "b.nii.gz,3.png,,1\n"
        "b.nii.gz,2.dcm,1000,,,\n"
    )
    with pytest.raises(TableError) as raised:
        read_table(written(folder, text))
    told = raised.value.problems
    assert [line for line, _ in told] == [3, 3, 4, 5, 6, 7]
    sentences = [sentence for _, sentence in told]
    expected = [
        "'no.nii.gz': there is no such file",
        "'far': it has to be a number",
        "xray is empty",
        "'-1': it has to be a",
        "frame is given, which is for DICOM files only",
        "6 cells, and there are 4 columns",
    ]
    for sentence, words in zip(sentences, expected, strict=True):
        assert words in sentence and sentence in str(raised.value)


def test_columns_are_named_that_are_missing_or_unknown(folder):
    with pytest.raises(TableError) as raised:
        read_table(written(folder, "ct,lables,ct\na.nii.gz,,\n"))
    for words in ("xray is missing", "'lables' is unknown; did you mean labels?", "ct is there 2 times"):
        assert words in str(raised.value)


def test_rows_alike_are_refused_and_names_do_not_make_them_different(folder):
    text = "ct,xray,group,sid\na.nii.gz,1.dcm,x,\na.nii.gz,1.dcm,x,900\na.nii.gz,1.dcm,y,\n"
    assert problems(folder, text) == {4: "the row is like that of line 2; delete one of them"}


@pytest.mark.parametrize("path", ["../outside.dcm", "{folder}/1.dcm"])
def test_paths_stay_in_the_folder_unless_others_are_asked_for(folder, path):
    (folder / "inner").mkdir()
    (folder / "outside.dcm").touch()
    (folder / "inner" / "a.nii.gz").touch()
    path = path.format(folder=folder)
    table = written(folder / "inner", f"ct,xray\na.nii.gz,{path}\n")
    with pytest.raises(TableError, match="out of the table's folder"):
        read_table(table)
    (row,) = read_table(table, anywhere=True)
    assert row.values["xray"] in (str(folder / "outside.dcm"), str(folder / "1.dcm"))


def test_a_thousand_bad_rows_are_listed_in_few_lines(folder):
    text = "ct,xray\n" + "".join(f"a.nii.gz,{n}.dcm\n" for n in range(100, 1100))
    with pytest.raises(TableError, match="and 960 more, in lines 42-1001") as raised:
        read_table(written(folder, text))
    assert len(raised.value.problems) == 1000


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "ct is missing"), (b"ct,xray\n\n", "no rows"), (b"\xff\xfe\x00", "not a CSV file"), (None, "no such file")],
)
def test_what_is_no_table_is_refused(tmp_path, content, words):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TableError, match=words):
        read_table(path)


def test_a_key_survives_a_moved_and_sorted_table(folder, tmp_path_factory):
    text = "ct,xray,group\na.nii.gz,1.dcm,x\na.nii.gz,2.dcm,x\n"
    rows = read_table(written(folder, text))
    other = tmp_path_factory.mktemp("moved")
    for path in folder.iterdir():
        path.rename(other / path.name)
    moved = read_table(written(other, "xray,ct,group\n2.dcm,a.nii.gz,y\n1.dcm,a.nii.gz,z\n"))
    assert [row.key for row in moved] == [row.key for row in reversed(rows)]
