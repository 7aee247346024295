"""Ground truth that circulates, read without running anything; the protocols that it is of."""

import json
import os
import pickle
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.io import savemat

from semsig.datasets import load_dataset, own_dataset
from semsig.datasets.gnd import read_ground_truth
from semsig.datasets.pickled import read_pickled
from semsig.errors import DatasetError
from semsig.evaluate.scoring import measure
from tests.reference import revisited

PLAIN = type(None), bool, int, float, str, bytes, list, tuple, dict, np.ndarray

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def depth(value):
    items = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list | tuple):
        return 0
    return 1 + max(map(depth, items), default=0)


@given(plain.filter(lambda value: depth(value) <= 6), st.integers(0, 5))
def test_plain_data_is_what_pickle_wrote(tmp_path_factory, value, protocol):
    path = tmp_path_factory.mktemp("p") / "x.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    found = read_pickled(path)
    assert found == value
    assert type(found) is type(value)


numbers = hnp.arrays(
    st.sampled_from([np.int64, np.int32, np.uint8, np.float32, np.float64, ">i4", np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
    elements={"allow_nan": False},
)


@given(numbers, st.integers(0, 4), st.booleans())
def test_arrays_are_what_pickle_wrote(tmp_path_factory, array, protocol, columns_first):
    path = tmp_path_factory.mktemp("p") / "x.pkl"
    given_ = np.asfortranarray(array) if columns_first and array.ndim else array
    path.write_bytes(pickle.dumps({"a": given_, "s": np.float64(1.5)}, protocol))
    found = read_pickled(path)
    assert found["s"] == 1.5
    np.testing.assert_array_equal(found["a"], array)
    assert found["a"].dtype == array.dtype


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [Harmful(), [Harmful()], OrderedDict(a=1), np.array([Harmful()], object), {1, 2}, print,
     np.dtype("O"), np.array(["text"]), 1j],
)  # fmt: skip
def test_anything_else_is_refused_and_not_run(tmp_path, monkeypatch, value, protocol):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol))
    with pytest.raises(DatasetError, match=r"Nothing of it was run|gnd|Expected"):
        read_pickled(tmp_path / "x.pkl")
    assert not (tmp_path / "harmed").exists()


def test_lists_that_hold_themselves_and_broken_files_are_refused(tmp_path):
    path = tmp_path / "x.pkl"
    endless = []
    endless.append(endless)
    whole = pickle.dumps({"a": np.arange(4), "b": ["x"]})
    for content in (pickle.dumps(endless), b"", b"hello", *(whole[:n] for n in range(len(whole)))):
        path.write_bytes(content)
        with pytest.raises(DatasetError):
            read_pickled(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_pickled(tmp_path / "none.pkl")


def test_what_would_fill_the_memory_is_refused(tmp_path):
    few = [0] * 400
    for _ in range(5):
        few = [few] * 400  # 16 kB as a pickle, 400 ** 6 items
    for content in (pickle.dumps(few), b"\x80\x02" + b"}0" * 2_000_001 + b"N."):
        (tmp_path / "x.pkl").write_bytes(content)
        with pytest.raises(DatasetError, match=r"more items|instructions"):
            read_pickled(tmp_path / "x.pkl")


@pytest.mark.parametrize("called", ["eval", "getattr", "open", "exec", "__import__", "compile"])
@pytest.mark.parametrize("module", ["builtins", "__builtin__", "os", "numpy", "numpy.testing"])
def test_no_name_but_those_of_arrays_is_known(tmp_path, called, module):
    head = f"c{module}\n{called}\n".encode()
    stack = f"\x8c{chr(len(module))}{module}\x8c{chr(len(called))}{called}\x93".encode("latin-1")
    for start in (head, b"\x80\x04" + stack):
        for rest in (b"(S'1'\ntR.", b"."):
            (tmp_path / "x.pkl").write_bytes(start + rest)
            with pytest.raises(DatasetError, match=f"the name {module}.{called}"):
                read_pickled(tmp_path / "x.pkl")


@pytest.mark.parametrize("code", ["INST", "OBJ", "NEWOBJ", "PERSID", "BINPERSID", "EXT1", "DUP"])
def test_instructions_that_make_objects_are_unknown(code):
    from semsig.datasets import pickled

    known = {*pickled._SILENT, *pickled._CONSTANTS, *pickled._VALUES, *pickled._STEPS}
    assert code not in known


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_be_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("p") / "x.pkl"
    path.write_bytes(b"\x80\x02" + content + b".")
    got = None
    with suppress(DatasetError):
        got = read_pickled(path)
    assert isinstance(got, PLAIN)


TRUTH = {
    "imlist": [f"place_{n:06}" for n in range(8)],
    "qimlist": ["asked_000000", "asked_000001", "asked_000002"],
    "gnd": [
        {"bbx": [1.0, 2.0, 30.5, 40.0], "easy": [0, 1], "hard": [4], "junk": [2]},
        {"bbx": [0, 0, 9, 9], "easy": [], "hard": [3, 5], "junk": [0]},
        {"bbx": [0, 0, 9, 9], "easy": [7], "hard": [], "junk": []},
    ],
}


def with_arrays(truth):
    gnd = [{k: np.array(v, np.float64 if k == "bbx" else np.int64) for k, v in one.items()}
           for one in truth["gnd"]]  # fmt: skip
    return truth | {"gnd": gnd}


def from_one(truth):
    gnd = [
        {k: np.array(v, float) if k == "bbx" else np.array(v, float) + 1 for k, v in one.items()}
        for one in truth["gnd"]
    ]
    return (
        truth
        | {"gnd": np.array(gnd, object)}
        | {name: np.array(truth[name], object) for name in ("imlist", "qimlist")}
    )


@pytest.fixture(params=["pkl", "pkl of Python 2", "pkl of arrays", "mat", "json"])
def truth_file(request, tmp_path):
    suffix = request.param[:4].strip()
    path = tmp_path / f"gnd_roxford5k.{suffix}"
    if suffix == "mat":
        savemat(path, from_one(TRUTH))
    elif suffix == "json":
        path.write_text(json.dumps(TRUTH))
    else:
        document = with_arrays(TRUTH) if "arrays" in request.param else TRUTH
        path.write_bytes(pickle.dumps(document, 2 if "2" in request.param else 4))
    return path


def test_every_layout_says_the_same(truth_file):
    truth = read_ground_truth(truth_file)
    assert truth.photos == tuple(TRUTH["imlist"])
    assert truth.queries[0].box == (1.0, 2.0, 30.5, 40.0)
    assert truth.grades("easy") == [{2: -1, 4: -1, 0: 1, 1: 1}, {0: -1, 3: -1, 5: -1}, {7: 1}]
    assert truth.grades("medium")[0] == {2: -1, 0: 1, 1: 1, 4: 1}
    assert truth.grades("hard")[0] == {2: -1, 0: -1, 1: -1, 4: 1}
    again = truth_file.with_name("again.json")
    again.write_text(truth.to_json())
    assert read_ground_truth(again) == truth


@pytest.fixture
def photos_there(tmp_path):
    root = tmp_path / "roxford5k"
    (root / "jpg").mkdir(parents=True)
    for name in TRUTH["imlist"] + TRUTH["qimlist"] + ["distractor_000000"]:
        (root / "jpg" / f"{name}.jpg").touch()
    return root


@pytest.mark.parametrize("protocol", ["easy", "medium", "hard"])
def test_revisited_protocols_by_definition(photos_there, tmp_path, protocol):
    (tmp_path / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(TRUTH))
    dataset = load_dataset("roxford5k", protocol)
    photos = dataset.scan(photos_there)
    assert photos.in_database.sum() == 8
    rng = np.random.default_rng(0)
    drawn = rng.random((len(photos.paths), 8)).astype(np.float32)
    result = measure(dataset, photos, lambda asked: drawn[asked])
    expected = {"map_trapezoid": [], "mp@1": [], "mp@5": [], "mp@10": []}
    asked = 0
    for one in TRUTH["gnd"]:
        kinds = {"easy": ["easy"], "medium": ["easy", "hard"], "hard": ["hard"]}[protocol]
        relevant = {n for kind in kinds for n in one[kind]}
        junk = {n for kind in ("easy", "hard", "junk") for n in one[kind]} - relevant
        if not relevant:
            continue
        ranking = revisited.without_junk(np.argsort(drawn[8 + asked]).tolist(), junk)
        asked += 1
        expected["map_trapezoid"].append(revisited.average_precision(ranking, relevant))
        for k in (1, 5, 10):
            expected[f"mp@{k}"].append(revisited.precision_at(ranking, relevant, k))
    assert result.n_queries == asked
    for name, values in expected.items():
        np.testing.assert_allclose(result.scores[name], values, atol=1e-12)


def test_ground_truth_of_ones_own(photos_there, tmp_path):
    gnd = [{"ok": [0, 3], "junk": [1]}]
    document = {"imlist": [f"jpg/{n}.jpg" for n in TRUTH["imlist"]], "qimlist": ["asked_000000"]}
    (tmp_path / "mine.json").write_text(json.dumps(document | {"gnd": gnd}))
    dataset = own_dataset(photos_there, relevant=tmp_path / "mine.json")
    photos = dataset.scan(photos_there)
    assert photos.judge(np.array([8]), np.arange(8)).tolist() == [[1, -1, 0, 1, 0, 0, 0, 0]]
    with pytest.raises(DatasetError, match="Choose another protocol"):
        own_dataset(photos_there, relevant=tmp_path / "mine.json", protocol="easy").scan(
            photos_there
        )


def test_what_is_missing_is_told(photos_there, tmp_path):
    dataset = load_dataset("roxford5k")
    with pytest.raises(DatasetError, match=r"Expected gnd_roxford5k.pkl, .mat or .json"):
        dataset.scan(photos_there)
    (tmp_path / "gnd_roxford5k.json").write_text(json.dumps(TRUTH))
    (photos_there / "jpg" / "place_000005.jpg").unlink()
    (photos_there / "jpg" / "asked_000002.jpg").unlink()
    photos = dataset.scan(photos_there)
    assert photos.notes == (
        "1 photos are missing",
        "1 queries are missing or have no relevant photo: left out",
    )
    for path in (photos_there / "jpg").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="0 are there"):
        dataset.scan(photos_there)
    with pytest.raises(DatasetError, match="Expected no protocol for wang"):
        load_dataset("wang", "easy")


@pytest.mark.parametrize(
    "change",
    [
        {"gnd": [{"ok": [8]}]},
        {"gnd": [{"ok": [-1]}]},
        {"gnd": [{"ok": [0.5]}]},
        {"gnd": [{"ok": ["x"]}]},
        {"gnd": []},
        {"gnd": [{"bbx": [1, 2]}]},
        {"imlist": 3},
        {"qimlist": [None]},
    ],
)
def test_ground_truth_that_is_refused(tmp_path, change):
    document = {"imlist": TRUTH["imlist"], "qimlist": ["q"], "gnd": [{"ok": [1]}]}
    (tmp_path / "x.json").write_text(json.dumps(document | change))
    with pytest.raises(DatasetError, match="Expected imlist"):
        read_ground_truth(tmp_path / "x.json")
    with pytest.raises(DatasetError, match="Expected a file"):
        read_ground_truth(tmp_path / "x.txt")


def touch(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_ukbench_is_measured_by_hits_among_four(tmp_path):
    touch(tmp_path, [f"full/ukbench{n:05}.jpg" for n in range(10200)])
    dataset = load_dataset("ukbench")
    photos = dataset.scan(tmp_path)
    assert photos.labels[:5].tolist() == [0, 0, 0, 0, 1]
    assert len(photos.classes) == 2550
    few = np.arange(len(photos.paths)) < 8
    far = np.zeros((8, 8), np.float32)
    far[:4, 4:] = 1  # the first object's photos are near each other, others' everything
    result = measure(dataset, photos, lambda asked: far[asked], usable=few)
    # of 4..7, each is its own first hit; then come 0, 1 and 2
    assert result.measures["hits@4"] == (4 + 1) / 2


def test_gpr1200_has_ten_photos_a_category(tmp_path):
    touch(tmp_path, [f"images/{c}_{n}.jpg" for c in range(1200) for n in range(10)])
    photos = load_dataset("gpr1200").scan(tmp_path)
    assert np.bincount(photos.labels).tolist() == [10] * 1200
    assert photos.is_query.all()


def test_instre_names_photos_by_folders(tmp_path):
    names = ["INSTRE-S1/01a/001.jpg", "INSTRE-S1/02a/001.jpg", "INSTRE-S2/x/001.jpg"]
    touch(tmp_path / "instre", names)
    gnd = {"imlist": names[:2], "qimlist": names[2:], "gnd": [{"ok": [1], "bbx": [0, 0, 5, 5]}]}
    savemat(tmp_path / "instre" / "gnd_instre.mat", {
        "imlist": np.array(gnd["imlist"], object), "qimlist": np.array(gnd["qimlist"], object),
        "gnd": np.array([{"ok": np.array([2.0]), "bbx": np.array([0.0, 0, 5, 5])}], object),
    })  # fmt: skip
    photos = load_dataset("instre").scan(tmp_path / "instre")
    assert photos.judge(np.array([2]), np.arange(2)).tolist() == [[0, 1]]
    assert photos.listed[2].box == (0, 0, 5, 5)
