"""Which picture formats there are here, and what a file that Pillow cannot open is in want of."""

import functools
import importlib
import io
import re

from PIL import Image, features

# Modules that bring a format to Pillow, from the extra "codecs", and the endings of such files.
PLUGINS = {
    "HEIF": ("pillow_heif.HeifImagePlugin", {".heic", ".heics", ".heif", ".heifs", ".hif"}),
    "JXL": ("pillow_jxl", {".jxl"}),
}
EXTRA = "pip install 'coin_edu[codecs]'"
# Formats that Pillow knows, but has pixels of never, or with a program of others only.
NO_PIXELS = {
    "BUFR": "it holds measurements, which the package eccodes reads",
    "EPS": "that needs the program Ghostscript (gs): install it, or save a PNG",
    "GRIB": "it holds measurements, which the package eccodes reads",
    "HDF5": "it holds arrays, which the package h5py reads",
    "MPEG": "it is a film: save a picture of it as PNG, with ffmpeg or another program",
    "WMF": "it is a drawing, which Windows alone can draw: save it there as PNG",
}
# How files start that Pillow without plugins, or in a build with less, does not know.
STARTS = {
    "HEIF": rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)",
    "AVIF": rb"....ftypavi[fs]",
    "JXL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "WebP": rb"RIFF....WEBP",
    "PDF": rb"%PDF",
    "SVG": rb"\s*(<\?xml[^>]*>\s*)?<svg",
}
FEATURES = {"AVIF": "avif", "WebP": "webp"}


@functools.cache
def register() -> None:
    """Let Pillow know every format that can be had here, whoever asks first."""
    Image.init()
    for module, _ in PLUGINS.values():
        try:
            importlib.import_module(module)
        except (ImportError, OSError):  # not installed, or a library that it needs is not
            continue


def endings() -> set[str]:
    """Endings, ".png" and so on, of the files that a folder of pictures is read from.

    Also of those for which a package is missing here: to be told is better than to be left out. Not .coin, and not what
    is in :data:`NO_PIXELS`.
    """
    register()
    known = Image.registered_extensions().items()
    own = {ending for ending, form in known if form in Image.OPEN and form not in {"COIN", *NO_PIXELS}}
    return own.union(*(more for _, more in PLUGINS.values()))


def why_unknown(data: bytes) -> str:
    """Why Pillow takes `data` for no picture, and what to do."""
    for form, start in STARTS.items():
        if re.match(start, data[:512], re.DOTALL):
            if form in PLUGINS and form not in Image.OPEN:
                return f"a {form} picture, for which a package is missing: {EXTRA}, or save it as PNG or JPEG"
            if form in FEATURES and not features.check(FEATURES[form]):
                return f"a {form} picture, which this build of Pillow cannot read; reinstall Pillow from a wheel"
            if form in ("PDF", "SVG"):
                return f"a {form} file, which Pillow cannot read; draw it into a PNG with another program"
    for form in Image.ID:
        factory, accept = Image.OPEN[form]
        try:
            if accept and accept(data[:16]) is True:
                factory(io.BytesIO(data), "")
        except Exception as error:
            if data:
                return f"a {form} file that cannot be read ({error}); get it again, or save it as PNG or JPEG"
    begin = data[:8].decode("latin-1").encode("unicode_escape").decode()
    return f"no picture that Pillow can read (it starts with '{begin}'); try PNG or JPEG"


def why_undecoded(form: str | None, error: Exception) -> str:
    """Why Pillow, which knows the format, has no pixels of it, and what to do."""
    if form in NO_PIXELS and re.search("Ghostscript|cannot (find loader|load this image)", str(error)):
        return f"a {form} file, which Pillow knows but cannot decode here; {NO_PIXELS[form]}"
    if re.search(r"(decoder|codec|support) .*not (available|installed)", str(error)):
        return f"a {form} file that this build of Pillow cannot decode ({error}); reinstall Pillow from a wheel"
    return f"a damaged picture ({error}); get the file again"


PNG_START, PNG_NEEDED = b"\x89PNG\r\n\x1a\n", {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def without_metadata(data: bytes) -> bytes | None:
    """A PNG file without what its pixels do not need, which may be damaged where they are not; None for other files."""
    if not data.startswith(PNG_START):
        return None
    kept, place = [PNG_START], len(PNG_START)
    while place < len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4])
        if data[place + 4 : place + 8] in PNG_NEEDED:
            kept.append(data[place:end])
        place = end
    return b"".join(kept)
