import pytest

pytest.importorskip("ipywidgets")

from coin_edu import Arch, bpp
from coin_edu.widgets.budget_explorer import BudgetExplorer, parts_in_bytes


def test_the_budget_map_follows_its_sliders():
    budget = BudgetExplorer((512, 768))
    assert bpp(budget.arch.n_bytes(), (512, 768)) <= 0.3 and "within" in budget.status.value
    budget.depth.value, budget.width.value = 10, 28
    assert "7,479 weights of 16 bits" in budget.status.value
    assert f"{bpp(Arch(10, 28).n_bytes(), (512, 768)):.3f} bpp" in budget.status.value
    assert "over" in budget.status.value, "the file is a little larger than its weights"
    before = bytes(budget.picture.value)
    budget.bits.value = 8
    assert "within" in budget.status.value and bytes(budget.picture.value) != before and not budget.errors


@pytest.mark.parametrize("bits", [32, 16, 8, 3])
def test_the_parts_of_a_file_sum_to_its_length(bits):
    arch = Arch(4, 13)
    parts = parts_in_bytes(arch, bits)
    assert sum(parts.values()) == arch.n_bytes(bits) and min(parts.values()) > 0
    assert parts_in_bytes(Arch(1, 4), bits)["hidden layers"] == 0


@pytest.mark.parametrize("bits", [32, 16, 8])
def test_the_parts_of_a_file_whose_layers_differ(bits):
    arch = Arch(3, 12, fourier=2, ratio=1.5, widths=(12, 5, 8))
    parts, per = parts_in_bytes(arch, bits), bits // 8
    assert sum(parts.values()) == arch.n_bytes(bits) and parts["last layer"] == 3 * 9 * per
    assert parts["hidden layers"] == (13 * 5 + 6 * 8) * per
