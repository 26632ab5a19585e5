"""On-line learning, answers without learning, both read-outs, files."""

import importlib.util

import jax
import numpy as np
import pytest

from symplast.lab.jax_setup import CompileClock
from symplast.sym_stdp import NoResponse, SymSTDPClassifier, SymSTDPConfig, by_assignment, by_classifier, classifier
from symplast.sym_stdp.encoding import draw
from symplast.sym_stdp.readouts import ResponseWindow, assignment_scores

CONFIG = SymSTDPConfig(sum_in=24.0, w_max_in=4.0, sum_out_per_cell=4.0, nu_out=0.2, image_ms=150.0, rest_ms=50.0)
PATTERNS = np.kron(np.eye(3), np.full((1, 8), 200.0))
X, Y = np.tile(PATTERNS, (6, 1)), np.tile(np.arange(3), 6)


def new(backend="auto", config=CONFIG, seed=0, **more):
    return SymSTDPClassifier(24, 6, 3, config, jax.random.key(seed), backend=backend, **more)


def same(a, b):
    leaves = zip(jax.tree.leaves(a.state), jax.tree.leaves(b.state), strict=True)
    assert all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in leaves)
    assert (a.samples, a.presentations, a.no_response) == (b.samples, b.presentations, b.no_response)
    assert a.assignments().tolist() == b.assignments().tolist()


@pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="Numba is not installed")
def test_backends_learn_and_answer_alike():
    nets = [new(backend).partial_fit(X, Y) for backend in ("jax", "numba")]
    assert nets[0].presentations == nets[1].presentations
    assert nets[0].weights_in == pytest.approx(nets[1].weights_in, abs=1e-4)
    assert nets[0].weights_out == pytest.approx(nets[1].weights_out, abs=1e-3)
    dim = np.concatenate([PATTERNS / 20, PATTERNS])  # the dim ones need repeats
    ours, theirs = (net.respond(dim) for net in nets)
    assert ours.intensity.max() > 2
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    with CompileClock() as clock:
        nets[0].partial_fit(X[:3], Y[:3])
        nets[0].predict(PATTERNS)
    assert clock.count == 0


def test_parts_are_one_run_and_files_resume(tmp_path):
    whole = new().partial_fit(X, Y)
    part = new().partial_fit(X[:7], Y[:7])
    part.save(tmp_path / "net.npz")
    same(whole, part.partial_fit(X[7:], Y[7:]))
    resumed = SymSTDPClassifier.load(tmp_path / "net.npz")
    assert resumed.samples == 7
    same(whole, resumed.partial_fit(X[7:], Y[7:]))
    np.testing.assert_array_equal(resumed.predict_counts(X), whole.predict_counts(X))


def test_fit_goes_on_where_a_saved_network_stopped(tmp_path):
    whole = new().fit(X, Y, epochs=2)
    stopped, places = new(), []

    def stop(net):
        places.append(net.samples)
        if net.samples == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, Y, epochs=2, save_to=tmp_path / "net.npz", save_every=10, watch=stop)
    assert places == [10, 18, 20]
    again = SymSTDPClassifier.load(tmp_path / "net.npz").fit(X, Y, epochs=2)
    same(whole, again)
    assert again.window.length == len(X)  # the latest response to each training image


def test_one_by_one_freezes_first_the_readout_then_the_hidden_layer():
    net = new()
    out = net.weights_out
    net.partial_fit(X, Y, learns="hidden")
    assert net.weights_out == pytest.approx(out, rel=1e-5)
    theta = net.theta
    net.partial_fit(X[:1], Y[:1], learns="readout")  # scales the weights once
    w = net.weights_in
    net.partial_fit(X[1:], Y[1:], learns="readout")
    assert net.weights_in == pytest.approx(w, rel=1e-6)
    assert net.theta.tolist() == theta.tolist()
    assert not np.allclose(net.weights_out, out)
    assert new().fit(X, Y, epochs=1, strategy="one-by-one").samples == 2 * len(X)


def test_answers_change_nothing_and_do_not_depend_on_company():
    net = new().partial_fit(X, Y)
    before = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(net.state)]
    all_of_them = net.predict_counts(X[:5])
    np.testing.assert_array_equal(net.predict_counts(X[:5]), all_of_them)
    np.testing.assert_array_equal(net.predict_counts(X[:3]), all_of_them[:3])
    assert [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(net.state)] == before
    assert net.score(PATTERNS, np.arange(3)) == (net.predict(PATTERNS) == np.arange(3)).mean()
    assert net.hidden_counts(X[:0]).shape == (0, 6)


def test_silent_input_is_reported():
    net = new(config=CONFIG.replace(q_last=4)).partial_fit(np.zeros((1, 24)), [0])
    assert (net.samples, net.presentations, net.no_response) == (1, 3, 1)
    with pytest.warns(NoResponse, match="1 of 2 images got no response .* at intensity 4"):
        found = net.predict(np.stack([np.zeros(24), PATTERNS[0]]))
    assert found[0] == -1
    assert net.respond(np.zeros((1, 24))).intensity.tolist() == [4]


def test_first_scaling_is_of_a_copy():
    net = new().partial_fit(X[:3], Y[:3])
    sums = net.weights_in.sum(axis=0)
    assert (sums > 24.0).any()
    net.predict(PATTERNS)
    assert net.weights_in.sum(axis=0).tolist() == sums.tolist()


def test_readouts_break_ties_low_and_leave_out_classes_without_cells():
    assert by_classifier(np.array([[1, 2, 2], [0, 0, 0]])).tolist() == [1, -1]
    owners = np.array([1, 1, 2, -1])
    hidden = np.array([[3, 1, 2, 9], [0, 0, 0, 9]])
    assert assignment_scores(hidden, owners, 3)[0].tolist() == [-np.inf, 2.0, 2.0]
    assert by_assignment(hidden, owners, 3).tolist() == [1, -1]


def test_window_forgets_the_oldest():
    window = ResponseWindow(2, 2, length=3)
    for response, label in (([5, 0], 0), ([0, 2], 0), ([3, 0], 1), ([0, 1], 1)):
        window.add(np.array(response), label)
    assert window.sums.tolist() == [[0, 2], [3, 1]]
    assert window.assignments().tolist() == [1, 0]
    assert ResponseWindow.of_arrays(window.arrays(), 2).assignments().tolist() == [1, 0]
    assert ResponseWindow(1, 2).assignments().tolist() == [-1]


def test_a_cell_without_weights_is_refused():
    net = new()
    w_in = net.weights_in
    w_in[:, 2] = 0
    net.set_weights(weights_in=w_in)
    with pytest.raises(ValueError, match="each cell's weights_in must have a positive sum; 1 of 6 sums are not"):
        net.partial_fit(X, Y)
    with pytest.raises(ValueError, match="positive sum"):
        net.predict(PATTERNS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net, _: net.partial_fit(X[:, :5], Y), r"X must be \(n, n_inputs=24\)"),
        (lambda net, _: net.partial_fit(X, Y + 1), r"y must lie in \[0, 2\], got 1 to 3"),
        (lambda net, _: net.partial_fit(X, Y, learns="nothing"), "learns must be both, hidden or readout"),
        (lambda net, _: net.fit(X, Y, strategy="twice"), "strategy must be simultaneous or one-by-one"),
        (lambda net, _: net.fit(X, Y, epochs=0), "epochs must be a whole number of at least 1, got 0"),
        (lambda net, _: net.predict(X[:1], "loudest"), "readout must be classifier or assignment, got 'loudest'"),
        (lambda net, _: net.save("net.txt"), "path must end in .npz"),
        (lambda net, _: net.fit(X, Y, save_to="net.txt"), "path must end in .npz"),
        (lambda net, _: new(window=0), "window must be at least 1"),
        (lambda net, _: SymSTDPClassifier(0, 6, 3), "n_inputs must be a whole number of at least 1, got 0"),
        (lambda net, path: SymSTDPClassifier.load(path / "other.npz"), "holds no network"),
        (
            lambda net, path: SymSTDPClassifier.load(path / "net.npz", CONFIG.replace(dt_ms=0.25)),
            "config.dt_ms must be that of training, 0.5; got 0.25",
        ),
    ],
)
def test_wrong_input(tmp_path, call, message):
    net = new()
    net.save(tmp_path / "net.npz")
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    with pytest.raises(ValueError, match=message):
        call(net, tmp_path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        SymSTDPClassifier.load(tmp_path / "none.npz")


def test_fit_stays_with_its_strategy_and_learns_nothing_from_a_bad_set(tmp_path):
    half = new().fit(X, Y, epochs=1, strategy="one-by-one", save_to=tmp_path / "net.npz")
    again = SymSTDPClassifier.load(tmp_path / "net.npz")
    assert again.strategy == "one-by-one"
    for net in (half, again):
        with pytest.raises(ValueError, match="strategy must stay one-by-one"):
            net.fit(X, Y, strategy="simultaneous")
        for images, labels in ((X[::-1], Y), (X, Y[::-1]), (X[:5], Y[:5])):
            with pytest.raises(ValueError, match="must begin with the 18 images"):
                net.fit(images, labels, epochs=1, strategy="one-by-one")
    bad = np.array(X, float)
    bad[-1, 0] = np.nan
    fresh = new()
    with pytest.raises(ValueError, match="finite"):
        fresh.fit(bad, Y, epochs=1, save_every=2)
    assert fresh.samples == 0
    with pytest.raises(ValueError, match="at least one image"):
        fresh.score(X[:0], Y[:0])


def learned(net):
    """How often each row of the hidden layer's learning was seen: the labels that the window holds, in order."""
    return net.window.arrays()["window_labels"].tolist()


def test_images_of_partial_fit_are_not_those_of_fit():
    net = new().partial_fit(X[::-1], Y[::-1])
    net.fit(X[:5], Y[:5], epochs=2)
    assert net.samples == len(X) + 10
    assert net.progress.learned == 10
    assert learned(net)[len(X) :] == [*Y[:5], *Y[:5]]
    net.partial_fit(X[:3], Y[:3]).fit(X[:5], Y[:5], epochs=3)
    assert net.samples == len(X) + 18


def test_a_set_grows_in_its_first_epoch_as_if_it_had_always_been_larger(tmp_path):
    for strategy in ("simultaneous", "one-by-one"):
        whole = new().fit(X[:12], Y[:12], epochs=1, strategy=strategy)
        grown = new()

        def stop(net):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            grown.fit(X[:7], Y[:7], epochs=1, strategy=strategy, save_every=5, save_to=tmp_path / "n.npz", watch=stop)
        same(whole, SymSTDPClassifier.load(tmp_path / "n.npz").fit(X[:12], Y[:12], epochs=1))


def test_fit_refuses_what_would_leave_images_out():
    twice = new().fit(X[:4], Y[:4], epochs=2)
    with pytest.raises(ValueError, match=r"must stay the 4 images that fit showed again already .* got 18"):
        twice.fit(X, Y, epochs=2)
    assert twice.samples == 8
    one = new().fit(X[:4], Y[:4], epochs=1, strategy="one-by-one")
    for images, labels, epochs in ((X[:4], Y[:4], 2), (X[:8], Y[:8], 1)):
        with pytest.raises(ValueError, match=r"the hidden layer learned 4 images and is frozen now, .* are 8"):
            one.fit(images, labels, epochs=epochs)
    assert one.samples == 8


def test_the_hidden_layer_learns_all_epochs_before_the_readout():
    whole = new().fit(X[:4], Y[:4], epochs=2, strategy="one-by-one")
    part = new()

    def stop(net):
        if net.samples == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        part.fit(X[:4], Y[:4], epochs=2, strategy="one-by-one", save_every=3, watch=stop)
    with pytest.raises(ValueError, match="the hidden layer learned 6 images, 1 epochs of 4 are 4"):
        part.fit(X[:4], Y[:4], epochs=1)
    same(whole, part.fit(X[:4], Y[:4], epochs=2))
    assert (part.progress.first, part.progress.second) == (8, 8)


def test_an_interrupted_fit_goes_on_in_memory_at_the_very_image(monkeypatch):
    whole, net, calls = new().fit(X, Y, epochs=1), new(), []

    def interrupted(*arguments, **more):
        calls.append(arguments)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return draw(*arguments, **more)

    monkeypatch.setattr(classifier, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=1)
    assert (net.samples, net.progress.learned) == (6, 6)
    same(whole, net.fit(X, Y, epochs=1))


def test_what_was_learned_already_is_said():
    net = new().fit(X[:4], Y[:4], epochs=1)
    with pytest.warns(UserWarning, match="nothing is left to learn: fit learned 4 images already"):
        net.fit(X[:4], Y[:4], epochs=1)
    assert net.samples == 4


def test_the_window_has_the_length_of_the_set_and_no_more_than_asked_for():
    net = new().fit(X[:4], Y[:4], epochs=1)
    assert net.window.length == 4
    net.fit(X, Y, epochs=1)
    assert net.window.length == len(X)
    assert int(net.window.numbers.sum()) == net.samples
    short = new(window=3).fit(X[:4], Y[:4], epochs=1).fit(X[:6], Y[:6], epochs=1)
    assert short.window.length == 3


def test_a_silent_classifier_is_told():
    net = new()
    responses = net.respond(X)
    mute = responses._replace(classifier=np.zeros_like(responses.classifier))
    with pytest.warns(NoResponse, match="no classifier cell fire"):
        assert (net.classes(mute) == -1).all()
