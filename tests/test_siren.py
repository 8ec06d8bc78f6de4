import math
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.nn.utils import parameters_to_vector, parametrizations, prune

from coin_edu import Arch, CoinError, Siren, fit, pack, pack_model, quantize, unpack_model
from coin_edu.arch import ACTIVATIONS
from coin_edu.engine.forward import affine, evaluate
from coin_edu.quantization import step_sizes, weight_vector
from coin_edu.siren import (
    ACTIVATION,
    fourier_features,
    register_activation,
    unflatten,
    with_weights,
)

# Of torch's own making, when it first differentiates forward.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

ARCHES = [
    Arch(1, 3),
    Arch(2, 8),
    Arch(10, 28),
    Arch(3, 5, omega_0=10.0, omega_first=50.0),
    Arch(2, 6, outputs=1),
    Arch(2, 6, inputs=1),
    *[Arch(3, 7, activation=name) for name in ACTIVATIONS],
    *[Arch(2, 6, activation=name, fourier=4) for name in ("sine", "relu")],
    Arch.of("9-6-4"),
]

FUNCTION = {
    "sine": np.sin,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "gelu": lambda z: z / 2 * (1 + np.vectorize(math.erf)(z / np.sqrt(2))),
    "gauss": lambda z: np.exp(-(z**2)),
}


def places(n=50, inputs=2, seed=0):
    return torch.rand(n, inputs, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_numpy(arch, vector, x):
    """The network in float64 from the paper's formulas, the weights taken from the file's order one by one."""
    numbers = iter(vector.double().tolist())
    x = np.asarray(x, np.float64)
    if arch.fourier:
        octaves = [x[:, i] * arch.ratio**k * np.pi for i in range(arch.inputs) for k in range(arch.fourier)]
        x = np.stack([np.sin(a) for a in octaves] + [np.cos(a) for a in octaves], axis=1)
    widths = [x.shape[1], *arch.hidden, arch.outputs]
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        weight = np.array([[next(numbers) for _ in range(n_in)] for _ in range(n_out)])
        bias = np.array([next(numbers) for _ in range(n_out)])
        z = x @ weight.T + bias
        omega = arch.omega_0 if i else arch.omega_first
        x = FUNCTION[arch.activation](omega * z if arch.activation == "sine" else z)
    assert next(numbers, None) is None
    return z


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: f"{arch}-{arch.activation}-{arch.fourier}")
def test_forward_is_the_papers_formula(arch):
    model, x = Siren(arch, seed=1), places(inputs=arch.inputs)
    expected = by_numpy(arch, parameters_to_vector(model.parameters()), x)
    assert model(x).shape == (50, arch.outputs)
    np.testing.assert_allclose(model(x).detach(), expected, rtol=1e-4, atol=1e-5)


def test_forward_in_float64_is_exact():
    model, x = Siren(Arch(10, 28)).double(), places().double()
    expected = by_numpy(model.arch, parameters_to_vector(model.parameters()), x)
    np.testing.assert_allclose(model(x).detach(), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("arch", [Arch(1, 3), Arch(3, 7), Arch(2, 6, fourier=4)], ids=str)
def test_evaluating_changes_neither_coordinates_nor_weights(arch, grad):
    model, x = Siren(arch), places()
    with torch.set_grad_enabled(grad):
        first, second = model(x), model(x)
    assert torch.equal(first, second) and torch.equal(x, places())
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), Siren(arch).parameters(), strict=True))


def test_colors_have_derivatives_by_place():
    model, x = Siren(Arch(3, 9)).double(), places(5).double().requires_grad_()
    assert gradcheck(model, x) and gradgradcheck(model, x)


def test_every_activation_that_a_file_may_name_has_its_functions():
    assert list(ACTIVATION) == list(ACTIVATIONS)
    z = torch.linspace(-3, 3, 101, dtype=torch.float64)
    for name, activation in ACTIVATION.items():
        left, right = activation.function(z - 1e-6), activation.function(z + 1e-6)
        smooth = (z.abs() > 1e-3) if name == "relu" else slice(None)
        torch.testing.assert_close(activation.slope(z)[smooth], ((right - left) / 2e-6)[smooth], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_learns(name):
    model, x = Siren(Arch(2, 16, activation=name)), places()
    model(x).square().sum().backward()
    gradients = parameters_to_vector(p.grad for p in model.parameters())
    assert gradients.isfinite().all() and gradients.abs().max() > 0


def test_initial_weights_are_bounded_as_in_the_siren_paper():
    arch = Arch(3, 256, omega_0=20.0)
    (first, first_bias), *others = Siren(arch).layer_weights
    for part in (first, first_bias):
        assert 0.95 / 2 < part.abs().max() <= 1 / 2
    for weight, _ in others:
        bound = math.sqrt(6 / 256) / 20
        assert 0.95 * bound < weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05), "uniform, not normal"
        assert abs(weight.mean().item()) < 0.05 * bound


@pytest.mark.parametrize("name, bound", [("relu", math.sqrt(6 / 64)), ("tanh", math.sqrt(6 / 128))])
def test_other_activations_start_as_their_own_papers_say(name, bound):
    weight, _ = Siren(Arch(2, 64, activation=name)).layer_weights[1]
    assert 0.95 * bound < weight.abs().max() <= bound


def test_activations_are_distributed_alike_at_any_depth():
    arch = Arch(10, 256, omega_0=30.0, omega_first=30.0)
    layers, x = Siren(arch).layer_weights, places(2000)
    same = (torch.eye(256), torch.zeros(256))
    with torch.no_grad():
        outputs = [evaluate(replace(arch, depth=i), [*layers[:i], same], x) for i in range(1, 11)]
        inputs = [30 * affine(out, *layer) for out, layer in zip(outputs[:-1], layers[1:-1], strict=True)]
    # Theorem 1.8: sines arcsine distributed, their standard deviation sqrt(1/2); pre-activations normal, theirs 1.
    assert all(0.6 < out.std() < 0.75 for out in outputs)
    assert all(0.8 < z.std() < 1.1 for z in inputs)
    assert outputs[-1].std().item() == pytest.approx(outputs[4].std().item(), rel=0.05)


def test_the_seed_alone_decides():
    before = torch.get_rng_state()
    one, same, other = (parameters_to_vector(Siren(Arch(3, 9), seed).parameters()) for seed in (5, 5, 6))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state()), "torch's global generator was used"
    torch.manual_seed(123)
    assert torch.equal(one, parameters_to_vector(Siren(Arch(3, 9), 5).parameters()))
    torch.set_rng_state(before)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("own_places", [False, True])
def test_stacked_networks_are_so_many_single_ones(name, own_places):
    arch = Arch(3, 9, activation=name)
    models = [Siren(arch, seed) for seed in range(4)]
    vectors = torch.stack([parameters_to_vector(model.parameters()) for model in models])
    x = torch.stack([places(seed=k) for k in range(4)]) if own_places else places()
    together = evaluate(arch, unflatten(arch, vectors), x)
    assert together.shape == (4, 50, 3)
    for k, model in enumerate(models):
        torch.testing.assert_close(together[k], model(x[k] if own_places else x), rtol=1e-5, atol=1e-6)


def test_fourier_features_are_octaves_of_sines_then_cosines():
    x = torch.tensor([[0.25, -0.5]])
    angles = np.pi * np.array([0.25, 0.5, 1.0, -0.5, -1.0, -2.0])
    np.testing.assert_allclose(fourier_features(x, 3)[0], [*np.sin(angles), *np.cos(angles)], atol=1e-6)
    assert fourier_features(torch.zeros(4, 7, 2), 5).shape == (4, 7, 20)


def test_unflatten_gives_views_in_the_order_of_the_file():
    arch = Arch(3, 5)
    vector = parameters_to_vector(Siren(arch).parameters()).detach()
    parts = [part for layer in unflatten(arch, vector) for part in layer]
    assert all(torch.equal(part, p) for part, p in zip(parts, Siren(arch).parameters(), strict=True))
    parts[2][0, 0] = 77
    assert vector[5 * 3] == 77


def test_with_weights_sets_every_weight_and_keeps_its_own_copy():
    arch = Arch(3, 5)
    vector = torch.arange(arch.n_weights).float()
    model = with_weights(arch, vector)
    assert torch.equal(parameters_to_vector(model.parameters()), vector)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    assert torch.equal(vector, torch.arange(arch.n_weights).float()), "training the model would change a state"


# A network of one's own


def test_a_network_of_ones_own_weights():
    arch = Arch(3, 7, "sine", 20.0, 40.0)
    model = Siren(arch, seed=4)
    for kind in (lambda part: part.detach().numpy(), lambda part: part.detach().double(), lambda part: part.tolist()):
        layers = [(kind(weight), kind(bias)) for weight, bias in model.layer_weights]
        again = Siren.from_layers(layers, omega_0=20.0, omega_first=40.0)
        assert again.arch == arch and torch.equal(again(places()), model(places()))
    fourier = Siren(Arch(2, 6, "relu", fourier=3))
    assert Siren.from_layers(fourier.layer_weights, "relu", fourier=3).arch == fourier.arch
    narrowing = Siren(Arch.of("8-6-4"))
    assert Siren.from_layers(narrowing.layer_weights, fourier=12, ratio=1.55).arch == narrowing.arch


@pytest.mark.parametrize(
    "shapes",
    [[], [(3, 2)], [(4, 2), (4, 5), (3, 4)], [(4, 2), (5, 4), (3, 4)], [(4,), (3, 4)]],
    ids=["none", "one layer", "inputs", "widths", "no matrix"],
)
def test_layers_that_do_not_fit_are_refused(shapes):
    with pytest.raises(CoinError, match="layers"):
        Siren.from_layers([(np.zeros(shape), np.zeros(shape[0])) for shape in shapes])


def test_an_activation_of_ones_own_is_fitted_but_not_stored(monkeypatch, image):
    for table in (ACTIVATION, ACTIVATIONS):
        for name in ("swish", "slow swish"):
            monkeypatch.setitem(table, name, None)
            monkeypatch.delitem(table, name)

    def swish(z):
        return z * torch.sigmoid(z)

    register_activation("swish", swish, lambda z: torch.sigmoid(z) * (1 + z * (1 - torch.sigmoid(z))))
    register_activation("slow swish", swish)
    fits = [fit(image, Arch(2, 8, name), steps=20, recipe="paper", progress=False) for name in ("swish", "slow swish")]
    torch.testing.assert_close(fits[0].weights, fits[1].weights, rtol=0, atol=1e-5)
    assert fits[0].history[-1].loss < fits[0].history[0].loss
    with pytest.raises(CoinError, match=r"no file can hold 'swish'.* take one of sine, relu"):
        pack(fits[0])
    with pytest.raises(CoinError, match="already"):
        register_activation("sine", swish)


def test_a_forward_of_its_own_is_refused_where_it_would_be_ignored(image):
    class Louder(Siren):
        def forward(self, x):
            return 2 * super().forward(x)

    for call in (lambda model: fit(image, model=model), lambda model: pack(model, image.shape)):
        with pytest.raises(CoinError, match="Louder has a forward of its own"):
            call(Louder(Arch(2, 8)))


# A module as torch's own are


def small(activation="sine", **keywords):
    return Siren(Arch(2, 6, activation, **keywords), seed=3)


@pytest.mark.parametrize("arch", [Arch(2, 6), Arch(1, 4, "gauss"), Arch(2, 5, fourier=3)], ids=lambda a: a.activation)
def test_frozen_weights_have_forward_derivatives(arch):
    model = Siren(arch).double().requires_grad_(False)
    x, direction = (
        places(6).double(),
        torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)),
    )
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(model(forward_ad.make_dual(x, direction))).tangent
    step = 1e-6
    expected = (model(x + step * direction) - model(x - step * direction)) / (2 * step)
    torch.testing.assert_close(tangent, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("grad", [True, False])
def test_it_is_mapped_and_differentiated_by_torch_func(grad):
    model, x = small().requires_grad_(grad), places(7)
    one = lambda p: model(p[None])[0]  # noqa: E731
    with torch.set_grad_enabled(grad):
        torch.testing.assert_close(torch.func.vmap(one)(x), model(x))
        jacobians = torch.func.vmap(torch.func.jacfwd(one))(x)
    torch.testing.assert_close(jacobians, torch.func.vmap(torch.func.jacrev(one))(x))
    weights = {name: 2 * p.detach() for name, p in model.named_parameters()}
    doubled = Siren(model.arch)
    doubled.load_state_dict(weights)
    torch.testing.assert_close(torch.func.functional_call(model, weights, (x,)), doubled(x))


@pytest.mark.parametrize("way", ["trace", "export", "compile"])
def test_what_is_traced_answers_for_other_places_too(way):
    model, other = small(), places(9, seed=5)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == "trace":
            made = torch.jit.trace(model, (places(9),))
        elif way == "export":
            made = torch.export.export(model, (places(9),)).module()
        else:
            made = torch.compile(model, fullgraph=True, backend="eager")
        torch.testing.assert_close(made(other), model(other), rtol=1e-5, atol=1e-6)


def test_onnx_where_its_exporter_is_installed():
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(small(), (places(4),), dynamo=True, verbose=False)
    assert "Sin" in {node.op_type for node in program.model.graph}


def test_hooks_see_every_layer():
    model, seen = small(), []
    for layer in model.layers:
        layer.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    model(places(5))
    assert seen == [(5, 6), (5, 6), (5, 3)]


def pruned(model):
    prune.random_unstructured(model.layers[1], "weight", 0.5)
    prune.l1_unstructured(model.layers[0], "bias", 3)


@pytest.mark.parametrize(
    "operate", [pruned, lambda m: parametrizations.weight_norm(m.layers[2])], ids=["prune", "norm"]
)
def test_what_torch_does_to_layers_is_what_a_file_holds(operate):
    model = small()
    operate(model)
    with torch.no_grad():
        model.layers[0].weight.mul_(1.1)
    expected = model(places())
    file = unpack_model(pack_model(model, (4, 5), bits=32))[0]
    torch.testing.assert_close(file(places()), expected)
    torch.testing.assert_close(quantize(model, 32)(places()), expected)
    assert len(step_sizes(model, (4, 5), 400)) == 6
    started = fit(np.zeros((4, 5, 3), np.uint8), model=model, steps=0, progress=False)
    assert np.array_equal(started.best, weight_vector(model))


@pytest.mark.parametrize("cast", ["half", "double", "bfloat16"])
def test_other_precisions(cast):
    model, x = getattr(small(), cast)(), getattr(places(), cast)()
    assert model(x).dtype == x.dtype == getattr(Siren(Arch(2, 6, fourier=4)), cast)()(x).dtype
    torch.testing.assert_close(model(x).float(), small()(places()), rtol=0.2, atol=0.2)
    assert weight_vector(model).dtype == np.float32 and len(pack_model(model, (4, 5))) == model.arch.n_bytes()


def test_a_compiled_model_and_one_in_parallel_are_the_siren_within():
    model = small()
    for wrapped in (torch.compile(model), nn.DataParallel(model), nn.DataParallel(torch.compile(model))):
        assert pack_model(wrapped, (4, 5)) == pack_model(model, (4, 5))


@pytest.mark.parametrize("thing", [nn.Linear(2, 3), nn.Sequential(), None, "siren", Arch(2, 3)])
def test_what_is_no_siren_is_refused_in_words(thing):
    with pytest.raises(CoinError, match=r"a network is a Siren, or what fit\(\) returns, got"):
        pack_model(thing, (4, 5))


def test_a_siren_of_other_layers_than_its_arch_is_refused():
    model = small()
    model.layers[1] = nn.Linear(6, 7)
    with pytest.raises(CoinError, match="layers are not those of"):
        quantize(model, 8)
