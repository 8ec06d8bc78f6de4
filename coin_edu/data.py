"""Pictures to work on, at hand or fetched, and recorded figures: what others publish of Kodak."""

import json
import os
import tomllib
from importlib import resources
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, overload

import numpy as np
import pooch

from coin_edu.errors import CoinError, check_whole
from coin_edu.files import read_bytes
from coin_edu.image import load_image
from coin_edu.metrics import Curve

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")

KODAK_URL = "https://r0k.us/graphics/kodak/kodak/"
KODAK_SHA256 = {
    "kodim01.png": "a56e27cbf5f843c048b6af1d6e090760e9c92fadba88b7dee0205918a37523bd",
    "kodim02.png": "4f4b74a79237e311d72cad958237b5f7088d8bce1c82305ebefe1a70e3022dfd",
    "kodim03.png": "e25ca1ff2f0c0cb5fdfd5f9b0a0bb21ac4c3de3c84a67f35b09a85d3306249db",
    "kodim04.png": "e3b946107c5d3441c022f678d0c3caf1e224d81b1604ba840a4f88e562de61aa",
    "kodim05.png": "10349e963c5c813d327852f82c1795fa4148d69fedffc4c589bee458e3ac3d53",
    "kodim06.png": "363510303b715d4cbc384e1ce227e466b613a09e1b71ae985882bf8e7fbd9b18",
    "kodim07.png": "b77d3f006f42414bb242222e0482e750c0fb9e5ee8d4bed2f6f11c5605fe54a4",
    "kodim08.png": "ba23983c76b4832ee0e8af0592664756841a16779acd69f792e268fb6d13d6e7",
    "kodim09.png": "6a4361c2fc194feb4edaa9f9a4a0620fb9943e460ac7fdf037fb0f6dd6607a7d",
    "kodim10.png": "9dfb70f5867c29ff9ed6313683f19b3d867849e40fbc0c4c54a4a89df341cf23",
    "kodim11.png": "7936814b58b5387fce2e4e2488b4ec830dadd95fa9520f358ddb30990b50f2b6",
    "kodim12.png": "d78c37c2f04f23761ed2367dd77e2db584ddd4c3950833fecf89f199a8126980",
    "kodim13.png": "bc34a3ce58dea09dce1704c997171602de90cb34d0c8503a988b77f473d39b08",
    "kodim14.png": "55a94550ff18f3246c4074fd32b77b0c74447c26b6ad274d564d999c0450ba6e",
    "kodim15.png": "7538cbb80cb9103606c48b806eae57d56c885c7f90b9b3be70a41160f9cbb683",
    "kodim16.png": "a89c7268ccd4718ba424a99fc4643c572cf692ca6eae887185ceb4e9f11d2e54",
    "kodim17.png": "37afcc89fbdcb76d9518e04b2fc011027e2f4cd14b3b2f83cefd721641a47c5b",
    "kodim18.png": "1a9258c365988961d87a0598725b609139c303ad48a5aad6c503c3b1a87849aa",
    "kodim19.png": "b7450b264b1b0a411390d8931b112c27905a992520fc90569dc4b920aa32bbdc",
    "kodim20.png": "3b46c71e3b92a563820ba32936be8330c586c41f938efd94be938386aae4328a",
    "kodim21.png": "ac958597c82073f6bb65129c68f72b651db5b9efd82e11547d07350214bc268b",
    "kodim22.png": "1cee58eb1f2d9c7ebb254d208a03c783ce6cf2c4d8c2cf45e235dd23b4ce1b29",
    "kodim23.png": "e3111a2fd4da24af15d6459ef9eacfe54106b38e27b4a21821b75c3f5d2d5baf",
    "kodim24.png": "1071c68372cc5a01435c2c225a5cf7d4bb803846ec08bb6b3d6721b156d7cb96",
}


def photo(name: str = "coffee") -> np.ndarray:
    """A photograph that comes with scikit-image, uint8 (H, W, 3); nothing is downloaded.

    Parameters
    ----------
    name : {"astronaut", "chelsea", "coffee", "rocket"}
        Their sources and licences are in scikit-image's ``skimage/data/README.txt``.

    Examples
    --------
    >>> photo("coffee").shape
    (400, 600, 3)
    """
    if name not in PHOTOS:
        raise CoinError(f"photo must be one of {', '.join(PHOTOS)}, got {name!r}")
    folder = resources.files("skimage") / "data"
    with resources.as_file(folder / f"{name}{'.jpg' if name == 'rocket' else '.png'}") as path:
        return load_image(path)


def kodak(number: int) -> np.ndarray:
    """Photograph 1 to 24 of the Kodak set, uint8 (512, 768, 3) or (768, 512, 3).

    Read from the folder that the environment variable COIN_EDU_KODAK names; where it is unset, downloaded once from
    r0k.us and checked against its SHA-256.

    Raises
    ------
    CoinError
        If the number is out of range, the folder lacks the file, or the download fails.

    Examples
    --------
    >>> kodak(25)
    Traceback (most recent call last):
    coin_edu.errors.CoinError: number of the Kodak picture must be a whole number from 1 to 24, got 25
    """
    name = f"kodim{check_whole('number of the Kodak picture', number, 1, 24):02d}.png"
    if folder := os.environ.get("COIN_EDU_KODAK"):
        return load_image(Path(folder) / name)
    store = pooch.create(pooch.os_cache("coin_edu"), KODAK_URL, registry=KODAK_SHA256)
    try:
        return load_image(store.fetch(name))
    except (OSError, ValueError) as error:
        raise CoinError(
            f"{KODAK_URL}{name} could not be fetched ({type(error).__name__}: {error}). Check the connection, or put "
            "the 24 files into a folder and name it in COIN_EDU_KODAK"
        ) from error


def recorded(name: str) -> Path:
    """The path of a recorded file, such as "kodak_fits.csv": of the repository's data folder, or its copy in a wheel.

    Raises
    ------
    CoinError
        If there is no such file.
    """
    path = _along("recorded", "data") / name
    if not path.is_file():
        raise CoinError(f"{path}: no such recorded file; data/README.md lists them")
    return path


def course() -> dict[str, str]:
    """The course's notebooks, as JSON by name, to be read outside the repository: links into it become addresses.

    Examples
    --------
    >>> list(course())[0]
    '00_a_picture_is_a_network.ipynb'
    """
    paths = sorted(_along("notebooks", "notebooks").glob("*.ipynb"))
    return {path.name: read_bytes(path).decode().replace("](../", f"]({_repository()}/blob/main/") for path in paths}


@overload
def published(name: None = None) -> dict[str, Curve]: ...
@overload
def published(name: str) -> Curve: ...
def published(name: str | None = None) -> Curve | dict[str, Curve]:
    """Rates and PSNRs on the 24 Kodak pictures as the codecs' authors publish them, averaged by picture.

    Parameters
    ----------
    name : str, optional
        Of the codec, such as "COIN"; by default all, by name.

    Raises
    ------
    CoinError
        If no curve has that name.

    Examples
    --------
    >>> published("COIN").points[0].round(2).tolist()  # bits per pixel, dB
    [0.04, 22.41]
    >>> len(published())
    19
    """
    curves = {
        row["name"]: Curve(row["name"], row["kind"], row["source"], tuple(row["bpp"]), tuple(row["psnr_db"]))
        for row in _json("kodak_rd_published.json")["curves"]
    }
    if name is None:
        return curves
    if name not in curves:
        raise CoinError(f"published curves are of {', '.join(curves)}; got {name!r}")
    return curves[name]


def published_sizes() -> dict[str, float]:
    """What each model takes at 0.3 bpp, in kB of 1,000 bytes, as the COIN paper's figure 4 has it."""
    sizes: dict[str, float] = _json("model_sizes_published.json")["kilobytes"]
    return sizes


def _json(name: str) -> Any:
    return json.loads(read_bytes(recorded(name)))


def _along(installed: str, repository: str) -> Path:
    """A folder that goes along with the package: beside it in the repository, in it once installed from a wheel."""
    folder = Path(__file__).with_name(installed)
    return folder if folder.is_dir() else Path(__file__).parents[1] / repository


def _repository() -> str:
    """The repository's address, as pyproject.toml has it."""
    if Path(__file__).with_name("notebooks").is_dir():
        return dict(url.split(", ", 1) for url in metadata("coin_edu").get_all("Project-URL", []))["Repository"]
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(project)["project"]["urls"]["Repository"])
