"""What is due is composed and sent: the one place that knows both documents and transports."""

from domain.errors import LoanError
from ledger.application import Ledger
from ledger.delivery import post
from ledger.delivery.errors import Away, NotTaken
from ledger.delivery.facts import Means
from ledger.delivery.post import Asked, Content, Progress, Sent
from ledger.delivery.register import Delivery
from ledger.delivery.transports import File
from projections.statements.message import compose, sheet_of
from projections.statements.period import LenderError, StatementError, TemplateError
from projections.statements.render import Press


def send_due(ledger: Ledger, progress: Progress | None = None) -> Sent:
    """Send everything whose time has come."""
    with Press.of(ledger.settings) as press:
        return post.run(ledger, lambda one, asked: _content(ledger, press, one, asked), progress)


def _content(ledger: Ledger, press: Press, one: Delivery, asked: Asked) -> Content:
    """A template or lender's file at fault holds all back; another fault is this document's own."""
    today = ledger.clock.business_date()
    try:
        sheet = sheet_of(ledger.settings, one.loan_no, one.document, today)
        made = compose(
            ledger.settings, press, sheet, asked.recipient,
            brief=one.means is not Means.EMAIL, attach=one.means is not Means.SMS,
        )  # fmt: skip
    except (TemplateError, LenderError) as fault:
        raise Away(f"{fault.field}: {fault}") from None
    except (StatementError, LoanError) as fault:
        raise NotTaken(f"{fault.field}: {fault}") from None
    file = File(made.name, "application/pdf", made.pdf) if made.pdf else None
    return Content(made.subject, made.text, made.sheet, file)
