"""The progress bar of everything that takes a while: tqdm's, in a notebook or a terminal."""

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # In a notebook without ipywidgets, tqdm falls back to a bar of text; that is no reason to warn everybody.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm as tqdm
