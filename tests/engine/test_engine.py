"""The engine on photos whose colours are their classes: what it finds can be told by hand."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.engine import Engine
from semsig.engine.options import IndexingOptions
from semsig.errors import (
    IndexCorruptError,
    IndexFormatError,
    IndexLockedError,
    OptionError,
    SchemaMismatchError,
    SegmenterError,
    UnknownIdError,
)
from semsig.parallel import ordered_map
from semsig.photo import PhotoRecord, is_below
from semsig.search import HammingIndex, Reranker
from semsig.search.options import RerankOptions
from semsig.segment.files import FilesSegmenter
from semsig.types import LabelMap, SbsSchema

TABLE = ClassTable(["sky", "grass", "road"], palette=[(0, 0, 255), (0, 255, 0), (255, 0, 0)])


class ColourSegmenter:
    """The strongest channel is the class: blue sky, green grass, red road."""

    name = "colours"
    classes = TABLE

    def __init__(self, fingerprint: str = "colours 1", failing: str | None = None) -> None:
        self.fingerprint = fingerprint
        self.failing = failing
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        if self.failing:
            raise SegmenterError(self.failing)
        return LabelMap(np.array([2, 1, 0])[image.argmax(2)], TABLE)

    def batch(self, images):
        return [self(image) for image in images]


def photo(path: Path, sky: float, road: float = 0.0) -> Path:
    """Sky above grass; `road` of the width on the right is road."""
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[..., 1] = 255
    picture[: round(40 * sky)] = TABLE.palette[0]
    picture[:, 40 - round(40 * road) :] = TABLE.palette[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(picture).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    return [photo(folder / f"{n}.png", sky=n / 8) for n in range(6)]


@pytest.fixture
def engine(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter=ColourSegmenter(), levels=2)
    engine.add(photos, workers=2)
    return engine


def reopened(engine: Engine, **options) -> Engine:
    return Engine.open(engine.index.path, segmenter=ColourSegmenter(), **options)


def test_photos_are_found_nearest_first(engine, photos):
    hits = engine.search(photos[2], k=3)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert hits[0].path == str(photos[2])
    assert hits[0].distance == 0
    assert {hit.path for hit in hits[1:]} == {str(photos[1]), str(photos[3])}


def test_the_query_itself_can_be_left_out(engine, photos):
    hits = engine.search(photos[2], k=3, exclude_self=True)
    assert len(hits) == 3
    assert str(photos[2]) not in {hit.path for hit in hits}


def test_an_index_smaller_than_k_gives_fewer_hits(engine, photos):
    assert len(engine.search(photos[0], k=50)) == 6
    assert len(engine.search(photos[0], k=50, exclude_self=True)) == 5


def test_k_is_capped_before_room_is_made_for_hits(engine, photos, monkeypatch):
    asked = []
    search = HammingIndex.search

    def remembering(index, queries, k, **options):
        asked.append(k)
        return search(index, queries, k, **options)

    monkeypatch.setattr(HammingIndex, "search", remembering)
    assert len(engine.search(photos[0], k=3_000_000_000)) == 6
    assert len(engine.search(None, k=3_000_000_000, has="sky")) == 5
    assert asked == [6]


@pytest.mark.parametrize("k", [0, -1, True, 1.5])
def test_bad_k_is_refused(engine, photos, k):
    for exclude_self in (False, True):
        with pytest.raises(OptionError, match="k is an integer >= 1"):
            engine.search(photos[0], k=k, exclude_self=exclude_self)


def test_path_pixels_and_label_map_find_the_same(engine, photos):
    pixels = np.asarray(PillowImage.open(photos[3]))
    label_map = ColourSegmenter()(pixels)
    by_path = engine.search(photos[3])
    assert engine.search(pixels) == by_path
    assert engine.search(label_map) == by_path
    assert engine.search(str(photos[3])) == by_path


def test_an_indexed_photo_is_not_segmented_again(engine, photos):
    engine = reopened(engine)
    engine.search(photos[1])
    assert engine.segmenter.calls == 0


@pytest.mark.parametrize("metric", ["tanimoto", "tanimoto-idf", "jaccard", "containment"])
def test_other_metrics_lie_between_0_and_1(engine, photos, metric):
    distances = [hit.distance for hit in engine.search(photos[0], metric=metric)]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[-1] <= 1


def test_reranking_follows_the_index(engine, photos):
    options = RerankOptions(k1=2, k2=1, depth=4)
    hits = engine.search(photos[0], k=3, rerank=options)
    ids, batch = engine.index.to_batch()
    expected = Reranker(engine.index, options, metric="hamming").search(batch[:1], 3)
    assert [hit.id for hit in hits] == expected[1][0].tolist()
    assert [hit.distance for hit in hits] == expected[0][0].tolist()
    engine.remove([photos[5]])
    assert len(engine.search(photos[0], k=50, rerank=options)) == len(ids) - 1


def test_reranking_follows_photos_that_were_replaced(tmp_path):
    def paint(number, sky, road):
        pixels = np.zeros((40, 40, 3), np.uint8)
        pixels[..., 1] = 255
        pixels[: round(40 * sky)] = (0, 0, 255)
        pixels[:, 40 - round(40 * road) :] = (255, 0, 0)
        PillowImage.fromarray(pixels).save(tmp_path / f"{number:02}.png")
        return tmp_path / f"{number:02}.png"

    paths = [paint(number, number / 25, 0) for number in range(20)]
    engine = Engine.create(None, segmenter=ColourSegmenter(), levels=2)
    engine.add(paths)
    options = RerankOptions(k1=4, k2=2, depth=10)
    engine.search(paths[3], 5, rerank=options)
    shares = np.random.default_rng(0).random((20, 2)) * (0.8, 0.6)
    for number, (sky, road) in enumerate(shares):
        paint(number, sky, road)
    assert engine.add(paths, rehash=True).replaced == 20
    fresh = Engine(engine.index, ColourSegmenter())
    assert engine.search(paths[3], 5, rerank=options) == fresh.search(paths[3], 5, rerank=options)


def test_unchanged_photos_are_passed_over(engine, photos):
    engine = reopened(engine)
    report = engine.add(photos)
    assert (report.added, report.replaced, report.unchanged) == (0, 0, 6)
    assert engine.segmenter.calls == 0


def test_a_touched_photo_with_the_same_content_is_unchanged(engine, photos):
    os.utime(photos[0], (1, 1))
    assert engine.add(photos).unchanged == 6


def test_a_changed_photo_is_replaced_under_its_id(engine, photos):
    (before,) = engine.search(photos[0], k=1)
    photo(photos[0], sky=0.5, road=0.5)
    os.utime(photos[0], (1, 1))
    report = engine.add(photos)
    assert (report.replaced, report.unchanged, len(engine)) == (1, 5, 6)
    after = engine.search(photos[0], k=1)[0]
    assert (after.path, after.distance, after.id) == (before.path, 0, before.id)


def test_rehash_finds_a_change_that_size_and_time_hide(engine, photos):
    path = photos[0]
    before = path.stat()
    content = bytearray(path.read_bytes())
    other = photo(path.with_name("other.bmp"), sky=0)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert engine.add([path]).unchanged == 1
    report = engine.add([path], rehash=True)
    assert report.unchanged == 0
    assert other.exists()


def test_same_bytes_at_two_paths_are_both_kept(engine, photos, tmp_path):
    twin = tmp_path / "photos" / "twin.png"
    twin.write_bytes(photos[2].read_bytes())
    assert engine.add([twin]).added == 1
    assert {hit.path for hit in engine.search(photos[2], k=2)} == {str(photos[2]), str(twin)}


def test_a_path_given_twice_is_added_once(tmp_path, photos):
    engine = Engine.create(None, segmenter=ColourSegmenter())
    relative = os.path.relpath(photos[0])
    assert engine.add([photos[0], str(photos[0]), relative]).added == 1
    assert list(engine.paths) == [str(photos[0])]


def test_broken_files_are_skipped_with_their_reason(tmp_path, photos):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no photo")
    whole = photos[0].read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    paths = [*sorted(tmp_path.glob("*.*")), tmp_path / "absent.jpg", tmp_path, *photos]
    report = Engine.create(None, segmenter=ColourSegmenter()).add(paths, workers=3)
    assert report.added == 6
    assert {Path(s.path).name: s.reason for s in report.skipped} == {
        "empty.jpg": "empty",
        "text.jpg": "not-an-image",
        "half.png": "truncated",
        "absent.jpg": "unreadable",
        tmp_path.name: "unreadable",
    }
    assert report.skipped_by_reason["unreadable"] == 2
    assert report.to_dict()["skipped"] == 5


def test_a_file_name_that_is_no_unicode_survives(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png"))
    photo(path, sky=0.5)
    engine = Engine.create(tmp_path / "index", segmenter=ColourSegmenter())
    engine.add([path])
    assert reopened(engine).search(path)[0].path == str(path)


def test_order_of_ids_is_the_order_given_whatever_the_number_of_workers(tmp_path, photos):
    engine = Engine.create(None, segmenter=ColourSegmenter())
    engine.add(reversed(photos), workers=4)
    assert list(engine.paths) == [str(path) for path in reversed(photos)]


def test_progress_counts_every_photo(photos):
    seen = []
    engine = Engine.create(None, segmenter=ColourSegmenter())
    engine.add(photos, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 6) for n in range(1, 7)]


def test_an_interrupt_keeps_what_is_done(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter=ColourSegmenter())

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.add(photos, workers=1, progress=stop)
    assert list(reopened(engine).paths) == [str(path) for path in photos[:3]]
    report = reopened(engine).add(photos)
    assert (report.added, report.unchanged) == (3, 3)


def test_commits_reach_the_disk_during_a_run(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter=ColourSegmenter())
    lengths = []

    def look(done, total):
        lengths.append(len(HammingIndex.open(engine.index.path)))

    engine.add(photos, progress=look, options=IndexingOptions(commit_every=2, workers=1))
    assert lengths == [0, 2, 2, 4, 4, 6]


def test_only_one_writer_at_a_time(engine, photos):
    other = reopened(engine)
    failure = []

    def write():
        try:
            other.add(photos)
        except IndexLockedError as error:
            failure.append(error)

    with engine.index.writer():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert failure


def test_a_failing_segmenter_stops_the_run_with_its_own_error(photos):
    engine = Engine.create(None, segmenter=ColourSegmenter(failing="no weights"))
    with pytest.raises(SegmenterError, match="no weights"):
        engine.add(photos)


def test_another_network_is_refused(engine):
    with pytest.raises(SegmenterError, match="Their label maps differ"):
        Engine.open(engine.index.path, segmenter=ColourSegmenter("colours 2"))


def test_another_class_table_is_refused(engine):
    segmenter = ColourSegmenter()
    segmenter.classes = ClassTable(["a", "b"])
    with pytest.raises(SchemaMismatchError):
        Engine.open(engine.index.path, segmenter=segmenter)


def test_an_index_without_a_segmenter_is_no_engine(tmp_path):
    HammingIndex(SbsSchema(1, TABLE)).save(tmp_path / "bare")
    with pytest.raises(IndexFormatError, match="Engine"):
        Engine.open(tmp_path / "bare")


def test_create_does_not_overwrite(engine):
    with pytest.raises(OptionError, match="not empty"):
        Engine.create(engine.index.path, segmenter=ColourSegmenter())


def test_create_does_not_replace_an_index_made_meanwhile(tmp_path, photos, monkeypatch):
    def load(name, *, threads, device):
        rival = Engine.create(tmp_path / "index", segmenter=ColourSegmenter())
        rival.add(photos)
        return ColourSegmenter()

    monkeypatch.setattr("semsig.engine.engine.load_segmenter", load)
    with pytest.raises(OptionError, match="not empty"):
        Engine.create(tmp_path / "index", segmenter="slow")
    assert len(Engine.open(tmp_path / "index")) == 6


@pytest.mark.parametrize("leftover", ["writer.lock", "manifest.json.tmp"])
def test_a_killed_creation_is_taken_up(tmp_path, leftover):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / leftover).touch()
    assert len(Engine.create(tmp_path / "index", segmenter=ColourSegmenter())) == 0


@pytest.mark.parametrize("kept", ["notes.txt", "notes.tmp", "segment-000001.ids.npy"])
def test_create_leaves_what_others_may_want(tmp_path, kept):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / kept).touch()
    with pytest.raises(OptionError, match="not empty"):
        Engine.create(tmp_path / "index", segmenter=ColourSegmenter())
    assert (tmp_path / "index" / kept).exists()


def test_label_maps_from_files_need_no_pixels(tmp_path, photos):
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "classes.txt").write_text("sky\ngrass\nroad\n")
    for number in (1, 2):
        labels = np.full((16, 16), number, np.uint8)
        PillowImage.fromarray(labels).save(maps / f"{number}.png")
    engine = Engine.create(tmp_path / "index", segmenter=f"files:{maps}", levels=1)
    report = engine.add(photos)
    assert report.added == 2
    assert report.skipped_by_reason == {"no-label-map": 4}
    PillowImage.fromarray(np.full((16, 16), 1, np.uint8)).save(maps / "3.png")
    again = Engine.open(tmp_path / "index")
    assert (again.add(photos).added, again.add(photos).unchanged) == (1, 3)
    assert [h.path for h in again.search(photos[1], k=2)] == [str(photos[1]), str(photos[3])]


@pytest.mark.parametrize("rehash", [False, True])
def test_a_changed_label_map_is_noticed(tmp_path, photos, rehash):
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "classes.txt").write_text("sky\ngrass\nroad\n")
    for name in "01":
        PillowImage.fromarray(np.full((16, 16), 1, np.uint8)).save(maps / f"{name}.png")
    Engine.create(tmp_path / "index", segmenter=f"files:{maps}", levels=1).add(photos[:2])
    PillowImage.fromarray(np.full((16, 16), 2, np.uint8)).save(maps / "1.png")
    engine = Engine.open(tmp_path / "index")
    report = engine.add(photos[:2], rehash=rehash)
    assert (report.replaced, report.unchanged) == (1, 1)
    assert engine.index.signature(1).labels.tolist() == [2] * 4


def test_unchanged_label_maps_are_not_decoded_again(tmp_path, photos, monkeypatch):
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "classes.txt").write_text("sky\ngrass\nroad\n")
    PillowImage.fromarray(np.zeros((8, 8), np.uint8)).save(maps / "0.bmp")
    engine = Engine.create(None, segmenter=f"files:{maps}")
    assert engine.add(photos[:1]).added == 1
    os.utime(maps / "0.bmp", (1, 1))
    decoded = []
    monkeypatch.setattr(FilesSegmenter, "for_path", lambda segmenter, path: decoded.append(path))
    assert engine.add(photos[:1], rehash=True).unchanged == 1
    assert not decoded


def test_label_maps_on_disk_are_not_mixed_with_a_network(tmp_path, engine):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "classes.txt").write_text("\n".join(TABLE.names))
    PillowImage.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "maps" / "0.png")
    with pytest.raises(SegmenterError, match="Their label maps differ"):
        Engine.open(engine.index.path, segmenter=f"files:{tmp_path / 'maps'}")


def test_a_photo_that_became_unreadable_keeps_its_signature(engine, photos):
    photos[2].write_text("no photo any more")
    report = engine.add(photos)
    assert [(s.path, s.kept) for s in report.skipped] == [(str(photos[2]), True)]
    assert report.to_dict()["skipped_photos"][0]["kept"] is True
    assert str(photos[2]) in engine.paths


def test_a_folder_may_be_named_like_the_home_folder(tmp_path, photos, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo(Path("~/a.png"), sky=0.5)
    engine = Engine.create(None, segmenter=ColourSegmenter())
    assert engine.add(["~/a.png"]).added == 1
    assert list(engine.paths) == [str(tmp_path / "~" / "a.png")]


def test_explain_adds_up_to_the_distance_of_the_search(engine, photos):
    hit = engine.search(photos[1], k=2)[1]
    explanation = engine.explain(photos[1], hit.path)
    assert explanation.distance == hit.distance
    assert "grass" in explanation.sentence


def test_remove_takes_photos_and_folders(engine, photos, tmp_path):
    deep = photo(tmp_path / "photos" / "deep" / "x.png", sky=0.1)
    engine.add([deep])
    assert engine.remove([photos[0], deep.parent]) == [str(photos[0]), str(deep)]
    assert len(reopened(engine)) == 5
    with pytest.raises(UnknownIdError, match=r"0\.png"):
        engine.remove([photos[1], photos[0]])
    assert len(engine) == 5
    assert engine.remove([tmp_path / "photos"]) == [str(path) for path in photos[1:]]


def test_prune_removes_only_what_is_gone_from_the_folder(engine, photos, tmp_path):
    elsewhere = photo(tmp_path / "elsewhere" / "y.png", sky=0.3)
    engine.add([elsewhere])
    elsewhere.unlink()
    photos[4].unlink()
    assert engine.prune([tmp_path / "photos"]) == [str(photos[4])]
    assert len(engine) == 6
    assert engine.prune([tmp_path]) == [str(elsewhere)]
    assert engine.prune([tmp_path]) == []


def test_a_folder_that_cannot_be_listed_is_counted(engine, photos, tmp_path):
    (tmp_path / "shut").mkdir()
    report = engine.add([*photos, tmp_path / "shut"])
    assert report.unchanged == 6
    assert report.skipped_by_reason == {"unreadable": 1}


def test_prune_keeps_what_it_may_not_look_at(engine, photos, tmp_path, monkeypatch):
    stat = Path.stat

    def forbid(path, **options):
        if path == photos[2]:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", forbid)
    photos[4].unlink()
    assert engine.prune([tmp_path / "photos"]) == [str(photos[4])]


def test_info(engine):
    info = engine.info()
    assert (info.photos, info.segmenter, info.levels, info.bits) == (6, "colours", 2, 5 * 16 * 3)
    assert info.bytes > 0
    assert Engine.create(None, segmenter=ColourSegmenter()).info().bytes == 0


def test_info_needs_no_file_that_a_writer_may_delete(engine, photos):
    other = reopened(engine)
    engine.remove(photos[:2])
    engine.index.compact()
    assert other.info().photos == 6
    assert other.info().bytes > engine.info().bytes


def test_is_below():
    assert is_below("/a/b", "/a")
    assert is_below("/a", "/a")
    assert is_below("/a", "/")
    assert not is_below("/ab", "/a")


def test_foreign_payloads_are_told_apart():
    with pytest.raises(IndexCorruptError, match="photo record"):
        PhotoRecord.from_json("[1, 2]")


@pytest.mark.parametrize(
    "options",
    [{"workers": 0}, {"workers": 2000}, {"commit_every": 0}, {"commit_seconds": -1.0}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        IndexingOptions(**options)


def test_ordered_map_keeps_order_and_stops_asking_after_a_failure():
    asked = []

    def answer(question):
        asked.append(question)
        if question == 5:
            raise ValueError(question)
        return question * 2

    answers = ordered_map(answer, range(1000), workers=2)
    assert [next(answers) for _ in range(5)] == [0, 2, 4, 6, 8]
    with pytest.raises(ValueError, match="5"):
        next(answers)
    assert len(asked) < 100
