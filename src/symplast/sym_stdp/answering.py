"""Showing images to a network without plasticity: what its layers answer."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from symplast.sym_stdp.backends import Presenter
from symplast.sym_stdp.circuit import NetworkState, Plastic, rested
from symplast.sym_stdp.encoding import acting_units, draw
from symplast.sym_stdp.scaling import scaled_on_host

AT_ONCE = 128
"""Test images whose spikes are drawn at once."""


class Responses(NamedTuple):
    """What a network without plasticity did with images.

    Attributes:
        hidden: (n, N) spikes of hidden cells.
        classifier: (n, C) spikes of classifier cells.
        input: (n, P) spikes of input units.
        intensity: (n,) q of the presentation that counts.
        answered: (n,) whether the hidden layer responded.
    """

    hidden: Int[np.ndarray, "n N"]
    classifier: Int[np.ndarray, "n C"]
    input: Int[np.ndarray, "n P"]
    intensity: Int[np.ndarray, " n"]
    answered: Bool[np.ndarray, " n"]


def answers_to(
    rates: Float[np.ndarray, "n P"], state: NetworkState, presenter: Presenter, words: list[int]
) -> Responses:
    """Show images with plasticity off; each finds the network at rest.

    Args:
        rates: of each image at the first intensity, Hz.
        state: the network; left alone.
        presenter: of its configuration.
        words: of the key that spikes are drawn by, with the image's place and intensity.
    """
    plastic = _frozen(state, presenter)
    parts = [_some(plastic, rates, first, presenter, words) for first in range(0, len(rates), AT_ONCE)]
    if not parts:
        n_inputs, n_hidden = plastic.w_in.shape
        none = [np.zeros((0, n), np.int64) for n in (n_hidden, plastic.w_out.shape[1], n_inputs)]
        return Responses(none[0], none[1], none[2], np.zeros(0, np.int64), np.zeros(0, bool))
    return Responses(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _frozen(state: NetworkState, presenter: Presenter) -> Plastic:
    """A copy with the weights into hidden cells scaled, once."""
    plastic, config = state.plastic, presenter.config
    if config.scale_in:
        plastic = plastic._replace(w_in=scaled_on_host(np.asarray(plastic.w_in), config.sum_in))
    return presenter.own(NetworkState(plastic, state.cells)).plastic


def _some(
    plastic: Plastic, rates: Float[np.ndarray, "n P"], first: int, presenter: Presenter, words: list[int]
) -> Responses:
    """The answers to the images from ``first`` on, at most AT_ONCE."""
    config, n = presenter.config, min(AT_ONCE, len(rates) - first)
    (n_inputs, n_hidden), n_classes = plastic.w_in.shape, plastic.w_out.shape[1]
    fresh = rested(config, n_inputs, n_hidden, n_classes)
    cells = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[None], n, axis=0), fresh)
    hidden, out = np.zeros((n, n_hidden), np.int64), np.zeros((n, n_classes), np.int64)
    inputs, intensity = np.zeros((n, n_inputs), np.int64), np.full(n, config.q_start)
    left = np.arange(n)
    for q in range(config.q_start, config.q_last + 1):
        tables = []
        for index in left:
            generator = np.random.default_rng([*words, 1, first + int(index), q])
            tables.append(draw(generator, rates[first + index], q, config).units)
        acting = _stacked([acting_units(np.zeros(n_inputs, bool), table, extra=True) for table in tables], n_inputs)
        cells, counts = presenter.respond(plastic, cells, acting[:, :-1], rest=0)
        hidden[left], out[left], intensity[left] = counts.hidden, counts.classifier, q
        for index, table in zip(left, tables, strict=True):
            inputs[index] = np.bincount(table.ravel(), minlength=n_inputs + 1)[:-1]
        again = counts.hidden.sum(axis=1) < config.least_spikes
        if not again.any() or q == config.q_last:
            break
        left = left[again]
        cells = jax.tree.map(lambda leaf, again=again: np.array(leaf)[again], cells)
        cells, _ = presenter.respond(plastic, cells, acting[again, -1:], rest=config.rest_steps - 1)
    return Responses(hidden, out, inputs, intensity, hidden.sum(axis=1) >= config.least_spikes)


def _stacked(tables: list[np.ndarray], n_inputs: int) -> np.ndarray:
    """Tables of several images as one, padded to the widest."""
    width = max(table.shape[1] for table in tables)
    stacked = np.full((len(tables), tables[0].shape[0], width), n_inputs, np.int32)
    for place, table in zip(stacked, tables, strict=True):
        place[:, : table.shape[1]] = table
    return stacked
