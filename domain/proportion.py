"""An amount shared in proportion, to the last centavo."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def in_proportion(
    total: int, weights: Mapping[Key, int], caps: Mapping[Key, int] | None = None
) -> dict[Key, int]:
    """``total`` shared by ``weights``, nobody getting more than his cap; then it shares less.

    By largest remainder: the whole units of each exact part, and the units left over one each to
    the largest fractions, of equal ones to the first. What a cap holds back goes to the others in
    the same proportion. Weights that are all zero count as equal.
    """
    given = dict.fromkeys(weights, 0)
    room = {key: total if caps is None else max(caps[key], 0) for key in weights}
    sharing = [key for key in weights if room[key]]
    left = min(total, sum(room.values()))
    while left > 0:
        parts = _largest_remainder(left, {key: weights[key] for key in sharing})
        over = [key for key in sharing if parts[key] > room[key]]
        for key in over:
            given[key] = room[key]
            left -= room[key]
        sharing = [key for key in sharing if key not in over]
        if not over:
            return given | parts
    return given


def _largest_remainder(total: int, weights: Mapping[Key, int]) -> dict[Key, int]:
    whole = sum(weights.values())
    if not whole:
        weights, whole = dict.fromkeys(weights, 1), len(weights)
    parts = {key: total * weight // whole for key, weight in weights.items()}
    fractions = sorted(weights, key=lambda key: -(total * weights[key] % whole))  # stable
    for key in fractions[: total - sum(parts.values())]:
        parts[key] += 1
    return parts
