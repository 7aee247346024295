import numpy as np
from PIL import Image as PillowImage

from semsig.datasets import own_dataset
from semsig.evaluate.scoring import measure
from semsig.evaluate.verifying import GeometricVerification
from semsig.explain.geometry import GeometryOptions
from tests.explain.test_geometry import picture, warped


def scene(tmp_path):
    """Two things, three views each; a photo that cannot be read."""
    for thing in (0, 1):
        folder = tmp_path / f"thing{thing}"
        folder.mkdir()
        for view in range(3):
            bend = np.array([[1 - 0.05 * view, 0.04 * view, 3], [-0.03 * view, 1, 2], [0, 0, 1]])
            image = warped(picture(thing), bend)
            PillowImage.fromarray(image).save(folder / f"{view}.png")
    (tmp_path / "thing1" / "3.png").write_bytes(b"no picture")
    return own_dataset(tmp_path)


def test_the_same_thing_comes_first(tmp_path):
    dataset = scene(tmp_path)
    photos = dataset.scan(tmp_path)
    # by distance, other things come first
    far = -(photos.labels[:, None] != photos.labels).astype(np.float32)
    usable = np.arange(7) < 6
    options = {"usable": usable, "measures": ["map"]}
    before = measure(dataset, photos, lambda asked: far[asked][:, usable], **options)
    check = GeometricVerification(photos, GeometryOptions(first=6))
    after = measure(dataset, photos, lambda asked: far[asked][:, usable], verify=check, **options)
    assert before.measures["map"] < 0.8
    assert after.measures["map"] == 1
    few = GeometricVerification(photos, GeometryOptions(first=2))
    found = np.array([[5, 0, 1, 2]])
    assert few(np.array([2]), found).tolist() == [[1, 0, 2, 3]]
    # a query stays first in its own ranking, and what cannot be read comes last
    assert check(np.array([0]), np.array([[0, 6, 3, 1, 2]]))[0, [0]].tolist() == [0]
    assert check(np.array([0]), np.array([[6, 3, 1, 2]])).tolist()[0][:2] == [2, 3]
