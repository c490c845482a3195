// What sagas can be: definitions, their versions, and how many run on each.
import { html } from "../lib.js";
import { href } from "../router.js";
import { get } from "../api.js";
import { useEvery, useResource } from "../resource.js";
import { count as recount, counts } from "../counts.js";
import { Card, Cli, Empty, Failed, Loading, Status } from "../parts/parts.js";
import { Graph } from "../saga/graph.js";
import { count, plural } from "../model/format.js";

const order = ["running", "compensating", "stuck", "completed", "compensated"];

/** heat is how much of a definition's sagas have that status, in five shades, by words too. */
export function heat(n, total) {
  if (!n) return 0;
  const part = n / total;
  return part > 0.5 ? 4 : part > 0.2 ? 3 : part > 0.05 ? 2 : 1;
}

/** Heat is the table of definitions by status: where something piles up is seen at once. */
function Heat({ rows }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Definitions by status"><table class="heat"><thead><tr><th>definition</th>${order.map((s) => html`<th class="right"><${Status} status=${s} /></th>`)}<th class="right">in all</th></tr></thead>
    <tbody>${rows.map((d) => {
      const total = Object.values(d.statuses).reduce((a, b) => a + b, 0);
      return html`<tr key=${d.definition + d.version}><td><a href=${href(`/definitions/${d.definition}/${d.version}`)}>${d.definition}@${d.version}</a></td>${order.map((s) => html`<td class="right num s-${s} h-${heat(d.statuses[s] ?? 0, total)}"><a href=${href("/", { definition: d.definition, version: d.version, status: s })}>${count(d.statuses[s] ?? 0)}</a></td>`)}<td class="right num">${count(total)}</td></tr>`;
    })}</tbody></table></div><p class="in small muted">The shade says which part of a definition's sagas are there: up to 5 %, up to 20 %, up to 50 %, more.</p>`;
}

function Picture({ d }) {
  const graph = useResource((signal) => get(`/definitions/${d.name}/${d.version}/graph`, {}, signal), [d.name, d.version]);
  return graph.data ? html`<${Graph} graph=${graph.data} least=${0.45} />` : html`<p class="alone muted small">${graph.error ? graph.error.message : "drawing…"}</p>`;
}

export function DefinitionsPage() {
  const page = useResource((signal) => get("/definitions", {}, signal), []);
  useEvery(5000, recount);
  const all = page.data?.definitions ?? [];
  const by = new Map();
  for (const d of all) by.set(d.name, [...(by.get(d.name) ?? []), d]);
  const rows = counts.value?.definitions ?? [];
  return html`<h1>Definitions</h1><${Failed} error=${page.error} retry=${page.reload} />
    ${!page.data && !page.error && html`<${Loading} />`}
    ${page.data && !all.length && html`<section class="card"><${Empty} title="No definition is registered yet"><p>A definition is registered when the first saga of it begins.</p><${Cli} command="amends start place-order order.json" /><//></section>`}
    ${rows.length > 0 && html`<${Card} flush title="Sagas by definition and status"><${Heat} rows=${rows} /><//>`}
    <div class="cards">${[...by].map(([name, versions]) => {
      const newest = versions.reduce((a, b) => (a.version > b.version ? a : b));
      return html`<${Card} key=${name} flush title=${html`<a href=${href(`/definitions/${name}/${newest.version}`)}>${name}</a>`} tools=${html`${[...versions].sort((a, b) => b.version - a.version).slice(0, 8).map((v) => html`<a class="btn low" href=${href(`/definitions/${name}/${v.version}`)}>version ${v.version}</a>`)}`}>
        <${Picture} d=${newest} /><p class="in small muted">${plural(newest.steps.length, "step")}, ${plural(newest.participants.length, "participant")}: ${newest.participants.join(", ")}</p><//>`;
    })}</div>`;
}
