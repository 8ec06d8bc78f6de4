"""Names of people in any script, as a figure can show them: drawn if a font at hand has them, spelled if none has."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import groupby

from matplotlib import ft2font
from matplotlib.font_manager import fontManager

USUAL = "DejaVu Sans"  # matplotlib's own
NO_LETTERS = re.compile("emoji|color|last ?resort", re.IGNORECASE)
# Arabic, Hebrew, Devanagari and others are drawn rightly only by a matplotlib with a shaper of text, from 3.11 on.
SHAPED = hasattr(ft2font, "__libraqm_version__")


def families(names: Iterable[str]) -> list[str]:
    """The fonts that draw these names between them, to be tried in turn; matplotlib's own first.

    Examples
    --------
    >>> families(["Ada", "Zoë"])
    ['DejaVu Sans']
    """
    wanted = {letter for name in names for letter in name if not _has(USUAL, letter)}
    chosen = [USUAL]
    for family in sorted(_files()) if wanted else ():
        if found := {letter for letter in wanted if _has(family, letter)}:
            chosen.append(family)
            wanted -= found
        if not wanted:
            break
    return chosen


def drawable(name: str, fonts: Iterable[str]) -> str:
    """A name with what none of the fonts can draw spelled in Latin letters (by anyascii), or else as code points.

    Examples
    --------
    >>> drawable("Zoë", ["DejaVu Sans"]), drawable("Ada \\U000F0000", ["DejaVu Sans"])
    ('Zoë', 'Ada U+F0000')
    """
    fonts = list(fonts)
    drawn = [_shapeable(letter) and any(_has(family, letter) for family in fonts) for letter in name]
    parts = groupby(zip(name, drawn, strict=True), key=lambda pair: pair[1])
    return "".join(text if fine else _spelled(text) for fine, pairs in parts for text in ["".join(p[0] for p in pairs)])


def _shapeable(letter: str) -> bool:
    """Whether a letter is drawn rightly one by one, from the left; or there is a shaper."""
    alone = unicodedata.bidirectional(letter) not in ("R", "AL") and not unicodedata.category(letter).startswith("M")
    return alone or SHAPED


def _spelled(text: str) -> str:
    try:
        from anyascii import anyascii
    except ModuleNotFoundError:
        return " ".join(f"U+{ord(letter):04X}" for letter in text)
    return "".join(anyascii(letter).title() or f"U+{ord(letter):04X}" for letter in text)


@cache
def _letters(family: str) -> frozenset[int]:
    """What a font has."""
    return frozenset(ft2font.FT2Font(_files()[family]).get_charmap())


def _has(family: str, letter: str) -> bool:
    return letter.isspace() or ord(letter) in _letters(family)


@cache
def _files() -> dict[str, str]:
    """The upright, regular fonts of this machine that matplotlib can draw: pictures of letters in color it cannot."""
    upright = [entry for entry in fontManager.ttflist if entry.style == "normal" and entry.weight == 400]
    return {entry.name: entry.fname for entry in upright if not NO_LETTERS.search(entry.name)}
