"""What a graphics card asks of a step, where there is none: torch's meta device, and a graph's replay by hand."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from coin_edu import RECIPES, Arch, CoinError, fitting
from coin_edu.arch import ACTIVATIONS
from coin_edu.engine import backprop
from coin_edu.engine.batch import Batch
from coin_edu.engine.pixels import MEMORY, Pixels
from coin_edu.engine.start import Asked
from coin_edu.siren import ACTIVATION

META = torch.device("meta")


class Record(TorchDispatchMode):
    """Every operation: its function, arguments and results."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.operations.append((function, args, kwargs or {}, result))
        return result


def batch_of(arch, device, recipe="fast", count=1, step=0):
    image = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)
    states = [Asked(arch, 20, recipe, seed).start(image) for seed in range(count)]
    return Batch([image], states, device)


@pytest.mark.parametrize("activation", ["sine", "relu", "tanh", "gelu", "gauss"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_step_waits_for_nothing_and_has_no_float64(activation, count):
    batch = batch_of(Arch(3, 8, activation), META, count=count)
    batch._step()  # as before a recording: buffers are made
    with Record() as record:
        batch._step()
    assert len(record.operations) > 50
    for function, _, _, result in record.operations:
        name = str(function)
        assert not any(word in name for word in ("_local_scalar_dense", "nonzero", "unique", "masked_select")), name
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                assert tensor.device.type == "meta" and tensor.dtype != torch.float64, name


def replay(operations):
    """Do them again at the same addresses, after everything that is made within was filled with garbage."""
    for function, _, _, result in operations:
        for tensor in tree_leaves(result):
            fresh = isinstance(tensor, torch.Tensor) and not function.is_view
            if fresh and not any(a.alias_info for a in function._schema.returns):
                tensor.fill_(77)
    for function, args, kwargs, result in operations:
        again = function(*args, **kwargs)
        aliases = function.is_view or any(a.alias_info for a in function._schema.returns)
        for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
            if isinstance(old, torch.Tensor) and not aliases and old.data_ptr() != new.data_ptr():
                old.copy_(new)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("count", [1, 2])
def test_a_recorded_step_is_the_step_itself(monkeypatch, activation, count):
    def activate(name, z, value):  # as on a card
        value.copy_(ACTIVATION[name].function(z))
        z.copy_(ACTIVATION[name].slope(z))

    monkeypatch.setattr(backprop, "activate", activate)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        recorded, plain = (batch_of(Arch(3, 8, activation), torch.device("cpu"), count=count) for _ in range(2))
        recorded._step()
        plain._step()
        with torch.no_grad(), Record() as record:
            recorded._step()
        plain._step()
        for _ in range(3):
            with torch.no_grad():
                replay(record.operations)
            plain._step()
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(recorded.step, plain.step)
    assert torch.equal(recorded.weights, plain.weights) and torch.equal(
        recorded.optimizer.moments, plain.optimizer.moments
    )


def test_a_step_is_recorded_on_its_own_card_not_on_the_current_one(monkeypatch):
    current, noted = ["cuda:0"], []

    @contextmanager
    def on(device):
        current.append(str(device))
        yield
        current.pop()

    batch = batch_of(Arch(2, 6), torch.device("cpu"))
    batch.device = torch.device("cuda:1")
    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(batch, "_capture", lambda begin: noted.append(current[-1]))
    batch._record()
    assert noted == ["cuda:1"]


@pytest.mark.parametrize("arch, count", [(Arch(10, 28), 1), (Arch(10, 256), 1), (Arch(10, 256), 8)])
def test_memory_on_a_card_is_bounded(arch, count):
    image = np.zeros((4, 4, 3), np.uint8)
    chunk = Pixels([image], count, arch, 16, META).chunk
    assert chunk == 4096 or 12 * chunk * arch.depth * arch.width * count <= MEMORY


def test_mps_is_held_to_the_cpu(monkeypatch):
    assert fitting._agrees.__wrapped__(torch.device("cpu"))
    monkeypatch.setattr(fitting, "pick_device", lambda name: torch.device("mps"))
    monkeypatch.setattr(fitting, "_agrees", lambda device: False)
    with pytest.raises(CoinError, match="'mps' computes otherwise than the CPU here"):
        fitting._device("mps")


def test_rates_given_as_whole_numbers_are_not_cut_to_none():
    from dataclasses import replace

    recipe = replace(RECIPES["fast"], rate=1, last_rate=3e-3)
    rates = batch_of(Arch(2, 6), torch.device("cpu"), recipe).optimizer.rates
    assert rates.dtype == torch.float32 and rates[0, -1] == np.float32(3e-3) and rates[0, 0] == 1
