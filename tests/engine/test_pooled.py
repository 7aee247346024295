"""Photos indexed and searched by pooled descriptors, from the pass that segments them."""

import numpy as np
import pytest
from PIL import Image

from semsig.classes import ClassTable
from semsig.engine import Engine, verify_photos
from semsig.errors import OptionError, ProjectionError, QueryError, SemsigError
from semsig.evaluate import evaluate
from semsig.query import Box
from semsig.search.options import RerankOptions
from semsig.signatures import PooledOptions, Pooling, Projection
from semsig.signatures.pooled.kind import POOLED, PROJECTION
from semsig.types import LabelMap

TABLE = ClassTable(["dark", "bright"])


class Describing:
    """Segments by brightness; features are the mean of each channel, thrice."""

    name = "describing"
    fingerprint = "describing 1"
    classes = TABLE
    n_features = 3

    def __init__(self):
        self.passes = 0

    def __repr__(self):  # the same in every process: it is part of the names of tests
        return "Describing()"

    def __call__(self, image):
        return LabelMap((image.mean(2) > 100).astype(np.uint8), TABLE)

    def batch(self, images):
        self.passes += 1
        return [self(image) for image in images]

    def describe(self, images):
        self.passes += 1
        features = [np.tile(image.mean((0, 1)), (3, 1)).astype(np.float32) for image in images]
        return list(zip(map(self, images), features, strict=True))


class Plain(Describing):
    describe = None


COLOURS = [(250, 10, 10), (240, 30, 10), (10, 250, 10), (10, 10, 250), (120, 120, 120)]


@pytest.fixture
def photos(tmp_path):
    paths = []
    for number, colour in enumerate(COLOURS):
        pixels = np.full((20, 30, 3), colour, np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


@pytest.fixture
def engine(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter=Describing(), levels=1)
    engine.add(photos, workers=1)
    return engine


def found(engine, query, **how):
    return [hit.id for hit in engine.search(query, len(COLOURS), signature="pooled", **how)]


def test_photos_are_found_by_colour_and_from_one_pass(engine, photos):
    assert engine.segmenter.passes == 1
    hits = engine.search(photos[0], 5, signature="pooled")
    assert [hit.distance for hit in hits[:1]] == [0]
    assert [hit.id for hit in hits[:2]] == [0, 1]
    assert engine.segmenter.passes == 1
    assert found(engine, np.full((5, 5, 3), COLOURS[3], np.uint8))[0] == 3
    assert sorted(found(engine, photos[2], rerank=RerankOptions(k1=2, k2=1))) == [0, 1, 2, 3, 4]


def test_a_crop_and_a_mirror_image_are_described_themselves(engine, tmp_path):
    pixels = np.full((20, 30, 3), COLOURS[2], np.uint8)
    pixels[:, 15:] = COLOURS[3]
    left = Box(left=0, top=0, right=0.5, bottom=1)
    assert found(engine, pixels, crop=left)[0] == 2
    right = Box(left=0.5, top=0, right=1, bottom=1)
    assert found(engine, pixels, crop=right, mirrored=True)[0] == 3


def test_descriptors_outlive_the_engine_and_follow_changes(engine, photos):
    again = Engine.open(engine.index.path, segmenter=Describing())
    assert found(again, photos[0]) == found(engine, photos[0])
    assert "spoc" in again.info().signatures["pooled"]
    Image.fromarray(np.full((20, 30, 3), COLOURS[3], np.uint8)).save(photos[0])
    assert again.add(photos, rehash=True).replaced == 1
    assert found(again, photos[3])[:2] == [3, 0]  # a replaced photo counts as added last
    again.remove([photos[3]])
    again.compact()
    assert found(again, photos[0])[0] == 0
    assert 3 not in found(again, photos[0])
    assert verify_photos(again.index.path).ok


def test_an_index_of_blocks_gains_descriptors(tmp_path, photos):
    create = {"segmenter": Describing(), "levels": 1, "signatures": ()}
    engine = Engine.create(tmp_path / "index", **create)
    engine.add(photos)
    with pytest.raises(QueryError, match="sbs,pooled"):
        found(engine, photos[0])
    engine.add_signature("pooled")
    assert engine.add(photos).replaced == len(photos)
    assert engine.add(photos).unchanged == len(photos)
    assert found(engine, photos[0])[0] == 0
    with pytest.raises(OptionError, match="has pooled"):
        engine.add_signature("pooled")


def test_damaged_descriptors_do_not_take_the_blocks_down(engine, photos):
    path = engine.index.path
    (path / POOLED.folder / "manifest.json").write_bytes(b"{")
    left = Engine.open(path, segmenter=Describing())
    assert left.search(photos[0], 3)[0].distance == 0
    assert "cannot be read" in left.info().signatures["pooled"]
    assert [damage.file for damage in verify_photos(path).damaged] == [
        f"{POOLED.folder}/manifest.json"
    ]
    for needing in (lambda: found(left, photos[0]), lambda: left.add(photos)):
        with pytest.raises(SemsigError, match="manifest"):
            needing()


def test_what_gives_no_features_is_refused(tmp_path, engine):
    plain = Plain()
    plain.n_features = 0
    with pytest.raises(OptionError, match="gives features"):
        Engine.create(tmp_path / "other", segmenter=plain).add_signature("pooled")
    with pytest.raises(QueryError, match="Expected a photo"):
        found(engine, LabelMap(np.zeros((4, 4), np.uint8), TABLE))


def test_evaluate_by_pooled_descriptors(tmp_path):
    (tmp_path / "wang").mkdir()
    for number in range(1000):
        pixels = np.full((4, 6, 3), (25 * (number // 100), 250 - 25 * (number // 100), 9), np.uint8)
        pixels[0, 0] = number % 100
        Image.fromarray(pixels).save(tmp_path / "wang" / f"{number}.jpg", quality=95)
    result = evaluate("wang", tmp_path / "wang", segmenter=Describing(), signature="pooled")
    assert result.measures["map"] > 0.9
    assert result.settings["signature"] == "pooled"
    with pytest.raises(OptionError, match="no pyramid"):
        evaluate(
            "wang", tmp_path / "wang", segmenter=Describing(), signature="pooled", pyramid=True
        )


def projected(tmp_path, photos):
    projection = Projection(
        mean=np.full(3, 0.5),
        axes=np.eye(3)[:, :2],
        network="describing 1",
        pooling=Pooling(pool="spoc", power=1.0),
    )
    engine = Engine.create(tmp_path / "projected", segmenter=Describing(), levels=1, signatures=())
    options = PooledOptions(power=1.0, projection=projection)
    engine.add_signature("pooled", options=options)
    engine.add(photos)
    return engine


def test_a_projection_is_kept_beside_the_descriptors(tmp_path, photos):
    engine = projected(tmp_path, photos)
    again = Engine.open(engine.index.path, segmenter=Describing())
    fresh = np.full((7, 9, 3), COLOURS[2], np.uint8)
    assert found(again, fresh)[0] == 2
    assert again.search(fresh, 1, signature="pooled")[0].distance == 0
    assert "2 dimensions of projection" in again.info().signatures["pooled"]
    assert verify_photos(engine.index.path).ok


@pytest.mark.parametrize("content", [None, b"no projection"])
def test_a_lost_projection_does_not_take_the_blocks_down(tmp_path, photos, content):
    path = projected(tmp_path, photos).index.path
    (path / PROJECTION).unlink()
    if content is not None:
        (path / PROJECTION).write_bytes(content)
        assert [damage.file for damage in verify_photos(path).damaged] == [PROJECTION]
    left = Engine.open(path, segmenter=Describing())
    assert left.search(photos[0], 3)[0].distance == 0
    with pytest.raises(ProjectionError, match=PROJECTION):
        found(left, photos[0])


def test_regions_need_a_network_that_gives_its_map(engine, photos):
    with pytest.raises(OptionError, match="feature map"):
        engine.explain(*photos[:2], signature="pooled")
