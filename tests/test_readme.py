"""The README's example prints what the README says."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_example_prints_what_it_says():
    text = README.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    said = re.search(r"prints \(.*?```\n(.*?)```", text, re.DOTALL).group(1)

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(README), "exec"), {})

    assert printed.getvalue() == said


def test_every_page_it_points_to_is_there():
    links = re.findall(r"\]\((?!http)([^)]+)\)", README.read_text(encoding="utf-8"))

    missing = [link for link in links if not (README.parent / link).exists()]
    assert missing == []
