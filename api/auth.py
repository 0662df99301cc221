"""Who is asking: the key in `Authorization: Bearer`, and what its roles allow."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.policy import Action, allows
from api.problems import Problem
from api.running import Running, running
from ledger.api_keys import Key, check_key

bearer = HTTPBearer(auto_error=False, description="an API key")
LONGEST_TOKEN = 500


def authenticated(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    here: Annotated[Running, Depends(running)],
) -> Key:
    """The key of this request.

    Errors: 401 without a token, with a wrong one, or with a revoked one.
    """
    if given is None:
        raise unauthenticated("send the header Authorization: Bearer <key>", "")
    key, token = None, given.credentials.strip()
    if len(token) <= LONGEST_TOKEN and token.isascii() and token.isprintable():
        with here.pool.connection() as connection:
            key = check_key(connection, token)
    if key is None:
        raise unauthenticated("the key is not known or no longer valid", ', error="invalid_token"')
    return key


def requires(action: Action) -> Callable[[Key], Key]:
    """A dependency that answers the key if its roles allow ``action``, else 403."""

    def allowed(key: Annotated[Key, Depends(authenticated)]) -> Key:
        demand(key, action)
        return key

    return allowed


def demand(key: Key, action: Action) -> None:
    """Refuse with 403 unless the key's roles allow ``action``."""
    if not allows(key.roles, action):
        roles = ", ".join(sorted(key.roles)) or "none"
        raise Problem(403, "forbidden", f"{action} is not allowed to this key (roles: {roles})")


def unauthenticated(detail: str, hint: str) -> Problem:
    challenge = {"WWW-Authenticate": f'Bearer realm="cartera"{hint}'}
    return Problem(401, "unauthenticated", detail, headers=challenge)
