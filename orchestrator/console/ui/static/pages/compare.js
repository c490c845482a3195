// Two sagas of one definition side by side, and where they part.
import { html } from "../lib.js";
import { address, go, href, set } from "../router.js";
import { get } from "../api.js";
import { useResource } from "../resource.js";
import { Card, Empty, Failed, Loading, Outcome, Status, Tabs, Way } from "../parts/parts.js";
import { icon } from "../parts/icons.js";
import { Graph } from "../saga/graph.js";
import { compare } from "../model/critical.js";
import { progress } from "../model/trace.js";
import { length, time } from "../model/format.js";

const took = (t) => (t.ended ? length(time(t.ended) - time(t.started)) : "not over");

function Ask({ a, b }) {
  const send = (e) => {
    e.preventDefault();
    const f = new FormData(e.target);
    go(href("/compare", { a: String(f.get("a")).trim(), b: String(f.get("b")).trim() }));
  };
  return html`<form class="row fields" onSubmit=${send}><label class="field"><span>one saga</span><input name="a" required pattern="[A-Za-z0-9_\\-]{1,64}" value=${a} /></label><label class="field"><span>another</span><input name="b" required pattern="[A-Za-z0-9_\\-]{1,64}" value=${b} /></label><button class="btn main">Compare</button></form>`;
}

const Outcomes = ({ text }) => (text ? html`<span class="row">${text.split(", ").slice(0, 8).map((o) => html`<${Outcome} outcome=${o} />`)}${text.split(", ").length > 8 && html`<span class="muted small">and more</span>`}</span>` : html`<span class="muted">not requested</span>`);

function Result({ a, b, graph }) {
  const { rows, first } = compare(graph, a, b);
  const one = (t) => html`<${Card} flush title=${html`<a class="mono" href=${href(`/sagas/${t.id}`)}>${t.id}</a> <${Status} status=${t.status} />`} tools=${html`<span class="small muted num">${took(t)}</span>`}><${Graph} graph=${graph} progress=${progress(t)} status=${t.status} turned=${t.turned} least=${0.4}
    selected=${first && { step: first.step, direction: first.direction }} onSelect=${open(t)} /><//>`;
  const both = address.value.query.get("view") === "both";
  const differs = new Set(rows.filter((r) => !r.same).map((r) => r.id));
  const open = (t) => (s) => s.step && go(href(`/sagas/${t.id}`, { step: s.step, dir: s.direction === "undo" ? "undo" : "" }));
  const over = () => html`<${Card} flush title=${html`<span class="row"><a class="mono" href=${href(`/sagas/${a.id}`)}>${a.id}</a> <${Status} status=${a.status} /> <span class="muted">and</span> <a class="mono" href=${href(`/sagas/${b.id}`)}>${b.id}</a> <${Status} status=${b.status} /></span>`}>
      <${Graph} graph=${graph} progress=${progress(a)} status=${a.status} second=${{ progress: progress(b), status: b.status, differs }} least=${0.4} selected=${first && { step: first.step, direction: first.direction }} onSelect=${open(b)} />
      <p class="in small muted">In each step the mark at the left is of ${a.id}, ${took(a)}; the one at the right of ${b.id}, ${took(b)}. A broad outline is where they differ, a dashed line is where only one of them went.</p><//>`;
  return html`${first ? html`<div class="banner s-compensating">${icon("info", 18)}<div><strong>They part at <${Way} direction=${first.direction} /> ${first.step}.</strong> <span class="small">${first.a || "not requested"} in ${a.id}, ${first.b || "not requested"} in ${b.id}</span></div></div>` : html`<div class="banner s-completed">${icon("completed", 18)}<div>The same attempts with the same outcomes in both.</div></div>`}
    <div class="row"><${Tabs} label="Graphs" value=${both ? "both" : ""} options=${[["", "one over the other"], ["both", "side by side"]]} onChange=${(v) => set({ view: v })} /></div>
    ${both ? html`<div class="cards">${one(a)}${one(b)}</div>` : over()}
    <${Card} flush title="Step by step"><div class="scroll" tabindex="0" role="region" aria-label="Step by step"><table><thead><tr><th>step</th><th>${a.id}</th><th>${b.id}</th></tr></thead><tbody>${rows.slice(0, 300).map((r) => html`<tr class=${r === first ? "at" : ""}><td class="nowrap"><${Way} direction=${r.direction} /> ${r.step} ${!r.same && html`<span class="chip o-waiting">differs</span>`}</td><td><${Outcomes} text=${r.a} /></td><td><${Outcomes} text=${r.b} /></td></tr>`)}</tbody></table></div><//>`;
}

export function ComparePage() {
  const a = address.value.query.get("a") ?? "", b = address.value.query.get("b") ?? "";
  const page = useResource(async (signal) => {
    const [x, y] = await Promise.all([a, b].map((id) => get(`/sagas/${id}/steps`, {}, signal)));
    if (x.definition !== y.definition || x.version !== y.version) return { x, y };
    return { x, y, graph: await get(`/definitions/${x.definition}/${x.version}/graph`, {}, signal) };
  }, [a || null, b || null]);
  return html`<div class="tight"><nav class="small" aria-label="Where"><a href=${href("/")}>Sagas</a> <span class="muted">/</span></nav><div class="spread"><h1>Compare</h1><${Ask} a=${a} b=${b} /></div></div>
    <${Failed} error=${page.error} />
    ${!a || !b ? html`<section class="card"><${Empty} title="Two sagas of one definition"><p>Say the ids of two: one that went well and one that did not show where the way parts.</p><//></section>`
      : page.data ? (page.data.graph ? html`<${Result} a=${page.data.x} b=${page.data.y} graph=${page.data.graph} />` : html`<section class="card"><${Empty} shape="unknown" title="They are of different definitions"><p>${page.data.x.definition}@${page.data.x.version} and ${page.data.y.definition}@${page.data.y.version} have no common plan to compare them on.</p><//></section>`)
      : !page.error && html`<${Loading} />`}`;
}
