"""`products`: what is offered, one of them whole, and whether a folder of them can be used."""

import json
from pathlib import Path

PRODUCTS = Path(__file__).parent.parent.parent / "scenarios" / "products"
BROKEN = (PRODUCTS / "auto.yaml").read_text(encoding="utf-8").replace("terms:", "term:")


def test_the_products_are_listed_with_method_frequency_and_what_is_particular(cartera):
    told = cartera("products", "--json")

    listed = {one["name"]: one for one in told.json}
    assert told.code == 0
    assert set(listed) == {path.stem for path in PRODUCTS.glob("*.yaml")}
    assert listed["factoring"] == {
        "name": "factoring",
        "title": "Factoring with recourse",
        "method": "discount",
        "frequency": "single",
        "particular": "Discount withheld on the advance; what the invoice pays beyond it is given"
        " back.",
    }
    assert "Factoring with recourse" in cartera("products").out


def test_one_product_is_shown_whole(cartera):
    told = cartera("products", "show", "fira_agro", "--json").json

    assert told["funding"] == {"funder": "FIRA", "share_percent": "70.00"}
    assert told["terms"]["floating"]["index"] == "TIIE_28"
    assert told["limits"]["currency"] == ["MXN"]
    assert told["limits"]["annual_rate"] == {"min": "8.00", "max": "24.00"}
    assert told["fixed"] == ["tax_rate", "day_count"]
    text = cartera("products", "show", "fira_agro").out
    assert "70 % of FIRA" in text
    assert "8.00 to 24.00" in text


def test_a_product_that_is_not_there_ends_with_exit_code_2(cartera):
    told = cartera("products", "show", "car")

    assert told.code == 2
    assert "product: 'car' is none of" in told.err


def test_a_folder_is_checked_file_by_file(cartera, tmp_path):
    good = tmp_path / "personal.yaml"
    good.write_text((PRODUCTS / good.name).read_text(encoding="utf-8"), encoding="utf-8")

    assert cartera("products", "check", tmp_path).code == 0
    assert [one["name"] for one in cartera("products", "--folder", tmp_path, "--json").json] == [
        "personal"
    ]

    (tmp_path / "auto.yaml").write_text(BROKEN, encoding="utf-8")
    told = cartera("products", "check", tmp_path, "--json")

    assert told.code == 1
    first, second = (json.loads(line) for line in told.out.splitlines())
    assert first["error"] == {"field": "terms", "rule": "is missing"}
    assert second["error"] is None
    listed = cartera("products", "--folder", tmp_path)
    assert listed.code == 2
    assert "auto.yaml: terms: is missing" in listed.err


def test_a_folder_without_products_ends_with_exit_code_2(cartera, tmp_path):
    told = cartera("products", "check", tmp_path)

    assert told.code == 2
    assert "holds no products" in told.err
