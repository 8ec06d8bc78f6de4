import io
import os
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, features

from coin_edu import CoinError, grid, load_image, save_image
from coin_edu.image import axes, check_image, from_pillow
from tests.conftest import not_as_root

shapes = st.tuples(st.integers(1, 60), st.integers(1, 60))


@st.composite
def shapes_and_regions(draw):
    height, width = draw(shapes)
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return (height, width), (x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))


def saved(path, image, *arguments, **keywords):
    image.save(path, *arguments, **keywords)
    return path


# Where a pixel is


@given(shapes)
def test_the_grid_is_centered_and_keeps_the_aspect(shape):
    height, width = shape
    xs, ys = axes(shape)
    assert xs.dtype == ys.dtype == np.float32 and (len(xs), len(ys)) == (width, height)
    assert np.array_equal(xs, -xs[::-1]) and np.array_equal(ys, -ys[::-1])
    np.testing.assert_allclose(np.diff(xs), 2 / max(shape), rtol=1e-4)
    np.testing.assert_allclose(np.diff(ys), 2 / max(shape), rtol=1e-4)
    longer = max(xs.max(), ys.max())
    assert longer == pytest.approx(1 - 1 / max(shape)), "centers of pixels, half a pixel inside the edge at 1"


def test_known_grids():
    assert np.array_equal(axes((2, 4))[0], np.float32([-0.75, -0.25, 0.25, 0.75]))
    assert np.array_equal(axes((2, 4))[1], np.float32([-0.25, 0.25]))
    assert np.array_equal(grid((1, 1)), [[0, 0]])
    assert np.array_equal(grid((4, 2, 3))[:3], np.float32([[-0.25, -0.75], [0.25, -0.75], [-0.25, -0.25]]))


@given(shapes)
def test_the_grid_goes_row_by_row(shape):
    xs, ys = axes(shape)
    places = grid(shape).reshape(*shape, 2)
    assert places.dtype == np.float32
    assert (places[:, :, 0] == xs).all() and (places[:, :, 1] == ys[:, None]).all()


@given(shapes_and_regions())
def test_a_regions_grid_is_the_crop_of_the_whole(case):
    shape, (x, y, w, h) = case
    assert np.array_equal(
        grid(shape, (x, y, w, h)).reshape(h, w, 2), grid(shape).reshape(*shape, 2)[y : y + h, x : x + w]
    )


@given(shapes_and_regions())
def test_twice_the_size_puts_two_centers_around_each(case):
    shape, region = case
    _, _, w, h = region
    assert np.array_equal(grid(shape, region, (w, h)), grid(shape, region))
    for coarse, fine in zip(axes(shape, region), axes(shape, region, (2 * w, 2 * h)), strict=True):
        np.testing.assert_allclose((fine[::2] + fine[1::2]) / 2, coarse, atol=1e-6)
        np.testing.assert_allclose(fine[1::2] - fine[::2], 1 / max(shape), rtol=1e-4)


@pytest.mark.parametrize("region", [(0, 0, 17, 1), (0, 12, 1, 1), (-1, 0, 2, 2), (3, 3, 0, 1), (3, 3, 1, -1), (0,) * 4])
def test_a_region_outside_the_picture_is_refused(region):
    with pytest.raises(CoinError, match=r"region x=.* picture of 16x12"):
        grid((12, 16), region)


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (-3, 4)])
def test_a_size_of_nothing_is_refused(size):
    with pytest.raises(CoinError, match=f"at least 1x1, got {size[0]}x{size[1]}"):
        grid((12, 16), size=size)


# Reading


def test_rgb_is_read_as_it_is(png, image):
    loaded = load_image(png)
    assert np.array_equal(loaded, image) and loaded.dtype == np.uint8 and loaded.flags.writeable
    assert np.array_equal(load_image(str(png)), image)


@pytest.mark.parametrize("form", ["png", "tif", "bmp", "gif"])
def test_gray_becomes_rgb(tmp_path, image, form):
    gray = image[:, :, 0]
    loaded = load_image(saved(tmp_path / f"gray.{form}", Image.fromarray(gray)))
    assert np.array_equal(loaded, np.stack([gray] * 3, axis=2))


def test_a_palette_becomes_rgb(tmp_path):
    picture = Image.fromarray(np.uint8([[0, 1], [2, 0]])).convert("L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette([255, 0, 0, 0, 200, 0, 0, 0, 150])
    loaded = load_image(saved(tmp_path / "palette.png", picture))
    assert loaded.tolist() == [[[255, 0, 0], [0, 200, 0]], [[0, 0, 150], [255, 0, 0]]]


def test_one_bit_becomes_black_and_white(tmp_path):
    picture = Image.fromarray(np.array([[True, False, True]]))
    assert picture.mode == "1"
    assert load_image(saved(tmp_path / "bit.png", picture)).tolist() == [[[255] * 3, [0] * 3, [255] * 3]]


def test_cmyk_becomes_rgb(tmp_path):
    inks = np.zeros((1, 3, 4), np.uint8)
    inks[0, 1] = 255, 0, 0, 0
    inks[0, 2] = 0, 0, 0, 255
    loaded = load_image(saved(tmp_path / "inks.tif", Image.frombytes("CMYK", (3, 1), inks.tobytes())))
    assert loaded.tolist() == [[[255, 255, 255], [0, 255, 255], [0, 0, 0]]]


@pytest.mark.parametrize("form", ["png", "tif", "pgm"])
def test_16_bits_are_scaled_not_clipped(tmp_path, form):
    wide = np.uint16([[0, 100 * 257, 65535], [256, 128, 129]])
    loaded = load_image(saved(tmp_path / f"wide.{form}", Image.fromarray(wide)))
    assert loaded[:, :, 0].tolist() == [[0, 100, 255], [1, 0, 1]]
    assert (loaded == loaded[:, :, :1]).all()


@pytest.mark.parametrize(
    "mode, color, blended",
    [
        ("RGBA", (200, 0, 100, 128), (227, 127, 177)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", (100, 51), (224, 224, 224)),
    ],
)
def test_transparency_is_blended_over_white_with_a_warning(tmp_path, mode, color, blended):
    path = saved(tmp_path / "clear.png", Image.new(mode, (3, 2), color))
    with pytest.warns(UserWarning, match=r"transparent.*white") as record:
        loaded = load_image(path)
    assert np.abs(loaded.astype(int) - blended).max() <= 1
    assert record[0].filename == __file__, "the warning should point at the caller"


def test_a_transparent_palette_is_blended_too(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    path = saved(tmp_path / "clear.png", picture, transparency=1)
    with pytest.warns(UserWarning, match="transparent"):
        assert load_image(path).tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_is_no_reason_to_warn(tmp_path, mode):
    path = saved(tmp_path / "opaque.png", Image.new(mode, (3, 2), (255,) * len(mode)))
    assert (load_image(path) == 255).all()


@pytest.mark.parametrize(
    "orientation, turned",
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.swapaxes(0, 1)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda a: np.rot90(a)),
    ],
)
def test_exif_turns_a_picture_upright(tmp_path, image, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "turned.png", Image.fromarray(image), exif=exif)
    assert np.array_equal(load_image(path), turned(image))


@pytest.mark.parametrize(
    "block", [b"Exif\0\0nothing of the kind", b"Exif\0\0MM\0*\0\0", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"]
)
@pytest.mark.parametrize("form", ["jpg", "png", "webp"])
def test_a_broken_exif_block_is_no_reason_to_refuse_sound_pixels(tmp_path, image, form, block):
    path = saved(tmp_path / f"broken.{form}", Image.fromarray(image), exif=block, quality=95)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert load_image(path).shape == image.shape


def test_an_orientation_that_is_none_turns_nothing(image):
    for value in (0, 9, 6.5, "6", (6, 6), b"6"):
        picture = Image.fromarray(image)
        picture.getexif()[0x0112] = value
        assert np.array_equal(from_pillow(picture), image)


# More than 8 bits, fewer colors, other colors


@pytest.mark.parametrize(
    "mode, color, expected",
    [
        ("I;16", 65535, [255] * 3),
        ("I;16B", 257 * 77, [77] * 3),
        ("I", 257 * 78, [78] * 3),
        ("F", 0.2, [51] * 3),
        ("CMYK", (0, 255, 0, 0), [255, 0, 255]),
        ("HSV", (0, 255, 255), [255, 0, 0]),
        ("RGBa", (7, 8, 9, 255), [7, 8, 9]),
        ("La", (7, 255), [7] * 3),
        ("LAB", (255, 128, 128), [255] * 3),
    ],
)
def test_every_mode_of_pillows_has_its_colors(mode, color, expected):
    assert np.abs(from_pillow(Image.new(mode, (2, 1), color)).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["16 bits", "floats", "a transparent gray", "a palette"])
def test_from_a_file_and_from_pillow_it_is_the_same_picture(tmp_path, kind):
    path, ramp = tmp_path / "ramp.tif", np.linspace(0, 1, 20)[None] * np.ones((3, 1))
    if kind == "16 bits":
        saved(path, Image.fromarray((ramp * 65535).astype(np.uint16)))
    elif kind == "floats":
        saved(path, Image.fromarray(ramp.astype(np.float32)))
    elif kind == "a palette":
        path = saved(path.with_suffix(".gif"), Image.fromarray((ramp * 255).astype(np.uint8)).convert("P"))
    else:
        path = saved(path.with_suffix(".png"), Image.fromarray((ramp * 65535).astype(np.uint16)), transparency=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = load_image(path)
        with Image.open(path) as picture:
            assert np.array_equal(from_pillow(picture), loaded)
    assert loaded[0, -1, 0] == 255 and loaded[0, 9, 0] == pytest.approx(255 * 9 / 19, abs=2)
    assert loaded[0, 0, 0] == (255 if kind == "a transparent gray" else 0)


def test_small_numbers_of_32_bits_are_8_bits_with_a_warning():
    with pytest.warns(UserWarning, match="32 bits with values up to 200: they are taken as 8 bits"):
        assert from_pillow(Image.fromarray(np.int32([[0, 200]])))[0, :, 0].tolist() == [0, 200]


# Color profiles


def profile(primaries, gamma):
    """An ICC profile of three primaries, as XYZ, and one gamma."""
    s15 = lambda v: struct.pack(">i", round(v * 65536))  # noqa: E731
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": (0.9642, 1, 0.8249), **dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True))}
    blocks = {name: b"XYZ " + bytes(4) + b"".join(map(s15, xyz)) for name, xyz in tags.items()}
    blocks |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    place, table, body = 132 + 12 * len(blocks), struct.pack(">I", len(blocks)), b""
    for name, block in blocks.items():
        table += name + struct.pack(">II", place + len(body), len(block))
        body += block
    head = struct.pack(">I4sI4s4s4s", place + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + s15(0.9642) + s15(1) + s15(0.8249)
    return head.ljust(128, b"\0") + table + body


ADOBE = profile([(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)], 2.2)


def test_a_wide_gamut_becomes_srgb(tmp_path):
    path = saved(tmp_path / "wide.png", Image.new("RGB", (2, 2), (100, 150, 80)), icc_profile=ADOBE)
    red, green, blue = load_image(path)[0, 0].tolist()
    # Adobe RGB's green is further out: in sRGB the same color has less red. By its published matrix: (66, 151, 74).
    assert abs(red - 66) <= 3 and abs(green - 151) <= 3 and abs(blue - 74) <= 3
    with Image.open(path) as picture:
        assert np.array_equal(from_pillow(picture), load_image(path))


def test_gray_keeps_its_gray_under_a_profile_of_colors(tmp_path):
    path = saved(tmp_path / "gray.png", Image.new("RGB", (2, 2), (90, 90, 90)), icc_profile=ADOBE)
    pixel = load_image(path)[0, 0].astype(int)
    assert pixel.max() - pixel.min() <= 1 and abs(pixel[0] - 90) <= 4


def test_an_srgb_profile_changes_not_a_bit(tmp_path, image):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for form in ("png", "tif"):
        assert np.array_equal(
            load_image(saved(tmp_path / f"s.{form}", Image.fromarray(image), icc_profile=srgb)), image
        )


@pytest.mark.parametrize("block", [b"no profile at all", ADOBE[:150]])
def test_a_profile_that_is_none_is_told_and_left(tmp_path, image, block):
    path = saved(tmp_path / "bad.png", Image.fromarray(image), icc_profile=block)
    with pytest.warns(UserWarning, match="its color profile cannot be used.*taken as sRGB"):
        assert np.array_equal(load_image(path), image)


def test_a_profile_of_colors_on_a_gray_picture_is_told_and_left(tmp_path, image):
    path = saved(tmp_path / "gray.png", Image.fromarray(image[:, :, 0]), icc_profile=ADOBE)
    with pytest.warns(UserWarning, match="cannot be used"):
        assert np.array_equal(load_image(path)[:, :, 2], image[:, :, 0])


def test_transparency_and_a_profile_together(tmp_path):
    path = saved(tmp_path / "clear.png", Image.new("RGBA", (2, 2), (100, 150, 80, 0)), icc_profile=ADOBE)
    with pytest.warns(UserWarning, match="transparent"):
        assert (load_image(path) == 255).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
def test_thin_pictures(tmp_path, make_image, shape):
    image = make_image(*shape)
    assert np.array_equal(load_image(saved(tmp_path / "thin.png", Image.fromarray(image))), image)


@pytest.mark.parametrize("form", ["gif", "png", "tif"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, form):
    red, blue = Image.new("RGB", (4, 3), "red"), Image.new("RGB", (4, 3), "blue")
    loaded = load_image(saved(tmp_path / f"moving.{form}", red, save_all=True, append_images=[blue]))
    assert (loaded == [255, 0, 0]).all() and loaded.shape == (3, 4, 3)


# What is no picture


def refused(path, match):
    with pytest.raises(CoinError, match=match) as caught:
        load_image(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    refused(tmp_path / "none.png", "no such file.*check the spelling")


def test_a_folder(tmp_path):
    refused(tmp_path, "folder; name a file")


def test_a_file_for_a_folder(png):
    refused(png / "in.png", "a file, not a folder")


@pytest.mark.parametrize("content", [b"", b"hello, world\n", b"\x00\xff\n\x1b[31m"])
def test_no_picture_at_all(tmp_path, content):
    path = tmp_path / "text.png"
    path.write_bytes(content)
    refused(path, "no picture.*try PNG or JPEG")


def test_the_start_of_what_is_no_picture_is_shown(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("<!DOCTYPE html>")
    refused(path, "starts with '<!DOCTYP'")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_truncated_picture(tmp_path, make_image, form, share):
    path = tmp_path / "half"
    buffer = io.BytesIO()
    Image.fromarray(make_image(48, 64)).save(buffer, form)
    path.write_bytes(buffer.getvalue()[: int(share * len(buffer.getvalue()))])
    refused(path, "damaged picture.*get the file again")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "AVIF"])
def test_a_damaged_picture_is_read_or_refused_but_nothing_worse(tmp_path, image, form):
    if not features.check({"WEBP": "webp", "AVIF": "avif", "JPEG": "jpg"}.get(form, "zlib")):
        pytest.skip(f"this build of Pillow has no {form}")
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer, path, rng = io.BytesIO(), tmp_path / "damaged", np.random.default_rng(0)
    Image.fromarray(image).save(buffer, form, **({} if form == "GIF" else {"exif": exif}))
    refusals = 0
    for _ in range(80):
        data = bytearray(buffer.getvalue())
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about damaged EXIF data, and reads the picture
            try:
                assert load_image(path).dtype == np.uint8
            except CoinError:
                refusals += 1
    assert refusals


@not_as_root
def test_a_file_that_may_not_be_read(png):
    png.chmod(0)
    refused(png, "no permission")


@pytest.mark.parametrize("limit", [100, 191])
def test_a_decompression_bomb(monkeypatch, png, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    refused(png, f"more than {limit} pixels; make the picture smaller")


@pytest.mark.parametrize("values", [[[-0.1, 0.5]], [[0, 255.0]], [[0, np.nan]]])
def test_floats_of_which_it_is_not_clear_what_is_white(tmp_path, values):
    path = saved(tmp_path / "float.tif", Image.fromarray(np.float32(values)))
    refused(path, "floats from .* expected 0, black, to 1, white")


def test_32_bits(tmp_path):
    path = saved(tmp_path / "wide.tif", Image.fromarray(np.int32([[-1, 70_000]])))
    refused(path, "values -1 to 70000; expected 16 bits")


@pytest.mark.parametrize(
    "thing, match",
    [
        ([[1, 2, 3]], "NumPy array, got list; encode_many"),
        ("in.png", "NumPy array, got str; load_image"),
        (Image.new("RGB", (2, 2)), r"NumPy array, got Image; coin_edu.image.from_pillow\(image\) makes one"),
        (np.zeros((2, 2, 3)), r"uint8, got float64.*\(image \* 255\)"),
        (np.zeros((2, 2, 3), np.uint16), "uint8, got uint16.*8 bits"),
        (np.zeros((2, 2), np.uint8), r"got \(2, 2\); np.stack"),
        (np.zeros((2, 2, 4), np.uint8), r"\(height, width, 3\), got \(2, 2, 4\)"),
        (np.zeros((3, 2, 2), np.uint8), r"got \(3, 2, 2\)"),
        (np.zeros((0, 2, 3), np.uint8), "at least one pixel"),
        (np.ma.masked_equal(np.zeros((2, 2, 3), np.uint8), 0), r"masked array; image.filled"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_check_image_says_how_to_make_it_one(thing, match):
    with pytest.raises(CoinError, match=match):
        check_image(thing)


def test_check_image_gives_the_picture_back(image):
    assert check_image(image) is image


# Writing


@pytest.mark.parametrize("name", ["out.png", "out.PNG", "out.bmp", "out.tif"])
def test_what_is_saved_is_loaded_again(tmp_path, image, name):
    save_image(tmp_path / name, image)
    assert np.array_equal(load_image(tmp_path / name), image)


@pytest.mark.parametrize("name", ["out", "out.xyz", "out.coin", ".png"])
def test_an_ending_that_names_no_format_is_refused(tmp_path, image, name):
    with pytest.raises(CoinError, match=r"names no picture format.*try .png"):
        save_image(tmp_path / name, image)
    assert os.listdir(tmp_path) == []


def test_a_picture_that_the_format_cannot_hold(tmp_path):
    with pytest.raises(CoinError, match=r"cannot be written as JPEG.*try .png"):
        save_image(tmp_path / "long.jpg", np.zeros((1, 70_000, 3), np.uint8))
    assert os.listdir(tmp_path) == []


def test_only_a_picture_is_saved(tmp_path, image):
    with pytest.raises(CoinError, match="got float64"):
        save_image(tmp_path / "out.png", image / 255)
