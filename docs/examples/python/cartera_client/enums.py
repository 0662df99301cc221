from enum import Enum


class AgingBy(str, Enum):
    BRANCH = "BRANCH"
    PRODUCT = "PRODUCT"
    OFFICER = "OFFICER"
    STAGE = "STAGE"
    ALL = "ALL"


class Direction(str, Enum):
    ASC = "ASC"
    DESC = "DESC"


class LoanOrderField(str, Enum):
    LOAN_NO = "LOAN_NO"
    PRINCIPAL = "PRINCIPAL"
    DISBURSED_ON = "DISBURSED_ON"
    MATURITY_ON = "MATURITY_ON"
    DAYS_PAST_DUE = "DAYS_PAST_DUE"


class LoanStatus(str, Enum):
    OPENED = "OPENED"
    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"
    WRITTEN_OFF = "WRITTEN_OFF"
