"""A long series of registrations, which can be stopped and later goes on where it stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import torchio
from tqdm import tqdm

from .. import ct
from ..runtime import write_text_whole
from .registrations import Predicts, Trial, load, register


def run(
    path: Path,
    subject: torchio.Subject,
    network: Predicts,
    trials: Sequence[Trial],
    about: str,
    start_anew: bool = False,
) -> bool:
    """Register the X-rays of all trials, and write the file when the last one is done. Returns whether it is done.

    Until then the rows are kept in a second file beside it, whose name ends in ``.part``. The first line of both files
    is ``about``. Rows that an earlier call made with the same ``about`` are not made again, unless ``start_anew``.
    """
    partial = path.with_name(path.name + ".part")
    landmarks = ct.landmarks(subject)
    done = None if start_anew else _done(partial, about)
    keys = set() if done is None else set(zip(done.origin, done.xray, strict=True))
    todo = [trial for trial in trials if (trial.part, trial.number) not in keys]
    parts = [] if done is None else [done]
    with interruption() as stop:
        for n, trial in enumerate(tqdm(todo, "X-rays", initial=len(trials) - len(todo), total=len(trials))):
            xray = trial.xray(subject)
            if n == 0:
                register(subject, landmarks, trial, xray, network)  # not counted: its time includes the set-up
            rows = register(subject, landmarks, trial, xray, network)
            parts.append(pd.DataFrame(rows).assign(origin=trial.part))
            _write(partial, pd.concat(parts), about)
            if stop:
                return False
    rows = pd.concat(parts).drop(columns="origin").sort_values(["part", "xray", "off"], kind="stable")
    _write(path, rows, about)
    partial.unlink(missing_ok=True)
    return True


def _done(partial: Path, about: str) -> pd.DataFrame | None:
    if not partial.exists() or partial.read_text(encoding="utf-8").splitlines()[:1] != [f"# {about}"]:
        return None
    return load(partial)


def _write(path: Path, rows: pd.DataFrame, about: str) -> None:
    write_text_whole(path, f"# {about}\n" + rows.to_csv(index=False, float_format="%.4g"))


@contextmanager
def interruption() -> Iterator[list[int]]:
    """A list that stays empty until Ctrl-C is pressed; a second Ctrl-C interrupts at once.

    The first Ctrl-C must not interrupt, because an interrupted refinement returns its best pose so far. This pose would
    be recorded as its final one.
    """
    noted: list[int] = []

    def note(number: int, frame: object) -> None:
        noted.append(number)
        signal.signal(signal.SIGINT, before)
        tqdm.write("stopping after this X-ray; once more to stop at once")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
