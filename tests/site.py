"""What is wrong in the site that was built: python -m tests.site build/site; `make site` runs it."""

import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import coin_edu


class Page(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        self.anchors |= {given[name] or "" for name in ("id", "name") if name in given}


def faults(folder: Path) -> Iterator[str]:
    """Links within the site that lead nowhere, and public names that the search does not know."""
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html") if "_static" not in path.parts}
    if not pages:
        yield f"{folder}: no pages"
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(parts.fragment)
            if not target.is_file():
                yield f"{path.relative_to(folder.resolve())}: {link} leads nowhere"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{path.relative_to(folder.resolve())}: {link} has no such anchor"
    text = (folder / "searchindex.js").read_text("utf-8")
    index = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)", text, re.DOTALL)[1])  # type: ignore[index]
    known = {entry[4] for entry in index["objects"].get("coin_edu", [])}
    for name in sorted(set(coin_edu.__all__) - known):
        yield f"the search does not know coin_edu.{name}"


def main() -> int:
    """1 if there are faults."""
    found = list(faults(Path(sys.argv[1])))
    print("\n".join(found) or "every link within the site leads somewhere, and the search knows every public name")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
