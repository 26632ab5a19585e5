"""A network that learns from labelled images one by one, and answers without learning."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key

from symplast.stats.arguments import check_count
from symplast.sym_stdp.answering import Responses, answers_to
from symplast.sym_stdp.backends import presenter
from symplast.sym_stdp.circuit import NetworkState, new_state
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.encoding import check_labels, draw, input_rates
from symplast.sym_stdp.network_files import check_network_path, read_network, write_network
from symplast.sym_stdp.progress import STRATEGIES, Progress
from symplast.sym_stdp.readouts import NO_CLASS, ResponseWindow, by_assignment, by_classifier
from symplast.sym_stdp.scaling import check_sums
from symplast.sym_stdp.state_checks import check_state, with_weights


class NoResponse(UserWarning):
    """Images without an answer: no response of the hidden layer at the highest intensity, or none of the read-out."""


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
        samples: images learned from; presentations: how often images were shown; no_response: images given up.
        progress: how far :meth:`fit` got.
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
        self._state = self._presenter.own(new_state(self.config, n_inputs, n_hidden, n_classes, key))
        self.window, self._most = ResponseWindow(n_hidden, n_classes, window), int(window)
        self.samples = self.presentations = self.no_response = 0
        self.progress = Progress()

    @property
    def strategy(self) -> str | None:
        """Of :meth:`fit`; None before it."""
        return self.progress.strategy

    @property
    def state(self) -> NetworkState:
        """The network, as read-only NumPy arrays of its own; another one may be put in its place.

        Raises:
            ValueError: a state that does not fit this network, when it is set.
        """
        arrays = jax.tree.map(np.array, self._state)
        for array in jax.tree.leaves(arrays):
            array.setflags(write=False)
        return arrays

    @state.setter
    def state(self, state: NetworkState) -> None:
        check_state(state, self._dtype, sizes=(self.n_inputs, self.n_hidden, self.n_classes))
        with jax.enable_x64(self._dtype == np.float64):
            self._state = self._presenter.own(state)

    @property
    def _dtype(self) -> Any:
        return self._presenter.params.dt.dtype

    def set_weights(self, weights_in: Any = None, weights_out: Any = None, theta: Any = None) -> "SymSTDPClassifier":
        """Put weights or thresholds of one's own into the network.

        Hidden cells with other weights or thresholds answer otherwise, so their training responses are forgotten then:
        assigned classes (:meth:`assignments`) come back as the network learns.

        Args:
            weights_in: (P, N) input to hidden; None leaves them.
            weights_out: (N, C) hidden to classifier.
            theta: (N,) adaptive threshold, mV.

        Raises:
            ValueError: another shape, or numbers that are not finite or negative; nothing is changed then.
        """
        names = {"w_in": "weights_in", "w_out": "weights_out", "theta": "theta"}
        try:
            changed = with_weights(self._state, w_in=weights_in, w_out=weights_out, theta=theta)
        except ValueError as error:
            text = str(error)
            for name, argument in names.items():
                text = text.replace(f"{name} must", f"{argument} must")
            raise ValueError(text.partition(". Start from")[0].removeprefix("state does not fit: ")) from error
        self.state = changed
        if weights_in is not None or theta is not None:
            self.window = ResponseWindow(self.n_hidden, self.n_classes, self.window.length)
        return self

    @property
    def weights_in(self) -> Float[np.ndarray, "P N"]:
        """Input to hidden, as learned (not scaled)."""
        return np.array(self._state.plastic.w_in)

    @property
    def weights_out(self) -> Float[np.ndarray, "N C"]:
        """Hidden to classifier, as learned (not scaled)."""
        return np.array(self._state.plastic.w_out)

    @property
    def theta(self) -> Float[np.ndarray, " N"]:
        """Adaptive threshold of each hidden cell, mV; 20 at first."""
        return np.array(self._state.plastic.theta)

    @property
    def guarded_spikes(self) -> int:
        """How often the guard of the threshold's singularity at theta = 10 acted."""
        return int(self._state.plastic.guarded)

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
        rates, labels = self._checked(X, y)
        for row, label in zip(rates, labels, strict=True):
            self._learn(row, int(label), learns)
        return self

    def _checked(self, X: Any, y: Any) -> tuple[Float[np.ndarray, "n P"], Int[np.ndarray, " n"]]:
        """Rates and labels of images that the network can learn from as it is."""
        rates = input_rates(X, self.n_inputs, self.config.dt_ms)
        labels = check_labels(y, len(rates), self.n_classes)
        plastic = self._state.plastic
        for name, w in (("weights_in", plastic.w_in), ("weights_out", plastic.w_out)):
            check_sums(np.asarray(w).sum(axis=0), f"each cell's {name} must have a positive sum")
        return rates, labels

    def _learn(self, rates: Float[np.ndarray, " P"], label: int, learns: Any) -> None:
        for q in range(self.config.q_start, self.config.q_last + 1):
            generator = np.random.default_rng([*self.key_data, 0, self.presentations])
            drawn = draw(generator, rates, q, self.config, n_classes=self.n_classes, label=label)
            with jax.enable_x64(self._dtype == np.float64):
                self._state, counts = self._presenter.train(self._state, drawn, learns)
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
        strategy: str | None = None,
        save_to: Path | str | None = None,
        save_every: int = 1000,
        watch: Callable[["SymSTDPClassifier"], None] | None = None,
    ) -> "SymSTDPClassifier":
        """Learn from a training set for some epochs, in its order; a fit that is part way goes on from there.

        It goes on where what it learned is the beginning of what is asked for now, spike for spike: more epochs, or
        more images in the first epoch. One by one, this ends where the read-out begins. Images of
        :meth:`partial_fit` don't count.

        Args:
            X, y: as for :meth:`partial_fit`.
            epochs: passes over it (of each phase, when one by one).
            strategy: ``simultaneous``: both projections from the start; ``one-by-one``: the hidden layer first, then
                the read-out on the frozen hidden layer. None for that of before, or ``simultaneous``.
            save_to: file to save to while learning.
            save_every: after so many images; ``watch`` is called then too.
            watch: called with the network.

        Raises:
            ValueError: wrong data, strategy or numbers, or another strategy, other images or other epochs than those
                learned by so far; nothing is learned then.

        Warns:
            UserWarning: all that is asked for was learned already.
        """
        if strategy not in (None, *STRATEGIES):
            raise ValueError(f"strategy must be simultaneous or one-by-one, got {strategy!r}")
        epochs, save_every = check_count(epochs, "epochs"), check_count(save_every, "save_every")
        n = len(X)
        if n == 0:
            raise ValueError("X must hold at least one image")
        labels = check_labels(y, n, self.n_classes)
        progress = self.progress.onto(X, labels, strategy, epochs)
        for first in range(0, n, save_every):
            input_rates(X[first : first + save_every], self.n_inputs, self.config.dt_ms)
        if save_to is not None:
            check_network_path(Path(save_to))
        if self.samples == 0:
            self.window = ResponseWindow(self.n_hidden, self.n_classes, min(n, self._most))
        else:
            self.window.lengthen(min(n, self._most))
        self.progress = progress
        if progress.next(epochs, save_every) is None:
            warnings.warn(
                f"nothing is left to learn: fit learned {progress.learned} images already, all of {epochs} epochs of "
                f"{n}; ask for more epochs",
                stacklevel=2,
            )
        while part := self.progress.next(epochs, save_every):
            rates, rows = self._checked(X[part.first : part.end], labels[part.first : part.end])
            for index, (row, label) in enumerate(zip(rates, rows, strict=True), part.first):
                self._learn(row, int(label), part.learns)
                self.progress = self.progress.after(X, labels, index, part.learns)
            if self.progress.learned % save_every == 0 or part.end == n:
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
        with jax.enable_x64(self._dtype == np.float64):
            return answers_to(rates, self._state, self._presenter, self.key_data)

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
        about = {name: getattr(self, name) for name in ("samples", "presentations", "no_response")}
        about |= {"words": self.key_data, "progress": self.progress, "window": self._most}
        write_network(Path(path), self.config, self._state, about, self.window)

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
        made = cls(n_inputs, n_hidden, n_classes, config or saved, backend=backend, window=about["window"])
        made.key_data = [int(word) for word in about["words"]]
        made.state = jax.tree.map(lambda leaf: leaf.astype(made._dtype) if leaf.dtype.kind == "f" else leaf, state)
        made.window = ResponseWindow.of_arrays(window, n_classes)
        for name in ("samples", "presentations", "no_response"):
            setattr(made, name, int(about[name]))
        made.progress = Progress(*about["progress"])
        return made
