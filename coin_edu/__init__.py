"""coin_edu: compress a picture into the weights of a tiny neural network (COIN, arXiv 2103.03123)."""

from coin_edu import pillow_plugin as pillow_plugin  # Image.open and Image.save learn the format
from coin_edu.arch import Arch
from coin_edu.codec import decode, decode_progressive, encode, pack, pack_model, unpack_model
from coin_edu.data import kodak, photo, published
from coin_edu.engine.state import Fit, Report
from coin_edu.errors import CoinError
from coin_edu.fitting import fit, fit_many, fit_steps
from coin_edu.image import grid, load_image, save_image
from coin_edu.metrics import Curve, bd_psnr, bd_rate, bpp, psnr, ssim
from coin_edu.quantization import quantize
from coin_edu.recipe import RECIPES, Recipe
from coin_edu.rendering import render
from coin_edu.siren import Siren
from coin_edu.study.curves import rd_curve
from coin_edu.study.many import encode_many
from coin_edu.study.search import search

__version__ = "0.1.0"

__all__ = [
    "RECIPES",
    "Arch",
    "CoinError",
    "Curve",
    "Fit",
    "Recipe",
    "Report",
    "Siren",
    "bd_psnr",
    "bd_rate",
    "bpp",
    "decode",
    "decode_progressive",
    "encode",
    "encode_many",
    "fit",
    "fit_many",
    "fit_steps",
    "grid",
    "kodak",
    "load_image",
    "pack",
    "pack_model",
    "photo",
    "psnr",
    "published",
    "quantize",
    "rd_curve",
    "render",
    "save_image",
    "search",
    "ssim",
    "unpack_model",
]
