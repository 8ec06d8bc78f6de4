"""The page as text; what it does is looked at in a browser, in test_viewer.py."""

import base64
import json
import re

import pytest

from coin_edu import CoinError
from coin_edu.viewer.page import MODULES, page, part


def test_the_file_is_inside_whatever_its_name(coin):
    name = '</script><b>"&\\.coin'
    text = page(coin, name)
    assert "<b>&quot;" not in text and name not in text
    (inside,) = re.findall(r'<script id="coin" type="application/json">(.*?)</script>', text)
    assert json.loads(inside) == {"name": name, "data": base64.b64encode(coin).decode()}
    assert "&lt;/script&gt;&lt;b&gt;&quot;&amp;\\.coin, coin_edu viewer</title>" in text


def test_without_a_file_it_asks_for_one():
    assert '<script id="coin" type="application/json">null</script>' in page()


def test_nothing_is_loaded_from_elsewhere():
    text = page()
    assert "default-src 'none'" in text
    assert not re.findall(r"\b(?:src|href|import|fetch|url)\b\s*[=(]\s*[\"'(]?(?:https?:|//|[\w/]+\.(?:js|css))", text)
    assert not re.findall(r"^(?:import|export) ", text, re.M)


def test_modules_import_only_from_those_before_them():
    for i, module in enumerate(MODULES):
        sources = re.findall(r'^import \{[^}]*\} from "\./(.*?)";$', part(module), re.M)
        assert set(sources) <= set(MODULES[:i]) and part(module).count("\nimport ") + 1 >= len(sources)


def test_it_stays_small():
    assert len(page().encode()) < 100_000


@pytest.mark.parametrize(
    "damage, match",
    [
        (lambda data: data[:-1], "truncated or damaged"),
        (lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:], "checksum does not fit"),
        (lambda data: b"PNG", "no .coin file"),
    ],
)
def test_what_is_damaged_makes_no_page(coin, damage, match):
    with pytest.raises(CoinError, match=match):
        page(damage(coin))
