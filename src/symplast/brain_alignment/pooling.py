"""From a vision model's tokens to one vector of features an image."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symplast.stats.arguments import check_count

POOLINGS = ("mean", "cls", "flatten", "grid(g)", "field(row,column,sigma)")


def pool(tokens: Any, pooling: str = "mean") -> NDArray[Any]:
    """Pool spatial tokens.

    Args:
        tokens: (images, rows, columns, channels) of a spatial map; or (images, tokens, channels), which ``cls`` needs
            (the first token) and ``mean`` and ``flatten`` also take.
        pooling: ``mean`` over all positions, as published; ``cls``; ``flatten``; ``grid(g)``: means in g x g cells of
            nearly equal size; ``field(row,column,sigma)``: a Gaussian receptive field, in units of positions.

    Returns:
        (images, features).

    Raises:
        ValueError: an unknown pooling or a shape that it can't take.

    Example:
        >>> tokens = np.arange(16.0).reshape(1, 4, 4, 1)
        >>> pool(tokens, "mean").tolist(), pool(tokens, "grid(2)").tolist()
        ([[7.5]], [[2.5, 4.5, 10.5, 12.5]])
    """
    T = np.asarray(tokens)
    name, _, inside = pooling.partition("(")
    numbers = inside.rstrip(")").split(",") if inside else []
    if T.ndim not in (3, 4):
        raise ValueError(
            f"tokens must be (images, rows, columns, channels) or (images, tokens, channels), got {T.shape}"
        )
    if name == "flatten":
        return T.reshape(len(T), -1)
    if name == "mean":
        return T.mean(axis=tuple(range(1, T.ndim - 1)))
    if name == "cls":
        if T.ndim != 3:
            raise ValueError(
                f"pooling 'cls' needs tokens (images, tokens, channels), the first a class token, got {T.shape}"
            )
        return T[:, 0]
    if name not in ("grid", "field"):
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}")
    if T.ndim != 4:
        side = int(np.sqrt(T.shape[1]))
        if side * side != T.shape[1]:
            raise ValueError(f"pooling {name!r} needs a square map, got {T.shape[1]} tokens; leave out the class token")
        T = T.reshape(len(T), side, side, -1)
    try:
        if name == "grid":
            (g,) = (check_count(int(number), "g") for number in numbers)
            return _grid(T, g)
        row, column, sigma = (float(number) for number in numbers)
    except (TypeError, ValueError) as error:
        if "at most" in str(error):
            raise
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}") from None
    if not sigma > 0:
        raise ValueError(f"pooling must have a positive sigma, got {pooling!r}")
    y, x = np.mgrid[: T.shape[1], : T.shape[2]]
    weight = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))
    return np.einsum("nyxc,yx->nc", T, weight / weight.sum())


def _grid(T: NDArray[Any], g: int) -> NDArray[Any]:
    if g > min(T.shape[1:3]):
        raise ValueError(f"pooling must have a grid of at most {min(T.shape[1:3])} cells a side, got {g}")
    rows, columns = (np.array_split(np.arange(size), g) for size in T.shape[1:3])
    cells = [T[:, r][:, :, c].mean(axis=(1, 2)) for r in rows for c in columns]
    return np.stack(cells, axis=1).reshape(len(T), -1)


def features(
    model: Callable[[Any], Any],
    images: Iterable[Any],
    *,
    layer: str | None = None,
    pooling: str = "mean",
    batch: int = 32,
) -> NDArray[np.float32]:
    """Features of images from any model.

    Args:
        model: a callable from a list of images to tokens (see :func:`pool`) or (images, features); or a torch module
            in evaluation mode, with ``layer`` the name of the submodule whose output counts: (images, channels, rows,
            columns), (images, tokens, channels) or (images, features) (extra ``symplast[vlm]``).
        images: any iterable of what the model takes; a torch module takes them stacked, as its own type of numbers.
        layer: of a torch module, as in ``model.named_modules()``.
        pooling: as in :func:`pool`.
        batch: images at once.

    Returns:
        (images, features) as float32.

    Raises:
        ValueError: no images, a layer that the model lacks or never calls, a torch module in training mode, an output
            of another number of rows, or wrong settings.

    Example:
        >>> def model(batch):  # two channels of a 2 x 2 map
        ...     return np.stack([np.full((2, 2, 2), image) for image in batch])
        >>> features(model, [1.0, 2.0, 3.0], batch=2).tolist()
        [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    """
    size = check_count(batch, "batch")
    call = model if layer is None else _hooked(model, layer)
    kept: list[NDArray[Any]] = []
    waiting: list[Any] = []

    def flush() -> None:
        tokens = np.asarray(call(list(waiting)))
        if tokens.ndim < 2 or len(tokens) != len(waiting):
            raise ValueError(f"model must give one row an image, {len(waiting)}, got shape {tokens.shape}")
        pooled = tokens if tokens.ndim == 2 else pool(tokens, pooling)
        kept.append(np.asarray(pooled, dtype=np.float32))
        waiting.clear()

    for image in images:
        waiting.append(image)
        if len(waiting) == size:
            flush()
    if waiting:
        flush()
    if not kept:
        raise ValueError("images must not be empty")
    return np.concatenate(kept)


def _hooked(model: Any, layer: str) -> Callable[[Any], Any]:
    """A torch module as a callable that gives the output of one of its submodules."""
    known = dict(model.named_modules()) if hasattr(model, "named_modules") else {}
    if layer not in known:
        some = ", ".join(list(known)[1:9]) or "none: it is no torch module"
        raise ValueError(f"layer must name a submodule of the model, got {layer!r}; there are {some}")
    if model.training:  # dropout and batch statistics would make features depend on chance and on the batch
        raise ValueError("model must be in evaluation mode: call model.eval() first")

    def call(batch: list[Any]) -> Any:
        import torch

        found: list[Any] = []
        handle = known[layer].register_forward_hook(lambda _module, _inputs, output: found.append(output))
        try:
            with torch.no_grad():
                model(torch.stack([torch.as_tensor(image) for image in batch]))
        finally:
            handle.remove()
        if not found:
            raise ValueError(f"layer must name a submodule that the model calls, it never called {layer!r}")
        tokens = found[-1][0] if isinstance(found[-1], tuple) else found[-1]
        tokens = tokens.float().cpu().numpy()
        return np.moveaxis(tokens, 1, -1) if tokens.ndim == 4 else tokens  # torch has channels first

    return call
