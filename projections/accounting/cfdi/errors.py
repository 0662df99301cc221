"""Why a fiscal document is not made, or not yet.

FormError
    BasisChanged                documents were issued by other settings of when and since
    CfdiRefused                 the family; ``field`` is the input at fault
        ReceiverIncomplete      the receiver lacks what SAT asks for, or his RFC does not check
        CertificateNotUsable    the certificate is expired, not yet valid, or not the key's
        NoPaymentForm           a payment's channel has no SAT payment form
        DocumentNotValid        the document is not what SAT's schema demands
        StampRefused            the provider refused the document
ProviderAway                    the provider does not answer: tried again later
"""

from ledger.money import FormError


class CfdiRefused(FormError):
    """A document cannot be made as things stand; the next run tries again."""


class BasisChanged(FormError):
    """Documents were issued by other settings of when and since: facts would be invoiced twice."""

    def __init__(self, asked: str, known: str) -> None:
        super().__init__("when", f"{asked!r} is not {known!r}, by which documents were issued")


class ReceiverIncomplete(CfdiRefused):
    """The receiver lacks what SAT asks for, or his RFC does not check."""

    def __init__(self, borrower: str, field: str, rule: str) -> None:
        super().__init__(f"receiver.{field}", f"of borrower {borrower or 'without name'} {rule}")
        self.borrower = borrower


class CertificateNotUsable(CfdiRefused):
    """The certificate is expired, not yet valid, or not the key's."""

    def __init__(self, rule: str) -> None:
        super().__init__("certificate", rule)


class NoPaymentForm(CfdiRefused):
    """A payment's channel has no SAT payment form."""

    def __init__(self, channel: str) -> None:
        super().__init__("forms", f"has no payment form for the channel {channel!r}; add it")


class DocumentNotValid(CfdiRefused):
    """The document is not what SAT's schema demands."""

    def __init__(self, document: str, said: str) -> None:
        super().__init__(document, f"is not valid by SAT's schema: {said}")


class StampRefused(CfdiRefused):
    """The provider refused the document."""

    def __init__(self, document: str, code: str, said: str) -> None:
        super().__init__(document, f"was refused by the stamping provider: {code} {said}".rstrip())


class ProviderAway(Exception):
    """The provider does not answer: tried again later."""
