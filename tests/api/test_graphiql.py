"""GraphiQL comes from here alone, works in a browser, and opens nothing without a key."""

import asyncio
import base64
import json
import os
import re
import shutil
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import websockets

from api.graphiql import FILES, HERE
from tests.api.harness import served
from tests.api.test_listening import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LOADED = re.compile(
    r"""(?:src|href)\s*=\s*["']([^"']+)|url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)"""
)


@pytest.fixture(scope="module")
def page(database):
    with served(database, graphiql=True) as client:
        yield client


def test_it_is_not_there_unless_it_is_wanted(client):
    for path in ("/graphiql", "/graphiql/page.js"):
        assert client.get(path).status_code == 404


def test_all_it_loads_is_served_and_nothing_else_is(page):
    html = page.get("/graphiql", role=None)
    assert html.status_code == 200
    assert html.headers["content-type"].startswith("text/html")
    named = set(re.findall(r"graphiql/([\w.-]+)", html.text))
    assert named == set(FILES)
    for name in FILES:
        part = page.get(f"/graphiql/{name}", role=None)
        assert (part.status_code, part.content) == (200, (HERE / name).read_bytes())
    for other in ("__init__.py", "README.md", "..%2fapp.py", "LICENSE.react"):
        assert page.get(f"/graphiql/{other}", role=None).status_code == 404


def test_no_part_of_it_is_loaded_from_another_host(page):
    answer = page.get("/graphiql", role=None)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    for name in ("page.html", *(name for name in FILES if name.endswith(".css"))):
        for found in LOADED.findall((HERE / name).read_text()):
            [given] = filter(None, found)
            assert not urlsplit(given).netloc, f"{name}: {given}"
    assert not re.search(r"https?:|//[a-z]", re.sub(r"^//.*", "", (HERE / "page.js").read_text()))


def test_its_questions_need_a_key_as_any(page):
    asked = page.post("/graphql", {"query": "{ position }"}, role=None)
    assert (asked.status_code, asked.json()["code"]) == (401, "unauthenticated")


def test_what_others_wrote_is_as_they_published_it():
    told = (HERE / "README.md").read_text()
    table = dict(re.findall(r"\| `([\w.-]+)` \|.*\| `([0-9a-f]{64})` \|", told))
    assert set(table) == {name for name in FILES if ".min." in name}
    for name, digest in table.items():
        assert sha256((HERE / name).read_bytes()).hexdigest() == digest, name
    for licence in ("LICENSE.graphiql", "LICENSE.react"):
        assert "MIT License" in (HERE / licence).read_text()


@asynccontextmanager
async def browser(folder):
    """A headless Chromium, by its debugging port."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--window-size=1280,800", "--remote-debugging-port=0", f"--user-data-dir={folder}",
        "about:blank", stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = folder / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not port.exists() or not port.read_text().strip():
                await asyncio.sleep(0.1)
        async with httpx.AsyncClient() as http:
            tabs = await http.get(f"http://127.0.0.1:{port.read_text().split()[0]}/json/list")
        [tab] = [one for one in tabs.json() if one["type"] == "page"]
        async with websockets.connect(tab["webSocketDebuggerUrl"], max_size=None) as ws:
            yield Tab(ws)
    finally:
        process.terminate()
        await process.wait()


class Tab:
    """Speaks the DevTools protocol, and keeps every address that the page asked for."""

    def __init__(self, ws):
        self.ws, self.count, self.asked, self.said = ws, 0, [], []

    async def do(self, method, **given):
        self.count += 1
        await self.ws.send(json.dumps({"id": self.count, "method": method, "params": given}))
        while True:
            message = json.loads(await self.ws.recv())
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
            if message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.said.append(message["params"])
            if message.get("id") == self.count:
                assert "error" not in message, message
                return message["result"]

    async def sees(self, expression):
        """Wait until an expression of the page is true."""
        async with asyncio.timeout(60):
            while True:
                found = await self.do("Runtime.evaluate", expression=expression)
                if found["result"].get("value"):
                    return
                await asyncio.sleep(0.2)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_asks_by_it_and_loads_nothing_from_elsewhere(client, database, tmp_path):
    number = client.running("seen-in-graphiql")
    client.settled()
    question = f'{{ loan(loanNo: "{number}") {{ loanNo status }} }}'

    async def look():
        async with serving(database, graphiql=True) as url, browser(tmp_path) as tab:
            base = url.replace("ws:", "http:").removesuffix("/graphql")
            for domain in ("Network", "Runtime", "Log", "Page"):
                await tab.do(f"{domain}.enable")
            await tab.do("Page.navigate", url=f"{base}/graphiql")
            await tab.sees("!!document.querySelector('.graphiql-execute-button')")
            token = json.dumps(client.tokens["auditor"])
            await tab.do("Runtime.evaluate", expression=f"""
                document.getElementById("key").value = {token};
                document.querySelector("#who button").click()""")  # fmt: skip
            await tab.sees("!!document.querySelector('.graphiql-query-editor .CodeMirror')")
            await tab.do("Runtime.evaluate", expression=f"""
                document.querySelector('.graphiql-query-editor .CodeMirror')
                  .CodeMirror.setValue({json.dumps(question)});
                document.querySelector('.graphiql-execute-button').click()""")  # fmt: skip
            told = "document.querySelector('.result-window').innerText"
            await tab.sees(f"{told}.includes('{number}') && {told}.includes('ACTIVE')")
            shot = await tab.do("Page.captureScreenshot")
            heard = "subscription { loanEvents(after: 0) { position type } }"
            await tab.do("Runtime.evaluate", expression=f"""
                document.querySelector('.graphiql-query-editor .CodeMirror')
                  .CodeMirror.setValue({json.dumps(heard)});
                document.querySelector('.graphiql-execute-button').click()""")  # fmt: skip
            await tab.sees(f"{told}.includes('loan-disbursed')")
            return base, tab, shot["data"]

    base, tab, shot = asyncio.run(look())
    if kept := os.environ.get("CARTERA_SCREENSHOTS"):
        (Path(kept) / "graphiql.png").write_bytes(base64.b64decode(shot))
    assert {urlsplit(url).netloc for url in tab.asked if url.startswith("http")} == {
        urlsplit(base).netloc
    }
    blocked = [one for one in tab.said if "Content Security Policy" in json.dumps(one)]
    assert blocked == []
    assert len(shot) > 10_000
