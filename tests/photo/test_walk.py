"""What lies below a folder: photos, and what is passed over, which is said."""

import pytest

from semsig.errors import ImageError
from semsig.photo.walk import files_below, survey


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def below(root, paths):
    return [path.relative_to(root).as_posix() for path in paths]


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ("raw/\n*.tmp.jpg\n", ["a.jpg", "d/b.jpg", "d/raw.jpg"]),
        ("/a.jpg\n", ["b.tmp.jpg", "d/a.jpg", "d/b.jpg", "d/raw/c.jpg", "d/raw.jpg"]),
        ("*\n!*/\n!b.jpg\n", ["d/b.jpg"]),
        ("# all of it\n\nd/**\n", ["a.jpg", "b.tmp.jpg"]),
        ("d/*/c.jpg", ["a.jpg", "b.tmp.jpg", "d/a.jpg", "d/b.jpg", "d/raw.jpg"]),
    ],
)
def test_ignore_files_are_read_as_git_reads_them(tmp_path, patterns, kept):
    make(tmp_path, "a.jpg", "b.tmp.jpg", "d/b.jpg", "d/raw.jpg", "d/raw/c.jpg", "d/a.jpg")
    if patterns.startswith("raw/"):
        (tmp_path / "d/a.jpg").unlink()
    (tmp_path / ".semsigignore").write_text(patterns, "utf-8-sig")
    assert below(tmp_path, survey(tmp_path).photos) == kept


def test_an_ignore_file_counts_for_its_folder_and_the_deeper_one_has_the_last_word(tmp_path):
    make(tmp_path, "a.jpg", "b/a.jpg", "b/c/a.jpg", "d/a.jpg")
    (tmp_path / ".semsigignore").write_text("a.jpg\n")
    (tmp_path / "b/.semsigignore").write_text("!a.jpg\n/c/\n")
    found = survey(tmp_path, exclude=["d"])
    assert below(tmp_path, found.photos) == ["b/a.jpg"]
    assert (found.ignored, found.ignored_folders) == (1, 2)
    assert found.remarks() == ["1 photo and 2 folders left out by --exclude or .semsigignore"]


def test_what_is_in_an_ignored_folder_is_not_taken_back(tmp_path):
    make(tmp_path, "raw/keep.jpg", "keep.jpg", "d/raw/a.jpg", "d/raw/keep.jpg")
    (tmp_path / ".semsigignore").write_text("raw/\n!keep.jpg\n")
    (tmp_path / "d").joinpath(".semsigignore").write_text("!raw/\n")
    assert below(tmp_path, survey(tmp_path).photos) == ["d/raw/a.jpg", "d/raw/keep.jpg", "keep.jpg"]


def test_an_ignore_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / ".semsigignore").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ImageError, match="semsigignore"):
        survey(tmp_path)


def test_linked_folders_are_said_and_followed_on_request(tmp_path):
    make(tmp_path, "p/a.jpg", "elsewhere/b.jpg", "elsewhere/deep/c.jpg")
    (tmp_path / "p/link").symlink_to(tmp_path / "elsewhere")
    found = survey(tmp_path / "p")
    assert below(tmp_path / "p", found.photos) == ["a.jpg"]
    assert found.remarks() == [
        f"1 linked folder not followed, --follow-links reads them: {tmp_path / 'p/link'}"
    ]
    found = survey(tmp_path / "p", follow_links=True)
    assert below(tmp_path / "p", found.photos) == ["a.jpg", "link/b.jpg", "link/deep/c.jpg"]
    assert found.remarks() == []


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("target", ["p", "p/d", "."])
def test_loops_are_named_and_end(tmp_path, target, follow):
    make(tmp_path, "p/d/a.jpg", "other/b.jpg")
    (tmp_path / "p/d/loop").symlink_to(tmp_path / target)
    found = survey(tmp_path / "p", follow_links=follow)
    assert below(tmp_path / "p", found.photos) == ["d/a.jpg"]
    assert found.loops == [tmp_path / "p/d/loop"]
    assert "leading back" in found.remarks()[0]


def test_links_that_lead_to_one_another_end(tmp_path):
    make(tmp_path, "p/a.jpg", "x/b.jpg", "y/c.jpg")
    for at, to in {"p/x": "x", "x/y": "y", "y/x": "x", "y/p": "p"}.items():
        (tmp_path / at).symlink_to(tmp_path / to)
    found = survey(tmp_path / "p", follow_links=True)
    assert below(tmp_path / "p", found.photos) == ["a.jpg", "x/b.jpg", "x/y/c.jpg"]
    assert len(found.loops + found.again) == 2


def test_what_is_no_link_is_read_by_its_own_name(tmp_path):
    make(tmp_path, "z/a.jpg")
    (tmp_path / "a").symlink_to(tmp_path / "z")
    found = survey(tmp_path, follow_links=True)
    assert below(tmp_path, found.photos) == ["z/a.jpg"]
    assert (found.again, found.loops) == ([tmp_path / "a"], [])


def test_links_to_files_are_photos_and_broken_ones_are_named_later(tmp_path):
    make(tmp_path, "a.jpg")
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    (tmp_path / "c.jpg").symlink_to("gone.jpg")
    (tmp_path / "d.jpg").symlink_to("d.jpg")
    assert below(tmp_path, survey(tmp_path).photos) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def test_exclusions_and_ignore_files_hold_in_linked_folders(tmp_path):
    make(tmp_path, "p/a.jpg", "e/b.jpg", "e/c.jpg", "e/f/d.jpg")
    (tmp_path / "p/e").symlink_to(tmp_path / "e")
    (tmp_path / "p/.semsigignore").write_text("b.jpg\n")
    (tmp_path / "e/.semsigignore").write_text("f/\n")
    found = survey(tmp_path / "p", exclude=["e/c.*"], follow_links=True)
    assert below(tmp_path / "p", found.photos) == ["a.jpg"]


def test_junk_is_said(tmp_path):
    make(tmp_path, "a.jpg", "@eaDir/a.jpg", ".thumbnails/b.jpg", ".hidden/c.jpg")
    assert survey(tmp_path).remarks() == [
        "2 folders of thumbnails or deleted files left out: "
        f"{tmp_path / '.thumbnails'}, {tmp_path / '@eaDir'}"
    ]


def test_names_are_sorted_and_suffixes_of_any_case(tmp_path):
    make(tmp_path, "b.JPG", "a.Jpeg", "c.TIFF", "d.txt", "e")
    assert below(tmp_path, survey(tmp_path).photos) == ["a.Jpeg", "b.JPG", "c.TIFF"]
    assert below(tmp_path, files_below(tmp_path)) == ["a.Jpeg", "b.JPG", "c.TIFF", "d.txt", "e"]
