"""What is wrong with an order to send, and how a sending can fail."""

from ledger.errors import LedgerError


class DeliveryError(LedgerError):
    """A document cannot be sent; ``field`` is at fault.

    DeliveryError
        NoTransport       nothing is set up for these means
        StatementNotIssued  a statement goes out once it is on record
        UnknownDelivery   no delivery has that id
    """

    field = "delivery"


class NoTransport(DeliveryError):
    """Nothing is set up for these means."""

    field = "means"

    def __init__(self, means: str, missing: str) -> None:
        super().__init__(f"means: nothing sends by {means}: {missing}")


class StatementNotIssued(DeliveryError):
    """A statement that is sent is one that stays."""

    field = "month"

    def __init__(self, month: str, loan_no: str = "") -> None:
        whose = f"loan {loan_no} has no statement" if loan_no else "no statement is"
        super().__init__(
            f"month: {whose} issued for {month}: run `cartera statement issue {month} --into DIR`"
        )


class UnknownDelivery(DeliveryError):
    """No delivery has that id."""

    def __init__(self, delivery_id: object) -> None:
        super().__init__(f"delivery: there is no delivery {delivery_id}")


class SendingFailed(Exception):
    """A try came to nothing; the reason is what the other side said.

    SendingFailed
        Away        nobody is there, or it takes nothing from us: all by these means wait
        NotNow      this message may be taken later
        NotTaken    this message is never taken
    """


class Away(SendingFailed):
    """The server does not answer, or does not know us."""


class NotNow(SendingFailed):
    """It was put off."""


class NotTaken(SendingFailed):
    """It was refused for good."""
