import pytest

from tests.distill.scenes import write_scenes


@pytest.fixture
def scenes(tmp_path):
    """Folder with photos/, labels/ and classes.txt."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    return write_scenes(folder)
