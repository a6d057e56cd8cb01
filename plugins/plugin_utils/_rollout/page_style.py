# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a report's page looks, and the script that filters and sorts its tables. Nothing else of the page depends on the script."""

from __future__ import annotations

LIGHT = """
--page: #f4f6f8; --card: #ffffff; --head: #eef1f5; --line: #c9d1da; --edge: #6b7785; --text: #1b2430; --soft: #4d5967; --link: #0b5cad;
--ok: #1a7548; --warn: #8a5d00; --gap: #a84a00; --bad: #b3261e; --unsure: #566170; --on: #ffffff;
"""

DARK = """
--page: #0f141a; --card: #171e27; --head: #1f2834; --line: #364352; --edge: #8694a4; --text: #e7ecf2; --soft: #a9b5c2; --link: #7ab8ff;
--ok: #5cc98f; --warn: #e3b341; --gap: #f2995c; --bad: #ff8f86; --unsure: #a3afbd; --on: #0f141a;
"""

STYLE = (
    f"""
:root {{ color-scheme: light dark; {LIGHT}}}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {DARK}}} }}
"""
    + """
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; }
main, header, footer { max-width: 84rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2rem; }
footer { padding-top: .5rem; padding-bottom: 2.5rem; color: var(--soft); font-size: .87rem; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 .6rem; font-size: 1.2rem; }
p { margin: .3rem 0; }
a { color: var(--link); }
.kind { color: var(--soft); font-weight: 600; margin: 0 0 .2rem; }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 1.6rem; margin: .6rem 0 0; padding: 0; list-style: none; color: var(--soft); }
.facts b { color: var(--text); font-weight: 600; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 1rem 0 0; padding: 0; list-style: none; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem; margin: 1.1rem 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .9rem; margin: 1.3rem 0 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem; border-top: 4px solid var(--edge); }
.tiles strong { display: block; font-size: 1.7rem; line-height: 1.25; }
.tiles .label { font-weight: 600; }
.tiles .more { display: block; color: var(--soft); font-size: .87rem; }
.tiles .ok { border-top-color: var(--ok); }
.tiles .warn { border-top-color: var(--warn); }
.tiles .bad { border-top-color: var(--bad); }
.attention { border-left: 6px solid var(--bad); }
.attention.none { border-left-color: var(--ok); }
.attention ul { margin: 0; padding-left: 1.2rem; }
.attention li { overflow-wrap: anywhere; }
.note { color: var(--soft); }
svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; fill: var(--text); }
svg .big { font-size: 15px; font-weight: 700; }
svg .soft { fill: var(--soft); }
svg .on { fill: var(--on); font-weight: 700; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .curve { stroke: var(--ok); stroke-width: 2.5; fill: none; }
svg .dot { fill: var(--ok); stroke: var(--card); stroke-width: 1.5; }
.f-protected { fill: var(--ok); } .f-enrolled_only { fill: var(--warn); } .f-required_only { fill: var(--gap); }
.f-unprotected { fill: var(--bad); } .f-unknown { fill: var(--unsure); } .f-none { fill: var(--head); }
svg.key { display: inline-block; width: .8em; height: .8em; margin-right: .5em; vertical-align: -.05em; }
.scroll { overflow: auto; border: 1px solid var(--line); border-radius: 6px; contain: content; }
.scroll.long { max-height: 36rem; }
.scroll:focus-visible, a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; color: var(--soft); padding: .5rem .7rem; }
th, td { text-align: left; vertical-align: top; padding: .42rem .7rem; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 600; min-width: 9rem; max-width: 22rem; overflow-wrap: anywhere; }
td { max-width: 30rem; }
thead th { position: sticky; top: 0; background: var(--head); box-shadow: inset 0 -1px var(--edge); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead .n { white-space: normal; }
#postures tbody th { white-space: nowrap; }
.sum > * { font-weight: 700; background: var(--head); }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; color: var(--soft); overflow-wrap: anywhere; }
td > code { display: block; min-width: 9.5rem; font-size: .85em; }
time { white-space: nowrap; }
td.ok, td.warn, td.gap, td.bad, span.ok, span.bad { font-weight: 600; }
td.ok, span.ok { color: var(--ok); }
td.warn { color: var(--warn); }
td.gap { color: var(--gap); }
td.bad, span.bad { color: var(--bad); }
.controls { display: flex; flex-wrap: wrap; align-items: end; gap: .7rem 1rem; margin: 0 0 .8rem; }
.controls[hidden] { display: none; }
.controls label { display: grid; gap: .15rem; font-weight: 600; font-size: .87rem; }
.controls input, .controls select { font: inherit; min-height: 2.2rem; padding: .2rem .5rem; color: var(--text); background: var(--card);
  border: 1px solid var(--edge); border-radius: 6px; }
.controls input { min-width: 16rem; }
.controls button { font: inherit; min-height: 2.2rem; padding: .2rem .8rem; color: var(--link); background: var(--card); border: 1px solid var(--edge);
  border-radius: 6px; cursor: pointer; }
.controls output { padding-bottom: .4rem; color: var(--soft); }
thead button { all: unset; cursor: pointer; font-weight: 600; display: inline-flex; gap: .35em; }
thead button:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
thead button::after { content: "\\2195"; color: var(--soft); }
[aria-sort="ascending"] button::after { content: "\\25b2"; }
[aria-sort="descending"] button::after { content: "\\25bc"; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  html { font-size: 9pt; }
  body { background: none; font-size: 1rem; }
  main, header, footer { max-width: none; padding: 0; }
  header { padding-top: 0; }
  nav, .controls, .skip, thead button::after { display: none; }
  section { border: 0; border-top: 1px solid var(--edge); border-radius: 0; padding: .6rem 0; margin: .6rem 0; }
  .tiles { grid-template-columns: repeat(6, 1fr); gap: .6rem; }
  .tiles li { break-inside: avoid; }
  .tiles strong { font-size: 1.4rem; }
  section.attention { padding-left: 1rem; }
  .scroll, .scroll.long { max-height: none; overflow: visible; border: 0; contain: none; }
  /* With a button in it Chromium repeats no head on the next page. */
  thead button { display: contents; }
  thead { display: table-header-group; break-inside: avoid; }
  thead th { position: static; box-shadow: none; border-bottom: 1px solid var(--edge); }
  tr, svg { break-inside: avoid; }
  h2, caption { break-after: avoid; }
  tr[hidden] { display: table-row; }
}
"""
)

SCRIPT = """
(() => {
  "use strict";
  // More rows at once make a browser slow. All of them are there without the script, and on paper.
  const MOST = 500;
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" });
  const key = (cell) => (cell.dataset.k === undefined ? cell.textContent : cell.dataset.k);
  const filters = new Map();
  const filterable = (form) => {
    const table = document.getElementById(form.dataset.table);
    const rows = [...table.tBodies[0].rows];
    const facts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const words = form.querySelector("input");
    const selects = [...form.querySelectorAll("select")];
    const told = form.querySelector("output");
    const more = form.querySelector("button");
    let most = MOST;
    const fits = (row, wanted) =>
      facts.get(row).includes(wanted) &&
      selects.every((select) => !select.value || row.cells[Number(select.dataset.column)].textContent === select.value);
    const apply = () => {
      const wanted = words.value.toLowerCase().trim();
      let found = 0;
      for (const row of table.tBodies[0].rows) {
        const shown = fits(row, wanted) && ++found <= most;
        if (row.hidden === shown) { row.hidden = !shown; }
      }
      told.textContent = `${Math.min(found, most)} of ${rows.length} shown` + (found > most ? `, ${found} found` : "");
      more.hidden = found <= most;
    };
    more.addEventListener("click", () => { most = Infinity; words.focus(); apply(); });
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    filters.set(table, apply);
    apply();
  };
  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => [key(row.cells[column]), row]);
        keyed.sort((one, other) => (down ? -1 : 1) * collator.compare(one[0], other[0]));
        // All rows go at once: each that leaves a long table alone takes a browser milliseconds.
        body.textContent = "";
        const sorted = document.createDocumentFragment();
        keyed.forEach((each) => sorted.append(each[1]));
        body.append(sorted);
        filters.get(table)?.();
      });
    });
  };
  document.querySelectorAll("form.controls").forEach(filterable);
  document.querySelectorAll("table.sortable").forEach(sortable);
})();
"""
