"""The page of a trial: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from experiments.trial.drawings import interval_svg, lines_svg
from experiments.trial.verdict import difference_text, marked, open_questions, remarks

STYLE = """
:root{--ink:#1c1e21;--soft:#5c6370;--page:#fff;--card:#f5f6f8;--line:#d9dce1}
@media (prefers-color-scheme:dark){:root{--ink:#e6e7ea;--soft:#a3a9b5;--page:#15171b;--card:#1f2228;--line:#3a3f49}}
@media print{:root{--ink:#000;--soft:#333;--page:#fff;--card:#fff;--line:#999}}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{line-height:1.2}.verdict{background:var(--card);padding:.8rem 1rem;border-radius:6px;font-size:1.15rem}
.scroll{overflow-x:auto}table{border-collapse:collapse}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
.soft,figcaption{color:var(--soft);font-size:.9rem}figure{display:inline-block;margin:.5rem 1rem .5rem 0;max-width:100%}
figure svg{width:340px;max-width:100%;height:auto;background:var(--card)}svg text{font-size:11px;fill:var(--soft)}
.key{display:inline-block;border:.4em solid;color:var(--ink)}
.band{fill:var(--line);opacity:.6}.zero{stroke:var(--soft)}.reach{stroke:#0b66c3;stroke-width:3}.point{fill:#0b66c3}
code,.verdict{overflow-wrap:anywhere}td{overflow-wrap:break-word}tr,figure{break-inside:avoid}h2,h3{break-after:avoid}
.title td{font-weight:600;padding-top:.8rem;border:0}.quartiles{display:block;color:var(--soft);font-size:.8rem}
@media print{body{font-size:9pt;padding:0;max-width:none}.scroll{overflow:visible}td,th{padding:.2rem .4rem}
.scroll svg{width:120px;height:auto}.scroll table{width:100%}figure{margin:.3rem .6rem .3rem 0}figure svg{width:300px}}
@media (max-width:600px){body{font-size:15px}td,th{padding:.3rem .25rem}
.tasks tr:first-child,.findings tr:first-child{display:none}
.tasks tr,.findings tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--line)}
.tasks td,.findings td{display:inline-block;border:0;padding:0 .5rem 0 0;vertical-align:middle}
.tasks td:nth-child(1){min-width:2.7rem}.tasks td:nth-child(2){min-width:5.5rem}
.tasks .title{border:0;padding-bottom:0}.findings td:nth-child(n+3){display:block}}
.wrong,.fails,.worse{color:#b3261e;font-weight:600}.better,.passes{color:#00734f}
"""


VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'


def render_page(verdict: Mapping[str, Any]) -> str:
    """The verdict first, then tasks, certificate, cost, curves, and open comparisons."""
    title = escape(verdict["title"])
    body = [
        f"<h1>Trial of {title}</h1>",
        f'<p class="verdict">{escape(verdict["summary"])}</p>',
        *tasks_section(verdict["tasks"], verdict["method"]),
        *open_section(verdict),
        *certificate_section(verdict["certificate"]),
        *cost_section(verdict["cost"]),
        *curves_section(verdict["tasks"]),
        f'<p class="soft">Command: <code>{escape(verdict["command"])}</code></p>',
    ]
    head = f'<meta charset="utf-8">{VIEWPORT}<title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{"".join(body)}\n</body></html>\n'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "numbers") -> str:
    """``rows`` of HTML below a ``head`` of text. A row of one cell is a title for the rows below it.

    On a telephone it scrolls sideways, but rows of ``tasks`` and ``findings`` become blocks.
    """
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(table_row(row, len(head)) for row in rows)
    return f'<div class="scroll"><table class="{kind}"><tr>{top}</tr>{body}</table></div>'


def table_row(cells: Sequence[str], width: int) -> str:
    if len(cells) == 1:
        return f'<tr class="title"><td colspan="{width}">{cells[0]}</td></tr>'
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def tasks_section(tasks: Sequence[Mapping[str, Any]], method: str) -> list[str]:
    if not tasks:
        return []
    rows: list[list[str]] = []
    for task in tasks:
        bounds = [row[key] for row in task["rows"] for key in ("low", "high", "difference")]
        reach = max([abs(bound) for bound in bounds if bound is not None] + [task["margin"] or 0.0, 1e-9]) * 1.1
        rows.append([escape(task["title"])])
        for row in task["rows"]:
            word = f'<span class="{row["kind"]}">{row["kind"]}</span>'
            picture = interval_svg(row, reach, task["margin"])
            numbers = escape(difference_text(row, task))
            rows.append([escape(marked(row)), word, picture, numbers, f"{row['seeds']} seeds"])
    head = ["against", "verdict", "interval", "difference", "seeds"]
    legend = "The band is the margin of equivalence; the line in the middle is no difference."
    note = f'<p class="soft">{escape(" ".join([method, legend, *remarks(tasks)]))}</p>'
    return ["<h2>Task by task</h2>", table(head, rows, "tasks"), note]


def open_section(verdict: Mapping[str, Any]) -> list[str]:
    lines = open_questions(verdict["tasks"])
    if not lines and not verdict["next"]:
        return []
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    after = f"<p>More tasks: <code>{escape(verdict['next'])}</code></p>" if verdict["next"] else ""
    return ["<h2>What is open</h2>", f"<ul>{items}</ul>" if items else "<p>No comparison is open.</p>", after]


def certificate_section(certificate: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    rows = [
        [escape(f["name"]), f'<span class="{f["grade"]}">{f["grade"]}</span>', escape(f["text"]), escape(f["shown_by"])]
        for findings in certificate.values()
        for f in findings
    ]
    return ["<h2>Certificate</h2>", table(["question", "grade", "finding", "shown by"], rows, "findings")]


def cost_section(cost: Mapping[str, Any] | None) -> list[str]:
    if not cost:
        return []
    rows = []
    for row in cost["times"]:
        if "error" in row:
            rows.append([row["mode"], escape(row["error"]), "", "", "", ""])
            continue
        ratios = [
            f'{middle:.2f} <span class="quartiles">{low:.2f} – {high:.2f}</span>'
            for middle, low, high in row["ratios"].values()
        ]
        rows.append([row["mode"], row["size"], row["part"], *ratios])
    kept = ", ".join(f"{'it' if name == 'own' else name} {value:g}" for name, value in cost["saved"].items())
    note = (
        "Processor time as a multiple of each, median and quartiles of interleaved rounds, one thread. "
        "Small: 4,096 elements; large: 1,048,576."
    )
    saved = f"Bytes an element kept for the backward pass in eager mode: {kept}."
    head = ["mode", "size", "part", "÷ ReLU", "÷ GELU", "÷ SiLU"]
    return ["<h2>Cost</h2>", table(head, rows), f'<p class="soft">{note} {escape(saved)}</p>']


def curves_section(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    parts = []
    for task in tasks:
        drawn = lines_svg(task["tuning"], "tuned value", f"{task['metric']} on held-out training data", True)
        drawn += lines_svg(task["curves"], "training", f"{task['metric']}, first counted seed", False)
        chosen = "; ".join(f"{name} {', '.join(f'{v:g}' for v in point)}" for name, point in task["chosen"].items())
        edges = (
            f" A best value still lies at the edge of the grid: {', '.join(task['edges'])}." if task["edges"] else ""
        )
        parts.append(
            f"<h3>{escape(task['title'])}</h3>{drawn}<p class='soft'>{escape(f'Chosen: {chosen}.{edges}')}</p>"
        )
    return ["<h2>Curves</h2>", *parts] if parts else []
