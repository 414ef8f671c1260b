"""What each joker does to a batch, against numpy, for bytes and for floats."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from akid import jokers
from akid.backend import tf
from akid.blocks.trip import Trip

DRAW = np.random.default_rng(0)
#: No pixel is zero, so that zeros are a joker's own.
BYTES = DRAW.integers(1, 256, (6, 7, 5, 3), np.uint8)
FLOATS = (BYTES / np.float32(255)).astype(np.float32)


@pytest.fixture(params=["uint8", "float32"])
def images(request):
    return BYTES if request.param == "uint8" else FLOATS


def play(joker, images, training=True, step=0):
    out = joker(tf.constant(images), Trip(training, step, seed=1)).numpy()
    assert out.shape[0] == len(images)
    return out


def padded(images, rows, columns):
    return np.pad(images, [(0, 0), (rows, rows), (columns, columns), (0, 0)])


def same(out, expected, **tolerance):
    assert out.dtype == expected.dtype
    if tolerance:
        np.testing.assert_allclose(out, expected, **tolerance)
    else:
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    ("padding", "rows", "columns"), [(2, 2, 2), ([1, 3], 1, 3), ([1, 1, 3, 1], 1, 3), (0, 0, 0)]
)
def test_pad_puts_zeros_around(images, padding, rows, columns):
    same(play(jokers.PadJoker(padding), images), padded(images, rows, columns))


def test_crop_takes_the_middle_in_validation(images):
    same(play(jokers.CropJoker(4, 3), images, training=False), images[:, 1:5, 1:4])
    same(play(jokers.CropJoker(7, 5, padding=2), images, training=False), images)


def test_crop_takes_the_middle_in_training_if_told_to(images):
    same(play(jokers.CropJoker(4, 3, center=True), images), images[:, 1:5, 1:4])


@pytest.mark.parametrize(
    ("fraction", "window"),
    [(0.5, np.s_[2:5, 1:3]), (0.6, np.s_[1:5, 1:4]), (1.0, np.s_[0:7, 0:5]), (0.01, np.s_[3:4, 2:3])],
)
def test_crop_of_a_central_fraction_rounds_down_to_a_pixel_at_least(images, fraction, window):
    same(play(jokers.CropJoker(central_fraction=fraction), images), images[(slice(None), *window)])


def places(out, images, window):
    """Where the window of each image was; fails if it is no window."""
    high, wide = window
    corners = itertools.product(range(images.shape[1] - high + 1), range(images.shape[2] - wide + 1))
    found = {}
    for top, left in corners:
        equal = (out == images[:, top : top + high, left : left + wide]).all((1, 2, 3))
        found.update(dict.fromkeys(np.flatnonzero(equal), (top, left)))
    assert sorted(found) == list(range(len(images)))
    return [found[i] for i in range(len(images))]


def test_crop_takes_any_window_with_equal_probability(images):
    many = np.tile(images, [150, 1, 1, 1])
    out = play(jokers.CropJoker(5, 4), many)
    counts = np.unique(places(out, many, (5, 4)), axis=0, return_counts=True)[1]
    assert out.dtype == images.dtype
    assert len(counts) == 3 * 2
    np.testing.assert_allclose(counts / len(many), 1 / 6, atol=0.04)


def test_crop_takes_the_same_windows_of_bytes_as_of_floats():
    joker = jokers.CropJoker(5, 4, padding=3)
    same(play(joker, BYTES), play(joker, BYTES.astype(np.float32)).astype(np.uint8))


def test_crop_with_padding_shifts_the_images(images):
    many = np.tile(images, [40, 1, 1, 1])
    out = play(jokers.CropJoker(7, 5, padding=[2, 1]), many)
    assert len(set(places(out, padded(many, 2, 1), (7, 5)))) == 5 * 3


@pytest.mark.parametrize(("left_right", "up_down"), [(True, False), (False, True), (True, True)])
def test_flip_mirrors_each_image_by_itself_with_probability_one_half(images, left_right, up_down):
    many = np.tile(images, [100, 1, 1, 1])
    out = play(jokers.FlipJoker(left_right, up_down), many)
    forms = {(False, False): many, (True, False): many[:, :, ::-1], (False, True): many[:, ::-1]}
    forms[True, True] = many[:, ::-1, ::-1]
    shares = {f: (out == form).all((1, 2, 3)).mean() for f, form in forms.items()}
    expected = {f: f[0] <= left_right and f[1] <= up_down for f in forms}
    assert out.dtype == images.dtype
    assert sum(shares.values()) == pytest.approx(1)
    for form, share in shares.items():
        assert share == pytest.approx(expected[form] / sum(expected.values()), abs=0.08)


def light(images, out, by_contrast):
    """The factor and the shift of each image; fails if ``out`` is no such change of it."""
    mean = images.mean((1, 2), keepdims=True)
    far = images - mean
    factors = (out * far).sum((1, 2, 3)) / (far**2).sum((1, 2, 3)) if by_contrast else np.ones(len(images))
    changed = far * factors[:, None, None, None] + mean
    shifts = (out - changed).mean((1, 2, 3))
    np.testing.assert_allclose(out, changed + shifts[:, None, None, None], atol=1e-5)
    return factors, shifts


def covers(values, low, high):
    """Values spread evenly over a range."""
    np.testing.assert_allclose(
        np.quantile(values, [0, 0.5, 1]), [low, (low + high) / 2, high], atol=0.1 * (high - low)
    )
    assert low <= values.min() + 1e-5
    assert values.max() <= high + 1e-5


@pytest.mark.parametrize(
    ("contrast", "brightness", "factor", "shift"),
    [
        (True, True, (0.2, 1.8), (-0.25, 0.25)),
        ([0.5, 1], False, (0.5, 1), None),
        (False, (0.1, 0.3), None, (0.1, 0.3)),
        (False, False, None, None),
    ],
)
def test_light_changes_contrast_then_brightness_of_each_image(contrast, brightness, factor, shift):
    many = np.tile(FLOATS, [50, 1, 1, 1])
    out = play(jokers.LightJoker(contrast, brightness), many)
    factors, shifts = light(many, out, factor is not None)
    covers(factors, *factor) if factor else np.testing.assert_array_equal(factors, 1)
    covers(shifts, *shift) if shift else np.testing.assert_allclose(shifts, 0, atol=1e-6)
    if factor and shift:
        assert abs(np.corrcoef(factors, shifts)[0, 1]) < 0.2


def test_light_of_bytes_is_rounded_and_clipped():
    of_bytes = play(jokers.LightJoker([0.2, 1.8], [-0.25, 0.25]), BYTES)
    extent = 255 * 0.25
    of_floats = play(jokers.LightJoker([0.2, 1.8], [-extent, extent]), BYTES.astype(np.float32))
    assert of_floats.min() < 0 or of_floats.max() > 255
    same(of_bytes, np.clip(np.rint(of_floats), 0, 255).astype(np.uint8))


def test_whiten_gives_each_image_mean_zero_and_variance_one(images):
    x = images.astype(np.float32)
    mean, deviation = (f(x, (1, 2, 3), keepdims=True) for f in (np.mean, np.std))
    out = play(jokers.WhitenJoker(), images)
    same(out, (x - mean) / deviation, atol=1e-5)
    np.testing.assert_allclose(out, tf.image.per_image_standardization(images), atol=1e-5)


def test_whiten_divides_by_one_over_the_root_of_the_numbers_at_least():
    flat = np.full([1, 2, 2, 1], 0.5, np.float32)
    same(play(jokers.WhitenJoker(), flat), np.zeros_like(flat))
    flat[0, 0, 0, 0] = 0.6
    same(play(jokers.WhitenJoker(), flat), (flat - flat.mean()) * 2, atol=1e-6)


def test_rescale_divides_by_the_largest_absolute_value(images):
    x = images.astype(np.float32)
    same(play(jokers.RescaleJoker(), images), x / x.max((1, 2, 3), keepdims=True), rtol=1e-6)
    assert play(jokers.RescaleJoker(), np.array([[[[-4.0]], [[2.0]]]], np.float32)).ravel().tolist() == [-1, 0.5]


def test_rescale_leaves_an_image_of_zeros():
    same(play(jokers.RescaleJoker(), np.zeros([2, 3, 3, 1], np.uint8)), np.zeros([2, 3, 3, 1], np.float32))


def bilinear(length, wanted):
    """The matrix that resizes an axis: pixels are squares, their values stand in the middle."""
    at = np.clip((np.arange(wanted) + 0.5) * length / wanted - 0.5, 0, length - 1)
    low = np.floor(at).astype(int)
    high, rest = np.minimum(low + 1, length - 1), at - low
    one = np.eye(length)
    return one[low] * (1 - rest)[:, None] + one[high] * rest[:, None]


@pytest.mark.parametrize("size", [(14, 10), (5, 9), (7, 5)])
def test_resize_is_bilinear_and_bytes_stay_bytes(images, size):
    rows, columns = bilinear(7, size[0]), bilinear(5, size[1])
    expected = np.einsum("ih,jw,bhwc->bijc", rows, columns, images.astype(np.float64))
    out = play(jokers.ResizeJoker(*size), images)
    if images.dtype == np.uint8:
        assert out.dtype == np.uint8
        assert np.abs(out - expected).max() <= 0.501
    else:
        same(out, expected.astype(np.float32), atol=1e-5)


def test_resize_by_nearest_repeats_pixels(images):
    same(play(jokers.ResizeJoker(14, 15, "nearest"), images), images.repeat(2, 1).repeat(3, 2))


def test_resize_by_area_takes_means():
    expected = FLOATS[:, :6, :4].reshape(6, 3, 2, 2, 2, 3).mean((2, 4))
    same(play(jokers.ResizeJoker(3, 2, "area"), FLOATS[:, :6, :4]), expected, atol=1e-6)


@pytest.mark.parametrize("method", ["bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"])
def test_resize_by_any_method_keeps_one_colour(method):
    flat = np.full([2, 6, 6, 1], 200, np.uint8)
    same(play(jokers.ResizeJoker(4, 9, method), flat), np.full([2, 4, 9, 1], 200, np.uint8))


@pytest.mark.parametrize(("size", "high", "wide"), [(3, 3, 3), ([2, 4], 2, 4), (1, 1, 1)])
def test_cutout_hides_a_square_around_any_pixel(images, size, high, wide):
    many = np.tile(images, [100, 1, 1, 1])
    out = play(jokers.CutoutJoker(size), many)
    hidden = (out == 0).all(-1)
    same(out, np.where(hidden[..., None], 0, many).astype(images.dtype))
    squares = set()
    for y, x in itertools.product(range(7), range(5)):
        square = np.zeros([7, 5], bool)
        top, left = y - high // 2, x - wide // 2
        square[max(0, top) : top + high, max(0, left) : left + wide] = True
        squares.add(square.tobytes())
    assert {h.tobytes() for h in hidden} == squares


def test_cutout_middles_are_uniform():
    out = play(jokers.CutoutJoker(1), np.ones([4000, 4, 2, 1], np.float32))
    np.testing.assert_allclose((out == 0).mean(0)[..., 0], 1 / 8, atol=0.025)
