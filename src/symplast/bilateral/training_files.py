"""Trained controllers in files (``.ctrl``): what was trained, how far, and everything needed to go on."""

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from symplast.bilateral.arm import TwoLinkArm
from symplast.bilateral.arm_files import arm_from, arm_tree
from symplast.bilateral.losses import MotorLoss
from symplast.bilateral.models import MODELS, learner_of
from symplast.datasets.arrays import EVERY, read_npz
from symplast.lab.whole_files import whole_file
from symplast.learning.learner import GradientLearner
from symplast.learning.tasks import Task
from symplast.learning.training import Training, begin

VERSION = 1


@dataclass(frozen=True)
class Plan:
    """What is trained, as text and numbers.

    Attributes:
        model: a name of ``MODELS``.
        task: reach, hold, or the name of a table.
        units, layers: of the hidden layers.
        steps: of a trial.
        batch: trials an update.
        seeds: how many.
        seed: base seed.
        rate: learning rate.
        losses: D and N -> weights of their terms.
        arm: the arm, as in its TOML.
        trials: digest of training and test trials.
    """

    model: str
    task: str
    units: int
    layers: int
    steps: int
    batch: int
    seeds: int
    seed: int
    rate: float
    losses: dict[str, dict[str, Any]]
    arm: dict[str, Any]
    trials: str

    def make_arm(self) -> TwoLinkArm:
        """The arm."""
        return arm_from(self.arm, "the file's arm")

    def learner(self) -> GradientLearner:
        """The learner.

        Raises:
            ValueError: settings that don't do.
        """
        losses = {name: MotorLoss(**terms) for name, terms in self.losses.items()}
        sizes = {"units": self.units, "layers": self.layers, "steps": self.steps}
        return learner_of(self.model, losses=losses, rate=self.rate, arm=self.make_arm(), **sizes)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Trained:
    """A training and its history.

    Attributes:
        plan: what is trained.
        learner: the learner.
        task: its trials.
        training: where it stands; its seeds first.
        loss: (updates, seeds) loss of each update.
    """

    plan: Plan
    learner: GradientLearner
    task: Task
    training: Training
    loss: np.ndarray


def loss_settings(loss: MotorLoss) -> dict[str, Any]:
    """A loss as plain numbers."""
    return {
        "pos_l1": float(loss.pos_l1),
        "pos_sq": float(loss.pos_sq),
        "effort": float(loss.effort),
        "hidden": float(loss.hidden),
        "rate": float(loss.rate),
        "variant": loss.variant,
    }


def plan_of(model: str, name: str, task: Task, arm: TwoLinkArm, losses: dict[str, MotorLoss], **numbers: Any) -> Plan:
    """The plan of a training.

    Args:
        model: a name of ``MODELS``.
        name: of the task.
        task: its trials.
        arm: the arm.
        losses: D and N.
        numbers: ``units, layers, steps, batch, seeds, seed, rate``.
    """
    settings = {which: loss_settings(loss) for which, loss in losses.items()}
    return Plan(model, name, **numbers, losses=settings, arm=arm_tree(arm), trials=_digest(task))


def first(plan: Plan, task: Task) -> Trained:
    """A training before its first update."""
    learner = plan.learner()
    training = begin(learner, jax.random.key(plan.seed), plan.seeds)
    return Trained(plan, learner, task, training, np.zeros((0, plan.seeds), np.float32))


def write(path: Path, found: Trained) -> None:
    """Write a training; a half-written file never replaces a whole one."""
    buffer = io.BytesIO()
    plain = jax.tree.map(_plain, found.training)
    eqx.tree_serialise_leaves(buffer, plain)
    task = found.task
    arrays: dict[str, Any] = {
        "plan": np.array(json.dumps({"version": VERSION, **asdict(found.plan)})),
        "training": np.frombuffer(buffer.getvalue(), np.uint8),
        "loss": found.loss,
        "trials": np.asarray(task.inputs),
        "tests": np.asarray(task.test_inputs),
    }
    leaves = jax.tree_util.tree_flatten_with_path(found.training.states.params)[0]
    arrays |= {jax.tree_util.keystr(at, simple=True, separator="."): np.asarray(leaf) for at, leaf in leaves}
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)


def read(path: Path) -> Trained:
    """Read what :func:`write` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, or one of another version.
    """
    what = {"plan": "(what was trained)", "training": "(its state)", "loss": "(updates, seeds)"}
    found = read_npz(path, what | {"trials": "(trials, 6)", "tests": "(trials, 6)"}, EVERY)
    wrong = f"{path} must be a controller that symplast bilateral train wrote"
    try:
        settings = json.loads(str(found["plan"]))
        version = settings.pop("version")
        plan = Plan(**settings)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{wrong}; its plan can't be read ({error})") from error
    if version != VERSION or plan.model not in MODELS:
        raise ValueError(f"{wrong} of version {VERSION}; it is of version {version}")
    trials, tests = found["trials"], found["tests"]
    task = Task(*map(jax.numpy.asarray, (trials, trials[:, 2:4], tests, tests[:, 2:4])))
    start = first(plan, task)
    try:
        plain = eqx.tree_deserialise_leaves(
            io.BytesIO(found["training"].tobytes()), jax.tree.map(_plain, start.training)
        )
    except (RuntimeError, ValueError, EOFError, TypeError) as error:
        raise ValueError(f"{wrong}; its state does not fit its plan, it is damaged") from error
    training = jax.tree.map(
        lambda new, old: jax.random.wrap_key_data(new) if _is_key(old) else new, plain, start.training, is_leaf=_is_key
    )
    return Trained(plan, start.learner, task, training, found["loss"])


def differences(old: Plan, new: Plan) -> list[str]:
    """What differs between two plans, in words."""
    before, after = asdict(old), asdict(new)
    said = {"trials": "trials", "arm": "arm", "losses": "losses"}
    return [
        said.get(name) or f"{name} {before[name]} there, {after[name]} here"
        for name in after
        if before[name] != after[name]
    ]


def _digest(task: Task) -> str:
    whole = hashlib.sha256()
    for part in (task.inputs, task.test_inputs):
        whole.update(np.asarray(part, np.float32).tobytes())
    return whole.hexdigest()[:16]


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf
