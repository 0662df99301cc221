"""What changes in a loan's terms, as people write it."""

from domain.restructuring import NewTerms
from domain.terms import Frequency, Method
from ledger.fields import Fields
from ledger.forms import floating, grace, graduation, irregular, month_days


def new_terms(fields: Fields, currency: str) -> NewTerms:
    """The changes among ``fields``: a scenario's ``loan`` fields, each of which may be left out.

    Errors: ``FormError`` naming the field.
    """
    rows = irregular(fields, currency)
    given = fields.form
    return NewTerms(
        annual_rate=fields.rate("annual_rate") if "annual_rate" in given else None,
        floating=floating(fields),
        instalments=fields.whole("instalments") if "instalments" in given else None,
        frequency=fields.choice("frequency", Frequency) if "frequency" in given else None,
        every=fields.whole("every") if "every" in given else None,
        first_due_on=fields.day("first_due", None),
        month_days=month_days(fields) if "month_days" in given else None,
        method=fields.choice("method", Method) if "method" in given else None,
        balloon=fields.amount("balloon", currency) if "balloon" in given else None,
        irregular=rows or None,
        graduation=graduation(fields),
        grace=grace(fields),
        late_rate=fields.rate("late_rate") if "late_rate" in given else None,
    )
