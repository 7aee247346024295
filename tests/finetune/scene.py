"""A scene of textured boxes on a ground, and photos of it by cameras that are known."""

from dataclasses import dataclass

import cv2
import numpy as np

from tests.explain.test_geometry import picture

SIZE = (288, 384)
FOCAL = 400.0
"""Pixels; the cameras are pinholes, the middle of the photo is on the axis."""

INTRINSICS = np.array([[FOCAL, 0, SIZE[1] / 2], [0, FOCAL, SIZE[0] / 2], [0, 0, 1]])


DISTANCES = (3.2, 4.0, 2.6)
"""Of the cameras, from the middle of the scene, seen from above."""


@dataclass(frozen=True)
class Quad:
    """A textured rectangle: a corner and the two edges from it."""

    corner: np.ndarray
    along: np.ndarray
    down: np.ndarray
    texture: np.ndarray

    @property
    def normal(self):
        return np.cross(self.along, self.down)

    def plane(self):
        """Pixels of the texture to the world, (3, 3): x, y, 1 to a point."""
        height, width = self.texture.shape[:2]
        return np.stack([self.along / width, self.down / height, self.corner], axis=1)


def box(seed, low, high):
    """The four sides and the top of a box; x and y on the ground, z up; faces look outwards."""
    (x, y, z), (u, v, w) = low, high
    corners = [(x, y), (u, y), (u, v), (x, v)]
    faces = []
    for number, (a, b) in enumerate(zip(corners, corners[1:] + corners[:1], strict=True)):
        along = np.array([b[0] - a[0], b[1] - a[1], 0.0])
        texture = picture(seed + number, (240, 240))
        faces.append(Quad(np.array([*a, z]), along, np.array([0, 0, w - z]), texture))
    top = Quad(np.array([x, y, w]), np.array([u - x, 0.0, 0]), np.array([0, v - y, 0.0]),
               picture(seed + 4, (240, 240)))  # fmt: skip
    return [*faces, top]


def scene(seed=0):
    """Solids, each a list of quads: a ground and three boxes of different depth and height."""
    ground = Quad(np.array([-3.0, -3, 0]), np.array([6.0, 0, 0]), np.array([0, 6.0, 0]),
                  picture(seed + 90, (720, 720)))  # fmt: skip
    return [
        [ground],
        box(seed + 10, (-1.2, -0.9, 0), (-0.2, 0.1, 1.1)),
        box(seed + 20, (0.3, -0.6, 0), (1.1, 0.3, 0.6)),
        box(seed + 30, (-0.5, 0.5, 0), (0.8, 1.3, 1.5)),
    ]


def camera(position, target=(0.0, 0.0, 0.4)):
    """Return rotation and translation of a camera that looks at a target: world to camera."""
    forward = np.asarray(target, float) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    return turn, -turn @ np.asarray(position, float)


def photograph(solids, position, target=(0.0, 0.0, 0.4)):
    """What a camera sees: solids painted the farthest first, of each the faces towards it."""
    turn, shift = camera(position, target)
    doubled = np.diag([2.0, 2, 1]) @ INTRINSICS  # seen at twice the size, then scaled down
    size = SIZE[1] * 2, SIZE[0] * 2
    seen = np.full((size[1], size[0], 3), 200, np.uint8)
    distances = [
        np.linalg.norm(
            np.mean([q.corner + (q.along + q.down) / 2 for q in solid], axis=0) - position
        )
        for solid in solids[1:]
    ]
    for number in [0, *(np.argsort(distances)[::-1] + 1)]:
        for quad in solids[number]:
            if number and quad.normal @ (position - quad.corner) <= 0:
                continue
            onto = quad.plane()
            moved = turn @ onto + np.outer(shift, (0, 0, 1))
            homography = doubled @ moved
            height, width = quad.texture.shape[:2]
            drawn = cv2.warpPerspective(quad.texture, homography, size)
            mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), homography, size)
            seen[mask > 127] = drawn[mask > 127]
    return cv2.resize(seen, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_AREA)


def positions():
    """Twelve cameras on an arc of 100 degrees, at three distances and four heights."""
    angles = -np.pi / 2 + (np.arange(12) - 5.5) * 0.16
    far = np.resize(DISTANCES, 12)
    return np.stack(
        [far * np.cos(angles), far * np.sin(angles), 1.6 + 0.3 * (np.arange(12) % 4)], axis=1
    )
