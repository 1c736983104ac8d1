"""``python -m benchmarks.studies``: what a study costs beside its registrations, against the number of rows.

Registering takes no time here, or the seconds that ``--seconds`` says, in which a worker sleeps. What remains is what
grows with the table: checking it, giving out rows and logging them, and writing the results. A minute or two on two
cores.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import pandas as pd

from diffpose_nb.study.table.page import write_page
from diffpose_nb.study.table.results import LOG, open_log, read_log, table_of, write_results
from diffpose_nb.study.table.rows import Row, read_table
from diffpose_nb.study.table.running import run
from diffpose_nb.study.table.workers import local_workers

PER_PATIENT = 100
"""X-rays of a patient."""
_POSE = [0.123456789012345 * n for n in range(16)]


def nothing(row: Row, seconds: float = 0.0) -> dict[str, object]:
    """A result as long as those of registrations, after some seconds of sleep."""
    time.sleep(seconds)
    found = {"judgement": "found", "confidence": 0.987654321, "ncc": 0.9, "uncertainty": _POSE[:6], "mtre": 0.5}
    texts = {"reasons": "The CT explains it. " * 6, "notes": "World: the isocentre is taken for the origin. " * 12}
    return {"key": row.key, "seconds": 0.5, "seconds_ct": 0.0, "world_from_camera": _POSE, "lps_from_camera": _POSE} | (
        found | texts
    )


def measure(number: int, workers: int, folder: Path, seconds: float = 0.0) -> dict[str, float]:
    """Seconds and bytes of a study of so many rows, of which registering takes no time."""
    table = folder / "table.csv"
    for n in range(number):
        (folder / f"{n}.dcm").touch()
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ct", "xray", "patient", "group"])
        for n in range(number):
            patient = n // PER_PATIENT
            (folder / f"ct{patient}.nii.gz").touch()
            writer.writerow([f"ct{patient}.nii.gz", f"{n}.dcm", patient, f"group {patient % 10}"])
    times = [time.perf_counter()]
    rows = read_table(table)
    times.append(time.perf_counter())
    with local_workers(workers) as client, open_log(folder) as log:
        list(run(client, rows[: 2 * workers], nothing))  # the workers import the package
        times.append(time.perf_counter())
        for entry in run(client, rows, partial(nothing, seconds=seconds)):
            log.add(entry)
        times.append(time.perf_counter())
    times.append(time.perf_counter())
    found = read_log(folder)
    times.append(time.perf_counter())
    write_page(folder, write_results(folder, table_of(rows, found)), len(rows))
    times.append(time.perf_counter())
    check, _, give, _, resume, write = (b - a for a, b in pairwise(times))
    assert len(found) == number
    return {
        "rows": number,
        "check, s": check,
        "give out and log, s": give,
        "read the log, s": resume,
        "write tables and page, s": write,
        "log, MB": (folder / LOG).stat().st_size / 1e6,
        "memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def main() -> None:
    """Measure and print: seconds, then times the row before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--seconds", type=float, default=0.0, help="a worker sleeps so long for each row")
    arguments = parser.parse_args()
    measured = []
    for number in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            measured.append(measure(number, arguments.workers, Path(folder), arguments.seconds))
    table = pd.DataFrame(measured).set_index("rows")
    print(table.round(3).to_string())
    print("\ntimes the line before\n" + (table / table.shift()).iloc[1:].round(1).to_string())


if __name__ == "__main__":
    main()
