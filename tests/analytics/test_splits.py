"""Splits that keep together what belongs together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.splits import leave_groups_out, split_by_time, split_rows


@given(groups=st.lists(st.sampled_from("abcdef"), min_size=2, max_size=60), folds=st.integers(2, 6))
def test_no_group_is_on_both_sides_and_every_row_is_held_back_once(groups: list[str], folds: int) -> None:
    """Whatever the groups: a fold shares none of them, and the folds hold every row back exactly once."""
    if len(set(groups)) < folds:
        with pytest.raises(NotEnoughDataError, match="groups"):
            list(leave_groups_out(groups, folds))
        return
    held_back = []
    for learnt, held in leave_groups_out(groups, folds, seed=3):
        assert not {groups[row] for row in learnt} & {groups[row] for row in held}
        held_back += held.tolist()
    assert sorted(held_back) == list(range(len(groups)))


@given(times=st.lists(st.integers(0, 20), min_size=1, max_size=50), share=st.floats(0.05, 0.95))
def test_what_is_learnt_came_first(times: list[int], share: float) -> None:
    """Every learnt row is earlier than every held-back one, and neither part is empty."""
    column = np.array(times, dtype=np.int64)
    if len(set(times)) < 2:
        with pytest.raises(NotEnoughDataError, match="different times"):
            split_by_time(column, share)
        return
    learnt, held = split_by_time(column, share)
    assert len(learnt)
    assert len(held)
    assert column[learnt].max() < column[held].min()
    assert len(learnt) + len(held) == len(times)


def test_rows_of_a_group_are_not_split_by_chance() -> None:
    """Drawing rows at random is refused where rows belong together, and done where each stands for itself."""
    with pytest.raises(UnusableInputError, match="4 rows of 2 groups; use leave_groups_out"):
        split_rows(4, 0.5, ["a", "a", "b", "b"])
    learnt, held = split_rows(10, 0.3, None)
    assert sorted([*learnt, *held]) == list(range(10))
    assert len(held) == 3
