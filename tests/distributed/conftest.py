"""Photos with label maps on disk, and Dask's workers as processes."""

import numpy as np
import pytest
from PIL import Image as PillowImage


@pytest.fixture(scope="session")
def cluster():
    """Two workers, each a process of one thread."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def write_photo(path, labels):
    """A photo of its label map's classes, and the label map in the folder beside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    maps = path.parent.parent / "maps"
    maps.mkdir(exist_ok=True)
    (maps / "classes.txt").write_text("sky\ngrass\nhorse\n")
    PillowImage.fromarray(labels).save(maps / f"{path.stem}.png")
    colours = np.array([(90, 160, 255), (60, 180, 60), (120, 80, 40)], np.uint8)
    PillowImage.fromarray(colours[labels]).save(path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """40 photos of random blocks."""
    folder = tmp_path_factory.mktemp("set") / "photos"
    rng = np.random.default_rng(1)
    return [
        write_photo(
            folder / f"{number:03d}.png",
            np.kron(rng.integers(0, 3, (8, 8)), np.ones((4, 4))).astype(np.uint8),
        )
        for number in range(40)
    ]


@pytest.fixture
def segmenter(photos):
    return f"files:{photos[0].parent.parent / 'maps'}"
