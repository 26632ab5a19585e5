"""Credit rules: equilibrium propagation in its forms, and recurrent backprop as the exact rule next to it."""

import abc
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from symplast.equilibrium.arguments import NUDGED_METHODS, as_rows, check_inputs, check_points
from symplast.equilibrium.costs import losses, output_error
from symplast.equilibrium.homeostasis import DRAWS, estimated_terms, layered_terms
from symplast.equilibrium.linear_response import adjoint, carried_by, relative_residual, response
from symplast.equilibrium.nudges import cauchy_estimate, online_estimate
from symplast.equilibrium.operating_point import linearised, unflattened
from symplast.equilibrium.settling import TOLERANCE, Until, relax, relaxation_of, until_of
from symplast.learning.protocol import Batch, Credit, CreditRule
from symplast.learning.recurrent import LayeredNet, RecurrentNet, Relaxation, State

HALVES = {"both": (1.0, 1.0), "norm": (1.0, 0.0), "trace": (0.0, 1.0)}


class RuleState(NamedTuple):
    """What a rule carries from batch to batch: settings as arrays, so that seeds may differ in them, and a watch.

    Attributes:
        beta: radius of the nudges.
        norm, trace: strengths of the two halves of the homeostatic loss.
        free_unsettled: sum over batches of the share of examples whose free state has a residual above the tolerance.
        error_unsettled: the same for the nudged states or the error vectors (relative to their size).
        batches: how many.
        carrier: random network that carries errors back, where the rule has one.
        tol: tolerance at which settling stops, where the rule has one.
        steps: sum over batches of the steps of the free phase, where it stops by tolerance.
    """

    beta: Float[Array, ""]
    norm: Float[Array, ""]
    trace: Float[Array, ""]
    free_unsettled: Float[Array, ""]
    error_unsettled: Float[Array, ""]
    batches: Int[Array, ""]
    carrier: PyTree = None
    tol: Float[Array, ""] | None = None
    steps: Int[Array, ""] | None = None


class Errors(NamedTuple):
    """A free state and the error vectors at it, with the residuals of both."""

    u: State
    vectors: State
    free_residual: Float[Array, " rows"]
    error_residual: Float[Array, " rows"]
    free_steps: Int[Array, ""] | None = None


class SettlingRule(CreditRule):
    """Base of the rules in this file: settle, get error vectors, multiply them with what drives each unit.

    The direction is ``vector^T dF/dparameter`` plus the readout's gradient, averaged over rows, plus the gradient of
    the homeostatic loss. Signals: ``pre`` is the activity at each weight, ``post`` the error vector.

    Attributes:
        homeostasis: strength lambda of the homeostatic loss.
        homeostasis_terms: ``both`` halves of it, ``norm`` only or ``trace`` only.
        homeostasis_draws: None takes the closed form where the network has one and 5 draws an example elsewhere; a
            number always draws.
        free_steps: steps of the free phase; None for the network's own. With a tolerance at most so many.
        tol: settle only until the largest residual of the batch is within it; error vectors until theirs is, relative
            to their size (finite nudges: times the nudge). The rule's state counts the steps. None does all steps.
        memory: earlier changes that accelerate settling and error vectors (Anderson), with a tolerance only; 0 takes
            plain steps.
    """

    needs: ClassVar[tuple[str, ...]] = ("force", "field", "settle", "output", "readout", "relaxation")
    offers: ClassVar[tuple[str, ...]] = ("pre", "post")

    homeostasis: float = 0.0
    homeostasis_terms: str = "both"
    homeostasis_draws: int | None = None
    free_steps: int | None = None
    tol: float | Float[Array, ""] | None = None
    memory: int = 0

    def __check_init__(self) -> None:
        until_of(self.tol, self.memory)
        if self.homeostasis_terms not in HALVES:
            raise ValueError(f"homeostasis_terms must be one of {', '.join(HALVES)}; got {self.homeostasis_terms!r}")
        if self.homeostasis_draws is not None and self.homeostasis_draws < 1:
            raise ValueError(f"homeostasis_draws must be at least 1, or None; got {self.homeostasis_draws}")
        if not self.homeostasis >= 0:
            raise ValueError(f"homeostasis must be at least 0, got {self.homeostasis}")

    def init(self, network: RecurrentNet, key: Key[Array, ""]) -> RuleState:
        """Settings as arrays, nothing watched yet."""
        self.check(network)
        dtype = jnp.result_type(*jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)))
        zero = jnp.zeros((), dtype)
        norm, trace = (jnp.asarray(self.homeostasis * half, dtype) for half in HALVES[self.homeostasis_terms])
        carrier = self.carrier(network, key)
        stop = (None, None) if self.tol is None else (jnp.asarray(self.tol, dtype), jnp.int32(0))
        return RuleState(jnp.asarray(self.radius, dtype), norm, trace, zero, zero, jnp.int32(0), carrier, *stop)

    def check(self, network: RecurrentNet) -> None:
        """Raise ValueError where the rule's settings don't suit a network."""
        relaxation_of(network, self.free_steps)

    def for_network(self, network: RecurrentNet) -> "SettlingRule":
        """Settings that only set the state as arrays: strengths of homeostasis and tolerances share one program."""
        if self.tol is not None:
            self = eqx.tree_at(lambda rule: rule.tol, self, jnp.asarray(self.tol, float))
        if self.homeostasis_draws is not None or not isinstance(network, LayeredNet):
            return self
        return eqx.tree_at(lambda rule: rule.homeostasis, self, jnp.asarray(self.homeostasis, float))

    @property
    def radius(self) -> float:
        """Of the nudges; 0 for rules without."""
        return 0.0

    def carrier(self, network: RecurrentNet, key: Key[Array, ""]) -> PyTree:
        """Random weights of the rule's own; none by default."""
        return None

    @abc.abstractmethod
    def errors(self, network: RecurrentNet, x: Array, targets: Array, state: RuleState) -> Errors:
        """Free states and error vectors of a batch; pure."""

    def until(self, state: RuleState) -> Until | None:
        """When settling stops: the state's tolerance with the rule's memory."""
        return None if state.tol is None else Until(state.tol, self.memory)

    def free(self, network: RecurrentNet, x: Array, until: Until | None) -> tuple[State, PyTree, Array, Array | None]:
        """Free states, drive, residuals, and the steps where a tolerance stops them."""
        how, drive = relaxation_of(network, self.free_steps), network.drive(x)
        settled = relax(lambda u: network.step(u, drive, None, how), network.rest(x), how, until)
        return settled.u, drive, settled.residual, None if until is None else settled.steps

    def __call__(self, network: RecurrentNet, batch: Batch, state: RuleState, key: Key[Array, ""]) -> Credit:
        """Credit for one batch."""
        x = check_inputs(network, batch.inputs)
        targets = as_rows(network, x, batch.targets)
        found = self.errors(network, x, targets, state)
        r = network.phi(found.u)

        def pulled(net: RecurrentNet) -> tuple[Array, tuple[Array, Array]]:
            output = net.output(r)
            rows = losses(net, output, targets)
            work = jax.tree.map(lambda e, h: jnp.sum(e * h), found.vectors, net.force(r, x))
            total = sum(jax.tree.leaves(work), jnp.sum(rows)) / x.shape[0]
            return total + self.penalty(net, x, found.u, state, key), (jnp.mean(rows), output)

        (_, (loss, output)), direction = eqx.filter_value_and_grad(pulled, has_aux=True)(network)
        signals = network.signals(x, r, found.vectors, output_error(network, output, targets))
        watched = state._replace(
            free_unsettled=state.free_unsettled + jnp.mean(~(found.free_residual <= TOLERANCE)),
            error_unsettled=state.error_unsettled + jnp.mean(~(found.error_residual <= TOLERANCE)),
            batches=state.batches + 1,
            steps=None if found.free_steps is None or state.steps is None else state.steps + found.free_steps,
        )
        return Credit(direction, loss, watched, signals)

    def penalty(self, network: RecurrentNet, x: Array, u: State, state: RuleState, key: Key[Array, ""]) -> Array:
        """The homeostatic loss times its strength."""
        if self.homeostasis_draws is None and isinstance(network, LayeredNet):
            norm, trace = layered_terms(network)
        elif self.homeostasis == 0:
            return jnp.zeros(())
        else:
            norm, trace = estimated_terms(network, x, u, key, self.homeostasis_draws or DRAWS)
        return state.norm * norm + state.trace * trace


class EquilibriumPropagation(SettlingRule):
    """Credit from how a nudge of the output moves the fixed point: local, and biased where weights are not symmetric.

    Attributes:
        method: ``true`` takes the derivative at nudge 0 by tangent steps; ``nudge`` the N-point estimate with finite
            nudges; ``online`` the one without a free phase, whose free steps are divided into blocks.
        beta: radius of the nudges of ``nudge`` and ``online``.
        n_points: N.
        nudged_steps: steps of a nudged run, of the tangent or of a block.
        asym_ep: correct the nudged field by ``-2 A (r - r*)``, which makes the direction exact (an extension).

    Example:
        >>> import optax
        >>> from symplast.learning import GradientLearner
        >>> from symplast.learning.recurrent import LayeredNet
        >>> learner = GradientLearner(
        ...     lambda key: LayeredNet((4, 8, 3), key=key, angle_deg=90),
        ...     EquilibriumPropagation(method="nudge", beta=0.5, n_points=2, homeostasis=1.0),
        ...     optax.adam(1e-3),
        ... )
        >>> state = eqx.filter_jit(learner.init)(jax.random.key(0))
        >>> learn = eqx.filter_jit(learner.learn)
        >>> state, metrics = learn(state, Batch(jnp.ones((2, 4)), jnp.array([0, 1])), jax.random.key(1))
        >>> float(state.rule.free_unsettled)
        0.0

    Source:
        arXiv:2309.02214; asym-EP: arXiv:2602.03670.
    """

    method: str = "true"
    beta: float = 0.5
    n_points: int = 2
    nudged_steps: int = 20
    asym_ep: bool = False

    def __check_init__(self) -> None:
        if self.method not in NUDGED_METHODS:
            raise ValueError(f"method must be one of {', '.join(NUDGED_METHODS)}; got {self.method!r}")
        if self.asym_ep and self.method == "online":
            raise ValueError("asym_ep must be off for the online estimate: it needs a free state to correct towards")
        if self.method == "online" and self.tol is not None:
            raise ValueError("tol must be None for the online estimate: its blocks have a fixed length")
        if self.method == "online" and self.n_points < 2:
            raise ValueError(f"n_points must be at least 2 for the online estimate, got {self.n_points}")

    def check(self, network: RecurrentNet) -> None:
        """Raise ValueError where the nudges or steps don't suit the network."""
        super().check(network)
        relaxation_of(network, self.nudged_steps)
        if self.method != "true":
            check_points(network, self.beta, self.n_points)
        if self.method == "online":
            self.blocks(network)

    @property
    def radius(self) -> float:
        """beta."""
        return self.beta

    def blocks(self, network: RecurrentNet) -> int:
        """Blocks of the online estimate."""
        free = relaxation_of(network, self.free_steps).steps
        blocks, left = divmod(free, self.nudged_steps)
        if left or blocks < 1 or blocks % self.n_points:
            turn = self.n_points * self.nudged_steps
            raise ValueError(
                f"free_steps must be a multiple of n_points x nudged_steps = {turn} for the online estimate, so that "
                f"it ends with a whole turn; got {free}"
            )
        return blocks

    def errors(self, network: RecurrentNet, x: Array, targets: Array, state: RuleState) -> Errors:
        """Free states and EP's error vectors."""
        how = relaxation_of(network, self.nudged_steps)
        if self.method == "online":
            vectors, u, residual = online_estimate(
                network, x, targets, state.beta, self.n_points, self.blocks(network), how
            )
            return Errors(u, vectors, residual, residual)
        until = self.until(state)
        u, drive, free_residual, steps = self.free(network, x, until)
        if self.method == "true":
            vectors, settled = response(network, u, drive, targets, how, until, corrected=self.asym_ep)
            return Errors(u, vectors, free_residual, relative_residual(settled), steps)
        if until is not None:
            until = Until(until.tol * jnp.abs(state.beta), until.memory)
        vectors, residual = cauchy_estimate(
            network, u, drive, targets, state.beta, self.n_points, how, until, corrected=self.asym_ep
        )
        return Errors(u, vectors, free_residual, residual, steps)


class RecurrentBackprop(SettlingRule):
    """The exact gradient at the fixed point (Almeida 1987, Pineda 1987), or with random weights on its way back.

    Attributes:
        method: ``iterated`` repeats ``delta <- K^T delta + D c``; ``implicit`` solves the linear system with whole
            matrices, for small networks or where the iteration does not converge; ``random-feedback`` iterates with
            weights that the rule draws once and keeps.
        steps: of the iteration.

    Source:
        [reference code] of arXiv:2309.02214 for the iteration; random feedback is ours.
    """

    method: str = "iterated"
    steps: int = 20

    def __check_init__(self) -> None:
        methods = ("iterated", "implicit", "random-feedback")
        if self.method not in methods:
            raise ValueError(f"method must be one of {', '.join(methods)}; got {self.method!r}")

    def check(self, network: RecurrentNet) -> None:
        """Raise ValueError where the steps don't suit the network."""
        super().check(network)
        relaxation_of(network, self.steps)

    def carrier(self, network: RecurrentNet, key: Key[Array, ""]) -> PyTree:
        """Weights as large as the network's first ones, drawn anew."""
        if self.method != "random-feedback":
            return None
        leaves, structure = jax.tree.flatten(eqx.filter(network, eqx.is_inexact_array))
        keys = jax.random.split(key, len(leaves))
        drawn = [
            jnp.std(leaf) * jax.random.normal(k, leaf.shape, leaf.dtype) for k, leaf in zip(keys, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, drawn)

    def errors(self, network: RecurrentNet, x: Array, targets: Array, state: RuleState) -> Errors:
        """Free states and backprop's error vectors."""
        until = self.until(state)
        u, drive, free_residual, steps = self.free(network, x, until)
        how: Relaxation = relaxation_of(network, self.steps)
        if self.method == "implicit":
            exact = unflattened(linearised(network, x, targets, u).adjoint, u)
            return Errors(u, exact, free_residual, jnp.zeros_like(free_residual), steps)
        if self.method == "iterated":
            delta, settled = adjoint(network, u, drive, targets, how, until)
        else:
            static = eqx.filter(network, eqx.is_inexact_array, inverse=True)
            delta, settled = carried_by(eqx.combine(state.carrier, static), network, u, drive, targets, how, until)
        return Errors(u, delta, free_residual, relative_residual(settled), steps)
