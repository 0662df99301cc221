"""The positions of a Metro 2 base segment, by a record that somebody else made.

Source: github.com/moov-io/metro2 (Apache-2.0, Copyright 2020 The Moov Authors), test/testdata:
unpacked_fixed_file.dat, and the fields that its unpacked_fixed_file.json reads from it.
"""

from pathlib import Path

import pytest

from projections.bureau.validators.metro2 import BASE, LENGTH

RECORD = Path(__file__).with_name("metro2_base_segment.txt").read_text("ascii").rstrip("\n")
FIELDS = {
    "processing": "1", "timestamp": "01012020011122", "identification": "6666666",
    "account": "553723456", "portfolio": "M", "type": "48", "opened": "11222019",
    "highest": "000002438", "duration": "LOC", "paid": "000000100", "status": "62",
    "history": "B" * 24, "comment": "AS", "compliance": "XA", "balance": "000002233",
    "reported": "09202002", "first delinquency": "07192001", "closed": "08022002",
    "last payment": "08022002", "surname": "SMITH-JONES", "first name": "JUNIOR",
    "generation": "S", "ssn": "159328759", "born": "03181972", "phone": "5175555555", "ecoa": "1",
    "country": "US", "street": "RMXH+6W Casper, Wyoming,", "street 2": "United States",
    "city": "U.S. Postal", "state": "MI", "zip": "72654", "address indicator": "Y",
    "residence": "O",
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_a_published_record_has_each_field_where_we_read_it(name):
    at, size, _, _ = BASE[name]

    assert len(RECORD) == LENGTH
    assert RECORD[at : at + size].strip() == FIELDS[name]
