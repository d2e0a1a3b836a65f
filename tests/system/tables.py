"""Tables of what was seen, put into the documentation between marks."""

import json
import re


def table(head, rows):
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_docs(tree, out, suites):
    """Replaces what stands between `<!-- NAME on SUITE -->` and `<!-- end -->` in docs/hardening.md."""
    page = tree / "docs" / "hardening.md"
    text = page.read_text(encoding="utf-8")
    for suite in suites:
        seen = json.loads((out / f"{suite}.tables.json").read_text(encoding="utf-8"))
        for name, lines in seen.items():
            mark = f"<!-- {name} on {suite} -->"
            if mark not in text:
                raise SystemExit(f"{page}: there is no {mark}")
            pattern = re.escape(mark) + r"\n.*?<!-- end -->"
            text = re.sub(pattern, lambda _, m=mark, t=lines: f"{m}\n\n{t}\n\n<!-- end -->", text, count=1, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
    print(f"written: {page}")
