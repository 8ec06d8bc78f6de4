"""A .coin file as a page: one HTML file, with the decoder and the file inside, that needs no Python and no network.

The page is written in readable parts beside this file: `page.html` and `style.css`; `file.js` and `entropy.js`, which
read a .coin file; `network.js`, the function in plain JavaScript; `shader.js` and `painter.js`, the same on the
graphics card; `stage.js`, what is on the canvas; `viewer.js`, the rest. They are ES modules, put into one here.
"""

import base64
import html
import json
import re
from importlib import resources

from coin_edu.bitstream import check_checksum, read_header

# Each module imports from those before it only.
MODULES = ("entropy.js", "file.js", "network.js", "shader.js", "painter.js", "stage.js", "viewer.js")


def page(data: bytes | None = None, name: str = "picture.coin") -> str:
    """The viewer as one HTML page.

    Parameters
    ----------
    data : bytes, optional
        The .coin file that it shows; without one it asks for a file.
    name : str
        What the file is called on the page.

    Raises
    ------
    CoinError
        If `data` is no .coin file, or damaged.

    Examples
    --------
    >>> "drop a <b>.coin</b> file" in page().lower()
    True
    """
    inside = "null"
    if data is not None:
        read_header(data)
        check_checksum(data)
        inside = json.dumps({"name": name, "data": base64.b64encode(data).decode()})
    script = "\n".join(map(scope, MODULES))
    title = f"{html.escape(name)}, coin_edu viewer" if data is not None else "coin_edu viewer"
    replaced = {
        "<title>coin_edu viewer</title>": f"<title>{title}</title>",
        '<link rel="stylesheet" href="style.css">': f"<style>\n{part('style.css')}</style>",
        # No "<" may end the script early, or open a comment in it.
        '<script id="coin" type="application/json">null': '<script id="coin" type="application/json">'
        + inside.replace("<", "\\u003c"),
        '<script type="module" src="viewer.js">': f'<script type="module">\n{script}',
    }
    text = part("page.html")
    for old, new in replaced.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def scope(module: str) -> str:
    """An ES module as a scope within one, whose exports are names of all that follow."""
    text = part(module)
    exports = ", ".join(re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", text, re.M))
    body = re.sub(r"^import [^;]*;\n|^export ", "", text, flags=re.M)
    return f"const {{ {exports} }} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n"


def part(name: str) -> str:
    """The text of one of the page's parts."""
    return (resources.files(__package__) / name).read_text("utf-8")
