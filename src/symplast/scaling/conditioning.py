"""How well a table determines a surface: Jacobians, condition numbers, covariance, and what can't be identified."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from symplast.scaling.surfaces import LossSurface
from symplast.scaling.tables import RunTable

PARAMETERS = ("E", "A", "B", "alpha", "beta")
"""Order of the parameters in Jacobians and covariances."""


def residual_jacobian(surface: LossSurface, N: np.ndarray, D: np.ndarray) -> Float[np.ndarray, "runs 5"]:
    """d L(N, D) / d (E, A, B, alpha, beta) at a surface, in raw units."""
    u, v = N**-surface.alpha, D**-surface.beta
    return np.stack([np.ones_like(u), u, v, -surface.A * np.log(N) * u, -surface.B * np.log(D) * v], axis=1)


@dataclass(frozen=True)
class Conditioning:
    """Condition numbers of the Hessian of the residual sum of squares (at zero residuals), by parameterisation.

    The paper's contrast between the five- and the two-parameter problem is largely one of parameterisation: taking
    logs of the coefficients and centring the logs of N and D removes most of it.

    Attributes:
        raw: in (E, A, B, alpha, beta).
        log: in (ln E, ln A, ln B, alpha, beta).
        centred: the same after centring ln N and ln D.
        scaled: the same with columns of unit length.
        projected: in (alpha, beta) with E, A, B solved inside.
        eigenvalues_raw: of the raw Hessian, ascending.
        eigenvalues_projected: of the projected one, ascending.
    """

    raw: float
    log: float
    centred: float
    scaled: float
    projected: float
    eigenvalues_raw: Float[np.ndarray, "5"]
    eigenvalues_projected: Float[np.ndarray, "2"]


def condition_numbers(surface: LossSurface, N: np.ndarray, D: np.ndarray) -> Conditioning:
    """Condition numbers of fitting this surface to runs at (N, D).

    Eigenvalues are squared singular values of sqrt(2) J, which an eigensolver on J^T J would get to few digits only.

    Args:
        surface: where to linearise; A, B and E positive.
        N, D: parameters and tokens of the runs.

    Example:
        >>> from symplast.scaling import SURFACES, simulate_isoflop
        >>> budgets = [1e17, 1e18, 1e19, 1e20, 1e21]
        >>> runs = simulate_isoflop(SURFACES["asymmetric"], budgets, 15, np.log10(8), drift=0.2)
        >>> found = condition_numbers(SURFACES["asymmetric"], runs.N, runs.D)
        >>> f"{found.raw:.2e} {found.projected:.1f}"
        '3.48e+11 10.6'

    Source: Sec. 7 of arXiv:2603.22339.
    """
    J = residual_jacobian(surface, N, D)
    in_logs = J * np.array([surface.E, surface.A, surface.B, 1.0, 1.0])
    centred = in_logs.copy()
    centred[:, 3] += np.log(N).mean() * in_logs[:, 1]  # at fixed ln A' = ln A - alpha mean(ln N)
    centred[:, 4] += np.log(D).mean() * in_logs[:, 2]
    lengths = np.linalg.norm(centred, axis=0)
    Q = np.linalg.qr(centred[:, :3])[0]
    projected = centred[:, 3:] - Q @ (Q.T @ centred[:, 3:])
    with np.errstate(divide="ignore", invalid="ignore"):
        return Conditioning(
            raw=_condition(J),
            log=_condition(in_logs),
            centred=_condition(centred),
            scaled=_condition(centred / np.where(lengths > 0, lengths, 1.0)),
            projected=_condition(projected),
            eigenvalues_raw=_eigenvalues(J),
            eigenvalues_projected=_eigenvalues(projected),
        )


def _eigenvalues(J: np.ndarray) -> np.ndarray:
    return np.sort(np.linalg.svd(np.sqrt(2) * J, compute_uv=False) ** 2)


def _condition(J: np.ndarray) -> float:
    values = _eigenvalues(J)
    return float(values[-1] / values[0]) if values[0] > 0 else float("inf")


def covariance(
    surface: LossSurface, N: np.ndarray, D: np.ndarray, L: np.ndarray, residual: str = "linear", delta: float = np.inf
) -> Float[np.ndarray, "5 5"]:
    """Covariance of (E, A, B, alpha, beta) at a fit.

    Squares: Gauss-Newton, RSS / (n - 5) (J^T J)^-1. Huber: the sandwich M^-1 (J^T diag(psi^2) J) M^-1 n / (n - 5),
    where M = share J^T J over the runs near the fit: its level is the share of residuals within delta, its shape comes
    from the runs within delta or one robust standard deviation, so that few points within delta don't make it noise.
    Rows of J are of L, or of ln L for log residuals.

    Args:
        surface: the fit.
        N, D, L: the runs.
        residual: ``linear`` or ``log``.
        delta: of the Huber loss; infinity for squares.

    Returns:
        The matrix; infinite when J has no full rank, or too few residuals lie near the fit.
    """
    J, fitted = residual_jacobian(surface, N, D), np.asarray(surface.loss(N, D))
    r = L - fitted
    if residual == "log":
        J, r = J / fitted[:, None], np.log(L / fitted)
    scale = np.linalg.norm(J, axis=0)
    near = np.abs(r) <= max(delta, 1.4826 * float(np.median(np.abs(r))))
    share = np.mean(np.abs(r) <= delta)
    unknown = np.full((5, 5), np.inf)
    if N.size <= 5 or np.any(scale == 0) or share == 0:
        return unknown
    R = np.linalg.qr((J / scale)[near], mode="r") * np.sqrt(N.size * share / near.sum())
    if near.sum() < 5 or np.linalg.cond(R) > 1e13:
        return unknown
    inverse = np.linalg.inv(R)
    bread, correction = inverse @ inverse.T, N.size / (N.size - 5)
    if np.isinf(delta):
        covariance = np.mean(r**2) * correction * bread
    else:
        meat = (J / scale) * np.clip(r, -delta, delta)[:, None]
        covariance = correction * bread @ (meat.T @ meat) @ bread
    return covariance / np.outer(scale, scale)


def identifiability(runs: RunTable) -> tuple[str, ...]:
    """What this table can't tell apart, in words; empty when nothing is wrong.

    Raises:
        ValueError: fewer than 5 runs, or fewer than 3 distinct N or D: five parameters can't be found at all.
    """
    if runs.n < 5:
        raise ValueError(f"the table must have at least 5 runs for the 5 parameters E, A, B, alpha, beta; got {runs.n}")
    for name, values, parameters in (("N", runs.N, "alpha and A"), ("D", runs.D, "beta and B")):
        distinct = np.unique(values).size
        if distinct < 3:
            raise ValueError(f"{name} must take at least 3 distinct values to identify {parameters}, got {distinct}")
    flags = []
    spread = np.ptp(np.log10(runs.N * runs.D))
    if spread < 0.05:
        flags.append(
            "all runs lie on one IsoFLOP line: N and D move together, so alpha and beta are confounded; add a budget"
        )
    for name, values, parameter in (("N", runs.N, "alpha"), ("D", runs.D, "beta")):
        if np.ptp(np.log10(values)) < 0.5:
            flags.append(f"{name} spans less than a factor of 3, so {parameter} is hardly determined; widen the grid")
    x, y = np.log(runs.N), np.log(runs.D)
    if spread >= 0.05 and x.std() > 0 and y.std() > 0 and abs(np.corrcoef(x, y)[0, 1]) > 0.999:
        flags.append("N and D are proportional in the logarithm, so alpha and beta are confounded; vary D at fixed N")
    return tuple(flags)
