"""A network that learns from labelled images one by one, and answers without learning."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.spiking.arguments import check_count
from symplast.sym_stdp.backends import presenter
from symplast.sym_stdp.circuit import NetworkState, Plastic, new_state, rested
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.encoding import Shown, check_labels, draw, input_rates
from symplast.sym_stdp.network_files import check_network_path, read_network, write_network
from symplast.sym_stdp.plasticity import check_sums, synaptic_scaling
from symplast.sym_stdp.readouts import NO_CLASS, ResponseWindow, by_assignment, by_classifier
from symplast.sym_stdp.simulation import acting_units

AT_ONCE = 128
"""Test images whose spikes are drawn at once."""


class NoResponse(UserWarning):
    """Images without an answer: no response of the hidden layer at the highest intensity, or none of the read-out."""


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


class SymSTDPClassifier:
    """A spiking network that is taught by dopamine-gated symmetric STDP, on-line, one image at a time.

    Args:
        n_inputs: P, pixels of an image.
        n_hidden: N.
        n_classes: C.
        config: constants; :meth:`SymSTDPConfig.preset` has the published ones.
        key: of the first weights and of all spikes.
        backend: ``jax``, ``numba`` or ``auto`` (Numba where installed and the device is a CPU).
        window: latest training responses that assignments look at; the number of training images is the reference's.

    Attributes:
        state: the network.
        samples: images learned from; presentations: how often images were shown; no_response: images given up.
        strategy: of :meth:`fit`; None before it.
        key_data: of the key, as whole numbers.

    Raises:
        ValueError: sizes below 1.

    Example:
        >>> X = np.kron(np.eye(3), np.full((1, 8), 200.0))  # three patterns, rates in Hz
        >>> config = SymSTDPConfig(sum_in=24.0, sum_out_per_cell=4.0, nu_out=0.2)
        >>> net = SymSTDPClassifier(24, 6, 3, config, jax.random.key(0))
        >>> net.partial_fit(np.tile(X, (10, 1)), np.tile(np.arange(3), 10)).samples
        30
        >>> net.predict(X).tolist()
        [0, 1, 2]

    Source:
        Hao, Huang, Dong, Xu, arXiv:1812.06574.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_classes: int = 10,
        config: SymSTDPConfig | None = None,
        key: Key[Array, ""] | None = None,
        *,
        backend: str = "auto",
        window: int = 60_000,
    ) -> None:
        for name, size in (("n_inputs", n_inputs), ("n_hidden", n_hidden), ("n_classes", n_classes)):
            check_count(size, name)
        n_inputs, n_hidden, n_classes = int(n_inputs), int(n_hidden), int(n_classes)
        key = jax.random.key(0) if key is None else key
        self.config = SymSTDPConfig() if config is None else config
        self.n_inputs, self.n_hidden, self.n_classes = n_inputs, n_hidden, n_classes
        self.key_data = [int(word) for word in np.asarray(jax.random.key_data(key)).ravel()]
        self._presenter = presenter(self.config, backend)
        self.state = self._presenter.own(new_state(self.config, n_inputs, n_hidden, n_classes, key))
        self.window = ResponseWindow(n_hidden, n_classes, window)
        self.samples = self.presentations = self.no_response = 0
        self.strategy: str | None = None
        self._shown = Shown()

    @property
    def weights_in(self) -> Float[np.ndarray, "P N"]:
        """Input to hidden, as learned (not scaled)."""
        return np.array(self.state.plastic.w_in)

    @property
    def weights_out(self) -> Float[np.ndarray, "N C"]:
        """Hidden to classifier, as learned (not scaled)."""
        return np.array(self.state.plastic.w_out)

    @property
    def theta(self) -> Float[np.ndarray, " N"]:
        """Adaptive threshold of each hidden cell, mV; 20 at first."""
        return np.array(self.state.plastic.theta)

    @property
    def guarded_spikes(self) -> int:
        """How often the guard of the threshold's singularity at theta = 10 acted."""
        return int(self.state.plastic.guarded)

    def partial_fit(self, X: Any, y: Any, learns: str = "both") -> "SymSTDPClassifier":
        """Learn from images in their order, each shown until the hidden layer responds.

        Args:
            X: (n, P) uint8 pixels, or floating rates in Hz.
            y: (n,) classes.
            learns: ``both`` projections, ``hidden`` (input to hidden) or ``readout`` (hidden to classifier) only.

        Raises:
            ValueError: wrong shapes, rates or labels; nothing is learned then.
        """
        if learns not in ("both", "hidden", "readout"):
            raise ValueError(f"learns must be both, hidden or readout, got {learns!r}")
        rates = input_rates(X, self.n_inputs, self.config.dt_ms)
        labels = check_labels(y, len(rates), self.n_classes)
        for name, w in (("weights_in", self.state.plastic.w_in), ("weights_out", self.state.plastic.w_out)):
            check_sums(np.asarray(w).sum(axis=0), f"each cell's {name} must have a positive sum")
        for row, label in zip(rates, labels, strict=True):
            self._learn(row, int(label), learns)
        return self

    def _learn(self, rates: Float[np.ndarray, " P"], label: int, learns: Any) -> None:
        for q in range(self.config.q_start, self.config.q_last + 1):
            generator = np.random.default_rng([*self.key_data, 0, self.presentations])
            drawn = draw(generator, rates, q, self.config, n_classes=self.n_classes, label=label)
            self.state, counts = self._presenter.train(self.state, drawn, learns)
            self.presentations += 1
            responded = counts.hidden.sum() >= self.config.least_spikes
            if responded:
                break
        self.samples += 1
        self.no_response += not responded
        self.window.add(counts.hidden, label)

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int = 20,
        strategy: str = "simultaneous",
        save_to: Path | str | None = None,
        save_every: int = 1000,
        watch: Callable[["SymSTDPClassifier"], None] | None = None,
    ) -> "SymSTDPClassifier":
        """Learn from a training set for some epochs, in its order; a network that is part way goes on from there.

        Args:
            X, y: as for :meth:`partial_fit`.
            epochs: passes over it (of each phase, when one by one).
            strategy: ``simultaneous``: both projections from the start; ``one-by-one``: the hidden layer first, then
                the read-out on the frozen hidden layer.
            save_to: file to save to while learning.
            save_every: after so many images; ``watch`` is called then too.
            watch: called with the network.

        Raises:
            ValueError: wrong data, strategy or numbers, or another strategy or other images than those learned by so
                far; nothing is learned then.
        """
        if strategy not in ("simultaneous", "one-by-one"):
            raise ValueError(f"strategy must be simultaneous or one-by-one, got {strategy!r}")
        if epochs < 1 or save_every < 1:
            raise ValueError(f"epochs and save_every must be at least 1, got {epochs} and {save_every}")
        n = len(X)
        if n == 0:
            raise ValueError("X must hold at least one image")
        if self.strategy not in (None, strategy):
            raise ValueError(f"strategy must stay {self.strategy}, by which {self.samples} images were learned")
        labels = check_labels(y, n, self.n_classes)
        self._shown.check(X, labels)
        for first in range(0, n, save_every):
            input_rates(X[first : first + save_every], self.n_inputs, self.config.dt_ms)
        if save_to is not None:
            check_network_path(Path(save_to))
        if self.samples == 0:
            self.window = ResponseWindow(self.n_hidden, self.n_classes, min(n, self.window.length))
        elif self.strategy:
            self.window.lengthen(n)
        self.strategy = strategy
        phases = ["both"] if strategy == "simultaneous" else ["hidden", "readout"]
        while self.samples < epochs * n * len(phases):
            first, phase = self.samples % n, self.samples // (epochs * n)
            end = min(first + save_every - self.samples % save_every, n)
            self.partial_fit(X[first:end], labels[first:end], phases[phase])
            self._shown = self._shown.to(end, X, labels)
            if self.samples % save_every == 0 or end == n:
                if save_to is not None:
                    self.save(save_to)
                if watch is not None:
                    watch(self)
        return self

    def respond(self, X: Any) -> Responses:
        """Show images with plasticity off; each finds the network at rest, so none depends on those before it.

        An image's spikes are drawn by its place in X: the same images in another order get other spikes.

        Args:
            X: as for :meth:`partial_fit`.
        """
        rates = input_rates(X, self.n_inputs, self.config.dt_ms)
        plastic = self._frozen()
        parts = [self._respond(plastic, rates, first) for first in range(0, len(rates), AT_ONCE)]
        if not parts:
            none = [np.zeros((0, n), np.int64) for n in (self.n_hidden, self.n_classes, self.n_inputs)]
            return Responses(none[0], none[1], none[2], np.zeros(0, np.int64), np.zeros(0, bool))
        return Responses(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _frozen(self) -> Plastic:
        """A copy with the weights into hidden cells scaled, once."""
        plastic = self.state.plastic
        if self.config.scale_in:
            plastic = plastic._replace(w_in=synaptic_scaling(np.array(plastic.w_in), self.config.sum_in, 0))
        return self._presenter.own(NetworkState(plastic, self.state.cells)).plastic

    def _respond(self, plastic: Plastic, rates: Float[np.ndarray, "n P"], first: int) -> Responses:
        config, last = self.config, min(first + AT_ONCE, len(rates))
        n = last - first
        fresh = rested(config, self.n_inputs, self.n_hidden, self.n_classes)
        cells = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[None], n, axis=0), fresh)
        hidden, out = np.zeros((n, self.n_hidden), np.int64), np.zeros((n, self.n_classes), np.int64)
        inputs, intensity = np.zeros((n, self.n_inputs), np.int64), np.full(n, config.q_start)
        left = np.arange(n)
        for q in range(config.q_start, config.q_last + 1):
            tables = []
            for index in left:
                generator = np.random.default_rng([*self.key_data, 1, first + int(index), q])
                tables.append(draw(generator, rates[first + index], q, config).units)
            acting = self._stacked([acting_units(np.zeros(self.n_inputs, bool), t, extra=True) for t in tables])
            cells, counts = self._presenter.respond(plastic, cells, acting[:, :-1], rest=0)
            hidden[left], out[left], intensity[left] = counts.hidden, counts.classifier, q
            for index, table in zip(left, tables, strict=True):
                inputs[index] = np.bincount(table.ravel(), minlength=self.n_inputs + 1)[:-1]
            again = counts.hidden.sum(axis=1) < config.least_spikes
            if not again.any() or q == config.q_last:
                break
            left = left[again]
            cells = jax.tree.map(lambda leaf, again=again: np.array(leaf)[again], cells)
            cells, _ = self._presenter.respond(plastic, cells, acting[again, -1:], rest=config.rest_steps - 1)
        return Responses(hidden, out, inputs, intensity, hidden.sum(axis=1) >= config.least_spikes)

    def _stacked(self, tables: list[np.ndarray]) -> np.ndarray:
        width = max(table.shape[1] for table in tables)
        stacked = np.full((len(tables), tables[0].shape[0], width), self.n_inputs, np.int32)
        for place, table in zip(stacked, tables, strict=True):
            place[:, : table.shape[1]] = table
        return stacked

    def predict_counts(self, X: Any) -> Int[np.ndarray, "n C"]:
        """Classifier spikes of each image."""
        return self.respond(X).classifier

    def hidden_counts(self, X: Any) -> Int[np.ndarray, "n N"]:
        """Hidden spikes of each image."""
        return self.respond(X).hidden

    def predict(self, X: Any, readout: str = "classifier") -> Int[np.ndarray, " n"]:
        """Classes of images; -1 where the network has no answer, with a warning (:class:`NoResponse`).

        Args:
            X: as for :meth:`partial_fit`.
            readout: ``classifier`` (most spikes) or ``assignment`` (classes of the hidden cells that spiked).
        """
        return self.classes(self.respond(X), readout)

    def classes(self, responses: Responses, readout: str = "classifier") -> Int[np.ndarray, " n"]:
        """What :meth:`predict` says, from responses that are known already."""
        if readout not in ("classifier", "assignment"):
            raise ValueError(f"readout must be classifier or assignment, got {readout!r}")
        if readout == "classifier":
            found = by_classifier(responses.classifier)
        else:
            found = by_assignment(responses.hidden, self.assignments(), self.n_classes)
        mute = int((responses.answered & (found == NO_CLASS)).sum())
        if mute:
            cells = "classifier" if readout == "classifier" else "assigned hidden"
            warnings.warn(
                f"{mute} of {len(found)} images made no {cells} cell fire: they are class -1", NoResponse, stacklevel=3
            )
        silent = int((~responses.answered).sum())
        if silent:
            warnings.warn(
                f"{silent} of {len(found)} images got no response of the hidden layer (fewer than "
                f"{self.config.least_spikes} spikes at intensity {self.config.q_last}): they are class -1",
                NoResponse,
                stacklevel=3,
            )
        return np.where(responses.answered, found, NO_CLASS)

    def score(self, X: Any, y: Any, readout: str = "classifier") -> float:
        """Accuracy; images without an answer are wrong."""
        labels = check_labels(y, len(X), self.n_classes)
        if not len(labels):
            raise ValueError("X must hold at least one image")
        return float((self.predict(X, readout) == labels).mean())

    def assignments(self) -> Int[np.ndarray, " N"]:
        """Class of each hidden cell by its mean responses while training, -1 where it never fired."""
        return self.window.assignments()

    def save(self, path: Path | str) -> None:
        """Write everything to an .npz file; learning goes on from it spike for spike."""
        about = {name: getattr(self, name) for name in ("samples", "presentations", "no_response", "strategy")}
        about |= {"words": self.key_data, "shown": self._shown}
        write_network(Path(path), self.config, self.state, about, self.window)

    @classmethod
    def load(
        cls, path: Path | str, config: SymSTDPConfig | None = None, *, backend: str = "auto"
    ) -> "SymSTDPClassifier":
        """Read what :meth:`save` wrote.

        Args:
            path: the file.
            config: other constants to go on with; their ``dt_ms`` must be the one of training.
            backend: as for the class.

        Raises:
            ValueError: no such network in the file, or another ``dt_ms``.
        """
        saved, state, about, window = read_network(Path(path))
        if config is not None and config.dt_ms != saved.dt_ms:
            raise ValueError(f"config.dt_ms must be that of training, {saved.dt_ms}; got {config.dt_ms}")
        (n_inputs, n_hidden), n_classes = state.plastic.w_in.shape, state.plastic.w_out.shape[1]
        made = cls(n_inputs, n_hidden, n_classes, config or saved, backend=backend)
        made.key_data = [int(word) for word in about["words"]]
        made.state = made._presenter.own(jax.tree.map(jnp.asarray, state))
        made.window = ResponseWindow.of_arrays(window, n_classes)
        for name in ("samples", "presentations", "no_response"):
            setattr(made, name, int(about[name]))
        made.strategy = about.get("strategy")
        made._shown = Shown(*about.get("shown", ()))
        return made
