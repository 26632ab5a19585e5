"""The device law: reference values in float64, closed forms against single pulses, wrong input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.devices import DeviceModel, curve_distance, label_of, nonlinearity_of
from symplast.devices.pulse_law import affine_step

NEAR = {"rel": 0, "abs": 6e-11}
state = st.floats(0, 1)
nonlinearity = st.one_of(st.just(0.0), st.floats(1e-5, 50))
levels = st.integers(1, 512)


@pytest.mark.usefixtures("float64")
class TestReferenceValues:
    def test_one_pulse(self):
        device, g = DeviceModel(64, b_ltp=3.0), np.array([0, 0.5, 1])
        offset, slope = affine_step(device.b_ltp, device.n_ltp)
        assert np.asarray(offset + slope * g) == pytest.approx([0.0481927077, 0.0252960406, 0.0023993736], **NEAR)
        offset, slope = affine_step(jnp.asarray(0.0), jnp.asarray(64.0))
        assert (float(offset), float(slope)) == (0.015625, 0.0)

    def test_curve(self):
        device = DeviceModel(64, b_ltp=3.0)
        found = np.asarray(device.curve(np.array([0, 1, 16, 32, 63, 64]), "ltp"))
        assert found == pytest.approx([0, 0.0481927077, 0.5552791692, 0.8175744762, 0.9974854780, 1], **NEAR)

    def test_pulse_number(self):
        found = np.asarray(DeviceModel(64, b_ltp=3.0).pulses(np.array([0.25, 0.5, 0.9]), "ltp"))
        assert found == pytest.approx([5.7860818472, 13.7506096850, 41.2233398468], **NEAR)

    def test_depression(self):
        device = DeviceModel(64, b_ltp=3.0)
        assert np.asarray(device.step(1.0, "ltd", np.array([1, 10]))) == pytest.approx(
            [0.9518072923, 0.6061767021], **NEAR
        )

    @pytest.mark.parametrize(
        ("b", "residue"),
        [
            (1.0, [0.0089699652, -0.0002600644, -0.0094900941]),
            (3.0, [0.0256885015, -0.0011583900, -0.0280052816]),
            (0.0, [0, 0, 0]),
        ],
    )
    def test_up_then_down_leaves_a_residue(self, b, residue):
        device, g = DeviceModel(64, b_ltp=b), np.array([0.2, 0.5, 0.8])
        found = np.asarray(device.step(device.step(g, "ltp"), "ltd")) - g
        assert found == pytest.approx(residue, **NEAR)

    def test_several_pulses_of_a_device_that_is_off(self):
        device = DeviceModel(64, b_ltp=3.0)
        assert float(device.step(0.2, "ltp", 5, 1.4)) == pytest.approx(0.4403783471, **NEAR)
        assert float(device.step(0.8, "ltd", 5, 1.4)) == pytest.approx(0.5596216529, **NEAR)
        assert float(DeviceModel(64).step(0.2, "ltp", 5, 1.4)) == pytest.approx(0.309375, **NEAR)


@pytest.mark.parametrize(
    ("b", "distance", "label"),
    [
        (0.5, 0.0622841845, 0.6291652748),
        (1, 0.1233015615, 1.2455338608),
        (2, 0.2372373235, 2.3964588603),
        (3, 0.3358352066, 3.3924478852),
        (5, 0.4835439225, 4.8845312375),
        (10, 0.6697823526, 6.7658234777),
    ],
)
def test_labels(b, distance, label):
    assert curve_distance(b) == pytest.approx(distance, **NEAR)
    assert label_of(b) == pytest.approx(label, **NEAR)


@pytest.mark.parametrize(
    ("label", "b"),
    [
        (0.01, 0.0079196028),
        (1, 0.7989436254),
        (2.4, 2.0032805754),
        (4.88, 4.9924258400),
        (6, 7.3735932402),
        (9, 43.8399288520),
    ],
)
def test_nonlinearity_of_a_label(label, b):
    assert nonlinearity_of(label) == pytest.approx(b, rel=1e-8)
    assert nonlinearity_of(-label) == nonlinearity_of(label)


def test_the_distance_has_no_seam_where_its_form_changes():
    assert curve_distance(0.000999999) == pytest.approx(curve_distance(0.001000001), rel=1e-5)
    below, above = curve_distance(1e-3 * (1 - 1e-12)), curve_distance(1e-3 * (1 + 1e-12))
    assert below == pytest.approx(above, rel=1e-8)


@given(st.floats(0.001, 9.1))
def test_labels_and_nonlinearities_are_inverse(label):
    assert label_of(nonlinearity_of(label)) == pytest.approx(label, rel=1e-8)


def test_label_of_a_curve_is_its_largest_distance_from_the_diagonal():
    with jax.enable_x64(True):
        share = np.linspace(0, 1, 100_001)
        curve = np.asarray(DeviceModel(100_000, b_ltp=4.0).curve(np.arange(100_001), "ltp"))
        assert (curve - share).max() == pytest.approx(curve_distance(4.0), abs=1e-9)


@given(g=state, b=nonlinearity, N=levels, k=st.integers(0, 40), v=st.floats(0, 3), up=st.booleans())
@settings(max_examples=60, deadline=None)
def test_k_pulses_are_k_single_clipped_pulses(g, b, N, k, v, up):
    with jax.enable_x64(True):
        offset, slope = (float(x) for x in affine_step(jnp.asarray(b), jnp.asarray(float(N))))
        level = g if up else 1 - g
        for _ in range(k):
            level = min(1.0, level + v * (offset + slope * level))
        direction = "ltp" if up else "ltd"
        found = float(DeviceModel(N, b_ltp=b).step(g, direction, k, v))
        assert found == pytest.approx(level if up else 1 - level, abs=1e-11)


@given(b=nonlinearity, N=levels, share=state)
@settings(max_examples=60, deadline=None)
def test_pulse_number_inverts_the_curve(b, N, share):
    with jax.enable_x64(True):
        device = DeviceModel(N, b_ltp=b)
        for direction in ("ltp", "ltd"):
            again = float(device.curve(device.pulses(share, direction), direction))
            assert again == pytest.approx(share, abs=1e-12)


@given(b=nonlinearity, N=st.integers(2, 200))
@settings(max_examples=40, deadline=None)
def test_pulses_walk_along_the_curve(b, N):
    with jax.enable_x64(True):
        device, n = DeviceModel(N, b_ltp=b), np.minimum(np.arange(200), N - 1)
        for direction in ("ltp", "ltd"):
            walked = np.asarray(device.step(device.curve(n, direction), direction))
            assert walked == pytest.approx(np.asarray(device.curve(n + 1, direction)), abs=1e-12)


def test_potentiation_never_lowers_and_the_ends_absorb():
    device, g = DeviceModel(20, n_ltd=30, b_ltp=4.0, b_ltd=2.0), np.linspace(0, 1, 101, dtype=np.float32)
    assert (np.asarray(device.step(g, "ltp")) >= g).all()
    assert (np.asarray(device.step(g, "ltd")) <= g).all()
    assert float(device.step(1.0, "ltp", 7)) == 1
    assert float(device.step(0.0, "ltd", 7)) == 0


@pytest.mark.parametrize("b", [0.0, 1e-7, 1e-3, 17.5, 50.0])
def test_float32_stays_near_float64(b):
    """At b = 1e-3 the naive form loses three digits; above 17 its logarithm is minus infinity at g = 1."""
    g = np.linspace(0, 1, 21)
    single = DeviceModel(64, b_ltp=b)
    found = [np.asarray(single.step(g, "ltp"), float), np.asarray(single.pulses(g, "ltp"), float)]
    with jax.enable_x64(True):
        double = DeviceModel(64, b_ltp=b)
        exact = [np.asarray(double.step(g, "ltp")), np.asarray(double.pulses(g, "ltp"))]
    assert found[0] == pytest.approx(exact[0], abs=3e-7)
    inside = g < 0.99
    assert found[1][inside] == pytest.approx(exact[1][inside], rel=1e-4, abs=1e-4)
    assert (found[1] <= 64).all()
    assert np.isfinite(found[1]).all()


def test_gradients_are_finite_at_zero_nonlinearity():
    gradient = jax.grad(lambda b: DeviceModel(64, b_ltp=b).step(0.3, "ltp", 3))
    assert np.isfinite(gradient(0.0))
    assert np.isfinite(gradient(2.0))


def test_devices_vmap_over_their_parameters():
    stepped = jax.vmap(lambda n, b: DeviceModel(n, b_ltp=b).step(0.5, "ltp"))
    found = stepped(jnp.array([32.0, 64.0]), jnp.array([0.0, 3.0]))
    assert np.asarray(found) == pytest.approx([0.53125, 0.5252960], abs=1e-6)


def test_conductance_in_siemens():
    device = DeviceModel(64, g_min=1e-6, g_max=5e-6)
    assert float(device.siemens(0.25)) == pytest.approx(2e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_ltp": 0.5}, r"n_ltp must be in \[1, inf\), got 0.5"),
        ({"n_ltp": np.nan}, "n_ltp must be in"),
        ({"n_ltp": 8, "n_ltd": 0}, "n_ltd must be in"),
        ({"n_ltp": 8, "b_ltp": -1}, r"b_ltp must be in \[0, 50\], got -1"),
        ({"n_ltp": 8, "b_ltd": 51}, "b_ltd must be in"),
        ({"n_ltp": 8, "g_min": 2e-6, "g_max": 2e-6}, "g_min must be below g_max"),
        ({"n_ltp": 8, "g_min": np.inf}, "g_min must be in"),
        ({"n_ltp": 8, "b_ltp": np.ma.masked_array([1.0, 2.0], [0, 1])}, "b_ltp must not be a masked array"),
    ],
)
def test_wrong_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeviceModel(**arguments)


def test_all_but_the_levels_have_names():
    """``DeviceModel(64, 3.0)`` would otherwise set the levels of LTD to 3."""
    with pytest.raises(TypeError, match="positional"):
        DeviceModel(64, 3.0)


def test_rounding_does_not_lead_out_of_range():
    """In single precision the ratio of two expm1 exceeds 1 for some b."""
    b = np.linspace(0.01, 20, 500, dtype=np.float32)
    device = DeviceModel(40.0, n_ltd=40.0, b_ltp=b, b_ltd=b)
    for direction in ("ltp", "ltd"):
        ends = device.curve(np.array([[0], [40], [41]]), direction)
        assert bool(((ends >= 0) & (ends <= 1)).all())
        device.siemens(ends)


def test_states_and_pulses_out_of_range():
    device = DeviceModel(64, b_ltp=3.0)
    for call, message in (
        (lambda: device.curve(-3, "ltp"), "n must be in"),
        (lambda: device.step(1.5, "ltp"), r"g must be in \[0, 1\], got 1.5"),
        (lambda: device.step(np.nan, "ltp"), "g must be in"),
        (lambda: device.step(0.5, "ltp", k=-2), "k must be in"),
        (lambda: device.pulses(-0.1, "ltd"), "g must be in"),
        (lambda: device.siemens(2.0), "g must be in"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert device.curve(100, "ltp") == 1
    assert device.curve(100, "ltd") == 0


def test_wrong_direction_and_label():
    with pytest.raises(ValueError, match="direction must be one of ltp, ltd; got 'up'"):
        DeviceModel(8).step(0.5, "up")
    with pytest.raises(ValueError, match=r"label must be in \[-9.1, 9.1\], got 9.2"):
        DeviceModel.from_neurosim(2.0, 9.2, 64)
    assert float(DeviceModel.from_neurosim(0.0, -9.1, 64, 32).b_ltd) == pytest.approx(49.4271, abs=1e-3)
