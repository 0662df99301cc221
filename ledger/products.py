"""The products a lender offers: named sets of terms with limits, each a YAML file in a folder.

A new product is a file, not code. Format and the products that ship: `docs/products.md`.
"""

import re
from pathlib import Path

from ledger.forms import FormError
from ledger.product_terms import Product, product_from
from ledger.product_trial import try_out
from ledger.yaml_form import read_form

__all__ = ["BrokenProduct", "Product", "UnknownProduct", "catalogue", "files", "find", "read"]

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "scenarios" / "products"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


class BrokenProduct(FormError):
    """A product file that cannot be used; ``inside`` is the field in the ``file``."""

    code = "broken-product"

    def __init__(self, file: Path, inside: str, rule: str) -> None:
        super().__init__(f"{file.name}: {inside}", rule)
        self.file = file
        self.inside = inside


class UnknownProduct(FormError):
    """No file in the folder holds a product of that name."""

    code = "unknown-product"


def catalogue(folder: Path | None = None) -> dict[str, Product]:
    """The products of a folder (default: those that ship), by name.

    Errors: ``BrokenProduct`` naming file, field and rule; ``FormError`` for a folder without.
    """
    return {product.name: product for product in map(read, files(folder or DEFAULT_FOLDER))}


def find(name: str, folder: Path | None = None) -> Product:
    """The product of that name, not tried out. Errors: ``UnknownProduct``, ``BrokenProduct``."""
    where = folder or DEFAULT_FOLDER
    path = where / f"{name}.yaml"
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(sorted(path.stem for path in where.glob("*.yaml")))
        raise UnknownProduct("product", f"{name[:40]!r} is none of {where}: {known or 'none'}")
    return read(path, tried=False)


def files(folder: Path) -> list[Path]:
    """The product files of a folder. Errors: ``FormError`` where there are none."""
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise FormError("folder", f"{folder} holds no products (*.yaml)")
    return found


def read(path: Path, *, tried: bool = True) -> Product:
    """The product in a file, tried out at its limits unless that is not asked for.

    Errors: ``BrokenProduct``; ``OSError`` where there is no such file.
    """
    try:
        form = read_form(path)
        product = product_from(form)
        if product.name != path.stem:
            raise FormError("name", f"{product.name!r} is not the file's: {path.stem!r}")
        if tried:
            try_out(product)
    except FormError as error:
        raise BrokenProduct(path, error.field, error.rule) from None
    return product
