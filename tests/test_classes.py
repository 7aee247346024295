import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.classes import MAX_CLASSES, ClassTable, builtin_tables
from semsig.errors import ClassTableError

SIZES = {
    "ade20k": 150,
    "cityscapes": 19,
    "coco-stuff": 171,
    "mseg": 194,
    "msrc": 23,
    "pascal-context": 60,
    "pascal-context-59": 59,
    "semsig54": 54,
    "voc": 21,
}

names = st.lists(st.text("abcdefgh ", min_size=1).filter(str.strip), min_size=1, unique=True)


def test_the_built_in_tables_are_these():
    assert set(SIZES) == set(builtin_tables())


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_built_in_table(name, size):
    table = ClassTable.builtin(name)
    assert (table.name, len(table)) == (name, size)
    assert [table.index(n) for n in table.names] == list(range(size))
    assert all(n == n.strip() for n in table.names)


@pytest.mark.parametrize(
    ("table", "name", "label"),
    [
        ("ade20k", "wall", 0),
        ("ade20k", "sky", 2),
        ("ade20k", "flag", 149),
        ("cityscapes", "road", 0),
        ("cityscapes", "bicycle", 18),
        ("coco-stuff", "person", 0),
        ("coco-stuff", "toothbrush", 79),
        ("coco-stuff", "banner", 80),
        ("mseg", "backpack", 0),
        ("mseg", "sky", 142),
        ("mseg", "window_blind", 193),
        ("pascal-context", "background", 0),
        ("pascal-context-59", "aeroplane", 0),
        ("voc", "background", 0),
        ("voc", "tvmonitor", 20),
    ],
)
def test_labels_that_published_networks_give(table, name, label):
    assert ClassTable.builtin(table).index(name) == label


def test_pascal_context_59_is_60_without_background():
    sixty, rest = ClassTable.builtin("pascal-context"), ClassTable.builtin("pascal-context-59")
    assert rest.names == sixty.names[1:]
    assert rest.palette == sixty.palette[1:]


def test_msrc_colours_tell_its_classes_and_void_apart():
    msrc = ClassTable.builtin("msrc")
    assert dict(zip(msrc.names, msrc.palette, strict=True))["cow"] == (0, 0, 128)
    assert len({*msrc.palette, (0, 0, 0)}) == 24


@pytest.mark.parametrize(("count", "dtype", "void"), [(1, np.uint8, 255), (255, np.uint8, 255),
                                                      (256, np.uint16, 65535)])  # fmt: skip
def test_labels_are_as_narrow_as_they_can_be(count, dtype, void):
    table = ClassTable([f"c{i}" for i in range(count)])
    assert table.dtype == dtype
    assert table.void == void


def test_the_largest_table_leaves_room_for_void():
    table = ClassTable([f"c{i}" for i in range(MAX_CLASSES)])
    assert table.void == MAX_CLASSES
    with pytest.raises(ClassTableError, match="got 65,536"):
        ClassTable([f"c{i}" for i in range(MAX_CLASSES + 1)])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "got 0"),
        (["sky", ""], "one line"),
        (["sky", " "], "one line"),
        (["sky\nsea"], "one line"),
        ([1], "one line"),
        (["sky", "sea", "sky"], "'sky' occurs twice"),
    ],
)
def test_refuses_names(names, message):
    with pytest.raises(ClassTableError, match=message):
        ClassTable(names)


@pytest.mark.parametrize("palette", [[], [(0, 0, 0)], [(0, 0, 0), (0, 0)], [(0, 0, 0), (0, 0, 256)],
                                     [(0, 0, 0), (0, 0, -1)]])  # fmt: skip
def test_refuses_palettes(palette):
    with pytest.raises(ClassTableError, match=r"colour|palette"):
        ClassTable(["sky", "sea"], palette=palette)


@given(names)
def test_default_colours_are_colours_and_neighbours_differ(names):
    table = ClassTable(names)
    assert np.array(table.palette).shape == (len(names), 3)
    assert all(a != b for a, b in zip(table.palette, table.palette[1:], strict=False))


@given(names, names)
def test_fingerprints_are_equal_exactly_when_the_names_are(some, others):
    same = ClassTable(some).fingerprint == ClassTable(others).fingerprint
    assert same == (some == others)


def test_the_fingerprint_ignores_colours_and_the_tables_name():
    plain = ClassTable(["sky", "sea"])
    other = ClassTable(["sky", "sea"], name="coast", palette=[(0, 0, 1), (2, 3, 4)])
    assert plain.fingerprint == other.fingerprint
    assert plain != other


def test_unknown_class_names_the_known():
    with pytest.raises(ClassTableError, match=r"'coast' has no class 'sand'; it has sky, sea"):
        ClassTable(["sky", "sea"], name="coast").index("sand")


def test_colours_by_label():
    lut = ClassTable(["sky", "sea"], palette=[(1, 2, 3), (4, 5, 6)]).colors(void=(9, 9, 9))
    assert lut.shape == (256, 3)
    assert lut[[0, 1, 2, 255]].tolist() == [[1, 2, 3], [4, 5, 6], [0, 0, 0], [9, 9, 9]]


@pytest.mark.parametrize("name", ["nope", "", "../semsig54", "ADE20K"])
def test_no_such_built_in_table(name):
    with pytest.raises(ClassTableError, match="there are ade20k, "):
        ClassTable.builtin(name)


def test_reads_toml(tmp_path):
    path = tmp_path / "coast.toml"
    path.write_text('name = "coast"\nnames = ["sky", "sea"]\npalette = [[1, 2, 3], [4, 5, 6]]')
    expected = ClassTable(["sky", "sea"], name="coast", palette=[(1, 2, 3), (4, 5, 6)])
    assert ClassTable.from_toml(path) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "names = 3\nname = 'x'",
        'name = "x"\nnames = ["a", "a"]',
        'name = "x"\nnames = ["a"]\npalette = [1]',
        "\udcff",
    ],
)
def test_refuses_toml_and_names_the_file(tmp_path, text):
    path = tmp_path / "coast.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ClassTableError, match=r"coast\.toml is not a class table"):
        ClassTable.from_toml(path)


def test_reads_lines_numbered_from_0(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text(" sky\nsea \r\npotted plant\n\n")
    assert ClassTable.from_lines(path).names == ("sky", "sea", "potted plant")


@pytest.mark.parametrize("text", ["", "sky\n\nsea\n", "sky\nsky\n"])
def test_refuses_lines_that_would_shift_or_repeat_labels(tmp_path, text):
    path = tmp_path / "classes.txt"
    path.write_text(text)
    with pytest.raises(ClassTableError, match=r"classes\.txt is not a list"):
        ClassTable.from_lines(path)


def test_missing_files_are_named(tmp_path):
    for read in (ClassTable.from_toml, ClassTable.from_lines):
        with pytest.raises(ClassTableError, match="absent"):
            read(tmp_path / "absent")
