import pytest

from ledger.api_keys import ROLES, UnknownRole, check_key, issue_key, keys, revoke_key


def test_a_token_opens_its_key_and_no_other(app):
    auditor = issue_key(app, "auditors", ["auditor"])
    everyone = issue_key(app, "head office", ROLES)

    key = check_key(app, auditor)

    assert (key.name, key.roles, key.revoked_at) == ("auditors", {"auditor"}, None)
    assert check_key(app, everyone).roles == ROLES
    assert {known.id for known in keys(app)} >= {key.id}


@pytest.mark.parametrize(
    "spoil",
    [lambda t: t[:-1], lambda t: t + "x", lambda t: t.swapcase(), lambda t: "", lambda t: "\ud800"],
)
def test_any_other_token_opens_nothing(spoil, app):
    assert check_key(app, spoil(issue_key(app, "one", ["operator"]))) is None


def test_a_revoked_key_opens_nothing(app):
    token = issue_key(app, "gone", ["operator"])
    key = check_key(app, token)

    assert revoke_key(app, key.id)

    assert check_key(app, token) is None
    assert not revoke_key(app, key.id)
    [kept] = [known for known in keys(app) if known.id == key.id]
    assert kept.revoked_at is not None


def test_the_token_is_nowhere_in_the_table(app):
    token = issue_key(app, "secret", ["operator"])
    rows = app.execute("SELECT api_keys::text FROM ledger.api_keys").fetchall()
    assert not [text for (text,) in rows if token in text or token.encode().hex() in text]


def test_tokens_are_long_and_never_the_same(app):
    tokens = {issue_key(app, "many", []) for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 43 for token in tokens)


def test_a_role_that_does_not_exist_is_refused(app):
    with pytest.raises(UnknownRole):
        issue_key(app, "x", ["auditor", "king"])
