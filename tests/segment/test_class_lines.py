"""Class tables in the formats of common exporters: read correctly, or refused with the line."""

import pytest

from semsig.errors import ClassTableError
from semsig.segment.class_lines import read_entries


def entries(tmp_path, text):
    path = tmp_path / "classes.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(entry.number, entry.name, entry.color) for entry in read_entries(path)]


@pytest.mark.parametrize(
    "text",
    [
        "sky\nroad\n",
        b"\xef\xbb\xbfsky\r\nroad\r\n",
        "# classes\nsky\nroad\n\n",
        "0 sky\n1 road\n",
        "0: sky\n1: road\n",
        "0,sky\n1,road\n",
        "Pixel Value, Class\n0, sky\n1, road\n",
        "id\tname\n0\tsky\n1\troad\n",
    ],
)
def test_names_and_numbers(tmp_path, text):
    assert entries(tmp_path, text) == [(0, "sky", None), (1, "road", None)]


def test_numbers_may_start_anywhere(tmp_path):
    assert entries(tmp_path, "1 sky\n3 street light\n") == [
        (1, "sky", None),
        (3, "street light", None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "70 130 180 sky\n128 64 128 road\n",
        "sky:70,130,180::\nroad:128,64,128::\n",
        "# label:color_rgb:parts:actions\nsky:70,130,180::\nroad:128,64,128::\n",
        "0 sky 70 130 180\n1 road 128 64 128\n",
    ],
)
def test_colours(tmp_path, text):
    assert entries(tmp_path, text) == [(0, "sky", (70, 130, 180)), (1, "road", (128, 64, 128))]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("0 sky 70 130 180\n1 road 128 64\n", "line 2"),
        ("sky\n\nroad\n", "line 2"),
        ("0 sky\nroad\n", "line"),
        ("sky 1\nroad\n", "line 1"),
        ("0 sky 70 130 900\n", "line 1"),
    ],
)
def test_what_is_of_two_formats_is_refused_by_line(tmp_path, text, line):
    with pytest.raises(ClassTableError, match=line):
        entries(tmp_path, text)


def test_an_empty_table_is_refused(tmp_path):
    with pytest.raises(ClassTableError, match="got none"):
        entries(tmp_path, "\n# nothing\n")
