"""The scikit-learn estimators, beside what scikit-learn itself makes of the same bits."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import DBSCAN
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsTransformer, NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline

from semsig import (
    ClassTable,
    HammingIndex,
    LabelMap,
    SbsBatch,
    SbsNeighbors,
    SbsSchema,
    SbsSignature,
    SbsTransformer,
    sbs,
)
from semsig.errors import ImageError, OptionError, SchemaMismatchError, SignatureError
from semsig.types.metrics import METRICS

CLASSES = ClassTable(["sky", "sea", "sand"], name="beach")


class Thirds:
    """Segments by brightness; cannot be copied or pickled, like a network's session."""

    classes = CLASSES
    name = "thirds"
    fingerprint = "thirds"

    def __call__(self, image):
        return LabelMap(image[..., 0] // 86, CLASSES)

    def batch(self, images):
        return [self(image) for image in images]

    def __reduce__(self):
        raise TypeError("no copies")


@pytest.fixture(scope="module")
def label_maps() -> list[LabelMap]:
    rng = np.random.default_rng(5)
    maps = [LabelMap(rng.integers(0, 3, (4, 6)), CLASSES) for _ in range(12)]
    return [*maps, maps[3], maps[3]]


@pytest.fixture(scope="module")
def batch(label_maps) -> SbsBatch:
    return SbsTransformer(levels=1).fit_transform(label_maps)


@pytest.fixture(scope="module")
def bits(batch) -> np.ndarray:
    return np.array([np.unpackbits(row.to_bits())[: batch.schema.n_bits] for row in batch])


def test_label_maps_become_signatures_without_a_segmenter(label_maps):
    transformer = SbsTransformer(levels=2, segmenter="no such segmenter")
    batch = transformer.fit_transform(label_maps)
    assert transformer.schema_ == SbsSchema(2, CLASSES)
    assert list(batch) == [sbs(label_map, 2) for label_map in label_maps]


def test_photos_go_through_the_segmenter_in_order(tmp_path):
    rng = np.random.default_rng(1)
    photos = [rng.integers(0, 256, (6, 8, 3), np.uint8) for _ in range(4)]
    for number, photo in enumerate(photos[:3]):
        Image.fromarray(photo).save(tmp_path / f"{number}.png")
    mixed = [str(tmp_path / "0.png"), tmp_path / "1.png", photos[3], Thirds()(photos[3]), photos[1]]
    transformer = SbsTransformer(1, segmenter=Thirds()).fit(mixed)
    order = (photos[number] for number in (0, 1, 3, 3, 1))
    assert list(transformer.transform(mixed)) == [sbs(Thirds()(photo), 1) for photo in order]
    named = dict(enumerate(photos)).values()
    assert list(transformer.fit(named).transform(named)) == list(transformer.transform(photos))
    assert list(transformer.transform(np.array(photos)))[3] == transformer.transform(mixed)[2]
    assert len(transformer.transform([])) == 0


def test_a_broken_photo_stops_the_transformation(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.png"):
        SbsTransformer(segmenter=Thirds()).fit_transform([tmp_path / "broken.png"])


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_csr_rows_are_the_bits(label_maps, bits, dtype):
    matrix = SbsTransformer(1, output="csr", dtype=dtype).fit_transform(label_maps)
    assert matrix.dtype == dtype
    assert matrix.has_sorted_indices
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    np.testing.assert_array_equal(matrix.toarray(), bits)


def test_columns_are_named_for_what_their_bits_state(label_maps, bits):
    transformer = SbsTransformer(1, output="csr").fit(label_maps)
    names = transformer.get_feature_names_out()
    assert len(set(names)) == len(names) == bits.shape[1]
    labels = label_maps[0].labels
    said = dict(zip(names, bits[0], strict=True))
    for block, part in enumerate((labels[:2, :3], labels[:2, 3:], labels[2:, :3], labels[2:, 3:])):
        for label, name in enumerate(CLASSES.names):
            reached = [said[f"block{block}_{name}_level{level}"] for level in (1, 2, 3, 4)]
            assert said[f"block{block}_{name}"] == (label in part)
            assert reached == sorted(reached, reverse=True)
            assert sum(reached) == np.ceil((part == label).mean() * 4)


def test_data_frames_are_made_of_dense_bits_only(label_maps, batch, bits):
    pandas = pytest.importorskip("pandas")
    dense = SbsTransformer(1, output="dense").set_output(transform="pandas")
    frame = dense.fit_transform(label_maps)
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(dense.get_feature_names_out())
    np.testing.assert_array_equal(frame.to_numpy(), bits)
    packed = SbsTransformer(1, output="packed").set_output(transform="pandas")
    assert list(packed.fit_transform(label_maps).columns) == [
        "byte0",
        "byte1",
        *map("byte{}".format, range(2, 8)),
    ]
    assert not hasattr(SbsTransformer(1), "set_output")
    with config_context(transform_output="pandas"):
        assert list(SbsTransformer(1).fit_transform(label_maps)) == list(batch)
        with pytest.raises(ValueError, match="sparse"):
            SbsTransformer(1, output="csr").fit_transform(label_maps)


def test_csr_of_empty_signatures_has_empty_rows():
    void = LabelMap(np.full((2, 2), CLASSES.void), CLASSES)
    transformer = SbsTransformer(0, output="csr").fit([void])
    assert transformer.transform([void, void]).toarray().tolist() == [[0] * 15] * 2
    assert transformer.transform([]).shape == (0, 15)


def test_packed_rows_feed_an_index(label_maps, batch):
    packed = SbsTransformer(1, output="packed").fit_transform(label_maps)
    assert packed.tolist() == [row.to_bits().tolist() for row in batch]
    index = HammingIndex(batch.schema)
    index.add_with_ids(packed, np.arange(len(packed)))
    assert index.search(packed[:2], 1)[1].tolist() == [[0], [1]]


def test_parameters_are_got_set_and_cloned():
    segmenter = Thirds()
    transformer = SbsTransformer(2, segmenter=segmenter, output="csr")
    expected = {"levels": 2, "segmenter": segmenter, "output": "csr", "dtype": "float32"}
    assert transformer.get_params() == expected | {"threads": None}
    other = clone(transformer).set_params(levels=1)
    assert (other.levels, other.segmenter, transformer.levels) == (1, segmenter, 2)
    neighbors = clone(SbsNeighbors(3, metric="tanimoto"))
    assert (neighbors.n_neighbors, neighbors.metric) == (3, "tanimoto")


def test_a_fitted_transformer_can_be_pickled(label_maps, batch):
    transformer = pickle.loads(pickle.dumps(SbsTransformer(1).fit(label_maps)))  # noqa: S301
    assert list(transformer.transform(label_maps)) == list(batch)


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_are_as_the_index_has_them(batch, metric):
    expected = HammingIndex(batch.schema)
    expected.add(batch)
    found = SbsNeighbors(3, metric=metric).fit(batch).kneighbors(batch)
    for one, other in zip(found, expected.search(batch, 3, metric=metric), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fitted_neighbours_can_be_pickled(batch):
    neighbors = SbsNeighbors(3, metric="tanimoto").fit(batch)
    copy = pickle.loads(pickle.dumps(neighbors))  # noqa: S301
    assert copy.kneighbors(return_distance=False).tolist() == neighbors.kneighbors()[1].tolist()
    assert pickle.loads(pickle.dumps(SbsNeighbors(3))).n_neighbors == 3  # noqa: S301


def test_the_embedded_network_segments_pictures():
    picture = np.zeros((64, 96, 3), np.uint8)
    transformer = SbsTransformer(1, threads=1).fit([picture])
    assert transformer.schema_.classes == ClassTable.builtin("semsig54")
    assert len(transformer.transform([picture])) == 1


def test_a_pipeline_classifies_and_is_searched_for_its_levels():
    rng = np.random.default_rng(6)
    label_maps = [LabelMap(rng.integers(0, 3, (4, 4)), CLASSES) for _ in range(90)]
    answers = [int(label_map.labels[0, 0]) for label_map in label_maps]
    model = make_pipeline(SbsTransformer(segmenter=Thirds(), output="csr"), LogisticRegression())
    grid = {"sbstransformer__levels": [0, 2]}
    search = GridSearchCV(model, grid, cv=2).fit(label_maps, answers)
    assert search.best_params_ == {"sbstransformer__levels": 2}
    assert search.predict(label_maps).tolist() == answers


def test_a_pipeline_is_searched_for_levels_and_metric():
    rng = np.random.default_rng(7)
    distinct = [LabelMap(rng.integers(0, 3, (4, 4)), CLASSES) for _ in range(30)]
    label_maps, answers = distinct * 3, [*range(30)] * 3  # level 2 tells all 30, level 0 few
    steps = [
        ("sbs", SbsTransformer()),
        ("near", SbsNeighbors(1)),
        ("vote", KNeighborsClassifier(1, metric="precomputed")),
    ]
    grid = {"sbs__levels": [0, 2], "near__metric": ["hamming", "tanimoto", "containment"]}
    parts = [(np.arange(60), np.arange(60, 90))]
    search = GridSearchCV(Pipeline(steps), grid, cv=parts, n_jobs=2).fit(label_maps, answers)
    assert search.best_params_["sbs__levels"] == 2
    assert search.best_score_ == 1
    assert len(search.cv_results_["params"]) == 6
    assert search.cv_results_["mean_test_score"].min() < 1
    assert search.predict(label_maps[:5]).tolist() == answers[:5]


def test_joblib_sends_estimators_to_other_processes(tmp_path, label_maps, batch):
    transformer = SbsTransformer(1).fit(label_maps)
    near = SbsNeighbors(3).fit(batch)
    run = joblib.Parallel(n_jobs=2, backend="loky")
    halves = run(
        joblib.delayed(transformer.transform)(part) for part in (label_maps[:7], label_maps[7:])
    )
    assert [signature for half in halves for signature in half] == list(batch)
    found = run(joblib.delayed(near.kneighbors)(batch, k) for k in (1, 3))
    np.testing.assert_array_equal(found[1][1], near.kneighbors(batch)[1])
    joblib.dump(near, tmp_path / "near.joblib")
    loaded = joblib.load(tmp_path / "near.joblib")
    np.testing.assert_array_equal(loaded.kneighbors()[1], near.kneighbors()[1])


@pytest.mark.parametrize(
    "options", [{"output": "bits"}, {"dtype": "int8"}, {"levels": 9}, {"levels": 1.5}]
)
def test_options_out_of_range_are_refused(label_maps, options):
    with pytest.raises(OptionError):
        SbsTransformer(**options).fit(label_maps)


@pytest.mark.parametrize("photos", ["photo.jpg", [], iter([1]), LabelMap([[0]], CLASSES)])
def test_what_is_no_sequence_of_photos_is_refused(photos):
    with pytest.raises(OptionError, match="photo"):
        SbsTransformer(segmenter=Thirds()).fit(photos)


def test_label_maps_of_other_classes_are_refused(label_maps):
    transformer = SbsTransformer(1).fit(label_maps)
    with pytest.raises(SchemaMismatchError):
        transformer.transform([LabelMap([[0]], ClassTable("xy"))])


@pytest.mark.parametrize("estimator", [SbsTransformer(), SbsNeighbors()])
def test_fitting_comes_first(estimator, label_maps):
    call = "transform" if isinstance(estimator, SbsTransformer) else "kneighbors"
    with pytest.raises(NotFittedError):
        getattr(estimator, call)(label_maps)
    if call == "kneighbors":
        with pytest.raises(NotFittedError):
            estimator.radius_neighbors()


@pytest.mark.parametrize("own", [True, False])
def test_neighbours_are_those_of_scikit_learn(batch, bits, own):
    theirs = NearestNeighbors(n_neighbors=6, metric="hamming", algorithm="brute").fit(bits)
    ours = SbsNeighbors(6).fit(batch)
    expected, _ = theirs.kneighbors(None if own else bits)
    distances, indices = ours.kneighbors(None if own else batch)
    assert distances.dtype == np.int32
    np.testing.assert_allclose(distances, expected * batch.schema.n_bits, atol=1e-6)
    queried = (bits[:, None] != bits[indices]).sum(axis=2)
    np.testing.assert_array_equal(queried, distances)
    assert (indices == np.arange(len(bits))[:, None]).any() != own
    np.testing.assert_array_equal(ours.kneighbors(None if own else batch, 6, False), indices)


def test_nothing_is_its_own_neighbour_among_equals():
    schema = SbsSchema(0, CLASSES)
    one, other = SbsSignature([0], schema), SbsSignature([5], schema)
    neighbors = SbsNeighbors(2).fit([one, one, one, one, other])
    distances, indices = neighbors.kneighbors()
    assert indices[:4].tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]
    assert not distances[:4].any()
    found = neighbors.radius_neighbors(return_distance=False)
    assert [row.tolist() for row in found] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], []]


@pytest.mark.parametrize("own", [True, False])
def test_neighbours_within_a_radius_are_those_of_scikit_learn(batch, bits, own):
    n_bits = batch.schema.n_bits
    theirs = NearestNeighbors(metric="hamming", algorithm="brute").fit(bits)
    _, expected = theirs.radius_neighbors(None if own else bits, 9.5 / n_bits, sort_results=True)
    ours = SbsNeighbors(radius=9).fit(batch)
    distances, indices = ours.radius_neighbors(None if own else batch)
    assert [sorted(row) for row in indices] == [sorted(row) for row in expected]
    assert all((np.diff(row) >= 0).all() for row in distances)
    assert 0 < sum(map(len, indices)) < len(bits) ** 2 / 2


def test_the_graph_holds_the_neighbours(batch):
    neighbors = SbsNeighbors(3, metric="tanimoto").fit(batch)
    distances, indices = neighbors.kneighbors()
    graph = neighbors.kneighbors_graph(mode="distance")
    assert graph.shape == (14, 14)
    assert graph.indices.dtype == np.int32
    np.testing.assert_array_equal(graph.indices.reshape(-1, 3), indices)
    np.testing.assert_array_equal(graph.data.reshape(-1, 3), distances)
    assert neighbors.kneighbors_graph(batch[:2], 1).toarray().tolist() == np.eye(2, 14).tolist()
    with pytest.raises(OptionError, match="mode"):
        neighbors.kneighbors_graph(mode="similarity")


def test_a_step_of_a_pipeline_hands_on_what_scikit_learn_would(batch, bits):
    theirs = KNeighborsTransformer(n_neighbors=4, metric="hamming", algorithm="brute").fit(bits)
    near = SbsNeighbors(4).fit(batch)
    graph = near.transform(batch)
    expected = theirs.transform(bits)
    assert np.diff(graph.indptr).tolist() == np.diff(expected.indptr).tolist() == [5] * 14
    np.testing.assert_allclose(
        np.sort(graph.data.reshape(14, 5)),
        np.sort(expected.data.reshape(14, 5)) * batch.schema.n_bits,
        atol=1e-6,
    )
    assert near.get_feature_names_out()[:2].tolist() == ["sbsneighbors0", "sbsneighbors1"]
    with pytest.raises(OptionError):
        SbsNeighbors(14).fit(batch).transform(batch)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("mode", ["connectivity", "distance"])
def test_the_graph_of_a_radius_is_that_of_scikit_learn(batch, bits, own, mode):
    n_bits = batch.schema.n_bits
    theirs = NearestNeighbors(metric="hamming", algorithm="brute").fit(bits)
    expected = theirs.radius_neighbors_graph(None if own else bits, 9.5 / n_bits, mode)
    ours = SbsNeighbors(radius=9).fit(batch)
    graph = ours.radius_neighbors_graph(None if own else batch, mode=mode)
    assert graph.shape == expected.shape
    assert graph.indptr.tolist() == expected.indptr.tolist()
    scale = n_bits if mode == "distance" else 1
    np.testing.assert_allclose(graph.toarray(), expected.toarray() * scale, atol=1e-6)
    assert ours.radius_neighbors_graph(batch[:0]).shape == (0, 14)
    with pytest.raises(OptionError, match="mode"):
        ours.radius_neighbors_graph(mode="similarity")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
def test_the_graph_clusters(batch):
    graph = SbsNeighbors(13).fit(batch).kneighbors_graph(mode="distance")
    groups = DBSCAN(eps=1, min_samples=2, metric="precomputed").fit_predict(graph)
    assert groups.tolist() == [0 if row in (3, 12, 13) else -1 for row in range(14)]


@pytest.mark.parametrize("n_neighbors", [0, 14, "3"])
def test_too_many_or_no_neighbours_are_refused(batch, n_neighbors):
    with pytest.raises(OptionError):
        SbsNeighbors(n_neighbors).fit(batch).kneighbors()


def test_what_is_no_signature_is_refused(label_maps, batch):
    for nothing in ([], None, batch.cells, label_maps):
        with pytest.raises(SignatureError):
            SbsNeighbors().fit(nothing)
    with pytest.raises(SignatureError):
        SbsNeighbors().fit(batch).kneighbors(label_maps)
