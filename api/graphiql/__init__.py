"""GraphiQL, served from here: the page and all it loads; none of it comes from another host.

The page is the same for everybody and holds nothing; whoever uses it gives a key, and each of its
questions is answered or refused like any other.
"""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse

from api.problems import Problem

HERE = Path(__file__).parent
FILES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "graphiql.min.css": "text/css",
    "graphiql.min.js": "text/javascript",
    "react.production.min.js": "text/javascript",
    "react-dom.production.min.js": "text/javascript",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self';"
    " style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


@router.get("/graphiql")
async def page() -> FileResponse:
    """The page."""
    return FileResponse(HERE / "page.html", headers=HEADERS, media_type="text/html")


@router.get("/graphiql/{name}")
async def part(name: str) -> FileResponse:
    """What the page loads. Errors: 404 for any other file."""
    if name not in FILES:
        raise Problem(404, "not-found", "GraphiQL has no such file")
    return FileResponse(HERE / name, headers=HEADERS, media_type=FILES[name])
