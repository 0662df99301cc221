"""One small portfolio with every situation that a bureau's file can tell, at the end of April."""

from datetime import date

from msgspec import structs

from domain import commands
from domain import events as e
from domain.borrower.address import Address
from domain.borrower.company import Company, Partner
from domain.borrower.person import CivilStatus, Economics, Employment, Kind, Residence, Sex
from domain.restructuring import NewTerms
from domain.terms import Component, Frequency, Method, Revolving
from projections.bureau.consumer import Consumer
from projections.bureau.lender import (
    Choices,
    CompanyMember,
    Lender,
    Member,
    ProductCodes,
    Reporter,
)
from tests.domain.histories import START, terms
from tests.projections.stories import Story

CUT_OFF = date(2026, 4, 30)
MARCH = date(2026, 3, 31)
FEBRUARY = date(2026, 2, 1)


def loan(number, agreed=None, on=START, **header):
    header = {"borrower": f"B-{number}", **header}
    return Story(agreed or terms(), on, loan_no=f"L-{number:04}", **header).disburse(on)


def closed(story, until=CUT_OFF):
    story.do(commands.close_day, on=until)
    return story


def paying(story, *days, amount=1_060_00):
    for day in days:
        story.do(commands.close_day, on=day)
        story.do(commands.receive_payment, amount=amount, effective_on=day)
    return story


def late(number, months, **header):
    """A loan that paid so many instalments, and none since."""
    days = [date(2026, month, 15) for month in range(2, 2 + months)]
    return closed(paying(loan(number, **header), *days))


def paid_off(number, on=date(2026, 4, 10)):
    story = loan(number)
    story.do(commands.close_day, on=on)
    story.do(commands.receive_payment, amount=20_000_00, effective_on=on)
    return closed(story)


def written_off(number):
    story = loan(number)
    story.do(commands.close_day, on=date(2026, 4, 20))
    story.do(commands.write_off, effective_on=date(2026, 4, 20))
    return story


def recovered(number):
    """Written off in March, paid in April to the last cent."""
    story = loan(number)
    story.do(commands.close_day, on=date(2026, 3, 20))
    story.do(commands.write_off, effective_on=date(2026, 3, 20))
    story.do(commands.receive_recovery, amount=story.loan.written_off.total,
             effective_on=date(2026, 4, 15))  # fmt: skip
    return story


def forgiven(number):
    """The rest is given up for a payment of half."""
    story = loan(number)
    story.do(commands.close_day, on=date(2026, 4, 20))
    story.do(commands.receive_payment, amount=6_000_00, effective_on=date(2026, 4, 20))
    owed = story.loan.balances()
    rest = {name: getattr(owed, name) for name in Component if getattr(owed, name)}
    story.do(commands.forgive, effective_on=date(2026, 4, 20), amounts=rest)
    return story


def sold(number, *paid, holder="FONDO UNO"):
    story = paying(loan(number), *paid)
    story.do(commands.close_day, on=date(2026, 4, 20))
    story.do(commands.sell, holder=holder, price=5_000_00, effective_on=date(2026, 4, 20))
    return story


def restructured(number):
    story = loan(number)
    story.do(commands.close_day, on=date(2026, 4, 20))
    story.do(
        commands.restructure, kind=e.Revision.RESTRUCTURE, treatment=e.Treatment.CAPITALISE,
        new=NewTerms(instalments=12), effective_on=date(2026, 4, 20),
    )  # fmt: skip
    return closed(story)


def paused(number):
    story = loan(number)
    story.do(commands.pause_delinquency, effective_on=FEBRUARY, until=date(2026, 8, 1))
    return closed(story)


def line(number):
    agreed = terms(
        method=Method.REVOLVING, annual_rate=480_000, principal=20_000_00,
        revolving=Revolving(minimum_rate=100_000, minimum_amount=200_00),
    )  # fmt: skip
    story = Story(agreed, START, loan_no=f"L-{number:04}", borrower=f"B-{number}", product="line")
    story.do(commands.disburse, principal=8_000_00, effective_on=START)
    return closed(paying(story, date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15)))


def weekly(number):
    agreed = terms(frequency=Frequency.WEEKLY, instalments=26, principal=6_500_00)
    story = loan(number, agreed, on=date(2026, 4, 6), product="group")
    opened = structs.replace(story.loan.opened, group="G-1")  # as the group's opening says it
    story.loan.opened, story.appends[0] = opened, (opened, *story.appends[0][1:])
    days = [date(2026, 4, 13), date(2026, 4, 20)]
    return closed(paying(story, *days, amount=400_00))


def single(number):
    agreed = terms(method=Method.SINGLE, frequency=Frequency.SINGLE, instalments=1,
                   first_due_on=date(2026, 6, 15), principal=3_000_00)  # fmt: skip
    return closed(loan(number, agreed, on=date(2026, 3, 2)))


def old(number):
    """Late for more than a year."""
    agreed = terms(interest_after_maturity="stops", late_rate=0)
    return closed(loan(number, agreed, on=date(2025, 2, 15)))


def portfolio():
    """Each loan's situation, by the order of their numbers."""
    on_time = [date(2026, month, 15) for month in (2, 3, 4)]
    return {
        "current": closed(paying(loan(1), *on_time)),
        "new": closed(loan(2, on=date(2026, 4, 20))),
        "late 15 days": late(3, 2),
        "late 46 days": late(4, 1),
        "late 74 days": late(5, 0, guarantors=("B-1", "B-90")),
        "late over a year": old(6),
        "paid off": paid_off(7),
        "written off": written_off(8),
        "recovered": recovered(9),
        "forgiven": forgiven(10),
        "sold late to a member": sold(11),
        "sold current outside": sold(12, *on_time, holder="NADIE"),
        "restructured": restructured(13),
        "paused": paused(14),
        "line": line(15),
        "weekly group": weekly(16),
        "single payment": single(17),
        "cured": closed(paying(loan(18), date(2026, 4, 16), amount=3_400_00)),
        "fraud": late(19, 0),
        "deceased": late(20, 1),
        "no RFC letters": late(21, 1),
        "unknown borrower": late(22, 1),
        "street without number": late(23, 1),
        "company": late(24, 1, product="business"),
        "sole trader late": late(25, 0, product="business", guarantors=("B-1",)),
    }


NAMES = (
    ("García", "Muñoz", "María", "José"), ("Hernández", "", "Ángel", ""),
    ("De la O", "Ruiz", "Luz", ""), ("Núñez", "Peña", "Íñigo", ""),
    ("O'Farrill", "López-Mata", "Ana", "Lucía"), ("Pérez", "Güemes", "Raúl", ""),
)  # fmt: skip


def person(number, **changes):
    paternal, maternal, first, second = NAMES[number % len(NAMES)]
    known = {
        "reference": f"B-{number}",
        "paternal": paternal,
        "maternal": maternal,
        "first_name": first,
        "second_name": second,
        "born_on": date(1980, 1 + number % 12, 5),
        "rfc": f"GAMM80{1 + number % 12:02}05AB{number % 10}",
        "curp": f"GAMM80{1 + number % 12:02}05MDFRXR0{number % 10}",
        "sex": Sex.FEMALE if number % 2 else Sex.MALE,
        "civil_status": list(CivilStatus)[number % 5],
        "nationality": "MX",
        "economics": Economics(residence=Residence.RENTED),
        "addresses": (Address(
            street=f"Av. Insurgentes Sur #{100 + number}, Depto. 4-B", neighbourhood="Del Valle",
            municipality="Benito Juárez", city="Ciudad de México", state="CMX",
            postal_code="03100",
        ),),
        "phones": (f"+52 55 1234 5{number:03}",),
        "employment": Employment(employer="TRABAJADOR INDEPENDIENTE"),
    }  # fmt: skip
    return Consumer(**(known | changes))


def consumers():
    known = {f"B-{number}": person(number) for number in (*range(1, 26), 90)}
    del known["B-22"]
    known["B-20"] = person(20, died_on=date(2026, 4, 2))
    known["B-21"] = person(21, rfc="XX-1")
    known["B-23"] = person(
        23, addresses=(Address(street="Calle Luna", neighbourhood="Centro", municipality="Puebla",
                               state="PUE", postal_code="72000"),),
    )  # fmt: skip
    known["B-24"] = Consumer(
        reference="B-24", kind=Kind.COMPANY,
        company=Company(
            legal_name="Comercializadora Peña y Hnos., S.A. de C.V.",
            shareholders=(
                Partner(first_name="Íñigo", paternal="Peña", rfc="PEXI700101AB1", share=60,
                        address=known["B-1"].addresses[0]),
                Partner(legal_name="Inversiones del Norte, S.A.", rfc="INO050505AB2", share=40,
                        address=known["B-1"].addresses[0]),
            ),
        ),
        activities=("6810012",),
        rfc="CPH100105AB1", addresses=known["B-1"].addresses, phones=("5512345678",),
    )  # fmt: skip
    known["B-25"] = person(25, kind=Kind.BUSINESS_PERSON)
    return known


class Known:
    """People of a dictionary."""

    def __init__(self, known):
        self.all = known

    def known(self, references):
        return {one: self.all[one] for one in references if one in self.all}

    def joined(self, loans, on):
        return {}


def lender(**changes):
    given = {
        "buro": Member(key="ZZ12340001", name="Prestamos Uno", return_address="Calle 1, Mexico"),
        "buro_companies": CompanyMember(key="1234", institution="055"),
        "circulo": Member(key="0000123456", name="PRESTAMOS UNO", choices=Choices()),
        "metro2": Reporter(name="Prestamos Uno", address="1 Main St, El Paso TX 79901",
                           phone="9155550100", identification="CARTERA0001"),
        "products": {
            "": ProductCodes(buro="PL", circulo="PP", metro2="01", buro_company="1305"),
            "group": ProductCodes(buro="PL", circulo="GS", metro2="01"),
            "line": ProductCodes(buro="CL", circulo="LC", metro2="15", kind="revolving"),
        },
        "buyers": {"FONDO UNO": "ZZ99990001"},
        "marks": {"L-0019": "fraud"},
    }  # fmt: skip
    return Lender(**(given | changes))


def in_texas(known):
    """The same people as Metro 2 takes them: with an address in the United States."""
    home = Address(street="100 N Oregon St Apt 4", city="El Paso", state="TX",
                   postal_code="79901", country="US")  # fmt: skip
    away = Address(street="9 Main St", city="Las Cruces", state="NM", postal_code="88001",
                   country="US")  # fmt: skip
    return {
        name: structs.replace(one, addresses=(away if name == "B-90" else home,), ssn="123456789"
                              if name == "B-1" else "")
        for name, one in known.items()
    }  # fmt: skip
