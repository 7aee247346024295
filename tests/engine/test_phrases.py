"""Visual phrases in the engine: signed with photos, kept with them, searched alone and fused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.engine import Engine, verify_photos
from semsig.engine import fusion as fusion_module
from semsig.engine.side import SideIndex
from semsig.errors import (
    IndexWriteError,
    OptionError,
    QueryError,
    SemsigError,
    SignatureError,
    VocabularyError,
)
from semsig.query import Box
from semsig.search import L2Index
from semsig.search.fusion import FusionOptions
from semsig.search.options import RerankOptions
from semsig.signatures import Inputs, KeypointOptions, SbovpOptions, Vocabulary, default_vocabulary
from semsig.signatures.sbovp.kind import SBOVP, VOCABULARY
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap

TABLE = ClassTable(["upper", "lower"])
SIDE = 96


class HalfSegmenter:
    """The upper half of every photo is one class, the lower half the other."""

    name = "halves"
    fingerprint = "halves 1"
    classes = TABLE

    def __call__(self, image):
        labels = np.zeros(image.shape[:2], np.uint8)
        labels[image.shape[0] // 2 :] = 1
        return LabelMap(labels, TABLE)

    def batch(self, images):
        return [self(image) for image in images]


def picture(seed: int) -> np.ndarray:
    """Bright and dark boxes, of which keypoints abound."""
    rng = np.random.default_rng(seed)
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    for _ in range(25):
        y, x = rng.integers(0, SIDE - 12, 2)
        h, w = rng.integers(5, 12, 2)
        image[y : y + h, x : x + w] = rng.integers(0, 256)
    return image


@pytest.fixture
def photos(tmp_path):
    paths = [tmp_path / "photos" / f"{seed}.png" for seed in range(6)]
    paths[0].parent.mkdir()
    for seed, path in enumerate(paths):
        PillowImage.fromarray(picture(seed)).save(path)
    return paths


@pytest.fixture
def engine(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter=HalfSegmenter(), levels=1)
    engine.add_signature("sbovp")
    engine.add(photos, workers=2)
    return engine


def reopened(engine: Engine) -> Engine:
    return Engine.open(engine.index.path, segmenter=HalfSegmenter())


def id_of(engine: Engine, path: Path) -> int:
    return dict(zip(engine.paths, engine.index.ids.tolist(), strict=True))[str(path)]


def found(engine: Engine, query, signature, **options) -> list[str]:
    return [Path(hit.path).stem for hit in engine.search(query, signature=signature, **options)]


def sign(engine, image, label_map):
    return engine.sides["sbovp"].encoder(Inputs(image=image, label_map=label_map))


@pytest.mark.parametrize("signature", ["sbovp", "fused"])
def test_a_photo_finds_itself_first(engine, photos, signature):
    for opened in (engine, reopened(engine)):
        for path in photos:
            hits = opened.search(path, 6, signature=signature)
            assert hits[0].path == str(path)
            assert hits[0].distance == pytest.approx(0, abs=1e-3)
            assert len(hits) == 6
            assert hits[1].distance > 0.05


def test_pixels_find_what_their_file_finds(engine, photos):
    for path in photos[:2]:
        assert found(engine, picture(int(path.stem)), "sbovp") == found(engine, path, "sbovp")


def test_phrases_are_those_of_the_signature(engine, photos):
    phrases = engine.sides["sbovp"]
    expected = sign(engine, picture(3), HalfSegmenter()(picture(3)))
    stored = phrases.index.signature(id_of(engine, photos[3]))
    np.testing.assert_array_equal(stored.columns, expected.columns)
    np.testing.assert_array_equal(stored.counts, expected.counts)
    assert len(expected.columns) > 3


def test_phrases_come_to_an_index_of_blocks(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter=HalfSegmenter(), levels=1)
    engine.add(photos[:4])
    engine.add_signature("sbovp")
    assert found(engine, photos[0], "sbovp") == []
    report = engine.add(photos)
    assert (report.added, report.replaced, report.unchanged) == (2, 4, 0)
    assert len(engine.sides["sbovp"]) == len(engine) == 6
    assert engine.add(photos).unchanged == 6


def test_phrases_cannot_be_added_twice(engine):
    for opened in (engine, reopened(engine)):
        with pytest.raises(OptionError, match="has visual phrases already"):
            opened.add_signature("sbovp")


def test_a_changed_photo_has_new_phrases(engine, photos):
    PillowImage.fromarray(picture(77)).save(photos[2])
    assert engine.add(photos).replaced == 1
    assert len(engine.sides["sbovp"]) == 6
    hit = engine.search(picture(77), 1, signature="sbovp")[0]
    assert (hit.path, hit.distance) == (str(photos[2]), pytest.approx(0, abs=1e-3))


def test_what_a_stopped_run_left_without_phrases_is_signed_by_the_next(engine, photos, monkeypatch):
    PillowImage.fromarray(picture(88)).save(photos[1])

    def full(*_args, **_options):
        raise IndexWriteError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(L2Index, "add", full)
        with pytest.raises(IndexWriteError):
            engine.add(photos)
    opened = reopened(engine)
    assert len(opened) == 6
    assert "1" not in found(opened, photos[0], "sbovp", k=6)
    assert "1" not in found(opened, photos[0], "fused", k=6)
    assert opened.add(photos).replaced == 1
    assert len(opened.sides["sbovp"]) == 6
    assert found(opened, picture(88), "sbovp")[0] == "1"


def test_removed_photos_lose_their_phrases(engine, photos):
    engine.remove(photos[:2])
    assert len(engine.sides["sbovp"].index) == 4
    photos[3].unlink()
    engine.prune([photos[3].parent])
    assert len(engine.sides["sbovp"].index) == 3
    assert sorted(found(engine, photos[4], "sbovp")) == ["2", "4", "5"]
    engine.compact()
    assert sorted(found(reopened(engine), photos[4], "fused")) == ["2", "4", "5"]


def test_phrases_of_photos_that_are_gone_are_never_found(engine, photos):
    engine.index.remove([id_of(engine, photos[5])])
    for signature in ("sbovp", "fused"):
        assert "5" not in found(engine, photos[0], signature, k=6)
    assert len(engine.sides["sbovp"]) == 5


@pytest.mark.parametrize("few", [False, True])
def test_fused_distances_by_their_definition(engine, photos, monkeypatch, few):
    """With candidates enough for all photos the order is that of the weighted sum."""
    if few:
        monkeypatch.setattr(fusion_module, "CANDIDATES", 1)
    label_map = HalfSegmenter()(picture(0))
    blocks, b = engine.index.search(sbs(label_map, 1), 6, metric="tanimoto-idf")
    phrases, p = engine.sides["sbovp"].search([sign(engine, picture(0), label_map)], 6)
    shares = FusionOptions().shares
    weight = shares["sbovp"] / (shares["sbs"] + shares["sbovp"])
    expected = {
        int(id_): (1 - weight) * near + weight * phrases[0][list(p[0]).index(id_)] / 2**0.5
        for id_, near in zip(b[0], blocks[0], strict=True)
    }
    hits = engine.search(photos[0], 6, signature="fused")
    assert [hit.id for hit in hits] == sorted(expected, key=expected.__getitem__)
    assert [hit.distance for hit in hits] == pytest.approx(sorted(expected.values()), abs=1e-6)


@pytest.mark.parametrize("signature", ["sbs", "sbovp", "fused"])
def test_ranked_anew_by_neighbours(engine, photos, signature):
    options = RerankOptions(k1=2, k2=1, depth=5)
    hits = engine.search(photos[3], 4, signature=signature, rerank=options)
    assert hits[0].path == str(photos[3]) or signature == "sbs"
    assert len(hits) == 4


def test_a_mirrored_photo_finds_its_mirror_image(engine, photos):
    flipped = photos[0].with_name("flipped.png")
    PillowImage.fromarray(picture(0)[:, ::-1]).save(flipped)
    engine.add([flipped])
    for signature in ("sbovp", "fused"):
        plain = engine.search(photos[0], 7, signature=signature)
        both = engine.search(photos[0], 7, signature=signature, mirrored=True)
        near = {hit.path: hit.distance for hit in both}
        assert near[str(flipped)] < {hit.path: hit.distance for hit in plain}[str(flipped)]
        assert near[str(photos[0])] == pytest.approx(0, abs=1e-3)


def test_a_crop_is_searched_as_a_photo_of_its_own(engine, photos):
    crop = Box(left=0, top=0, right=1, bottom=0.5)
    part = np.ascontiguousarray(picture(2)[: SIDE // 2])
    label_map = HalfSegmenter()(picture(2))
    label_map = LabelMap(label_map.labels[: SIDE // 2], TABLE)
    expected, _ = engine.sides["sbovp"].search([sign(engine, part, label_map)], 6)
    hits = engine.search(photos[2], 6, signature="sbovp", crop=crop)
    assert [hit.distance for hit in hits] == pytest.approx(expected[0].tolist(), abs=1e-5)


def test_absent_classes_have_no_phrases(engine, photos):
    hits = engine.search(photos[2], 6, signature="sbovp")
    assert hits[0].distance < 0.1
    blank = LabelMap(np.where(HalfSegmenter()(picture(2)).labels == 1, 255, 0), TABLE)
    expected, _ = engine.sides["sbovp"].search([sign(engine, picture(2), blank)], 6)
    asked = engine._asked(photos[2], engine._view("lower", None, False), "sbovp")
    np.testing.assert_allclose(engine.sides["sbovp"].search(asked, 6)[0], expected, atol=1e-6)


def test_conditions_restrict_phrases(engine, photos):
    assert len(found(engine, photos[0], "sbovp", has="upper:top")) == 6
    assert found(engine, photos[0], "sbovp", has="upper:bottom-half") == []


def test_without_phrases_there_is_nothing_to_search(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter=HalfSegmenter())
    engine.add(photos[:1])
    for signature in ("sbovp", "fused"):
        with pytest.raises(QueryError, match="holds no visual phrases"):
            engine.search(photos[0], signature=signature)
    with pytest.raises(QueryError, match="holds no visual phrases"):
        engine.explain(photos[0], photos[0], signature="sbovp")


def test_a_label_map_has_no_phrases(engine):
    with pytest.raises(QueryError, match="Expected a photo"):
        engine.search(HalfSegmenter()(picture(0)), signature="sbovp")


def test_unknown_signatures(engine, photos):
    with pytest.raises(OptionError, match="signature of sbs"):
        engine.search(photos[0], signature="colour")


def test_counts_that_are_not_scaled_cannot_be_fused(tmp_path, photos):
    engine = Engine.create(None, segmenter=HalfSegmenter())
    engine.add_signature("sbovp", options=SbovpOptions(norm="none"))
    engine.add(photos)
    assert found(engine, photos[4], "sbovp")[0] == "4"
    with pytest.raises(OptionError, match="to fuse"):
        engine.search(photos[0], signature="fused")


def test_verify_names_damaged_phrases(engine):
    folder = engine.index.path
    assert verify_photos(folder).ok
    data = next((folder / SBOVP.folder).glob("*counts*.npy"))
    content = bytearray(data.read_bytes())
    content[-1] ^= 1
    data.write_bytes(content)
    report = verify_photos(folder)
    assert [damage.file for damage in report.damaged] == [f"{SBOVP.folder}/{data.name}"]


def test_a_lost_vocabulary_is_named(engine):
    (engine.index.path / VOCABULARY).unlink()
    assert [damage.file for damage in verify_photos(engine.index.path).damaged] == [VOCABULARY]
    with pytest.raises(VocabularyError, match=r"vocabulary\.npz"):
        found(reopened(engine), next(engine.paths), "sbovp")


def test_another_vocabulary_is_refused(engine):
    other = Vocabulary(words=np.eye(64)[:5], detector="kaze", options=KeypointOptions())
    other.save(engine.index.path / VOCABULARY)
    with pytest.raises(SignatureError, match="made with vocabulary"):
        found(reopened(engine), next(engine.paths), "sbovp")


def test_a_creation_that_stopped_is_taken_up(tmp_path):
    """Killed after the vocabulary was written and before the index was."""
    engine = Engine.create(tmp_path / "index", segmenter=HalfSegmenter())
    engine.add_signature("sbovp")
    shutil.rmtree(engine.index.path / SBOVP.folder)
    opened = reopened(engine)
    assert "sbovp" not in opened.sides
    opened.add_signature("sbovp")
    assert isinstance(opened.sides["sbovp"], SideIndex)


def test_info_tells_of_phrases(engine):
    info = engine.info()
    assert f"L={len(default_vocabulary())}" in info.signatures["sbovp"]
    assert info.bytes > engine.index.n_bytes


def test_shared_phrases_of_a_photo_with_itself(engine, photos):
    shared = engine.explain(photos[0], photos[0], signature="sbovp")
    assert sum(shared.shared.values()) == shared.totals[0] == shared.totals[1] > 0
    assert len(shared.links[0].ends) == shared.totals[0]
    assert f"{shared.totals[0]} phrases shared" in shared.sentence
    assert set(shared.to_dict()["phrases_shared"]) == {"upper", "lower"}


def test_shared_phrases_are_counted_as_the_histograms_intersect(engine, photos):
    shared = engine.explain(photos[0], photos[1], signature="sbovp")
    a, b = (sign(engine, picture(seed), HalfSegmenter()(picture(seed))) for seed in (0, 1))
    common, here, there = np.intersect1d(a.columns, b.columns, return_indices=True)
    least = np.minimum(a.counts[here], b.counts[there]).astype(int)
    block = common.astype(int) // a.schema.n_pairs
    expected = {int(c): int(least[block == c].sum()) for c in np.unique(block)}
    assert shared.shared == expected
    drawn = [len(links.labels) for links in shared.links]
    assert drawn == [int(a.counts[here].sum()), int(b.counts[there].sum())]


def test_photos_without_keypoints_share_nothing(engine):
    blank = np.full((40, 40, 3), 200, np.uint8)
    shared = engine.explain(blank, picture(0), signature="sbovp")
    assert shared.shared == {}
    assert "no phrases shared" in shared.sentence


@pytest.mark.parametrize("lost", [VOCABULARY, f"{SBOVP.folder}/manifest.json"])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, None])
def test_damaged_phrases_do_not_take_the_blocks_down(engine, photos, lost, content):
    expected = found(engine, photos[0], "sbs")
    path = engine.index.path / lost
    path.unlink() if content is None else path.write_bytes(content)
    left = reopened(engine)
    assert found(left, photos[0], "sbs") == expected
    assert "cannot be read" in left.info().signatures["sbovp"]
    left.remove([photos[-1]])
    left.compact()
    assert len(left) == len(photos) - 1
    for needing in (lambda: found(left, photos[0], "sbovp"), lambda: left.add(photos)):
        with pytest.raises(SemsigError, match=r"sbovp|manifest"):
            needing()
