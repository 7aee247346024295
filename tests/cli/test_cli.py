"""The command line: answers on stdout, remarks on stderr, exit codes, nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

import semsig
from semsig.cli import main
from semsig.cli.app import app
from semsig.cli.console import size
from semsig.cli.photos import _targets
from semsig.types.metrics import METRICS

COMMAND = [sys.executable, "-m", "semsig"]


@pytest.fixture
def folder(tmp_path):
    """Six photos, sky over more and more grass, with their label maps."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "classes.txt").write_text("sky\ngrass\nhorse\n")
    for number in range(6):
        labels = np.zeros((32, 32), np.uint8)
        labels[32 - 5 * number :] = 1
        PillowImage.fromarray(labels).save(tmp_path / "maps" / f"{number}.png")
        photo = np.array([(90, 160, 255), (60, 180, 60)], np.uint8)[labels]
        PillowImage.fromarray(photo).save(tmp_path / "photos" / f"{number}.jpg")
    return tmp_path


@pytest.fixture
def indexed(folder, run):
    arguments = folder / "photos", "--index", folder / "index"
    code, _, _ = run("index", *arguments, "--segmenter", f"files:{folder / 'maps'}")
    assert code == 0
    return folder


def test_version(run):
    assert run("--version") == (0, f"semsig {semsig.__version__}\n", "")


def test_help_names_every_command_and_the_exit_codes(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in app.registered_commands:
        assert command.callback.__name__ in out
    assert "4 verify found damage" in " ".join(out.split())


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["search"], ["index", "/nowhere", "--index", "x"], ["info", "-k"]]
)
def test_wrong_usage_is_2(run, arguments):
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert "rror" in err


def test_index_counts_and_passes_over(folder, run):
    arguments = ["index", folder / "photos", "--index", folder / "index"]
    segmenter = ["--segmenter", f"files:{folder / 'maps'}"]
    code, out, err = run(*arguments, *segmenter, "--levels", 2)
    assert (code, err) == (0, "")
    assert out.startswith("6 added in ")
    code, out, _ = run(*arguments, "--json")
    report = json.loads(out)
    assert (code, report["added"], report["unchanged"], report["photos"]) == (0, 0, 6, 6)


def test_an_index_whose_creation_was_killed_is_made(folder, run):
    (folder / "index").mkdir()
    (folder / "index" / "writer.lock").touch()
    arguments = ["index", folder / "photos", "--index", folder / "index", "--json"]
    code, out, _ = run(*arguments, "--segmenter", f"files:{folder / 'maps'}")
    assert (code, json.loads(out)["photos"]) == (0, 6)


def test_skipped_files_are_named_and_strict_is_3(folder, run):
    (folder / "photos" / "broken.jpg").write_text("no photo")
    (folder / "maps" / "broken.png").write_bytes((folder / "maps" / "0.png").read_bytes())
    (folder / "photos" / "lone.jpg").write_bytes((folder / "photos" / "0.jpg").read_bytes())
    arguments = ["index", folder / "photos", "--index", folder / "index"]
    segmenter = ["--segmenter", f"files:{folder / 'maps'}"]
    code, out, err = run(*arguments, *segmenter)
    assert code == 0
    assert "skipped (" in out
    assert "lone.jpg" in err
    code, out, err = run(*arguments, "--strict", "--json")
    assert code == 3
    assert json.loads(out)["skipped_by_reason"]["no-label-map"] == 1


def test_levels_of_an_index_are_fixed(indexed, run):
    code, out, err = run("index", indexed / "photos", "--index", indexed / "index", "--levels", 1)
    assert (code, out) == (1, "")
    assert "--levels 3" in err


def test_prune(indexed, run):
    (indexed / "photos" / "5.jpg").unlink()
    arguments = ["index", indexed / "photos", "--index", indexed / "index"]
    assert json.loads(run(*arguments, "--json")[1])["photos"] == 6
    report = json.loads(run(*arguments, "--prune", "--json")[1])
    assert report["photos"] == 5
    assert report["pruned"] == [str(indexed / "photos" / "5.jpg")]


def test_a_folder_that_is_gone_can_be_pruned(indexed, run):
    (indexed / "photos").rename(indexed / "elsewhere")
    arguments = ["index", indexed / "photos", "--index", indexed / "index"]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "--prune" in err
    code, out, _ = run(*arguments, "--prune", "--json")
    assert (code, json.loads(out)["photos"], len(json.loads(out)["pruned"])) == (0, 0, 6)


def test_search_lists_the_nearest_first(indexed, run):
    photo = indexed / "photos" / "2.jpg"
    code, out, err = run("search", photo, "--index", indexed / "index", "-k", 2)
    assert (code, err) == (0, "")
    header, *lines = out.splitlines()
    assert header == "rank\tdistance\tphoto\twhy"
    assert {Path(line.split("\t")[2]).name for line in lines} == {"1.jpg", "3.jpg"}
    assert "in both" in lines[0]


@pytest.mark.parametrize("metric", list(METRICS))
def test_search_as_json(indexed, run, metric):
    photo = indexed / "photos" / "2.jpg"
    arguments = ["--index", indexed / "index", "--include-self", "--metric", metric, "--json"]
    code, out, _ = run("search", photo, *arguments)
    document = json.loads(out)
    assert code == 0
    assert document["metric"] == metric
    first = document["hits"][0]
    assert (first["rank"], first["path"], first["distance"], first["bits"]) == (1, str(photo), 0, 0)
    assert len(document["hits"]) == 6
    if metric == "hamming":
        assert all(hit["bits"] == hit["distance"] for hit in document["hits"])


def test_search_writes_a_page(indexed, run):
    page = indexed / "page.html"
    photo = indexed / "photos" / "2.jpg"
    code, out, err = run("search", photo, "--index", indexed / "index", "--html", page)
    assert code == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert "page.html" in err
    assert "page.html" not in out


def test_the_index_may_come_from_the_environment(indexed, run, monkeypatch):
    monkeypatch.setenv("SEMSIG_INDEX", str(indexed / "index"))
    assert json.loads(run("info", "--json")[1])["photos"] == 6


@pytest.mark.parametrize("name", ["why.docx", "why.webp", "why"])
def test_explain_draws_no_picture_under_another_name(indexed, run, name):
    photos = indexed / "photos" / "1.jpg", indexed / "photos" / "4.jpg"
    target = indexed / name
    target.write_text("a thesis")
    code, _, err = run("explain", *photos, "--out", target)
    assert code == 2
    assert "Expected a picture" in err
    assert target.read_text() == "a thesis"


def test_pictures_and_pages_do_not_overwrite_files_of_others(indexed, run):
    photos = indexed / "photos" / "1.jpg", indexed / "photos" / "4.jpg"
    segmenter = ["--segmenter", f"files:{indexed / 'maps'}"]
    picture, page = indexed / "mine.png", indexed / "mine.html"
    for argv in (
        ["explain", *photos, *segmenter, "--out", picture],
        ["search", photos[0], "--index", indexed / "index", "--html", page],
    ):
        argv[-1].write_text("mine")
        code, _, err = run(*argv)
        assert (code, "not overwritten" in err) == (1, True)
        assert argv[-1].read_text() == "mine"
        argv[-1].unlink()
        assert run(*argv)[0] == 0
        assert run(*argv)[0] == 0  # what semsig wrote itself


def test_explain_prints_and_draws(indexed, run):
    photos = indexed / "photos" / "1.jpg", indexed / "photos" / "4.jpg"
    segmenter = ["--segmenter", f"files:{indexed / 'maps'}"]
    picture = indexed / "why.png"
    code, out, _ = run("explain", *photos, *segmenter, "--out", picture)
    assert code == 0
    assert "bits differ" in out
    with PillowImage.open(picture) as drawn:
        assert drawn.format == "PNG"
    document = json.loads(run("explain", *photos, *segmenter, "--json")[1])
    assert sum(cell["bits"] for cell in document["cells"]) == document["distance"] > 0


def test_segment_draws_one_picture_a_photo(indexed, run):
    (indexed / "photos" / "broken.jpg").write_text("no photo")
    (indexed / "maps" / "broken.png").write_bytes((indexed / "maps" / "0.png").read_bytes())
    segmenter = ["--segmenter", f"files:{indexed / 'maps'}"]
    out_folder = indexed / "drawn"
    code, out, _ = run("segment", indexed / "photos", "--out", out_folder, *segmenter, "--json")
    document = json.loads(out)
    assert code == 0
    assert sorted(path.name for path in out_folder.iterdir()) == [
        f"{n}-classes.png" for n in range(6)
    ]
    assert [photo["reason"] for photo in document["skipped"]] == ["not-an-image"]
    code, _, err = run("segment", indexed / "photos", "--out", out_folder, *segmenter, "--strict")
    assert code == 3
    assert "not-an-image" in err


def test_photos_of_one_stem_get_pictures_of_their_own():
    paths = [Path(name) for name in ("a/1.jpg", "b/1.jpg", "b/1-2.jpg", "c/A.jpg", "d/a.jpg")]
    names = [path.name for path in _targets(paths, Path("out"))]
    assert names[:3] == ["1-classes.png", "1-classes-2.png", "1-2-classes.png"]
    assert len({name.casefold() for name in names}) == len(names)


def test_segment_skips_a_photo_without_a_label_map(folder, run):
    (folder / "maps" / "3.png").unlink()
    segmenter = ["--segmenter", f"files:{folder / 'maps'}"]
    code, out, err = run("segment", folder / "photos", "--out", folder / "drawn", *segmenter)
    assert code == 0
    assert "5 pictures" in out
    assert "1 skipped" in out
    assert "no-label-map" in err
    assert "3.jpg" in err


def test_segment_never_draws_over_a_photo(folder, run):
    photos = folder / "photos"
    (photos / "0-classes.png").write_bytes((photos / "0.jpg").read_bytes())
    before = {path: path.read_bytes() for path in photos.iterdir()}
    segmenter = ["--segmenter", f"files:{folder / 'maps'}"]
    code, out, err = run("segment", photos, "--out", photos, *segmenter)
    assert (code, out) == (1, "")
    assert "--out" in err
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    (photos / "0.jpg").rename(photos / "0.png")
    kept = (photos / "0.png").read_bytes()
    assert run("segment", photos / "0.png", "--out", photos, *segmenter)[0] == 0
    assert (photos / "0.png").read_bytes() == kept


def test_info_verify_remove_compact(indexed, run):
    index = ["--index", indexed / "index"]
    code, out, _ = run("info", *index)
    assert code == 0
    assert "photos     6" in out
    assert "files:" in out
    assert run("verify", *index)[0] == 0
    code, out, _ = run("remove", indexed / "photos" / "0.jpg", *index)
    assert code == 0
    assert out.startswith("1 removed")
    code, out, _ = run("compact", *index, "--json")
    assert json.loads(out)["bytes_after"] > 0
    assert json.loads(run("verify", *index, "--json")[1])["rows"] == 5
    code, out, err = run("remove", indexed / "photos" / "0.jpg", *index)
    assert (code, out) == (1, "")
    assert "not in the index" in err


def test_verify_of_a_damaged_index_is_4(indexed, run):
    victim = next((indexed / "index").glob("*.cells.npy"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    code, out, err = run("verify", "--index", indexed / "index")
    assert code == 4
    assert "damaged" in out
    assert victim.name in err
    code, out, _ = run("verify", "--index", indexed / "index", "--json")
    assert code == 4
    assert json.loads(out)["ok"] is False


def test_an_error_is_one_line_on_stderr(folder, run):
    for command in ("info", "verify", "compact"):
        code, out, err = run(command, "--index", folder / "photos")
        assert (code, out) == (1, "")
        assert err.startswith("semsig: ")
        assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "photos/1.jpg", "--index", "index", "--html", "photos/1.jpg/x.html"],
        ["explain", "photos/1.jpg", "photos/2.jpg", "--out", "photos/1.jpg/x.png"],
        ["segment", "photos/1.jpg", "--out", "photos/1.jpg/x"],
    ],
)
def test_a_target_that_cannot_be_written_ends_before_the_work(folder, run, arguments, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("semsig.engine.Engine", None)
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("semsig: photos/1.jpg")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_full_disk_is_one_line(indexed, option):
    command = [*COMMAND, "info", "--index", str(indexed / "index"), *option]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "semsig: No space left on device\n")


def test_names_are_printed_as_they_are_but_on_one_line(folder, run):
    odd = "a :smile:\t[b]\n"
    (folder / "photos" / "0.jpg").rename(folder / "photos" / f"{odd}.jpg")
    (folder / "maps" / "0.png").rename(folder / "maps" / f"{odd}.png")
    (folder / "photos" / f"{odd}2.jpg").write_text("no photo")
    index = ["--index", folder / ":smile:"]
    _, out, err = run("index", folder / "photos", *index, "--segmenter", f"files:{folder / 'maps'}")
    assert "/:smile: holds 6 photos" in out
    assert len(err.splitlines()) == 1
    _, out, _ = run("search", folder / "photos" / "1.jpg", *index)
    assert {line.count("\t") for line in out.splitlines()} == {3}
    assert r"a :smile:\t[b]\n.jpg" in out


@pytest.mark.slow
def test_evaluate(tmp_path, run):
    from semsig.synthetic import write_scenes

    root = write_scenes(tmp_path, 40)
    arguments = ["evaluate", "synthetic", "--root", root, "--labels", tmp_path / "labels"]
    code, out, _ = run(*arguments, "--levels", 1)
    assert code == 0
    assert "map_paper" in out
    assert "beach" in out
    code, out, _ = run(*arguments, "--levels", 1, "--metric", "tanimoto", "--json")
    document = json.loads(out)
    assert document["n_queries"] == 40
    assert 0.3 < document["measures"]["map"] <= 1


def test_datasets_are_listed_with_their_status(tmp_path, run):
    code, out, _ = run("datasets")
    lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert lines[0] == ["photos", "name", "queries", "source"]
    assert ["1,000", "wang", "query-in-ground-truth"] in [line[:3] for line in lines]
    (tmp_path / "Wang").mkdir()
    for number in range(1000):
        (tmp_path / "Wang" / f"{number}.jpg").touch()
    code, out, _ = run("datasets", tmp_path, "--json")
    status = {one["name"]: one["status"] for one in json.loads(out)}
    assert status["wang"] == f"1,000 photos in {tmp_path / 'Wang'}"
    assert status["holidays"] == "not there"
    code, out, err = run("datasets", tmp_path / "absent")
    assert (code, out) == (1, "")
    assert "cannot be listed" in err


def test_evaluate_of_a_wrong_folder_says_what_was_expected(folder, run):
    code, out, err = run("evaluate", "wang", "--root", folder / "maps")
    assert (code, out) == (1, "")
    assert "Expected" in err


def test_evaluate_takes_one_source_of_label_maps(folder, run):
    arguments = ["--root", folder, "--labels", folder / "maps", "--segmenter", "embedded"]
    code, out, err = run("evaluate", "wang", *arguments)
    assert (code, out) == (2, "")
    assert "not both" in err


def test_a_broken_pipe_is_quiet(indexed):
    read, write = os.pipe()
    os.close(read)
    command = [*COMMAND, "info", "--index", str(indexed / "index")]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


def test_file_names_that_are_no_unicode_are_printed_as_they_are(folder, monkeypatch, capsysbinary):
    odd = os.fsdecode(b"\xff")
    (folder / "photos" / "0.jpg").rename(folder / "photos" / f"{odd}.jpg")
    (folder / "maps" / "0.png").rename(folder / "maps" / f"{odd}.png")
    index = ["--index", folder / "index"]
    segmenter = ["--segmenter", f"files:{folder / 'maps'}"]
    for arguments in (
        ["index", folder / "photos", *index, *segmenter],
        ["search", folder / "photos" / "1.jpg", *index],
    ):
        monkeypatch.setattr(sys, "argv", ["semsig", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
    assert b"\xff.jpg" in capsysbinary.readouterr().out


def test_a_terminal_gets_a_table(indexed):
    pty = pytest.importorskip("pty")  # not on Windows
    primary, secondary = pty.openpty()
    photo = str(indexed / "photos" / "1.jpg")
    command = [*COMMAND, "search", photo, "--index", str(indexed / "index")]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    subprocess.run(command, stdout=secondary, stderr=secondary, env=environment, check=True)
    os.close(secondary)
    shown = b""
    try:
        while part := os.read(primary, 65536):
            shown += part
    except OSError:
        pass
    os.close(primary)
    assert "─" in shown.decode()
    assert "\t" not in shown.decode()


def test_an_interrupt_says_what_was_kept(indexed, run, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("semsig.engine.Engine.add", stopped)
    code, out, err = run("index", indexed / "photos", "--index", indexed / "index")
    assert (code, out) == (130, "")
    assert "holds 6 photos" in err


def test_an_interrupt_is_130_and_keeps_the_index_whole(folder, run):
    for number in range(6, 400):
        for place, suffix in (("photos", "jpg"), ("maps", "png")):
            source = folder / place / f"{number % 6}.{suffix}"
            (folder / place / f"{number}.{suffix}").write_bytes(source.read_bytes())
    arguments = ["index", folder / "photos", "--index", folder / "index"]
    arguments += ["--segmenter", f"files:{folder / 'maps'}", "--workers", 1]
    with subprocess.Popen([*COMMAND, *map(str, arguments)], stderr=subprocess.PIPE) as process:
        while process.poll() is None and not (folder / "index" / "manifest.json").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode in {0, 130}
    assert b"Traceback" not in err
    assert run("verify", "--index", folder / "index")[0] == 0
    code, out, _ = run(*arguments, "--json")
    report = json.loads(out)
    assert (code, report["photos"]) == (0, 400)


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2_340_000_000_000, "2,340.0 GB")],
)
def test_sizes(n_bytes, text):
    assert size(n_bytes) == text


def test_control_characters_and_bidi_marks_never_reach_the_terminal():
    from semsig.cli.console import _plain, one_line

    assert _plain("a\x1b[31m\u202eb\nc\td") == "a\\x1b[31m\\u202eb\nc\td"
    assert one_line("a\tb\u2066") == "a\\tb\\u2066"


def test_kinds_that_are_not_read_are_counted(tmp_path, run):
    (tmp_path / "p").mkdir()
    for name in ("a.PSD", "b.svg", "c.svg"):
        (tmp_path / "p" / name).write_bytes(b"x")
    arguments = "index", tmp_path / "p", "--index", tmp_path / "i"
    code, _, err = run(*arguments)
    assert (code, "3 files of kinds that are not read: .psd 1, .svg 2" in err) == (1, True)
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (["info", "--index", "/nowhere"], "IndexFormatError", 1),
        (["search", "--index", "INDEX", "--has", "nonsense"], "QueryError", 1),
        (["search", "--index", "INDEX"], "BadParameter", 2),
        (["info"], "MissingParameter", 2),
        (["info", "--index", "INDEX", "--nonsense"], "NoSuchOption", 2),
    ],
)
def test_errors_are_json_where_answers_are(indexed, run, arguments, kind, code):
    named = [str(indexed / "index") if a == "INDEX" else a for a in arguments]
    done, out, err = run(*named, "--json")
    document = json.loads(out)
    assert (done, document["kind"], document["exit_code"]) == (code, kind, code)
    assert document["error"].splitlines()[0][:40] in err.replace("\n", " ")
    assert run(*named)[:2] == (code, "")


def test_a_reader_that_has_had_enough_is_no_failure(indexed):
    for arguments in (
        ["search", indexed / "photos" / "0.jpg", "--index", indexed / "index"],
        ["-h"],
    ):
        done = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE)
        done.stdout.close()
        assert done.wait() == 0


def test_info_lists_classes_with_their_photos(indexed, run):
    code, out, _ = run("info", "--index", indexed / "index")
    assert code == 0
    assert out.splitlines()[-4:] == ["photos\tclass", "6\tsky", "5\tgrass", "0\thorse"]
    _, out, _ = run("info", "--index", indexed / "index", "--json")
    assert json.loads(out)["class_counts"] == {"sky": 6, "grass": 5, "horse": 0}


def test_an_empty_folder_makes_no_index(folder, run):
    (folder / "empty").mkdir()
    arguments = folder / "empty", "--index", folder / "index"
    code, out, err = run("index", *arguments, "--segmenter", f"files:{folder / 'maps'}")
    assert (code, out) == (1, "")
    assert f"got none in {folder / 'empty'}" in err
    assert not (folder / "index").exists()
    (folder / "empty" / "photo.svg").touch()
    code, _, err = run("index", *arguments)
    assert code == 1
    assert ".svg" in err


def complete(*words: str, **more: str) -> list[str]:
    """What the shell would offer for the last word."""
    environment = os.environ | {
        "_SEMSIG_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["semsig", *words]),
        "COMP_CWORD": str(len(words)),
    }
    program = "import sys; sys.argv[0] = 'semsig'; from semsig.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | more,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


def test_completion_knows_datasets_segmenters_classes_and_words(indexed):
    assert complete("evaluate", "wa") == ["wang"]
    assert complete("index", "x", "--segmenter", "l") == ["lite"]
    assert "beach" in complete("search", "bea")
    assert complete("search", "--has", "hor", SEMSIG_INDEX=str(indexed / "index")) == ["horse"]
    offered = complete("search", "--index", str(indexed / "index"), "--without", "gra")
    assert "grass" in offered
