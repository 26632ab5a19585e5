"""A controller that moves an arm: what happens in a trial, step by step, for many trials side by side."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast.bilateral.arm import Arm, TwoLinkArm
from symplast.bilateral.controllers import Feedback
from symplast.bilateral.lesioning import Lesion, as_arrays
from symplast.bilateral.metrics import LAST


class Trajectory(NamedTuple):
    """What happens in trials; the states *after* each step, trials last.

    Attributes:
        start: (2, trials) position of the hand before the first step, m.
        hand: (steps, 2, trials) its positions, m.
        velocity: (steps, 2, trials) its velocities, m/s.
        u: (steps, muscles, trials) excitations that led there.
        hidden: (steps, units, trials) activations of each hidden layer that led there.
        muscle: (steps, 7, muscles, trials) rows of the muscles' state (:meth:`TwoLinkArm.muscle`); None for arms
            without.
        joint: (steps, 4, trials) angles and velocities; None for arms without.
        senses: (steps, senses, trials) what the arm then feels.
        dt: seconds a step.
    """

    start: Float[Array, "2 trials"]
    hand: Float[Array, "steps 2 trials"]
    velocity: Float[Array, "steps 2 trials"]
    u: Float[Array, "steps muscles trials"]
    hidden: tuple[Float[Array, "steps units trials"], ...]
    muscle: Any
    joint: Any
    senses: Float[Array, "steps senses trials"]
    dt: Any


class ControlledArm(eqx.Module):
    """A controller and its arm, as a network of the learning protocol: trial -> where the hand ends.

    Attributes:
        controller: what is trained.
        arm: any :class:`Arm`.
        steps: of a trial.
        readout: ``mse``, for rules and tasks of the learning protocol.

    Example:
        >>> from symplast.bilateral import Bilateral
        >>> network = ControlledArm(Bilateral(10, 2, key=jax.random.key(0)), steps=20)
        >>> trial = jnp.array([0.8, 1.2, 0.1, 0.5, 0.0, 0.0])  # shoulder, elbow (rad), target (m), load (N)
        >>> network(trial).shape, network.trajectory(trial[None]).hand.shape
        ((2,), (20, 2, 1))
    """

    controller: Any
    arm: Arm = eqx.field(static=True)
    steps: int = eqx.field(static=True)
    readout: str = eqx.field(static=True)

    def __init__(self, controller: Any, arm: Arm | None = None, steps: int = 50):
        """Join them."""
        self.controller = controller
        self.arm = TwoLinkArm() if arm is None else arm
        self.steps = steps
        self.readout = "mse"

    @property
    def weights(self) -> tuple[Float[Array, "post pre"], ...]:
        """The controller's kernels, output last."""
        weights: tuple[Float[Array, "post pre"], ...] = self.controller.weights
        return weights

    def __call__(self, trial: Float[Array, " six"]) -> Float[Array, "2"]:
        """Mean position of the hand over the last 10 steps, m."""
        return self.trajectory(trial[None]).hand[-LAST:, :, 0].mean(axis=0)

    def trajectory(
        self,
        trials: Float[Array, "trials six"],
        lesion: str | Lesion | None = None,
        *,
        through_senses: bool = True,
        feedback: Feedback | None = None,
    ) -> Trajectory:
        """Move.

        Args:
            trials: a trial a row: shoulder and elbow (rad), target x and y (m), load x and y (N).
            lesion: what is cut (:data:`LESIONS`).
            through_senses: whether a gradient also goes back through what the controller senses.
            feedback: fixed matrices that carry errors back (:class:`Routed`).
        """
        if trials.ndim != 2 or trials.shape[1] != 6:
            raise ValueError(
                "trials must have six columns (two angles in rad, target x and y in m, load x and y in N), got shape "
                f"{trials.shape}"
            )
        if lesion is not None:
            lesion = as_arrays(lesion)
        return _trajectory(self, trials, lesion, through_senses, feedback)


@eqx.filter_jit
def _trajectory(
    controlled: ControlledArm, trials: Array, lesion: Any, through_senses: bool, feedback: Feedback | None
) -> Trajectory:
    """Traced once for all its uses in other programs."""
    arm = controlled.arm
    states, u, hidden = Rolling(arm, controlled.steps, through_senses)(controlled.controller, trials, lesion, feedback)
    first, after = (jax.tree.map(lambda x, s=part: x[s], states) for part in (0, slice(1, None)))
    hand = jax.vmap(arm.hand)(after)
    muscle = jax.vmap(arm.muscle)(after) if hasattr(arm, "muscle") else None
    joint = jax.vmap(lambda state: state.joint)(after) if hasattr(first, "joint") else None
    senses = jax.vmap(arm.senses)(after)
    dt = getattr(arm, "dt", 0.01)
    return Trajectory(arm.hand(first)[:2], hand[:, :2], hand[:, 2:], u, hidden, muscle, joint, senses, dt)


class Rolling(NamedTuple):
    """The loop over steps, and its derivative: back through time with the states that were kept.

    What the controller's numbers get is summed after the loop, in one product over all steps and trials; within the
    loop only the arm's states and the controller's inputs carry errors back.
    """

    arm: Arm
    steps: int
    through_senses: bool

    def __call__(self, controller: Any, trials: Array, lesion: Any, feedback: Any) -> tuple[Any, Array, Any]:
        """States (the first one too), excitations and hidden activations, steps first."""
        numbers, rest = eqx.partition(controller, eqx.is_inexact_array)
        buffers, static = eqx.partition(rest, eqx.is_array)

        def controlled(numbers: Any, x: Array, buffers: Any, lesion: Any, feedback: Any) -> tuple[Array, Any]:
            found: tuple[Array, Any] = eqx.combine(numbers, buffers, static)(x, lesion, feedback)
            return found

        def step(state: Any, e: Any, goal: Array, load: Array, numbers: Any, *cut: Any) -> tuple[Any, Array, Any]:
            x = self._input(state, goal)
            u, hidden = controlled(numbers, x if self.through_senses else jax.lax.stop_gradient(x), *cut)
            u = u if e is None else u + e
            return self.arm.step(state, u, load), u, hidden

        @jax.custom_vjp
        def roll(numbers: Any, trials: Array, *cut: Any) -> tuple[Any, Array, Any]:
            goal, load = trials[:, 2:4].T, trials[:, 4:].T
            first = self.arm.start(trials[:, :2].T)

            def forward(state: Any, _: None) -> tuple[Any, Any]:
                after, u, hidden = step(state, None, goal, load, numbers, *cut)
                return after, (after, u, hidden)

            _, (after, u, hidden) = jax.lax.scan(forward, first, None, length=self.steps)
            states = jax.tree.map(lambda one, others: jnp.concatenate([one[None], others]), first, after)
            return states, u, hidden

        def kept(*arguments: Any) -> tuple[Any, Any]:
            numbers, trials, *cut = jax.tree.map(lambda each: each.value, arguments, is_leaf=_is_primal)
            found = roll(numbers, trials, *cut)
            return found, (found[0], numbers, trials, cut)

        def back(kept: Any, errors: Any) -> Any:
            states, numbers, trials, cut = kept
            goal, load = trials[:, 2:4].T, trials[:, 4:].T
            of_states, *direct = errors
            of_u, of_hidden = jax.tree.map(_whole, direct, is_leaf=_is_zero)
            none = jnp.zeros(of_u.shape[1:], of_u.dtype)
            before = jax.tree.map(lambda x: x[:-1], states)
            leaves, tree = jax.tree.flatten(of_states, is_leaf=_is_zero)
            own = [None if _is_zero(x) else x[:-1] for x in leaves]
            last = [jnp.zeros(x.shape[1:], x.dtype) if _is_zero(x) else x[-1] for x in leaves]

            def linear(state: Any) -> Any:
                return jax.vjp(lambda s, e: step(s, e, goal, load, numbers, *cut), state, none)[1]

            def backward(error: Any, at: Any) -> tuple[Any, Array]:
                pull, own, u, hidden = at
                earlier, of_e = pull((jax.tree.unflatten(tree, error), u, hidden))
                found = jax.tree.leaves(earlier)
                return [x if more is None else x + more for x, more in zip(found, own, strict=True)], of_e

            _, of_e = jax.lax.scan(backward, last, (jax.vmap(linear)(before), own, of_u, of_hidden), reverse=True)
            x = jax.vmap(lambda state: self._input(state, goal))(before)
            x, of_e, of_hidden = jax.tree.map(_side_by_side, (x, of_e, of_hidden))
            _, pull = jax.vjp(lambda numbers: controlled(numbers, x, *cut), numbers)
            (of_numbers,) = pull((of_e, of_hidden))
            return of_numbers, jnp.zeros_like(trials), *(jax.tree.map(_nothing, each) for each in cut)

        roll.defvjp(kept, back, symbolic_zeros=True)
        return roll(numbers, trials, buffers, lesion, feedback)

    def _input(self, state: Any, goal: Array) -> Array:
        return jnp.concatenate([self.arm.senses(state), goal])


def _is_zero(x: Any) -> bool:
    return isinstance(x, jax.custom_derivatives.SymbolicZero)


def _is_primal(x: Any) -> bool:
    return isinstance(x, jax.custom_derivatives.CustomVJPPrimal)


def _whole(x: Any) -> Any:
    """Errors as arrays, zeros written out."""
    return jnp.zeros(x.shape, x.dtype) if _is_zero(x) else x


def _side_by_side(x: Array) -> Array:
    """(steps, rows, trials) -> (rows, steps trials)."""
    return jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1)


def _nothing(x: Any) -> Any:
    """No error for what is not trained."""
    kind = jnp.result_type(x)
    return jnp.zeros_like(x) if jnp.issubdtype(kind, jnp.inexact) else np.zeros(jnp.shape(x), jax.dtypes.float0)


def check_finite(found: Trajectory, muscles: tuple[str, ...] = ()) -> None:
    """Nothing in a rollout may be NaN or infinite.

    Args:
        found: the rollout.
        muscles: their names, for the message.

    Raises:
        FloatingPointError: names the first step, the trial and the muscle.
    """
    parts = {"hand": found.hand, "excitation": found.u}
    if found.muscle is not None:
        parts["force"] = found.muscle[:, -1]
    arrays = {name: np.asarray(values) for name, values in parts.items()}
    wrong = {name: ~np.isfinite(values) for name, values in arrays.items()}
    if not any(each.any() for each in wrong.values()):
        return
    step = min(int(each.any(axis=(1, 2)).argmax()) for each in wrong.values() if each.any())
    name = next(name for name in ("excitation", "force", "hand") if name in wrong and wrong[name][step].any())
    row, trial = np.argwhere(wrong[name][step])[0]
    what: str = name
    if name != "hand":
        what += f" of muscle {muscles[row] if row < len(muscles) else row + 1}"
    raise FloatingPointError(f"the {what} is not finite at step {step + 1} of trial {trial + 1}; take a smaller dt")
