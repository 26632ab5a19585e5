"""Studies: configurations, --set, and that claims and experiments fit together."""

import numpy as np
import pytest

from symplast.lab import Study, evidence, measure, plan
from symplast.lab.study import parse_setting


def new_study() -> Study:
    study = Study("x")

    @study.experiment(quick={"repeats": 4, "seeds": 2}, full={"repeats": 8}, paper={"seeds": 9})
    def noise(config, key):
        """Adds noise."""
        return evidence(q=1.0)

    return study


def test_scales_inherit() -> None:
    noise = new_study().experiments["noise"]
    assert dict(noise.config("quick")) == {"seed": 0, "repeats": 4, "seeds": 2}
    assert dict(noise.config("full")) == {"seed": 0, "repeats": 8, "seeds": 2}
    assert dict(noise.config("paper")) == {"seed": 0, "repeats": 8, "seeds": 9}
    assert dict(noise.config("quick", seeds=5, changes={"repeats": "1e1"})) == {"seed": 0, "repeats": 10, "seeds": 5}


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [("3", 1, 3), ("1e6", 1, 1_000_000), ("2", 0.5, 2.0), ("true", False, True), ("a", "b", "a"), ("[1]", [2], [1])],
)
def test_settings_take_the_type_of_the_default(text, default, value) -> None:
    assert parse_setting("e.p", text, default) == value


@pytest.mark.parametrize(
    ("text", "default"), [("x", 1), ("2.5", 1), ("1", True), ("1", [1]), ("1e400", 1), ("nan", 0.5), ("9" * 5000, 1)]
)
def test_settings_of_the_wrong_type(text, default) -> None:
    with pytest.raises(ValueError, match=r"--set e\.p must be of type"):
        parse_setting("e.p", text, default)


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("1e400", 0.5),
        ("-1e400", 0.5),
        ("NaN", 0.5),
        ("Infinity", 0.5),
        ("1e400", None),
        ("NaN", None),
        ("[1, [1e400]]", [1]),
        ("9" * 400, 1),
        ("9" * 400, 0.5),
        ("1e300", 1),
    ],
)
def test_settings_are_numbers_that_a_record_can_hold(text, default) -> None:
    """An infinity, a NaN and None would be one and the same in JSON."""
    with pytest.raises(ValueError, match=r"--set e\.p must be (finite|at most|of type)"):
        parse_setting("e.p", text, default)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [1.0, float("-inf")], 10**30])
def test_experiments_have_settings_that_a_record_can_hold(value) -> None:
    with pytest.raises(ValueError, match=r"x\.noise: limit at quick scale must be (finite|at most)"):

        @Study("x").experiment(quick={"limit": value})
        def noise(config, key):
            """Adds noise."""


def test_registration_mistakes() -> None:
    study = new_study()
    with pytest.raises(ValueError, match="registered twice"):
        study.experiment(quick={})(study.experiments["noise"].measure)
    with pytest.raises(ValueError, match="docstring"):
        study.experiment(quick={})(lambda config, key: None)
    with pytest.raises(ValueError, match="must be given at quick scale too"):

        @study.experiment(quick={}, full={"more": 1})
        def other(config, key):
            """Does."""

    study.figure("noise", caption="c", alt="a")(lambda ds: None)
    with pytest.raises(ValueError, match="'<lambda>' is registered twice"):
        study.figure("noise", caption="c", alt="a")(lambda ds: None)
    with pytest.raises(ValueError, match="unknown experiment"):
        study.figure("nothing", caption="c", alt="a")(lambda ds: None)


def test_an_experiment_may_start_at_full_scale(toy) -> None:
    study = Study("toy")

    @study.experiment(full={"repeats": 8}, paper={"repeats": 9}, data={"full": ("mnist",)})
    def arithmetic(config, key):
        """Counts."""

    late = study.experiments["arithmetic"]
    assert late.scales == ("full", "paper")
    assert (late.config("full").repeats, late.config("paper").repeats) == (8, 9)
    with pytest.raises(ValueError, match="arithmetic is run at full and paper scale only, not at quick scale"):
        late.config("quick")
    with pytest.raises(ValueError, match=r"toy\.\w+: 'arithmetic\.\w+' is not measured at quick scale; give scales"):
        study.check(toy.claims)
    with pytest.raises(ValueError, match="must be given at full scale too"):
        Study("other").experiment(full={"a": 1}, paper={"b": 1})(arithmetic)
    with pytest.raises(ValueError, match="at quick scale, or at full scale where it starts there"):
        Study("other").experiment()(arithmetic)


def test_claims_must_name_experiments_that_exist(toy) -> None:
    study = Study("toy")
    with pytest.raises(ValueError, match=r"toy\.T1: no experiment measures 'arithmetic.total'"):
        study.check(toy.claims)


def test_plan(toy) -> None:
    jobs = plan(["toy"], "full", seeds=4, changes={"coin.tosses": "7", "slow.seconds": "1"})
    configs = {job.experiment: job.config for job in jobs}
    assert configs["coin"] == {"seed": 0, "seeds": 4, "tosses": 7}
    assert configs["slow"] == {"seed": 0, "seeds": 4, "seconds": 1.0}
    assert configs["arithmetic"] == {"seed": 0, "last": 10}
    with pytest.raises(ValueError, match=r"no such parameter; there are .*coin\.tosses"):
        plan(["toy"], "quick", changes={"tossses": "7"})
    with pytest.raises(ValueError, match="at least 1"):
        plan(["toy"], "quick", seeds=0)
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        plan(["toy"], "quick", changes={"coin.seeds": "-2"})
    assert plan(["toy"], "quick", changes={"toy.coin.tosses": "7"})[1].changed == ("tosses",)
    with pytest.raises(ValueError, match=r"system must be one of .*toy"):
        plan(["toi"], "quick")


def test_measurements_of_evidence() -> None:
    class Estimate:
        value, low, high, n, level = 2.0, 1.0, 3.0, 7, 0.9

    rng = np.random.default_rng(0)
    dataset = evidence(
        own=Estimate,
        exact=3,
        truth=True,
        units={"exact": "kg"},
    )
    assert (measure(dataset, "own").low, measure(dataset, "own").level, measure(dataset, "own").n) == (1.0, 0.9, 7)
    assert (measure(dataset, "exact").value, measure(dataset, "exact").low, measure(dataset, "exact").unit) == (
        3,
        None,
        "kg",
    )
    assert measure(dataset, "truth").value is True
    few = measure(evidence(q=(("seed",), [1.0, 2.0, 3.0])), "q")  # Student's t: 2 -+ 4.303 / sqrt 3
    assert few.value == 2
    assert few.high == pytest.approx(2 + 4.30265 / 3**0.5, rel=1e-4)
    many = measure(evidence(q=(("seed", "k"), rng.normal(5, 1, (50, 2)))), "q")
    assert all(low < value < high for low, value, high in zip(many.low, many.value, many.high, strict=True))
    assert many.n == 50
    votes = measure(evidence(q=(("seed",), [True] * 9 + [False])), "q")  # Clopper-Pearson 9 of 10
    assert (votes.value, votes.low, votes.high) == pytest.approx((0.9, 0.55498, 0.99747), abs=1e-4)
    assert measure(evidence(q=(("seed",), [1.0])), "q").low is None


def test_evidence_mistakes() -> None:
    with pytest.raises(ValueError, match="which is no quantity; there are a"):
        evidence(a=1, units={"b": "kg"})
    with pytest.raises(ValueError, match="did not measure 'b'; it measured a"):
        measure(evidence(a=1), "b")
    with pytest.raises(ValueError, match="must be a number or boolean"):
        measure(evidence(a=(("k",), ["x", "y"])), "a")
