"""What the tests of sending share: marking as sent, and reading a file apart."""

from hashlib import sha256

from ledger import database as db
from projections.bureau import kept


def send(settings, path):
    with db.connect(settings) as connection:
        return kept.mark_sent(connection, sha256(path.read_bytes()).digest(), "ana")


def rows(path):
    """Each record by its account, as the text of the file."""
    return {
        line.partition("0406")[2][:6]: line for line in path.read_text("latin-1").splitlines()[1:-1]
    }


def field(line, tag):
    """The value of a tag of segment TL, found by walking tags and lengths."""
    rest = line[line.index("TL02TL") :]
    while rest:
        name, length = rest[:2], int(rest[2:4])
        value, rest = rest[4 : 4 + length], rest[4 + length :]
        if name == tag:
            return value
    return None
