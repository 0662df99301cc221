"""The guide for API clients is true: its commands run, and answer what it says."""

import json
import re
import shlex
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "api-client.md"
EXAMPLE = re.compile(r"```bash\n(curl .*?)```\n```json\n(.*?)```", re.DOTALL)


def sent(client, command):
    """What a curl command of the guide would send, sent."""
    words = shlex.split(command.replace("\\\n", " "))[1:]
    url, body, headers = "", None, {}
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0)
        elif word != "-s":
            url = word
    assert url, command
    method = "POST" if body is not None else "GET"
    return client.request(method, url, role=None, key=False, headers=headers, content=body)


def matches(told, answered):
    """Equal, but for what the guide leaves open."""
    if told == "…":
        return answered is not None
    if isinstance(told, dict) and isinstance(answered, dict):
        return told.keys() == answered.keys() and all(matches(told[k], answered[k]) for k in told)
    if isinstance(told, list) and isinstance(answered, list):
        return len(told) == len(answered) and all(map(matches, told, answered))
    return told == answered


def test_every_example_answers_what_the_guide_says(client):
    examples = EXAMPLE.findall(GUIDE.read_text())
    assert len(examples) >= 7

    for command, told in examples:
        client.settled()
        filled = re.sub(r"\$(API|TOKEN)", lambda name: values(client)[name[1]], command)
        response = sent(client, filled)
        answer = response.json()
        assert matches(json.loads(told), answer), f"{command}\n{json.dumps(answer, indent=1)}"


def values(client):
    return {"API": "http://cartera", "TOKEN": client.tokens["operator"]}


def test_an_order_of_the_guide_sent_again_is_repeated(client):
    command = next(c for c, _ in EXAMPLE.findall(GUIDE.read_text()) if "disburse-1" in c)
    filled = re.sub(r"\$(API|TOKEN)", lambda name: values(client)[name[1]], command)
    assert sent(client, filled).json()["repeated"] is True


def test_the_guide_names_every_order_and_role(client):
    text = GUIDE.read_text()
    paths = client.get("/openapi.json", role=None).json()["paths"]
    for path in paths:
        last = path.rsplit("/", 1)[1]
        assert last.startswith("{") or last in text, path
    for role in client.tokens:
        assert role in text
