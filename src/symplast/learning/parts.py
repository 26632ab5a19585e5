"""Rules, transforms, networks and tasks by name, so that a line of text says a whole combination.

A part reads ``name`` or ``name:setting=value,setting=value``; a name with a dot is a callable of the user's own,
``package.module.Name``. Parts of other rooms are imported when they are used.
"""

import importlib
import inspect
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from symplast.learning import chaining

Kind = Literal["rule", "transform", "optimiser", "network", "task"]

SIGNS, PROJECTION, OPTIMISER, NORM, WRITE = range(5)
"""Places in a chain of transforms, in the order of the learning protocol."""


@dataclass(frozen=True)
class Part:
    """Something that can be named.

    Attributes:
        target: ``module:callable``.
        says: one line for ``--help`` and tables.
        settings: used where the user gives no other.
        place: of a transform in its chain.
        signals: of the credit rule that a transform needs.
        numbers: of a network, settings that are arrays while it learns, so that one program serves all their values.
        chosen: of a network, whether ``auto`` may choose it; not where it is for tasks of its own.
    """

    target: str
    says: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    place: int = OPTIMISER
    signals: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    chosen: bool = True

    def load(self) -> Callable[..., Any]:
        """Import the callable."""
        module, _, name = self.target.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return found

    @property
    def brings_network(self) -> bool:
        """Whether a rule is a whole learner, made from ``sizes`` (units of each layer, inputs first)."""
        return "sizes" in inspect.signature(self.load()).parameters


PARTS: dict[Kind, dict[str, Part]] = {
    "rule": {
        "backprop": Part("symplast.learning:Backprop", "the gradient, layer by layer"),
        "autodiff": Part("symplast.learning:Autodiff", "the gradient through any network, settling included"),
        "fa": Part("symplast.learning:FeedbackAlignment", "feedback alignment: fixed feedback weights"),
        "dfa": Part("symplast.learning:DirectFeedback", "direct feedback alignment"),
        "sign-symmetric": Part("symplast.learning:SignSymmetric", "feedback by the signs of the forward weights"),
        "kolen-pollack": Part("symplast.learning:KolenPollack", "feedback weights that take the same changes"),
        "weight-mirror": Part("symplast.learning:WeightMirror", "feedback weights that learn from noise"),
        "rbp": Part("symplast.equilibrium:RecurrentBackprop", "recurrent backprop at the settled state"),
        "ep": Part("symplast.equilibrium:EquilibriumPropagation", "equilibrium propagation"),
        "routed": Part(
            "symplast.bilateral.composing:routed", "losses of their own for the hemispheres that control an arm"
        ),
        "sym-stdp": Part(
            "symplast.sym_stdp.learner:classifier",
            "spiking network that learns by symmetric STDP and a teacher; no transform",
        ),
        "spiking": Part(
            "symplast.hlop.unprotected:spiking_network",
            "spiking network, differentiated (method: bptt, dsr, ottt); no transform",
        ),
    },
    "transform": {
        "none": Part("optax:identity", "nothing: the control", place=SIGNS),
        "curl": Part("symplast.curl:flips", "some neurons' synapses change with the opposite sign", place=SIGNS),
        "hlop": Part(
            "symplast.hlop:project",
            "changes stay orthogonal to what earlier tasks used",
            place=PROJECTION,
            signals=("pre",),
        ),
        "decay": Part("optax:add_decayed_weights", "weight decay", settings={"weight_decay": 1e-3}, place=PROJECTION),
        "norm": Part("symplast.curl:frobenius_norm", "weights keep their Frobenius norm", place=NORM),
        "device": Part(
            "symplast.devices:write",
            "memory devices hold the weights",
            settings={"mode": "proportional"},
            place=WRITE,
        ),
    },
    "optimiser": {
        "sgd": Part("optax:sgd", "stochastic gradient descent", settings={"learning_rate": 0.05}),
        "momentum": Part("optax:sgd", "with momentum", settings={"learning_rate": 0.01, "momentum": 0.9}),
        "adam": Part("optax:adam", "Adam", settings={"learning_rate": 1e-3}),
        "motor": Part(
            "symplast.bilateral:motor_adam",
            "each tensor's gradient clipped, Adam, mixing weights at least 0",
            settings={"learning_rate": 3e-3},
        ),
    },
    "network": {
        "feedforward": Part(
            "symplast.learning.parts:feedforward",
            "layers, with feedback weights of their own",
            {"angle": 90.0},
            numbers=("angle",),
        ),
        "recurrent": Part(
            "symplast.learning.parts:recurrent",
            "layers that settle, coupled both ways",
            {"angle": 90.0},
            numbers=("angle",),
        ),
        "conv": Part(
            "symplast.learning.parts:convolutional",
            "convolutional stages that settle, on square images",
            {"angle": 90.0},
            numbers=("angle",),
        ),
        "arm-bilateral": Part(
            "symplast.bilateral.composing:arm_bilateral", "two hemispheres that control an arm", chosen=False
        ),
        "arm-unilateral": Part(
            "symplast.bilateral.composing:arm_unilateral", "one stack of layers that controls an arm", chosen=False
        ),
    },
    "task": {
        "digits": Part("symplast.learning:images", "8 x 8 digits, built in", settings={"name": "digits"}),
        "mnist-5k": Part("symplast.learning:images", "5000 images of MNIST, built in", settings={"name": "mnist-5k"}),
        "mnist": Part("symplast.learning:images", "MNIST", settings={"name": "mnist"}),
        "fashion-mnist": Part("symplast.learning:images", "Fashion-MNIST", settings={"name": "fashion-mnist"}),
        "permuted-digits": Part("symplast.learning.parts:permuted_images", "a sequence", {"name": "digits"}),
        "permuted-mnist-5k": Part("symplast.learning.parts:permuted_images", "a sequence", {"name": "mnist-5k"}),
        "permuted-mnist": Part("symplast.learning.parts:permuted_images", "a sequence", {"name": "mnist"}),
        "split-digits": Part("symplast.learning.parts:split_images", "a sequence of class pairs", {"name": "digits"}),
        "split-mnist-5k": Part(
            "symplast.learning.parts:split_images", "a sequence of class pairs", {"name": "mnist-5k"}
        ),
        "permuted-fashion-mnist": Part(
            "symplast.learning.parts:permuted_images", "a sequence", {"name": "fashion-mnist"}
        ),
        "split-fashion-mnist": Part(
            "symplast.learning.parts:split_images", "a sequence of class pairs", {"name": "fashion-mnist"}
        ),
        "split-mnist": Part("symplast.learning.parts:split_images", "a sequence of class pairs", {"name": "mnist"}),
        "modular-addition": Part("symplast.learning.parts:addition", "(x + y) mod p", {"modulus": 23}),
        "teacher-student": Part("symplast.learning.parts:teacher", "regression on a random network"),
        "reach": Part("symplast.bilateral.composing:reach_task", "random reaches of an arm"),
        "hold": Part("symplast.bilateral.composing:hold_task", "an arm holds its posture against a load"),
    },
}


@dataclass(frozen=True)
class Named:
    """A part with its settings, as read from text.

    Attributes:
        text: as the user wrote it; the label in tables.
        part: what it is.
        settings: all of them.
    """

    text: str
    part: Part
    settings: Mapping[str, Any]

    def check(self, given: Collection[str] = ()) -> None:
        """Raise ValueError where the part does not take one of its settings.

        Args:
            given: settings that the caller gives and the user can't.
        """
        known = _keywords(self.part.load())
        if known is not None and (unknown := [name for name in self.settings if name not in known]):
            takes = ", ".join(name for name in known if name not in given) or "none"
            raise ValueError(f"{self.text}: no setting {', '.join(unknown)}; it takes {takes}")

    def build(self, **more: Any) -> Any:
        """Call it.

        Raises:
            ValueError: settings that it doesn't take or that don't suit it; names the part.
        """
        self.check(more)
        made = self.part.load()
        settings = {**self.settings, **more}
        try:
            if self.part.target.startswith("optax:"):
                return chaining.optimiser(self.part.target, settings)
            return made(**settings)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.text}: {error}") from error


class NamedNetwork(eqx.Module):
    """Makes networks of a named part; its numbers are arrays, so that one program serves all their values.

    Attributes:
        numbers: settings that are arrays.
        made: the part's callable; itself, not its name, so that a module that is loaded again gets programs of its own.
        settings: the others, as JSON.
        sizes: units of each layer, the input first.
        readout: softmax or mse.
    """

    numbers: dict[str, Float[Array, ""]]
    made: Callable[..., Any] = eqx.field(static=True)
    settings: str = eqx.field(static=True)
    sizes: tuple[int, ...] = eqx.field(static=True)
    readout: str = eqx.field(static=True)

    @classmethod
    def of(cls, part: Named, sizes: tuple[int, ...], readout: str) -> "NamedNetwork":
        """The maker of a part's networks.

        Raises:
            ValueError: settings that the part does not take or that don't suit it.
        """
        eqx.filter_eval_shape(lambda key: part.build(sizes=sizes, readout=readout, key=key), jax.random.key(0))
        settings = dict(part.settings)
        numbers = {name: jnp.asarray(settings.pop(name), float) for name in part.part.numbers if name in settings}
        return cls(numbers, part.part.load(), json.dumps(settings), sizes, readout)

    def __call__(self, key: Key[Array, ""]) -> Any:
        """Draw a network."""
        settings = json.loads(self.settings) | self.numbers
        return self.made(sizes=self.sizes, readout=self.readout, key=key, **settings)


def named(kind: Kind, text: str) -> Named:
    """Read a part.

    Args:
        kind: rule, transform, optimiser, network or task.
        text: ``name:setting=value,...``; values are read as JSON where they are JSON, as text elsewhere.

    Raises:
        ValueError: no such part, or settings that don't read.

    Example:
        >>> named("rule", "ep:beta=0.5,n_points=2").settings
        {'beta': 0.5, 'n_points': 2}
        >>> type(named("rule", "symplast.learning.SignSymmetric").build()).__name__
        'SignSymmetric'
    """
    name, _, tail = text.partition(":")
    part = PARTS[kind].get(name) or _own(kind, name)
    settings = dict(part.settings)
    for setting in _divided(tail):
        key, sign, value = setting.partition("=")
        if not sign or not key.isidentifier():
            raise ValueError(f"{kind} {text!r}: settings must read name=value, separated by commas; got {setting!r}")
        try:
            settings[key] = json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
        except json.JSONDecodeError:
            settings[key] = value
    return Named(text, part, settings)


def chain(text: str, optimiser: str) -> tuple[optax.GradientTransformationExtraArgs, tuple[str, ...]]:
    """Transforms joined by ``+``, with an optimiser, in the order of the learning protocol.

    Signs come first, then projections, the optimiser, normalisation, and last what the hardware does.

    Returns:
        The chain, and the signals that it needs from the credit rule.

    Raises:
        ValueError: transforms that can't be in one chain.

    Example:
        >>> chain("curl:fraction=0.1+norm", "sgd:learning_rate=0.1")[1]
        ()
    """
    parts = [named("transform", each.strip()) for each in text.split("+")]
    places = [part.part.place for part in parts if part.part.target != "optax:identity"]
    for place, what in ((WRITE, "write the weights into devices"), (NORM, "normalise the weights")):
        if places.count(place) > 1:
            raise ValueError(f"{text!r}: only one transform can {what}")
    if OPTIMISER in places:
        raise ValueError(f"{text!r}: an optimiser of one's own goes into --optimiser, not among the transforms")
    parts.append(named("optimiser", optimiser))
    parts.sort(key=lambda part: part.part.place)
    signals = tuple(dict.fromkeys(signal for part in parts for signal in part.part.signals))
    return chaining.joined([part.build() for part in parts]), signals


def _own(kind: Kind, name: str) -> Part:
    """A callable of the user's own."""
    module, dot, attribute = name.rpartition(".")
    if not dot:
        offered = ", ".join(PARTS[kind])
        raise ValueError(f"{kind} must be one of {offered}, or package.module.Name of your own; got {name!r}")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"{kind} {name!r} can't be imported: {error}") from error
    if not callable(getattr(found, attribute, None)):
        place = getattr(found, "__file__", None) or "built in"
        raise ValueError(f"{kind} {name!r} can't be imported: module {module} ({place}) has no function {attribute}")
    return Part(f"{module}:{attribute}", "your own", place=PROJECTION if kind == "transform" else OPTIMISER)


def _divided(tail: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth = [""], 0
    for sign in tail:
        depth += (sign in "[({") - (sign in "])}")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def _keywords(made: Callable[..., Any]) -> list[str] | None:
    """Names of the settings that a callable takes; None where it takes any."""
    parameters = inspect.signature(made).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]


def feedforward(sizes: tuple[int, ...], readout: str, key: Any, activation: str = "relu", angle: Any = 90.0) -> Any:
    """A feed-forward network whose feedback weights stand at an angle (degrees) to its forward weights."""
    from symplast.learning.feedforward import FeedForwardNet

    return FeedForwardNet(sizes, key=key, activation=activation, readout=readout, feedback_angle=angle)


def recurrent(
    sizes: tuple[int, ...],
    readout: str,
    key: Any,
    activation: str = "shifted-sigmoid",
    angle: Any = 90.0,
    topology: str = "chain",
    steps: int = 60,
) -> Any:
    """A layered network that settles, whose feedback weights stand at an angle (degrees) to its forward weights."""
    from symplast.learning.recurrent import LayeredNet, Relaxation

    return LayeredNet(
        sizes,
        key=key,
        activation=activation,
        readout=readout,
        angle_deg=angle,
        topology=topology,
        relaxation=Relaxation(steps=steps),
    )


def convolutional(
    sizes: tuple[int, ...],
    readout: str,
    key: Any,
    activation: str = "dsilu",
    angle: Any = 90.0,
    channels: Sequence[int] = (16,),
    colours: int = 1,
    steps: int = 60,
) -> Any:
    """A convolutional network on flat square images, whose last stage has as many units as the last hidden layer.

    Raises:
        ValueError: images that are not square, another readout, or a size that the stages don't bring to one pixel.
    """
    from symplast.learning.convolutional import ConvNet
    from symplast.learning.recurrent import Relaxation

    side = math.isqrt(sizes[0] // colours)
    if side * side * colours != sizes[0]:
        raise ValueError(f"conv needs square images, got {sizes[0]} inputs in {colours} colours")
    if readout != "softmax":
        raise ValueError("conv needs a task with classes: it is read out by softmax")
    return ConvNet(
        (side, side, colours),
        tuple(channels),
        sizes[-2],
        sizes[-1],
        key=key,
        activation=activation,
        angle_deg=angle,
        relaxation=Relaxation(steps=steps),
    )


def permuted_images(name: Any, tasks: int = 5, train: int | None = None, test: int | None = None, seed: int = 0) -> Any:
    """Images with their pixels in another order in each task."""
    from symplast.learning.tasks import images, permuted

    return permuted(images(name, train=train, test=test), tasks, jax.random.key(seed))


def split_images(
    name: Any, classes: int = 2, train: int | None = None, test: int | None = None, renumber: bool = True
) -> Any:
    """Images of a few classes in each task."""
    from symplast.learning.tasks import images, split

    return split(images(name, train=train, test=test), classes, renumber=renumber)


def addition(modulus: int = 23, train_fraction: float = 0.8, seed: int = 0) -> Any:
    """Modular addition with one division into training and test pairs for all seeds."""
    from symplast.learning.tasks import modular_addition

    return modular_addition(modulus, train_fraction, jax.random.key(seed))


def teacher(
    inputs: int = 20,
    hidden: int = 50,
    outputs: int = 1,
    examples: int = 1000,
    activation: str = "linear",
    seed: int = 0,
) -> Any:
    """A teacher with one hidden layer; linear or nonlinear."""
    from symplast.learning.tasks import teacher_student

    return teacher_student((inputs, hidden, outputs), examples, jax.random.key(seed), activation=activation, tests=500)
