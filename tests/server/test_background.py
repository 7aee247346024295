"""Work that outlasts a request."""

from __future__ import annotations

from threading import Event

import pytest

from semsig.server import background
from semsig.server.background import Task, Tasks


def test_a_result_is_kept_and_work_is_done_once():
    tasks, runs = Tasks(2), []

    def work(progress):
        progress(3, 7)
        runs.append(1)
        return "found"

    task = tasks.get("a", work)
    assert task.result() == "found"
    assert (task.done, task.of) == (3, 7)
    assert tasks.get("a", work) is task
    assert runs == [1]


def test_what_fails_is_raised_and_tried_again():
    tasks = Tasks(2)
    failing = tasks.get("a", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failing.result()
    assert failing.has_failed
    assert tasks.get("a", lambda _: 5).result() == 5


def endless(begun):
    def work(progress):
        while True:
            begun.set()
            progress(0, 1)

    return work


def test_what_nobody_asks_for_is_given_up(monkeypatch):
    monkeypatch.setattr(background, "PATIENCE", 0.05)
    task = Task(endless(Event()))
    assert task._finished.wait(10)
    assert task.has_failed


def test_what_is_asked_for_goes_on_until_it_is_stopped(monkeypatch):
    monkeypatch.setattr(background, "PATIENCE", 0.4)
    begun, tasks = Event(), Tasks(2)
    task = tasks.get("a", endless(begun))
    assert begun.wait(10)
    for _ in range(20):
        assert not task.is_finished
        task._finished.wait(0.05)
    assert not task.has_failed
    tasks.stop()
    assert task.has_failed
