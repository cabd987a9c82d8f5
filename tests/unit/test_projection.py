"""Wide points on their leading principal components, and back; sparse where categories are many."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA

from segmentation.numerics.grid_points import CodeTable, GridPoints, Layout
from segmentation.numerics.projection import Matrix, leading_components


def categories(codes, values, *, numbers):
    """Points of random numbers and of codes, one column per feature; each code is one dimension."""
    layout = Layout(
        tuple(range(numbers.shape[1])),
        tuple(
            CodeTable(numbers.shape[1] + j * values, 3 * np.eye(values) - 0.25)
            for j in range(codes.shape[1])
        ),
    )
    return GridPoints(np.hstack([numbers, codes]), layout)


@pytest.fixture(params=[3, 40], ids="{} values".format)
def points(request):
    random = np.random.default_rng(1)
    codes = random.integers(0, request.param, (300, 12)).astype(float)
    return categories(codes, request.param, numbers=random.normal(1, 2, (300, 2)))


def test_a_matrix_is_the_coordinates_less_an_offset(points):
    matrix = Matrix.of(points)
    is_sparse = sparse.issparse(matrix.values)
    assert is_sparse == (points.layout.width > 100)
    values = matrix.values.toarray() if is_sparse else matrix.values
    assert values + matrix.offset == pytest.approx(points.coordinates)
    if is_sparse:
        assert matrix.values.nnz == 14 * len(points)


def test_components_are_scikit_learns_of_points_repeated_by_their_weights(points):
    weights = np.random.default_rng(2).integers(1, 4, len(points))
    matrix = Matrix.of(points)
    found = leading_components(matrix, weights.astype(float), most=5)
    oracle = PCA(5, svd_solver="full").fit(np.repeat(points.coordinates, weights, axis=0))
    cosines = np.abs((found.components * oracle.components_).sum(axis=1))
    assert cosines == pytest.approx(np.ones(5))
    assert found.mean == pytest.approx(oracle.mean_)
    assert np.abs(found.of(matrix)) == pytest.approx(np.abs(oracle.transform(points.coordinates)))


def test_points_in_the_plane_of_the_components_come_back_as_they_were():
    random = np.random.default_rng(3)
    plane = random.standard_normal((200, 4)) @ random.standard_normal((4, 50)) + 7
    matrix = Matrix.of(GridPoints.of(plane))
    found = leading_components(matrix, np.ones(200))
    assert found.components.shape == (4, 50)  # the rest are rounding errors
    assert found.back(found.of(matrix)) == pytest.approx(plane)


def test_points_that_are_all_alike_have_a_component():
    matrix = Matrix.of(GridPoints.of(np.ones((3, 40))))
    found = leading_components(matrix, np.ones(3))
    assert found.of(matrix) == pytest.approx(np.zeros((3, len(found.components))))
