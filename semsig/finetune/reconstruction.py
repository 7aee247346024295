"""Structure from motion: where each photo of a scene was taken, and which points it shows."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import ImageError, OptionError, ReconstructionError
from semsig.opencv import cv2
from semsig.parallel import usable_cores
from semsig.photo.image_files import read_image
from semsig.segment.batching import resize

_ERRORS_ALONE = 2
"""Level of glog below which COLMAP's messages are not printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SfmOptions:
    """How cameras are placed, and which pairs of photos match and are hard.

    Parameters
    ----------
    max_side : int
        Photos whose long side is larger are first scaled down to it, at least 64 pixels.
    max_points : int
        Largest number of keypoints per photo, at least 100.
    shared : float
        Share of a photo's points that its match must also show, above 0 to 1.
    most_scale : float
        Largest ratio of the scales at which the photos show their common points, at least 1.
    least_angle : float
        Smallest angle in degrees between the viewing directions to the common points, 0 to 90.
        Below it the viewpoint is the same and the pair is easy, unless the scale makes it hard.
    least_scale : float
        Ratio of scales from which the scale alone makes a pair hard, at least 1.
    seed : int
        Seed of RANSAC, at least 0.

    Raises
    ------
    OptionError
        If a value is out of range.

    Notes
    -----
    `shared` and `most_scale` are those of Radenovic, Tolias and Chum (TPAMI 2019, section 5.1).
    """

    max_side: int = 1024
    max_points: int = 4000
    shared: float = 0.2
    most_scale: float = 1.5
    least_angle: float = 5.0
    least_scale: float = 1.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_side < 64 or self.max_points < 100 or self.seed < 0:
            raise OptionError(
                "Expected max_side of at least 64, max_points 100 and seed 0, got "
                f"{self.max_side}, {self.max_points}, {self.seed}."
            )
        if not 0 < self.shared <= 1 or not 0 <= self.least_angle <= 90:
            raise OptionError(
                "Expected shared above 0 to 1 and least_angle 0 to 90 degrees, got "
                f"{self.shared}, {self.least_angle}."
            )
        if not self.most_scale >= 1 or not self.least_scale >= 1:
            raise OptionError(
                f"Expected scales of at least 1, got {self.most_scale}, {self.least_scale}."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """Cameras and points, up to a similarity transform of space.

    Parameters
    ----------
    photos : ndarray of int64, shape (n,)
        Numbers of the photos that were placed, ascending; the rows below are theirs.
    centres : ndarray of float64, shape (n, 3)
        Positions of the cameras.
    points : ndarray of float64, shape (P, 3)
        Points of the scene.
    sizes : ndarray of float64, shape (n, P)
        Share of the photo's long side that a unit length at the point covers, focal length / depth
        / long side; NaN where the photo does not show the point.
    """

    photos: NDArray[np.int64]
    centres: NDArray[np.float64]
    points: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which points each photo shows, (n, P)."""
        return np.isfinite(self.sizes)


def reconstruct(paths: Sequence[Path], options: SfmOptions | None = None) -> Reconstruction:
    """Place the cameras of photos of one scene, by COLMAP's incremental mapping.

    Schonberger and Frahm, Structure-from-motion revisited, CVPR 2016. Every photo has its own
    camera, whose focal length and radial distortion are estimated; of several models the one with
    the most photos is used.

    Parameters
    ----------
    paths : sequence of Path
        The photos; those that cannot be read are not placed.
    options : SfmOptions, optional
        Options of the reconstruction.

    Raises
    ------
    ReconstructionError
        If pycolmap is not installed, COLMAP fails, or fewer than two photos can be placed.
    """
    options = options or SfmOptions()
    colmap = require_pycolmap()
    with tempfile.TemporaryDirectory(prefix="semsig-sfm-") as folder:
        try:
            models = _mapped(colmap, Path(folder), _copies(paths, Path(folder), options), options)
        except (RuntimeError, ValueError, IndexError, OSError) as error:
            raise ReconstructionError(
                f"Expected photos that COLMAP can reconstruct, it ended with {error}"
            ) from error
    largest = max(models, key=lambda model: model.num_reg_images(), default=None)
    if largest is None or largest.num_reg_images() < 2:
        placed = 0 if largest is None else largest.num_reg_images()
        raise ReconstructionError(
            "Expected at least two photos that structure from motion can place, got "
            f"{placed} of {len(paths)}: it needs one scene with depth, sharp, seen from places a "
            "few degrees apart. Add photos between them, or learn from mined groups alone."
        )
    return _read(largest)


def require_pycolmap() -> Any:
    """Return the module pycolmap.

    Raises
    ------
    ReconstructionError
        If it is not installed.
    """
    try:
        import pycolmap
    except ImportError as error:
        raise ReconstructionError(
            f"Expected pycolmap ({error}), which structure from motion needs; "
            "pip install 'semsig[sfm]'."
        ) from error
    return pycolmap


def _copies(paths: Sequence[Path], folder: Path, options: SfmOptions) -> list[str]:
    """Write copies of photos that COLMAP can read, named by number; return the names."""
    names = []
    for number, path in enumerate(paths):
        try:
            image = read_image(path, at_least=options.max_side)
        except ImageError:
            continue
        scale = min(1.0, options.max_side / max(image.shape[:2]))
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        names.append(f"{number}.png")
        small = cv2.cvtColor(resize(image, (height, width)), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / names[-1]), small)
    return names


def _mapped(colmap: Any, folder: Path, names: list[str], options: SfmOptions) -> list[Any]:
    """Extract keypoints, match all pairs, verify them, run the mapping; return the models."""
    if len(names) < 2:
        return []
    database, threads = folder / "database.db", usable_cores()
    level, colmap.logging.minloglevel = colmap.logging.minloglevel, _ERRORS_ALONE
    extraction = colmap.FeatureExtractionOptions(num_threads=threads)
    extraction.sift.max_num_features = options.max_points
    verification = colmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = options.seed
    mapping = colmap.IncrementalPipelineOptions(
        num_threads=threads, random_seed=options.seed, min_model_size=2, extract_colors=False
    )
    try:
        colmap.extract_features(
            database, folder, names, colmap.CameraMode.PER_IMAGE, extraction_options=extraction
        )
        colmap.match_exhaustive(
            database, colmap.FeatureMatchingOptions(num_threads=threads),
            verification_options=verification,
        )  # fmt: skip
        models = colmap.incremental_mapping(database, folder, folder, options=mapping)
    finally:
        colmap.logging.minloglevel = level
    return list(models.values())


def _read(model: Any) -> Reconstruction:
    """Return the content of a model of COLMAP."""
    images = {int(Path(one.name).stem): one for one in model.images.values() if one.has_pose}
    photos = np.array(sorted(images), np.int64)
    rows = {images[number].image_id: row for row, number in enumerate(photos.tolist())}
    points = np.array([point.xyz for point in model.points3D.values()]).reshape(-1, 3)
    sizes = np.full((len(photos), len(points)), np.nan)
    for column, point in enumerate(model.points3D.values()):
        for element in point.track.elements:
            sizes[rows[element.image_id], column] = 1  # scaled below
    for row, number in enumerate(photos.tolist()):
        image, lens = images[number], images[number].camera
        depths = (image.cam_from_world() * points)[:, 2]
        sizes[row] *= lens.mean_focal_length() / (depths * max(lens.width, lens.height))
    centres = np.stack([images[number].projection_center() for number in photos.tolist()])
    return Reconstruction(photos, centres, points, sizes)
