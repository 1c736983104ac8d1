"""``diffpose-nb study``: a table of X-rays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .errors import NOT_FOUND, WRONG_INPUT, WrongInput, wrong_input


def study(
    table: Annotated[Path, typer.Argument(help="A CSV file with a row for each X-ray; ct and xray are its columns.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the results.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of processes, of all jobs together.")] = None,
    cluster: Annotated[Path | None, typer.Option(help="YAML file of dask-jobqueue: slurm, pbs or sge.")] = None,
    job_script: Annotated[bool, typer.Option("--job-script", help="Print the script of a job, and stop.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Register again the rows that failed.")] = False,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Allow absolute paths, and paths out of the table's folder.")
    ] = False,
) -> None:
    """Register every X-ray of a table. Run again with the same folder, it goes on where it stopped.

    The folder gets results.csv, results.parquet and summary.html. The exit status is 3 if a row failed.
    """
    from ..study.table.page import by_group
    from ..study.table.results import PAGE
    from ..study.table.rows import TableError
    from ..study.table.running import FolderInUseError, register_table
    from ..study.table.workers import ClusterError
    from ..study.table.workers import job_script as script_of

    if job_script:
        if cluster is None:
            raise WrongInput("--job-script prints the script of a cluster's job: name its file with --cluster")
        with wrong_input():
            print(script_of(cluster))
        return
    if output is None:
        raise WrongInput("the folder for the results is missing: name it with -o")
    try:
        results = register_table(table, output, workers=workers, cluster=cluster, retry=retry, anywhere=anywhere)
    except TableError as error:
        print(f"diffpose-nb: {error}", file=sys.stderr)  # a line for each bad row
        raise typer.Exit(WRONG_INPUT) from None
    except (ClusterError, FolderInUseError, OSError) as error:
        raise WrongInput(str(error)) from error
    except KeyboardInterrupt:
        print(f"\nstopped; the rows that are done are in {output}. Run the same command again to go on")
        raise typer.Abort from None
    print(by_group(results)[["number", "found", "doubtful", "lost", "failed", "mtre", "seconds"]].to_string())
    print(output / PAGE)
    if results["error"].notna().any():
        raise typer.Exit(NOT_FOUND)
