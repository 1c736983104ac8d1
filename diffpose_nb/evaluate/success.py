"""From errors of many registrations to rates, medians and curves, with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from scipy import stats
from torch import Tensor

SUCCESS = 1.0
"""mm of mTRE: a registration that ends below it has succeeded."""
GROSS = 10.0
"""mm of mTRE: a registration that ends above it is a gross failure, of no use to anybody."""
_FAR = 1e12
"""mm, in place of an infinite error where differences are taken."""
_RESAMPLES = 4999
_AT_ONCE = 500
"""Resamples that are held in memory together: a curve has a hundred thresholds."""
Errors = Tensor | np.ndarray | pd.Series | Sequence[float]
Method = Literal["bootstrap", "wilson"]


class Interval(NamedTuple):
    """A number that was estimated from a sample, and the interval of confidence around it."""

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
        (N,) mm, one a registration; infinite where it gave no pose.
    threshold
        mm.
    level
        Of confidence.
    method
        Of the interval. "bootstrap": percentiles of the rate in samples that are drawn from this one, with
        replacement. "wilson": Wilson's score interval; take it where all or none succeeded, since there every such
        sample is the same and the bootstrap's interval has no width.
    seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        If there are no errors or one of them is not a number.

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
    """The share of registrations whose error is above a threshold; arguments as for :func:`success_rate`."""
    return _share(_checked(errors) > threshold, level, method, seed)


def median_error(errors: Errors, *, level: float = 0.95, seed: int = 0) -> Interval:
    """The median and its bootstrap interval, mm; arguments as for :func:`success_rate`."""
    values = _checked(errors)
    interval = np.median(values), *_bootstrap(np.minimum(values, _FAR), np.median, level, seed)
    return Interval(*(float(end) if end < _FAR else float("inf") for end in interval))


def success_curve(
    errors: Errors, thresholds: Sequence[float] | np.ndarray, *, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """The success rate at every threshold: columns ``value``, ``low``, ``high``, the thresholds (mm) as index.

    It is the cumulative distribution of the errors. The bootstrap's interval is of each point by itself.
    """
    limits = np.asarray(thresholds, float)
    below = _checked(errors) < limits[:, None]
    low, high = _bootstrap(below, np.mean, level, seed)
    columns = {"value": below.mean(1), "low": low, "high": high}
    return pd.DataFrame(columns, index=pd.Index(limits, name="threshold"))


def success_by_start(
    starts: Errors,
    errors: Errors,
    edges: Sequence[float],
    threshold: float = SUCCESS,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """The success rate of registrations that began about equally far off.

    Parameters
    ----------
    starts
        (N,) how far off each began, in any unit.
    errors
        (N,) mm, how far off each ended.
    edges
        (B + 1,) ascending: starts from one edge up to the next are taken together.

    Returns
    -------
    DataFrame
        A row for each of the bins that hold a start: ``start``, the bin's middle; ``value``, ``low``, ``high``, with
        Wilson's interval, since in a bin all or none may succeed; ``number`` of registrations.
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
        A row for each X-ray and method: columns ``method``, ``seconds`` and the error.
    error
        The column with the error, mm.

    Returns
    -------
    DataFrame
        A row a method, in the order in which they appear: ``number`` of X-rays; ``median`` and the 95 % quantile
        ``p95``, mm; ``mean`` and standard deviation ``std``, mm, which gross failures rule; ``success`` and ``gross``,
        shares; ``seconds``, the median. Median and shares have the ends of their intervals beside them, ``…_low`` and
        ``…_high``; of shares they are Wilson's.
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
        low, high = stats.binomtest(int(hits.sum()), hits.size).proportion_ci(level, "wilson")
    else:
        raise ValueError(f"method is {method!r}: it can be {', '.join(map(repr, get_args(Method)))}")
    return Interval(float(hits.mean()), float(low), float(high))


def _bootstrap(samples: np.ndarray, statistic: Callable, level: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval, of the last dimension; all other dimensions are resampled alike."""
    if samples.shape[-1] < 2:
        raise ValueError("there is 1 error: an interval needs at least 2, and says little with fewer than 20")
    if np.all(samples == samples[..., :1]):  # scipy warns of samples that are all the same
        return samples[..., 0].astype(float), samples[..., 0].astype(float)
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
