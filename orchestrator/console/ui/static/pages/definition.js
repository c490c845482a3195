// One version of a definition: its picture, its steps, how long they take, and
// what differs from another version.
import { html, useState } from "../lib.js";
import { address, href, set } from "../router.js";
import { get } from "../api.js";
import { useResource } from "../resource.js";
import { counts } from "../counts.js";
import { Card, Cli, Empty, Failed, Loading, Status, Way } from "../parts/parts.js";
import { Graph } from "../saga/graph.js";
import { saveMermaid, savePNG, saveSVG } from "../saga/save.js";
import { count, length, plural } from "../model/format.js";
import { diff } from "../model/diff.js";

const us = (n) => (n === undefined ? "–" : length(n / 1000));
const spread = (s) => (s ? html`<span class="num">${us(s.p50_us)}</span> <span class="muted num tiny">p90 ${us(s.p90_us)}, max ${us(s.max_us)}</span>` : "–");

function Durations({ name, version }) {
  const r = useResource((signal) => get(`/definitions/${name}/${version}/durations`, {}, signal), [name, version]);
  const d = r.data;
  if (r.error) return html`<${Failed} error=${r.error} retry=${r.reload} />`;
  if (!d) return html`<${Loading} what="Measuring" />`;
  if (!d.sagas) return html`<p class="alone muted">No saga of this version has ended yet.</p>`;
  return html`<div class="in stack"><div class="tiles"><div class="tile"><span class="small muted">start to end</span><b>${us(d.whole?.p50_us)}</b><span class="tiny muted num">p90 ${us(d.whole?.p90_us)}, max ${us(d.whole?.max_us)}</span></div>
      <div class="tile"><span class="small muted">inconsistent</span><b>${us(d.inconsistent?.p50_us)}</b><span class="tiny muted">first effect to end; <span class="num">p90 ${us(d.inconsistent?.p90_us)}, max ${us(d.inconsistent?.max_us)}</span></span></div>
      <div class="tile"><span class="small muted">turned back</span><b>${count(d.turned_back)}</b><span class="tiny muted">of the newest ${plural(d.sagas, "saga")} that ended</span></div></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Durations by step"><table><thead><tr><th>step</th><th class="right">attempts</th><th>queueing</th><th>work</th><th>request to answer recorded</th></tr></thead><tbody>
      ${d.steps.map((s) => html`<tr><td class="nowrap"><${Way} direction=${s.direction} /> ${s.step}</td><td class="right num">${count(s.attempts)}</td><td>${spread(s.queue)}</td><td>${spread(s.work)}</td><td>${spread(s.whole)}</td></tr>`)}</tbody></table></div></div>`;
}

const policy = (r) => (r.attempts === 1 ? "once" : `${r.attempts} attempts, ${length(r.base_ms)} doubling to ${length(r.max_ms)}`);

function Versions({ d, versions }) {
  const other = Number(address.value.query.get("against")) || 0;
  const r = useResource((signal) => get(`/definitions/${d.name}/${other}`, {}, signal), [d.name, other || null]);
  if (versions.length < 2) return null;
  const plain = ({ steps, participants }) => ({ steps: Object.fromEntries(steps.map((s) => [s.name, s])), participants });
  const changes = r.data && other ? diff(plain(r.data), plain(d)) : [];
  return html`<${Card} flush title="Against another version" tools=${html`<select aria-label="Other version" value=${other || ""} onChange=${(e) => set({ against: e.target.value })}><option value="">choose</option>${versions.filter((v) => v !== d.version).map((v) => html`<option value=${v}>version ${v}</option>`)}</select>`}>
    ${!other ? html`<p class="in muted small">Choose a version to see what is different in this one.</p>` : !r.data ? html`<${Loading} />` : changes.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Differences"><table class="changes"><thead><tr><th>where</th><th>version ${other}</th><th>version ${d.version}</th></tr></thead><tbody>${changes.map((c) => html`<tr class="c-${c.kind}"><td><code>${c.path}</code></td><td><code>${c.from === undefined ? "" : JSON.stringify(c.from)}</code></td><td><code>${c.to === undefined ? "" : JSON.stringify(c.to)}</code></td></tr>`)}</tbody></table></div>` : html`<p class="in muted small">Nothing differs.</p>`}<//>`;
}

export function DefinitionPage({ name, version }) {
  const page = useResource((signal) => Promise.all([get(`/definitions/${name}/${version}`, {}, signal), get(`/definitions/${name}/${version}/graph`, {}, signal), get("/definitions", {}, signal)]), [name, version]);
  const [picked, setPicked] = useState({ step: "", direction: "do" });
  if (page.error?.code === "not-found") return html`<section class="card"><${Empty} shape="unknown" title="No definition ${name}@${version}"><p>No saga of it has begun here.</p><a class="btn main" href=${href("/definitions")}>All definitions</a><//></section>`;
  if (page.error) return html`<${Failed} error=${page.error} retry=${page.reload} />`;
  if (!page.data) return html`<${Loading} />`;
  const [d, graph, { definitions }] = page.data;
  const versions = definitions.filter((x) => x.name === name).map((x) => x.version).sort((a, b) => b - a);
  const running = counts.value?.definitions?.find((x) => x.definition === name && x.version === version)?.statuses ?? {};
  return html`<div class="tight"><nav class="small" aria-label="Where"><a href=${href("/definitions")}>Definitions</a> <span class="muted">/</span></nav>
      <div class="spread"><h1>${name}@${version}</h1><div class="row">${versions.map((v) => html`<a key=${v} class="btn low ${v === version ? "on" : ""}" aria-current=${v === version ? "page" : undefined} href=${href(`/definitions/${name}/${v}`)}>version ${v}</a>`)}</div></div>
      <p class="row small">${Object.entries(running).map(([s, n]) => html`<a class="row nowrap" href=${href("/", { definition: name, version, status: s })}><${Status} status=${s} /><span class="num">${count(n)}</span></a>`)}</p></div>
    <${Card} flush title="Plan" tools=${html`<button type="button" class="btn low" onClick=${() => saveSVG({ graph }, `${name}-${version}`)}>SVG</button><button type="button" class="btn low" onClick=${() => savePNG({ graph }, `${name}-${version}`)}>PNG</button><button type="button" class="btn low" onClick=${() => saveMermaid(name, version)}>Mermaid</button>`}>
      <${Graph} graph=${graph} selected=${picked} onSelect=${(s) => setPicked({ step: s.step ?? "", direction: s.direction ?? "do" })} /><//>
    <${Card} flush title="Steps"><div class="scroll" tabindex="0" role="region" aria-label="Steps"><table><thead><tr><th>step</th><th>after</th><th>done by</th><th>time-out</th><th>tried</th><th>undone by</th><th>tried</th></tr></thead><tbody>
      ${d.steps.map((s) => html`<tr class=${s.name === picked.step ? "at" : ""}><td><b>${s.name}</b> ${s.pivot && html`<span class="tag">pivot</span>`}</td><td>${s.after.join(", ") || html`<span class="muted">start</span>`}</td><td>${s.participant}.${s.action}</td><td class="num">${length(s.timeout_ms)}</td><td class="small">${policy(s.retry)}${s.on_timeout ? `; on time-out: ${s.on_timeout}` : ""}</td>
        <td>${s.compensation ? `${s.compensation.participant}.${s.compensation.action}` : html`<span class="muted">${s.nothing_to_undo ? "nothing to undo" : "no way back"}</span>`}</td><td class="small">${s.compensation ? policy(s.compensation.retry) : ""}</td></tr>`)}</tbody></table></div><//>
    <${Card} flush title="How long it takes"><${Durations} name=${name} version=${version} /><//>
    <${Versions} d=${d} versions=${versions} />
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command="amends definitions ${name}@${version}" /></div>`;
}
