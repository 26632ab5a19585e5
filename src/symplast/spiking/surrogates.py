"""Surrogate derivatives: what a gradient sees where a spike is a step.

``spike(z) = 1 if z >= 0 else 0``, with z the distance to threshold; its derivative is replaced by a bump round 0.

=====================  ==========================================  ===============================
class                  derivative                                  source
=====================  ==========================================  ===============================
:class:`Sigmoid`       ``a s(az) (1 - s(az))``                     Wozniak et al. 2020
:class:`FastSigmoid`   ``1 / (1 + a|z|)^2``                        SuperSpike, Zenke & Ganguli 2018
:class:`ArcTan`        ``(a/2) / (1 + (pi a z / 2)^2)``            Fang et al. 2021
:class:`Triangle`      ``h max(0, 1 - |z|/w)``                     Bellec et al. 2018
:class:`Gaussian`      ``exp(-z^2 / 2 w^2) / (w sqrt(2 pi))``       Yin et al. 2021
:class:`Boxcar`        ``1 / 2w where |z| <= w``                   straight-through window
=====================  ==========================================  ===============================

A shape of your own is a class with one method, ``slope``.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from symplast.spiking.arguments import Number, Values, check_positive, named, parameter


@jax.custom_jvp
def _step(z: Any, slope: Any) -> Values:
    z = jnp.asarray(z)  # JAX passes constants as typed floats
    return (z >= 0).astype(z.dtype)


@_step.defjvp
def _step_jvp(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Values, Any]:
    z, slope = primals
    return _step(z, slope), slope * tangents[0]


class Surrogate(eqx.Module):
    """A step function with a derivative of your choice.

    Example:
        >>> import jax
        >>> spike = Sigmoid(alpha=4.0)
        >>> print(spike(0.2), spike(-0.2), jax.grad(spike)(0.0))
        1.0 0.0 1.0
    """

    @abc.abstractmethod
    def slope(self, z: Values) -> Values:
        """The derivative that gradients see at a distance z from threshold."""

    def __call__(self, z: Number) -> Values:
        """1 where ``z >= 0``, else 0."""
        z = parameter(z)
        return _step(z, jax.lax.stop_gradient(self.slope(z)))


class Sigmoid(Surrogate):
    """``alpha s(alpha z) (1 - s(alpha z))`` with the logistic s; height ``alpha / 4``."""

    alpha: Values = eqx.field(converter=named("alpha"), default=4.0)

    def __check_init__(self) -> None:
        check_positive(self.alpha, "alpha")

    def slope(self, z: Values) -> Values:
        """See the class."""
        s = jax.nn.sigmoid(self.alpha * z)
        return self.alpha * s * (1 - s)


class FastSigmoid(Surrogate):
    """``1 / (1 + alpha |z|)^2``; height 1, heavy tails."""

    alpha: Values = eqx.field(converter=named("alpha"), default=25.0)

    def __check_init__(self) -> None:
        check_positive(self.alpha, "alpha")

    def slope(self, z: Values) -> Values:
        """See the class."""
        return 1 / (1 + self.alpha * jnp.abs(z)) ** 2


class ArcTan(Surrogate):
    """``(alpha/2) / (1 + (pi alpha z / 2)^2)``; height ``alpha / 2``."""

    alpha: Values = eqx.field(converter=named("alpha"), default=2.0)

    def __check_init__(self) -> None:
        check_positive(self.alpha, "alpha")

    def slope(self, z: Values) -> Values:
        """See the class."""
        return self.alpha / 2 / (1 + (jnp.pi / 2 * self.alpha * z) ** 2)


class Triangle(Surrogate):
    """``height max(0, 1 - |z| / width)``."""

    width: Values = eqx.field(converter=named("width"), default=1.0)
    height: Values = eqx.field(converter=named("height"), default=0.3)

    def __check_init__(self) -> None:
        check_positive(self.width, "width")
        check_positive(self.height, "height")

    def slope(self, z: Values) -> Values:
        """See the class."""
        return self.height * jnp.maximum(0, 1 - jnp.abs(z) / self.width)


class Gaussian(Surrogate):
    """The normal density of standard deviation ``width``."""

    width: Values = eqx.field(converter=named("width"), default=0.5)

    def __check_init__(self) -> None:
        check_positive(self.width, "width")

    def slope(self, z: Values) -> Values:
        """See the class."""
        return jax.scipy.stats.norm.pdf(z, scale=self.width)


class Boxcar(Surrogate):
    """``1 / (2 width)`` where ``|z| <= width``, else 0."""

    width: Values = eqx.field(converter=named("width"), default=0.5)

    def __check_init__(self) -> None:
        check_positive(self.width, "width")

    def slope(self, z: Values) -> Values:
        """See the class."""
        return jnp.where(jnp.abs(z) <= self.width, 0.5 / self.width, 0.0)
