"""Every projection there is, in the order they are fed and shown."""

from collections.abc import Callable
from typing import TypeAlias

from projections.accounting.keep import Accounting
from projections.balances import Balances
from projections.loans import Loans
from projections.projection import Projection
from projections.promises import Promises
from projections.transactions import Transactions

Kinds: TypeAlias = tuple[Callable[[], Projection], ...]

PROJECTIONS: Kinds = (Loans, Balances, Transactions, Promises, Accounting)
