"""The course's widgets, each one line in a notebook: ``from coin_edu import widgets``, ``widgets.LiveFit(image)``."""

from coin_edu.explore_blend import BlendExplorer
from coin_edu.explore_bytes import ByteInspector
from coin_edu.explore_damage import DamageExplorer
from coin_edu.explore_file import DecodeExplorer, RateDistortionExplorer, baseline_points
from coin_edu.explore_fits import CompareFits, LiveFit
from coin_edu.explore_network import ActivationExplorer, BudgetExplorer, QuantizationExplorer
from coin_edu.panel import Panel, thumbnail

__all__ = [
    "ActivationExplorer",
    "BlendExplorer",
    "BudgetExplorer",
    "ByteInspector",
    "CompareFits",
    "DamageExplorer",
    "DecodeExplorer",
    "LiveFit",
    "Panel",
    "QuantizationExplorer",
    "RateDistortionExplorer",
    "baseline_points",
    "thumbnail",
]
