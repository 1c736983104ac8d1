"""``python -m diffpose_nb.labs make`` writes what students and teachers get, ``… sheet`` each student's answers."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from diffpose_nb.labs import sheet


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.labs", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    making = commands.add_parser("make", help="student release, instructor version and archives of a course")
    making.add_argument("--course", type=Path, default=Path("labs"), help="the course's folder (default: labs)")
    listing = commands.add_parser("sheet", help="each student's numbers and answers, as CSV")
    listing.add_argument("names", nargs="*", help="user names")
    for each in (making, listing):
        each.add_argument("--roster", type=Path, help="a CSV file of user names (default: roster.csv of the course)")
    chosen = parser.parse_args(arguments)
    if chosen.command == "sheet":
        names = [*chosen.names, *(sheet.read_roster(chosen.roster) if chosen.roster else [])]
        writer = csv.writer(sys.stdout)
        writer.writerow(sheet.COLUMNS)
        writer.writerows(sheet.rows(names or sheet.MADE_UP))
        return
    roster = chosen.roster or chosen.course / "roster.csv"
    if chosen.roster is None and not roster.exists():
        print(f"{roster} is not there: the sheet of answers is for {', '.join(sheet.MADE_UP)}, as an example.")
    names = sheet.read_roster(roster) if roster.exists() or chosen.roster else []
    try:
        from diffpose_nb.labs.making import make

        written = make(chosen.course, names)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "nbgrader":
            raise
        sys.exit("nbgrader is missing: pip install -c constraints.txt '.[labs]'")
    for path in written:
        print(path)


if __name__ == "__main__":
    main()
