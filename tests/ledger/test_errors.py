"""Refusals come whole out of another process."""

import pickle
from uuid import UUID

import pytest

from ledger.borrowers.errors import BorrowerKeyUnknown, BorrowerKeyWrong, NotABorrowerKey
from ledger.errors import UnknownLoan


@pytest.mark.parametrize(
    "error",
    [
        NotABorrowerKey(),
        BorrowerKeyUnknown("fa21d0ac"),
        BorrowerKeyWrong(UUID(int=1), "a fact"),
        UnknownLoan("L-1"),
    ],
)
def test_a_refusal_is_the_same_after_a_pickle(error):
    again = pickle.loads(pickle.dumps(error))

    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert again.field == error.field
