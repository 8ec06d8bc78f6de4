from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from coin_edu import Arch, CoinError, Recipe, bpp, fit, fit_many
from coin_edu.errors import check_number, check_several, check_whole, printable


@pytest.mark.parametrize("value", [7, np.int8(7), np.uint64(7), np.array(7), torch.tensor(7)])
def test_whole_numbers_of_every_kind_are_ints(value):
    assert type(check_whole("it", value, 0)) is int and check_whole("it", value, 0) == 7


@pytest.mark.parametrize(
    "value",
    [True, np.True_, 7.0, np.float64(7), "7", None, [7], np.array([7, 8]), torch.tensor(7.0), torch.tensor(True)],
)
def test_what_is_no_whole_number(value):
    with pytest.raises(CoinError, match="it must be a whole number of at least 0, got"):
        check_whole("it", value, 0)


@pytest.mark.parametrize(
    "value", [2.5, np.float32(2.5), np.float16(2.5), np.array(2.5), torch.tensor(2.5), Fraction(5, 2)]
)
def test_numbers_of_every_kind_are_floats(value):
    assert type(check_number("it", value)) is float and check_number("it", value, 0, 3) == 2.5


@pytest.mark.parametrize("value", [True, np.nan, np.inf, "2", None, [2.0], 2j, 10**400, np.array([1.0, 2.0])])
def test_what_is_no_number(value):
    with pytest.raises(CoinError, match="it must be a number from 0 to 3, got"):
        check_number("it", value, 0, 3)


@pytest.mark.parametrize("value", [(3, 4), [3, 4], np.array([3, 4]), np.int16([3, 4]), range(3, 5)])
def test_several_from_any_sequence(value):
    assert check_several("size", value, "width height") == (3, 4)


@pytest.mark.parametrize("value", [3, (3,), (3, 4, 5), "34", None, (3, 4.5)])
def test_what_is_not_several(value):
    with pytest.raises(CoinError, match="size") as caught:
        check_several("size", value, "width height")
    assert not str(caught.value).count("9223372036854775808"), "a bound that nobody set is not named"


def test_characters_that_steer_a_terminal_are_escaped():
    assert printable("a\x1b[2J\r\n\x07\u202e\udcffé\u202f🙂b") == "a\\x1b[2J\\r\\n\\x07\\u202e\\udcffé\u202f🙂b"
    assert str(CoinError("no\x1bsuch\nfile")) == "no\\x1bsuch\\nfile"


def test_numpys_numbers_are_taken_where_pythons_are(image, tmp_path):
    wanted = Recipe(5, 100, 0.5, warm_up=2, focus=0.25)
    given = Recipe(np.int64(5), np.int32(100), np.float32(0.5), warm_up=np.uint8(2), focus=np.array(0.25))
    assert given == wanted and repr(given) == repr(wanted)
    arch = Arch(np.int8(2), np.uint16(8), omega_0=np.float32(20))
    assert repr(arch) == repr(Arch(2, 8, omega_0=20.0))
    assert repr(Arch.for_bpp(np.float64(20), image.shape)) == repr(Arch.for_bpp(20, image.shape))
    assert bpp(np.int64(100), image.shape) == bpp(100, image.shape)
    fitted = fit(
        image, arch, np.int64(3), given.scaled(np.float16(0.5)), np.uint32(1), n_bytes=np.int64(400), progress=False
    )
    fitted.save(tmp_path / "a.fit")
    assert type(fitted).load(tmp_path / "a.fit").recipe == wanted.scaled(0.5)
    several = fit_many(np.stack([image, image]), arch, 1, seeds=np.arange(2), progress=False)
    assert [state.seed for state in several] == [0, 1]


def test_other_numbers_are_refused_in_words():
    with pytest.raises(CoinError, match="Recipe: rate must be a number of at least 0"):
        Recipe(5, 100, Decimal("NaN"))
    with pytest.raises(CoinError, match="omega_0 must be a number"):
        Arch(2, 8, omega_0="30")
