"""The summary of a study, by group, as one HTML page that loads nothing from the web."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import jinja2
import pandas as pd

from ...evaluate import SUCCESS, success_rate
from ...runtime import style, write_text_whole
from .results import CSV, PAGE, PARQUET

KINDS = ("found", "doubtful", "lost", "failed")
"""What becomes of an X-ray: a judgement, or an error."""
_LISTED = 200
"""At most so many rows are listed one by one; all of them are in the tables."""
_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Study: {{ done }} of {{ total }} X-rays</title>
{{ style }}
</head>
<body>
<h1>{{ done }} of {{ total }} X-rays registered</h1>
<p>{{ patients }} patients, {{ groups | length }} groups. Every row is in <a href="{{ csv }}">{{ csv }}</a> and
<a href="{{ parquet }}">{{ parquet }}</a>. diffpose_nb {{ version }}. Not for clinical use.</p>
{% if done < total %}<p>The study has not ended. Run it again with the same folder, and it goes on from here.</p>
{% endif %}
<h2>By group</h2>
<table>
<tr><th>group</th><th>X-rays</th><th>patients</th><th></th>
{% for kind in kinds %}<th>{{ kind }}</th>{% endfor %}
{% if truth %}<th>truth known</th><th>median mTRE at the start, mm</th><th>median mTRE, mm</th>
<th>under {{ limit }} mm</th>{% endif %}
<th>median time, s</th></tr>
{% for group in groups %}
<tr><td class="text">{{ group.name }}</td><td>{{ group.number }}</td><td>{{ group.patients }}</td>
<td><div class="bar">
{% for kind in kinds %}<div class="{{ kind }}" style="flex: {{ group[kind] }}" title="{{ kind }}"></div>{% endfor %}
</div></td>
{% for kind in kinds %}<td>{{ group[kind] }}</td>{% endfor %}
{% if truth %}<td>{{ group.known }}</td><td>{{ group.start }}</td><td>{{ group.mtre }}</td>
<td>{{ group.success }}</td>{% endif %}
<td>{{ group.seconds }}</td></tr>
{% endfor %}
</table>
<p>Found: the pose can be trusted. Doubtful: look at it. Lost: it is wrong, or nothing speaks for it. Failed: the X-ray
or the CT could not be used, and the error says why.
{% if truth %}The share under {{ limit }} mm is of all X-rays whose truth is known; in brackets its 95 % interval
(Wilson).{% endif %}
Times are those of the registrations; reading the CTs took {{ reading }} s in all.</p>
{% for kind, rows in listed %}
<h2>{{ kind | capitalize }}</h2>
<table>
<tr><th>line</th><th class="text">patient</th><th class="text">X-ray</th><th class="text">why</th></tr>
{% for row in rows %}
<tr><td>{{ row.line }}</td><td class="text">{{ row.patient }}</td><td class="text">{{ row.xray }}</td>
<td class="text">{{ row.why }}</td></tr>
{% endfor %}
</table>
{% if counts[kind] > rows | length %}<p>And {{ counts[kind] - rows | length }} more, in the tables.</p>{% endif %}
{% endfor %}
</body>
</html>
"""


def by_group(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each group, in the order in which they appear: counts, and medians where they are known.

    Returns
    -------
    DataFrame
        The index is the group. ``number`` of X-rays and ``patients``; the counts ``found``, ``doubtful``, ``lost`` and
        ``failed``; ``known``: how many have a truth; ``start_mtre`` and ``mtre``, medians in mm; ``success``, ``low``
        and ``high``: the share with an mTRE under 1 mm and Wilson's interval; ``seconds``, the median time. A failed
        X-ray has no mTRE, and is not counted in ``known``.
    """
    rows = {}
    for name, some in results.groupby("group", sort=False):
        counts = some["judgement"].fillna("failed").value_counts()
        known = some["mtre"].dropna()
        share = success_rate(known, method="wilson") if len(known) else (float("nan"),) * 3
        rows[name] = {
            "number": len(some),
            "patients": some["patient"].nunique(),
            **{kind: int(counts.get(kind, 0)) for kind in KINDS},
            "known": len(known),
            "start_mtre": some["start_mtre"].median(),
            "mtre": known.median(),
            **dict(zip(("success", "low", "high"), share, strict=True)),
            "seconds": some.loc[some["judgement"].notna(), "seconds"].median(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def write_page(folder: Path, results: pd.DataFrame, total: int) -> None:
    """Write the page of the rows that are done, of ``total``."""
    kind = results["judgement"].fillna("failed")
    listed = []
    for name in reversed(KINDS[1:]):
        some = results[kind == name].head(_LISTED)
        why = some["error" if name == "failed" else "reasons"]
        if len(some):
            listed.append((name, some.assign(why=why).to_dict("records")))
    page = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(_TEMPLATE)
    text = page.render(
        style=jinja2.utils.markupsafe.Markup(style("diffpose_nb.study", "study.css")),
        done=len(results),
        total=total,
        patients=results["patient"].nunique(),
        groups=[_shown(name, row) for name, row in by_group(results).iterrows()],
        kinds=KINDS,
        truth=bool(results["mtre"].notna().any()),
        limit=f"{SUCCESS:g}",
        reading=f"{results['seconds_ct'].sum():.0f}",
        listed=listed,
        counts=kind.value_counts().to_dict(),
        csv=CSV,
        parquet=PARQUET,
        version=version("diffpose-nb"),
    )
    write_text_whole(folder / PAGE, text)


def _shown(name: str, row: pd.Series) -> dict[str, object]:
    """The cells of a group as they are printed."""
    known = row.known > 0
    cells = {kind: int(row[kind]) for kind in ("number", "patients", "known", *KINDS)}
    return cells | {
        "name": name,
        "start": f"{row.start_mtre:.1f}" if known else "–",
        "mtre": f"{row.mtre:.2f}" if known else "–",
        "success": f"{row.success:.0%} ({row.low:.0%} to {row.high:.0%})" if known else "–",
        "seconds": f"{row.seconds:.1f}" if pd.notna(row.seconds) else "–",
    }
