"""Tiles and layouts: every patch stands where it should, and nothing else is there."""

from __future__ import annotations

import numpy as np
import pytest

from akid.errors import AkidError
from akid.pictures.tiles import Layout, arranged, in_colour, limit_of, near_square, tiled, to_unit

#: Three filters of two channels, 2 x 3; every number differs.
FILTERS = np.arange(36, dtype=np.float32).reshape(3, 2, 2, 3)
BIASES = np.array([-1.0, -2.0, -3.0])


def patch(picture, top, left, height=2, width=3):
    return picture[top : top + height, left : left + width]


def test_tiles_stand_in_rows_with_gaps_between():
    patches = np.arange(1.0, 31.0).reshape(5, 2, 3)
    picture = tiled(patches, columns=2)
    assert picture.shape == (3 * 3 - 1, 2 * 4 - 1)
    for i in range(5):
        np.testing.assert_array_equal(patch(picture, i // 2 * 3, i % 2 * 4), patches[i])
    assert np.isfinite(picture).sum() == patches.size


def test_tiles_in_colour():
    patches = np.random.default_rng(0).random([2, 4, 4, 3])
    picture = tiled(patches, columns=1, gap=2)
    assert picture.shape == (10, 4, 3)
    np.testing.assert_allclose(picture[6:], patches[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("count", "height", "width"), [(1, 5, 5), (32, 6, 6), (64, 8, 195), (7, 3, 9), (100, 9, 2)]
)
def test_near_square_has_the_shortest_longer_side(count, height, width):
    def side(columns):
        return max(-(-count // columns) * height, columns * width)

    assert side(near_square(count, height, width)) == min(side(n) for n in range(1, count + 1))


def test_normal_puts_a_filter_in_a_row_of_its_channels_and_its_bias():
    picture = arranged(FILTERS, BIASES, Layout("normal", 1))
    assert picture.shape == (3 * 2 + 2 * 2, 2 * 4 + 1)
    for f in range(3):
        for c in range(2):
            np.testing.assert_array_equal(patch(picture, f * 4, c * 4), FILTERS[f, c])
        np.testing.assert_array_equal(picture[f * 4 : f * 4 + 2, 8], [BIASES[f]] * 2)


def test_normal_with_a_remainder_keeps_its_columns():
    picture = arranged(FILTERS, None, Layout("normal", 2))
    assert picture.shape == (2 * 2 + 2, 2 * 7 + 2)
    np.testing.assert_array_equal(patch(picture, 4, 4), FILTERS[2, 1])
    assert np.isnan(picture[4:, 9:]).all()


def test_inverse_puts_a_filter_in_a_column_of_its_channels_and_its_bias():
    picture = arranged(FILTERS, BIASES, Layout("inverse", 1))
    assert picture.shape == (2 * 3 + 1, 3 * 3 + 2 * 2)
    for f in range(3):
        for c in range(2):
            np.testing.assert_array_equal(patch(picture, c * 3, f * 5), FILTERS[f, c])
        np.testing.assert_array_equal(picture[6, f * 5 : f * 5 + 3], [BIASES[f]] * 3)


def test_square_has_every_channel_and_no_bias():
    picture = arranged(FILTERS, BIASES, Layout("square"))
    assert sorted(picture[np.isfinite(picture)]) == list(range(36))


@pytest.mark.parametrize("biases", [None, BIASES], ids=["without", "with"])
def test_dynamic_is_normal_with_the_columns_nearest_to_a_square(biases):
    picture = arranged(FILTERS, biases, Layout("dynamic"))
    sides = [max(arranged(FILTERS, biases, Layout("normal", n)).shape) for n in (1, 2, 3)]
    assert max(picture.shape) == min(sides)


def test_a_layout_is_given_by_its_name_or_as_the_paper_does():
    assert Layout.of("square") == Layout("square")
    assert Layout.of({"type": "normal", "num": 4}) == Layout("normal", 4)
    assert Layout.of(Layout("inverse", 2)) == Layout("inverse", 2)


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("sqare", "Did you mean 'square'? Received: type='sqare'"),
        ({"type": "normal", "num": 0}, "num must be an integer >= 1. Received: num=0"),
        ({"type": "normal", "columns": 2}, "no 'columns'"),
        (3, "layout must be a mapping. Received: layout=3"),
    ],
    ids=["misspelt", "zero", "unknown", "number"],
)
def test_a_wrong_layout_is_told(layout, said):
    with pytest.raises(AkidError) as error:
        Layout.of(layout)
    assert said in str(error.value)


def test_the_range_of_values_is_made_zero_to_one():
    values = np.array([-3.0, np.nan, 1.0, np.inf])
    np.testing.assert_allclose(to_unit(values), [0, np.nan, 1, 1])
    np.testing.assert_array_equal(to_unit(np.full(3, 7.0)), np.zeros(3))


def test_a_symmetric_scale_ignores_outliers_and_is_never_empty():
    values = np.linspace(-1, 1, 2001)
    assert limit_of(np.append(values, 1e6)) == pytest.approx(np.quantile(np.abs(values), 0.995), rel=1e-2)
    assert limit_of(np.zeros(4)) == 1.0
    assert limit_of(np.append(np.zeros(1000), 2.0)) == 2.0


def test_colours_of_filters_are_middle_grey_at_zero():
    filters = np.zeros([2, 3, 4, 4])
    filters[1, 0, 0, 0], filters[1, 2, 3, 3] = 0.2, -0.2
    patches = in_colour(filters)
    assert patches.shape == (2, 4, 4, 3)
    np.testing.assert_allclose([patches[0, 0, 0, 0], patches[1, 0, 0, 0], patches[1, 3, 3, 2]], [0.5, 1.0, 0.0])
