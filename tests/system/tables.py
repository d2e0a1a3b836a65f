"""Tables of what was seen, put into the documentation between marks."""

import json
import re


def table(head, rows):
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_docs(tree, out, suites):
    """Replaces what stands between `<!-- NAME on SUITE -->` and `<!-- end -->` in the pages that have such marks."""
    pages = [tree / "docs" / name for name in ("hardening.md", "performance.md")]
    for suite in suites:
        seen = json.loads((out / f"{suite}.tables.json").read_text(encoding="utf-8"))
        for name, lines in seen.items():
            mark = f"<!-- {name} on {suite} -->"
            page = next(page for page in pages if mark in page.read_text(encoding="utf-8"))
            text = page.read_text(encoding="utf-8")
            pattern = re.escape(mark) + r"\n.*?<!-- end -->"
            fresh = f"{mark}\n\n{lines}\n\n<!-- end -->"
            page.write_text(re.sub(pattern, lambda _, fresh=fresh: fresh, text, count=1, flags=re.DOTALL), encoding="utf-8")
            print(f"written: {name} on {suite}, in {page.name}")
