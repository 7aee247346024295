"""Naive grouping and summing, with dictionaries."""

from collections import defaultdict


def rows_by_slot(rows):
    """Slot -> ascending rows that have it."""
    found = defaultdict(list)
    for row, slots in enumerate(rows):
        for slot in slots:
            found[slot].append(row)
    return dict(found)


def sums_by_group(rows):
    """(row, group) -> sum of weights, where it is not 0; a row is a list of (group, weight)."""
    found = defaultdict(int)
    for row, cells in enumerate(rows):
        for group, weight in cells:
            found[row, group] += weight
    return {key: total for key, total in found.items() if total}
