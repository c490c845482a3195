// What sagas can be: definitions, their versions, and how many run on each.
import { html } from "../lib.js";
import { href } from "../router.js";
import { get } from "../api.js";
import { useEvery, useResource } from "../resource.js";
import { count as recount, counts } from "../counts.js";
import { Card, Cli, Empty, Failed, Loading } from "../parts/parts.js";
import { Heat } from "../parts/heat.js";
import { Graph } from "../saga/graph.js";
import { plural } from "../model/format.js";

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
    ${rows.length > 0 && html`<${Heat} rows=${rows} />`}
    <div class="cards">${[...by].map(([name, versions]) => {
      const newest = versions.reduce((a, b) => (a.version > b.version ? a : b));
      return html`<${Card} key=${name} flush title=${html`<a href=${href(`/definitions/${name}/${newest.version}`)}>${name}</a>`} tools=${html`${[...versions].sort((a, b) => b.version - a.version).slice(0, 8).map((v) => html`<a class="btn low" href=${href(`/definitions/${name}/${v.version}`)}>version ${v.version}</a>`)}`}>
        <${Picture} d=${newest} /><p class="in small muted">${plural(newest.steps.length, "step")}, ${plural(newest.participants.length, "participant")}: ${newest.participants.join(", ")}</p><//>`;
    })}</div>`;
}
