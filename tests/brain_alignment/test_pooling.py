"""Pooling of tokens and features of any model."""

import sys
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest

from symplast.brain_alignment import features, pool

TOKENS = np.random.default_rng(0).normal(size=(3, 6, 6, 2))


def test_a_grid_of_one_is_the_mean_and_of_all_is_flat():
    np.testing.assert_allclose(pool(TOKENS, "grid(1)"), pool(TOKENS))
    np.testing.assert_allclose(pool(TOKENS, "grid(6)"), pool(TOKENS, "flatten"))
    np.testing.assert_allclose(pool(TOKENS.reshape(3, 36, 2), "grid(3)"), pool(TOKENS, "grid(3)"))
    np.testing.assert_allclose(pool(TOKENS, "field(2.5,2.5,1e6)"), pool(TOKENS), atol=1e-9)
    np.testing.assert_allclose(pool(TOKENS, "field(1,4,0.05)"), TOKENS[:, 1, 4])
    np.testing.assert_allclose(pool(TOKENS.reshape(3, 36, 2), "cls"), TOKENS[:, 0, 0])


@pytest.mark.parametrize("pooling", ["max", "grid(7)", "grid(x)", "field(1)", "field(1,1,-1)", "cls"])
def test_wrong_poolings(pooling):
    with pytest.raises(ValueError, match="pooling"):
        pool(TOKENS, pooling)


def test_features_in_batches():
    sizes = []

    def model(batch):
        sizes.append(len(batch))
        return np.stack(batch)

    found = features(model, list(TOKENS), pooling="grid(2)", batch=2)
    np.testing.assert_allclose(found, pool(TOKENS, "grid(2)"), rtol=1e-6)
    assert sizes == [2, 1]
    with pytest.raises(ValueError, match="one row an image"):
        features(lambda batch: np.zeros((7, 2)), list(TOKENS))
    with pytest.raises(ValueError, match="no torch module"):
        features(model, list(TOKENS), layer="blocks.3")
    with pytest.raises(ValueError, match="must not be empty"):
        features(model, [])


class Tensor:
    """What the hook asks of a tensor, over NumPy."""

    def __init__(self, array):
        self.array = np.asarray(array)

    def float(self):
        return Tensor(self.array.astype(np.float32))

    def cpu(self):
        return self

    def numpy(self):
        return self.array


class Submodule:
    """A submodule of a network: calls its function and shows the outcome to whoever has hooked it."""

    def __init__(self, function):
        self.function, self.hooks = function, []

    def register_forward_hook(self, hook):
        self.hooks.append(hook)
        return Handle(self.hooks, hook)

    def __call__(self, x):
        out = self.function(x)
        for hook in self.hooks:
            hook(self, (x,), out)
        return out


class Handle:
    def __init__(self, hooks, hook):
        self.hooks, self.hook = hooks, hook

    def remove(self):
        self.hooks.remove(self.hook)


class Network:
    """A 3 x 3 convolution of torch's layout (out, in, 3, 3) with zeros around, ReLU, and what comes after."""

    training = False

    def __init__(self, weight, bias):
        self.weight, self.bias, self.gradients = weight, bias, []
        functions = {
            "conv": self._convolved,
            "relu": lambda x: Tensor(np.maximum(x.array, 0)),
            "tokens": lambda x: (Tensor(x.array.reshape(*x.array.shape[:2], -1)), "more"),
            "out": lambda x: Tensor(x[0].array.sum(axis=-1)),
            "unused": None,
        }
        self.parts = {"": self} | {name: Submodule(function) for name, function in functions.items()}

    def named_modules(self):
        return self.parts.items()

    def _convolved(self, x):
        padded = np.pad(x.array, ((0, 0), (0, 0), (1, 1), (1, 1)))
        boxes = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        out = np.einsum("nirspq,oipq->nors", boxes, self.weight) + self.bias[:, None, None]
        return Tensor(out.astype(np.float16))

    def __call__(self, x):
        self.gradients.append(sys.modules["torch"].with_gradients)
        for name in ("conv", "relu", "tokens", "out"):
            x = self.parts[name](x)
        return x


@pytest.fixture
def network(monkeypatch):
    """A small network behind the few names of torch that are called: torch itself is not installed with the tests."""
    torch = ModuleType("torch")
    torch.with_gradients = True
    torch.as_tensor = np.asarray
    torch.stack = lambda images: Tensor(np.stack(images))

    @contextmanager
    def no_grad():
        torch.with_gradients = False
        yield
        torch.with_gradients = True

    torch.no_grad = no_grad
    monkeypatch.setitem(sys.modules, "torch", torch)
    draw = np.random.default_rng(1)
    return Network(draw.normal(size=(4, 3, 3, 3)), draw.normal(size=4))


IMAGES = np.random.default_rng(2).normal(size=(5, 3, 4, 4))


def convolved(network):
    """(images, rows, columns, channels) of the network's convolution, by loops."""
    out = np.zeros((5, 4, 4, 4))
    for n, row, column, channel in np.ndindex(out.shape):
        out[n, row, column, channel] = network.bias[channel]
        for down, right in np.ndindex(3, 3):
            y, x = row + down - 1, column + right - 1
            if 0 <= y < 4 and 0 <= x < 4:
                out[n, row, column, channel] += network.weight[channel, :, down, right] @ IMAGES[n, :, y, x]
    return out


@pytest.mark.parametrize("pooling", ["mean", "flatten", "grid(2)", "field(1,2,0.8)"])
def test_features_of_a_layer_of_a_torch_module(network, pooling):
    maps = convolved(network)
    before = features(network, list(IMAGES), layer="conv", pooling=pooling, batch=2)
    after = features(network, iter(IMAGES), layer="relu", pooling=pooling, batch=5)
    np.testing.assert_allclose(before, pool(maps, pooling), atol=0.02)  # half precision, as in the network
    np.testing.assert_allclose(after, pool(np.maximum(maps, 0), pooling), atol=0.02)
    assert before.dtype == np.float32
    assert network.gradients == [False] * 4  # three batches and one, none with gradients
    assert sys.modules["torch"].with_gradients
    assert not any(part.hooks for name, part in network.parts.items() if name)


def test_layers_that_give_tokens_or_features(network):
    tokens = np.maximum(convolved(network), 0).reshape(5, 16, 4).swapaxes(1, 2)  # four tokens of sixteen numbers
    np.testing.assert_allclose(features(network, IMAGES, layer="tokens", pooling="cls"), tokens[:, 0], atol=0.02)
    np.testing.assert_allclose(features(network, IMAGES, layer="tokens"), tokens.mean(axis=1), atol=0.02)
    np.testing.assert_allclose(features(network, IMAGES, layer="out"), tokens.sum(axis=-1), atol=0.1)


def test_wrong_layers(network):
    with pytest.raises(ValueError, match="got 'head'; there are conv, relu, tokens, out, unused"):
        features(network, IMAGES, layer="head")
    with pytest.raises(ValueError, match="that the model calls, it never called 'unused'"):
        features(network, IMAGES, layer="unused")
    network.training = True
    with pytest.raises(ValueError, match=r"model must be in evaluation mode: call model.eval\(\) first"):
        features(network, IMAGES, layer="conv")


def test_a_network_that_fails_is_left_without_hook(network):
    with pytest.raises(ValueError, match="operand"):
        features(network, IMAGES[:, :2], layer="conv")
    assert network.parts["conv"].hooks == []
