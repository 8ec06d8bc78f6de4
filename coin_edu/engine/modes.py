"""Torch and NumPy as they are by default, whatever the caller has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch


@contextmanager
def ordinary() -> Iterator[None]:
    """Around all that computes, or as a decorator: a fit is not to end, after hours, by a mode that it was begun in.

    A caller may be in ``torch.no_grad`` or ``inference_mode``, under ``autocast``, have another default device, or
    have NumPy raise what it only warns of by default. The modes are the thread's own; the default dtype is not, and so
    tensors here are made with theirs. Not around a ``yield``: the caller would be in these modes meanwhile.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(np.errstate(divide="warn", over="warn", invalid="warn", under="ignore"))
        yield
