"""Why hits are hits: the explanation that console, JSON and pages share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semsig.explain import Explanation, answer, explain
from semsig.query import Conditions
from semsig.types import SbsSignature

NAMES = ("the query", "the hit")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reason:
    """Why a photo was found.

    Parameters
    ----------
    sentence : str
        In words; it names all that conditions asked for.
    explanation : Explanation or None
        Where query and hit agree and differ; None where there is no query.
    """

    sentence: str
    explanation: Explanation | None = None


def reason(found: SbsSignature, asked: Sequence[SbsSignature], conditions: Conditions) -> Reason:
    """Say why a photo was found, from its stored signature.

    Parameters
    ----------
    found : SbsSignature
        The photo's signature.
    asked : sequence of SbsSignature
        What was searched for; the nearest is compared. Empty where conditions alone rank.
    conditions : Conditions
        What was asked for in words.
    """
    if not asked:
        return Reason(sentence=answer(found, conditions.terms))
    reasons = (explain(one, found, names=NAMES) for one in asked)
    why = min(reasons, key=lambda one: one.distance)
    if not len(conditions):
        return Reason(sentence=why.sentence, explanation=why)
    named = answer(found, conditions.terms).split("; also ")[0]
    return Reason(sentence=f"{why.sentence}; as asked: {named}", explanation=why)
