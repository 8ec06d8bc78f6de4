"""The course's widgets, each one line in a notebook: ``from coin_edu import widgets``, ``widgets.LiveFit(image)``."""

from coin_edu.widgets.activation_explorer import ActivationExplorer
from coin_edu.widgets.bd_explorer import BDExplorer
from coin_edu.widgets.blend_explorer import BlendExplorer
from coin_edu.widgets.blind_ranking import BlindRanking
from coin_edu.widgets.budget_explorer import BudgetExplorer
from coin_edu.widgets.byte_inspector import ByteInspector
from coin_edu.widgets.compare_fits import CompareFits
from coin_edu.widgets.damage_explorer import DamageExplorer
from coin_edu.widgets.decode_explorer import DecodeExplorer
from coin_edu.widgets.drawn import Drawn
from coin_edu.widgets.flipped_bit import FlippedBit
from coin_edu.widgets.layer_bits import LayerBits
from coin_edu.widgets.live_fit import LiveFit
from coin_edu.widgets.live_latents import LiveLatents
from coin_edu.widgets.loss_slice import LossSlice
from coin_edu.widgets.panel import Panel, thumbnail
from coin_edu.widgets.picture_chooser import PictureChooser
from coin_edu.widgets.predict import Predict
from coin_edu.widgets.quantization_explorer import QuantizationExplorer
from coin_edu.widgets.rate_distortion_explorer import RateDistortionExplorer, baseline_points
from coin_edu.widgets.search_steps import SearchSteps
from coin_edu.widgets.shown import settle
from coin_edu.widgets.sketch import Sketch
from coin_edu.widgets.swipe import Swipe
from coin_edu.widgets.two_knobs import TwoKnobs
from coin_edu.widgets.viewer import Viewer

__all__ = [
    "ActivationExplorer",
    "BDExplorer",
    "BlendExplorer",
    "BlindRanking",
    "BudgetExplorer",
    "ByteInspector",
    "CompareFits",
    "DamageExplorer",
    "DecodeExplorer",
    "Drawn",
    "FlippedBit",
    "LayerBits",
    "LiveFit",
    "LiveLatents",
    "LossSlice",
    "Panel",
    "PictureChooser",
    "Predict",
    "QuantizationExplorer",
    "RateDistortionExplorer",
    "SearchSteps",
    "Sketch",
    "Swipe",
    "TwoKnobs",
    "Viewer",
    "baseline_points",
    "settle",
    "thumbnail",
]
