"""Rates, medians and curves from the errors of many registrations, with confidence intervals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from torch import Tensor

SUCCESS = 1.0
"""Threshold of the mTRE, mm. A registration with a smaller error has succeeded."""
GROSS = 10.0
"""Threshold of the mTRE, mm. A registration with a larger error is a gross failure: its result is of no use."""
_FAR = 1e12
"""Number in mm that replaces an infinite error where differences are computed, since they would be undefined."""
_RESAMPLES = 4999
_AT_ONCE = 500
"""Number of resamples that are held in memory together. More would take too much memory for a curve, which has a
hundred thresholds."""
Errors = Tensor | np.ndarray | pd.Series | Sequence[float]
Method = Literal["bootstrap", "wilson"]


class Interval(NamedTuple):
    """A number that was estimated from a sample, and the confidence interval around it."""

    value: float
    low: float
    high: float


def success_rate(
    errors: Errors,
    threshold: float = SUCCESS,
    *,
    level: float = 0.95,
    method: Method = "bootstrap",
    seed: int = 0,
) -> Interval:
    """The share of registrations whose error is below a threshold, from 0 to 1.

    Parameters
    ----------
    errors
        (N,) errors in mm, one for each registration; infinite where a registration gave no pose.
    threshold
        Threshold in mm; a registration with a smaller error counts.
    level
        Confidence level of the interval.
    method
        Method that gives the interval. "bootstrap": percentiles of the rate in samples that are drawn from this one,
        with replacement. "wilson": Wilson's score interval. Use it where all registrations succeeded, or none: every
        bootstrap sample is then the same, so that the bootstrap's interval has no width.
    seed
        Seed of the bootstrap.

    Raises
    ------
    ValueError
        There are no errors, one of them is not a number, or there are too few for the bootstrap (fewer than 2).

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; Wilson, J. Am. Stat. Assoc. 22:209, 1927.
    """
    return _share(_checked(errors) < threshold, level, method, seed)


def gross_failure_rate(
    errors: Errors,
    threshold: float = GROSS,
    *,
    level: float = 0.95,
    method: Method = "bootstrap",
    seed: int = 0,
) -> Interval:
    """The share of registrations whose error is above a threshold. The arguments are those of :func:`success_rate`."""
    return _share(_checked(errors) > threshold, level, method, seed)


def median_error(errors: Errors, *, level: float = 0.95, seed: int = 0) -> Interval:
    """The median error and its bootstrap interval, mm. The arguments are those of :func:`success_rate`."""
    values = _checked(errors)
    interval = np.median(values), *_bootstrap(np.minimum(values, _FAR), np.median, level, seed)
    return Interval(*(float(end) if end < _FAR else float("inf") for end in interval))


def success_curve(
    errors: Errors, thresholds: Sequence[float] | np.ndarray, *, level: float | None = 0.95, seed: int = 0
) -> pd.DataFrame:
    """The success rate at every threshold, as a table.

    The columns are ``value``, ``low`` and ``high``, and the index is the threshold in mm. The curve is the cumulative
    distribution of the errors. Each bootstrap interval holds for one point of the curve by itself, not for the whole
    curve. Without a ``level`` (None) there are no intervals, and only the column ``value``.
    """
    limits = np.asarray(thresholds, float)
    below = _checked(errors) < limits[:, None]
    columns = {"value": below.mean(1)}
    if level is not None:
        columns["low"], columns["high"] = _bootstrap(below, np.mean, level, seed)
    return pd.DataFrame(columns, index=pd.Index(limits, name="threshold"))


def success_by_start(
    starts: Errors,
    errors: Errors,
    edges: Sequence[float],
    threshold: float = SUCCESS,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """The success rate against the distance of the start; registrations with similar starts are taken together.

    Parameters
    ----------
    starts
        (N,) how far from the truth each registration began, in any unit.
    errors
        (N,) how far from the truth each registration ended, mm.
    edges
        (B + 1,) ascending edges of the bins. A bin holds the starts from one edge up to the next, without the latter.

    Returns
    -------
    DataFrame
        One row for each bin that holds a start. ``start`` is the middle of the bin. ``value``, ``low`` and ``high`` are
        the success rate and Wilson's interval, since in a bin all registrations may succeed, or none. ``number`` is the
        number of registrations.
    """
    begins, ends = np.asarray(starts, float), _checked(errors)
    if begins.shape != ends.shape:
        raise ValueError(f"there are {begins.size} starts and {ends.size} errors: each registration has one of each")
    if np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges are {list(edges)}: they have to ascend")
    rows = []
    for left, right in itertools.pairwise(edges):
        inside = (begins >= left) & (begins < right)
        if inside.any():
            share = _share(ends[inside] < threshold, level, "wilson", 0)
            rows.append({"start": (left + right) / 2, **share._asdict(), "number": int(inside.sum())})
    return pd.DataFrame(rows, columns=["start", *Interval._fields, "number"])


def summary(
    table: pd.DataFrame, error: str = "mtre", success: float = SUCCESS, gross: float = GROSS, *, seed: int = 0
) -> pd.DataFrame:
    """A table of methods in the form that papers on 2D/3D registration print.

    Parameters
    ----------
    table
        One row for each X-ray and method, with the columns ``method``, ``seconds`` and the error.
    error
        Name of the column with the error, mm.
    success, gross
        Thresholds of success and of gross failure, mm.
    seed
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        One row for each method, in the order in which the methods appear. Its columns are: ``number`` of X-rays;
        ``median`` and the 95 % quantile ``p95``, mm; ``mean`` and standard deviation ``std``, mm, which mostly depend
        on gross failures; ``success`` and ``gross``, the shares of successes and of gross failures; ``seconds``, the
        median time. Beside the median and the shares are the ends of their intervals, ``…_low`` and ``…_high``. The
        intervals of the shares are Wilson's.
    """
    rows = {}
    for method, some in table.groupby("method", sort=False):
        errors = some[error]
        intervals = {
            "median": median_error(errors, seed=seed),
            "success": success_rate(errors, success, method="wilson"),
            "gross": gross_failure_rate(errors, gross, method="wilson"),
        }
        row = {"number": len(errors), "p95": errors.quantile(0.95), "mean": errors.mean(), "std": errors.std()}
        for name, (value, low, high) in intervals.items():
            row |= {name: value, f"{name}_low": low, f"{name}_high": high}
        rows[method] = row | {"seconds": some["seconds"].median()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def _checked(errors: Errors) -> np.ndarray:
    values = np.asarray(errors, float)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"errors have shape {values.shape}: they are one number for each registration, (N,)")
    if np.isnan(values).any():
        raise ValueError(
            f"{np.isnan(values).sum()} of {values.size} errors are NaN: leave them out and the rate is too good; "
            "give inf for a registration that gave no pose"
        )
    return values


def _share(hits: np.ndarray, level: float, method: str, seed: int) -> Interval:
    if method == "bootstrap":
        low, high = _bootstrap(hits, np.mean, level, seed)
    elif method == "wilson":
        from scipy import stats

        low, high = stats.binomtest(int(hits.sum()), hits.size).proportion_ci(level, "wilson")
    else:
        raise ValueError(f"method is {method!r}: it can be {', '.join(map(repr, get_args(Method)))}")
    return Interval(float(hits.mean()), float(low), float(high))


def _bootstrap(samples: np.ndarray, statistic: Callable, level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval. The last dimension is resampled, in the same way for all other dimensions."""
    if samples.shape[-1] < 2:
        raise ValueError("there is 1 error: an interval needs at least 2, and says little with fewer than 20")
    if np.all(samples == samples[..., :1]):  # scipy would warn that all samples are the same
        return samples[..., 0].astype(float), samples[..., 0].astype(float)
    from scipy import stats

    found = stats.bootstrap(
        (samples,),
        statistic,
        axis=-1,
        n_resamples=_RESAMPLES,
        batch=_AT_ONCE,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return found.confidence_interval
