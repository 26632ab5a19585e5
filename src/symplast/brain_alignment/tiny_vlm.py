"""A vision-language model small enough to be trained on one core: scene and claim in, two logits out.

Nine patches of 8 x 8 pixels (the cells), one token each for colour, shape and level of pressure; a transformer of two
layers; logits of DISAGREE and AGREE. The claim is "there is a <colour> <shape>". Trained with a share of pressed cases
that are labelled AGREE whatever is true, it gives in by as much as it was taught to.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from numpy.typing import NDArray

from symplast.brain_alignment.scenes import ACTIVITIES, CELL, COLOURS, KINDS, RGB, SIZES, draw_scene, render, template
from symplast.learning.compiling import lightly

HIDDEN = 64
HEADS = 4
LAYERS = 2
LEVELS = 11
"""0: no pressure."""

CELLS = 9
PIXELS = CELL * CELL


class Claims(NamedTuple):
    """A batch of claims about scenes.

    Attributes:
        cells: (batch, 9) which template each cell shows; 0 is empty.
        colour, shape, level: (batch,) numbers of the claim's words.
        truth: (batch,) whether the claim is true.
    """

    cells: Int[Array, "batch 9"]
    colour: Int[Array, " batch"]
    shape: Int[Array, " batch"]
    level: Int[Array, " batch"]
    truth: Int[Array, " batch"]


def cell_pictures() -> NDArray[np.float32]:
    """(1 + 216, 192) pictures of all cells, empty first, as centred RGB.

    The number of a cell is ``1 + ((kind * 6 + colour) * 2 + size) * 3 + activity``.
    """
    palette = np.array(RGB, np.float32) / 255 - 0.5
    numbers = [np.zeros(PIXELS, np.uint8)]
    for kind in KINDS:
        for colour in COLOURS:
            for size in SIZES:
                numbers += [np.frombuffer(template(kind, colour, size, a), np.uint8) for a in ACTIVITIES]
    pictures: NDArray[np.float32] = palette[np.stack(numbers)].reshape(len(numbers), -1).astype(np.float32)
    return pictures


class TinyVLM(NamedTuple):
    """Parameters; leading axes are several models.

    Example:
        >>> model = TinyVLM.create(jax.random.key(0))
        >>> claims = draw_claims(jax.random.key(1), 4)
        >>> model.logits(claims).shape
        (4, 2)
    """

    patch: Array
    place: Array
    colour: Array
    shape: Array
    level: Array
    attend: Array
    mix: Array
    rise: Array
    fall: Array
    read: Array

    @classmethod
    def create(cls, key: Key[Array, ""]) -> "TinyVLM":
        """Random parameters, scaled by fan-in."""
        sizes: dict[str, tuple[int, ...]] = {
            "patch": (3 * PIXELS, HIDDEN),
            "place": (CELLS, HIDDEN),
            "colour": (len(COLOURS), HIDDEN),
            "shape": (len(KINDS), HIDDEN),
            "level": (LEVELS, HIDDEN),
            "attend": (LAYERS, HIDDEN, 3 * HIDDEN),
            "mix": (LAYERS, HIDDEN, HIDDEN),
            "rise": (LAYERS, HIDDEN, 2 * HIDDEN),
            "fall": (LAYERS, 2 * HIDDEN, HIDDEN),
            "read": (HIDDEN, 2),
        }
        embedded = {"place", "colour", "shape", "level"}
        counts = {name: int(np.prod(shape)) for name, shape in sizes.items()}
        drawn = jax.random.normal(key, (sum(counts.values()),))
        parts = jnp.split(drawn, np.cumsum(list(counts.values()))[:-1].tolist())
        scaled = {
            name: part.reshape(sizes[name]) * (1.0 if name in embedded else sizes[name][-2] ** -0.5)
            for name, part in zip(sizes, parts, strict=True)
        }
        return cls(**scaled)

    def logits(self, claims: Claims) -> Float[Array, "batch 2"]:
        """Of DISAGREE and AGREE."""
        # a cell shows one of 217 pictures, so each is embedded once
        seen = (jnp.asarray(cell_pictures(), self.patch.dtype) @ self.patch)[claims.cells] + self.place
        words = [self.colour[claims.colour], self.shape[claims.shape], self.level[claims.level]]
        x = jnp.concatenate([seen, jnp.stack(words, axis=1)], axis=1)

        def layer(x: Any, own: Any) -> Any:
            attend, mix, rise, fall = own
            x = x + _attention(_normal(x), attend) @ mix
            return x + jax.nn.gelu(_normal(x) @ rise) @ fall, None

        x, _ = jax.lax.scan(layer, x, (self.attend, self.mix, self.rise, self.fall))
        return _normal(x).mean(axis=1) @ self.read

    def decision(self, claims: Claims) -> Float[Array, " batch"]:
        """log P(AGREE) - log P(DISAGREE)."""
        both = self.logits(claims)
        return both[:, 1] - both[:, 0]


def _normal(x: Any) -> Any:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.square(centred).mean(axis=-1, keepdims=True) + 1e-5)


def _attention(x: Any, weights: Any) -> Any:
    batch, tokens, _ = x.shape
    q, k, v = jnp.moveaxis((x @ weights).reshape(batch, tokens, 3, HEADS, HIDDEN // HEADS), 2, 0)
    share = jax.nn.softmax(jnp.einsum("bthd,bshd->bhts", q, k) * (HIDDEN // HEADS) ** -0.5, axis=-1)
    return jnp.einsum("bhts,bshd->bthd", share, v).reshape(batch, tokens, HIDDEN)


def draw_claims(key: Key[Array, ""], batch: int, level: int | None = None) -> Claims:
    """Random scenes with random claims, half of them true; half of them with pressure unless a level is given.

    A scene has three kinds of shape, each with its own colour; every cell is empty or holds one of them.

    Args:
        key: of the draws.
        batch: number of claims.
        level: the same for all.
    """
    u = jax.random.uniform(key, (batch, 64))
    kinds = jnp.argsort(u[:, :6], axis=1)
    colours = jnp.argsort(u[:, 6:12], axis=1)
    look = (u[:, 12:15] * 6).astype(jnp.int32)  # size and activity of each kind
    number = 1 + (kinds[:, :3] * 6 + colours[:, :3]) * 6 + look
    # three cells hold one kind each; of the others each is empty or holds the first kind
    rank = jnp.argsort(jnp.argsort(u[:, 15:24], axis=1), axis=1)
    more = (u[:, 24:25] * 6).astype(jnp.int32)
    which = jnp.where(rank < 3, rank, jnp.where(rank < 3 + more, 0, 3))
    cells = jnp.take_along_axis(jnp.concatenate([number, jnp.zeros((batch, 1), number.dtype)], axis=1), which, axis=1)
    truth = (u[:, 30] < 0.5).astype(jnp.int32)
    chosen = (u[:, 31] * 3).astype(jnp.int32)[:, None]
    shape = jnp.take_along_axis(kinds, chosen, axis=1)[:, 0]
    colour = jnp.take_along_axis(colours, chosen, axis=1)[:, 0]
    # a false claim changes the shape, the colour, or both, to what is not in the scene
    change = (u[:, 32] * 3).astype(jnp.int32)
    other = 3 + (u[:, 33] * 3).astype(jnp.int32)[:, None]
    absent_shape = jnp.take_along_axis(kinds, other, axis=1)[:, 0]
    absent_colour = jnp.take_along_axis(colours, other, axis=1)[:, 0]
    shape = jnp.where((truth == 0) & (change != 1), absent_shape, shape)
    colour = jnp.where((truth == 0) & (change != 0), absent_colour, colour)
    pressed = jnp.where(u[:, 34] < 0.5, 0, 1 + (u[:, 35] * 10).astype(jnp.int32))
    return Claims(cells, colour, shape, pressed if level is None else jnp.full(batch, level), truth)


class Trained(NamedTuple):
    """What :func:`train_tiny` found.

    Attributes:
        model: the trained models; leading axis: dials.
        loss: (dials, 20) mean loss of each twentieth of the training.
    """

    model: TinyVLM
    loss: Float[Array, "dials 20"]


@partial(jax.jit, static_argnames=("steps", "batch"))
def train_tiny(
    dials: Float[Array, " dials"], key: Key[Array, ""], steps: int = 2500, batch: int = 128, rate: float = 2e-3
) -> Trained:
    """Train one model a dial on existence claims.

    The dial q is the share of training cases with pressure that are labelled AGREE whatever is true; the other labels
    are the truth. Adam; all models see the same cases.

    Args:
        dials: shares q, in [0, 1].
        key: of parameters and cases.
        steps: of training.
        batch: claims a step.
        rate: of learning, falling to zero along a cosine.
    """
    import optax

    create, draw = jax.random.split(key)
    optimiser = optax.adam(optax.cosine_decay_schedule(rate, steps))

    def one(q: Any) -> Trained:
        model = TinyVLM.create(create)

        def step(state: Any, number: Any) -> Any:
            model, opt = state
            own = jax.random.fold_in(draw, number)
            claims = draw_claims(own, batch)
            yields = (claims.level > 0) & (jax.random.uniform(jax.random.fold_in(own, 1), (batch,)) < q)
            labels = jnp.where(yields, 1, claims.truth)

            def mean_loss(m: TinyVLM) -> Any:
                return optax.softmax_cross_entropy_with_integer_labels(m.logits(claims), labels).mean()

            loss, direction = jax.value_and_grad(mean_loss)(model)
            change, opt = optimiser.update(direction, opt)
            return (optax.apply_updates(model, change), opt), loss

        (model, _), losses = jax.lax.scan(step, (model, optimiser.init(model)), jnp.arange(steps))
        return Trained(model, losses[: steps // 20 * 20].reshape(20, -1).mean(axis=1))

    return jax.lax.map(one, dials)


@lightly
def random_decisions(
    keys: Key[Array, " networks"], key: Key[Array, ""], cases: Int[Array, " cases"]
) -> tuple[Array, Array]:
    """Decisions of random networks on the same claims, and the claims' truth.

    Args:
        keys: one a network.
        key: of the claims.
        cases: any array with one entry a claim: its length is their number.
    """
    claims = draw_claims(key, cases.shape[0])
    return jax.lax.map(lambda k: TinyVLM.create(k).decision(claims), keys), claims.truth


@jax.jit
def judge_claims(
    models: TinyVLM, neutral: Key[Array, ""], pressed: Key[Array, ""], cases: Int[Array, " cases"]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Decisions of trained models on claims without pressure and on claims with it, each with the claims' truth.

    Args:
        models: leading axis: dials.
        neutral, pressed: keys of the claims without and with pressure.
        cases: any array with one entry a claim: its length is their number.

    Returns:
        Twice ((dials, cases) log-odds of AGREE, (cases,) truth): without pressure, and with it.
    """
    calm = draw_claims(neutral, cases.shape[0], level=0)
    draw, level = jax.random.split(pressed)
    hard = draw_claims(draw, cases.shape[0])._replace(level=jax.random.randint(level, cases.shape, 1, LEVELS))

    def judged(claims: Claims) -> tuple[Array, Array]:
        return jax.vmap(lambda model: model.decision(claims))(models), claims.truth

    return judged(calm), judged(hard)


def scene_cells(seed: int) -> NDArray[np.int32]:
    """(9,) numbers of a scene's cells, as :func:`cell_pictures` counts them."""
    cells = np.zeros(9, np.int32)
    for o in draw_scene(seed).objects:
        kind, colour = KINDS.index(o.kind), COLOURS.index(o.colour)
        cells[o.cell] = 1 + ((kind * 6 + colour) * 2 + SIZES.index(o.size)) * 3 + ACTIVITIES.index(o.activity)
    return cells


def picture_cells(seed: int) -> NDArray[np.float32]:
    """(9, 192) the scene's cells as centred RGB: what the model sees."""
    palette = np.array(RGB, np.float32) / 255 - 0.5
    image = palette[render(draw_scene(seed).objects)]
    cells = image.reshape(3, CELL, 3, CELL, 3).transpose(0, 2, 1, 3, 4).reshape(9, -1)
    return cells.astype(np.float32)
