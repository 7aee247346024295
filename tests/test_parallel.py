"""What runs on several cores survives forks."""

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import semsig.parallel

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")


@pytest.fixture
def threads():
    """Four threads of OpenCV, which have worked."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    yield 4
    cv2.setNumThreads(before)


def work():
    cv2.KAZE.create().detectAndCompute(np.eye(256, dtype=np.uint8) * 255, None)


def running():
    return len(list(Path("/proc/self/task").iterdir()))


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_opencv_has_no_threads_while_a_process_forks(threads):
    work()
    at_work = running()
    semsig.parallel._stop_opencv()
    assert wait_until(lambda: running() <= at_work - (threads - 1))
    semsig.parallel._restart_opencv()
    assert cv2.getNumThreads() == threads


def test_children_have_opencvs_threads_anew(threads):
    work()
    child = os.fork()
    if not child:
        work()
        os._exit(cv2.getNumThreads())
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == threads
    assert cv2.getNumThreads() == threads
