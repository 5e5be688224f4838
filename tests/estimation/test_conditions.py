"""A phantom task's name tells its conditions, and they can be read from it again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.estimation.conditions import Conditions, conditions_of

NOISE = st.sampled_from([("none", 0.0), ("gaussian", 0.1), ("rician", 0.025), ("poisson", 1e-05)])


@pytest.mark.parametrize(
    ("conditions", "name"),
    [
        (Conditions("ellipses", 16, 1000), "phantom/ellipses-16@N=1000"),
        (Conditions("ellipses", 16, 1000, bits=8), "phantom/ellipses-16@N=1000,bits=8"),
        (
            Conditions("warp", 2, 500, size=32, noise="gaussian", noise_level=0.4),
            "phantom/warp-2@N=500,size=32,noise=gaussian:0.4",
        ),
        (Conditions("slices", 8, 1000, groups=True), "phantom/slices-8@N=1000,groups"),
        (Conditions("strata", 8, 1000), "local/strata-8@N=1000"),
    ],
)
def test_names(conditions, name):
    assert conditions.name == name
    assert conditions_of(name) == conditions


@pytest.mark.parametrize("name", ["classic/M1_Sphere", "real/mnist", "phantom/ellipses", "noise/M7_Roll@noise=0.1"])
def test_other_tasks_have_no_conditions(name):
    assert conditions_of(name) is None


@settings(deadline=None)
@given(
    st.sampled_from(["ellipses", "strata", "slices", "xray"]),
    st.integers(1, 64),
    st.integers(3, 20000),
    st.integers(28, 512),
    st.sampled_from([8, 32]),
    NOISE,
    st.booleans(),
)
def test_every_name_can_be_read_again(family, dimension, n, size, bits, noise, groups):
    conditions = Conditions(family, dimension, n, size, bits, *noise, groups)
    assert conditions_of(conditions.name) == conditions


def test_the_plain_case_differs_in_family_dimension_and_n_alone():
    assert Conditions("warp", 3, 77).plain
    assert not Conditions("warp", 3, 77, size=32).plain
    assert not Conditions("slices", 3, 77, groups=True).plain
