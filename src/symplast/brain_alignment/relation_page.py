"""The page of a relation: tables and scatter plots in one HTML file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from symplast.brain_alignment.pictures import relation_scatter
from symplast.lab.theme import render
from symplast.lab.whole_files import write_whole

if TYPE_CHECKING:
    from symplast.brain_alignment.relating import RelateResult

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Scores and rates over models</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem}
.wide{overflow-x:auto}table{border-collapse:collapse;white-space:nowrap}td,th{padding:.25rem .6rem;text-align:right}
th{border-bottom:1px solid #8888}td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}
figure{display:inline-block;margin:.5rem;max-width:100%}
@media(prefers-color-scheme:dark){body{background:#14171c;color:#ddd}}</style></head><body>
<h1>Scores and rates over {{ models|length }} models</h1>
{% for note in notes %}<p><strong>Note:</strong> {{ note }}.</p>{% endfor %}
<div class="wide"><table><tr><th>pair</th>{% for name in heads %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table></div>
<p>Intervals at 95 %. With a dozen models a bootstrap interval that leaves out 0 is not a 5 % test; the adjusted p
values count all pairs of this table.</p>
{% if more %}<ul>{% for name, told in more %}<li>{{ name }}: {{ told }}</li>{% endfor %}</ul>{% endif %}
{% if differences %}<h2>Do two scores differ in their correlation?</h2><div class="wide"><table>
<tr><th>scores</th><th>rate</th><th>r of the scores</th><th>z</th><th>p</th></tr>
{% for d in differences %}<tr><td>{{ d.x1 }} or {{ d.x2 }}</td><td>{{ d.y }}</td><td>{{ "%.3f"|format(d.r12) }}</td>
<td>{{ "%.2f"|format(d.z) }}</td><td>{{ "%.3g"|format(d.p_value) }}</td></tr>{% endfor %}</table></div>{% endif %}
{% for picture in pictures %}<figure>{{ picture|safe }}</figure>{% endfor %}</body></html>
"""

HEADS = ("r", "p", "Fisher", "BCa", "Spearman", "permutation p", "leave one out", "BH p", "max-r p", "models for 80 %")
MOST_PICTURES = 12


def write_page(result: "RelateResult", path: Path) -> Path:
    """Write the page.

    Raises:
        ValueError: a name that does not end in .html.
    """
    if path.suffix != ".html":
        raise ValueError(f"path must end in .html, got {path}")
    pictures = []
    for (a, b), (x, y) in list(result.points.items())[:MOST_PICTURES]:
        svg = render(relation_scatter(x, y, list(result.models), a, b)).decode()
        pictures.append(svg[svg.index("<svg") :])
    environment = jinja2.Environment(autoescape=True)
    page = environment.from_string(PAGE).render(
        models=result.models, notes=result.notes, heads=HEADS, rows=[_row(pair) for pair in result.pairs],
        differences=result.differences, pictures=pictures,
        more=[(f"{pair.x}, {pair.y}", "; ".join(pair.more)) for pair in result.pairs if pair.more],
    )  # fmt: skip
    write_whole(path, page)
    return path


def _row(pair: Any) -> list[str]:
    if pair.reason:
        return [f"{pair.x}, {pair.y}", pair.reason]
    left = pair.leave_one_out
    return [
        f"{pair.x}, {pair.y}", f"{pair.r:.3f}", f"{pair.p_value:.3g}", _interval(pair.fisher), _interval(pair.bca),
        f"{pair.spearman:.3f}", f"{pair.permutation:.3g}", f"{min(left):.3f} to {max(left):.3f}",
        f"{pair.benjamini_hochberg:.3g}", f"{pair.max_r:.3g}", f"{pair.models_for_power:.0f}",
    ]  # fmt: skip


def _interval(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:.3f}, {ends[1]:.3f}]"
