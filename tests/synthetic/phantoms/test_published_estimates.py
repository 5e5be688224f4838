"""What estimators say of `ellipses` and `warp` is near what they said of the prototypes of these families."""

import pytest

from benchmark import estimate_dimension, neighbor_graph
from benchmark.synthetic.phantoms import sample_phantom

N = 5000
PROTOTYPES = {
    ("ellipses", 2): {"mle-k20": 1.98, "mle-k5": 2.00, "twonn": 2.06},
    ("ellipses", 8): {"mle-k20": 7.15, "mle-k5": 7.3, "twonn": 7.4},
    ("ellipses", 16): {"mle-k20": 13.7, "mle-k5": 14.1, "twonn": 14.0},
    ("warp", 2): {"mle-k20": 1.98, "mle-k5": 2.00, "twonn": 2.06},
    ("warp", 8): {"mle-k20": 7.15, "mle-k5": 7.3, "twonn": 7.4},
    ("warp", 16): {"mle-k20": 11.6, "mle-k5": 12.2, "twonn": 12.3},
}
"""Five ellipses in place of 25 organs, and another set of fields: so values are near, not equal."""


@pytest.mark.parametrize(("family", "dimension"), PROTOTYPES)
def test_estimates_are_near_those_of_the_prototypes(family, dimension):
    images = sample_phantom(family, dimension, N).pixels
    graph = neighbor_graph(images, k=20)
    for estimator, expected in PROTOTYPES[family, dimension].items():
        assert estimate_dimension(images, estimator, graph=graph).dimension == pytest.approx(expected, rel=0.08)


def test_rounding_to_8_bits_raises_small_dimensions_most():
    """The prototypes went from 2.0 to 2.6, 3.2 and 3.6."""
    images = sample_phantom("warp", 2, N, bits=8).pixels
    graph = neighbor_graph(images, k=20)
    found = [
        estimate_dimension(images, estimator, graph=graph).dimension for estimator in ("mle-k20", "mle-k5", "twonn")
    ]
    assert found == pytest.approx([2.6, 3.2, 3.6], rel=0.08)
