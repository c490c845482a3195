// Who does the work: how far each is, who serves, and for which step nobody does.
import { html } from "../lib.js";
import { href } from "../router.js";
import { get } from "../api.js";
import { useEvery, useNow, useResource } from "../resource.js";
import { Card, Cli, Empty, Failed, Loading, Way } from "../parts/parts.js";
import { icon } from "../parts/icons.js";
import { ago, count, length, plural, time } from "../model/format.js";

/** needed says which steps each participant is for. */
export function needed(definitions) {
  const by = new Map();
  const add = (name, what) => by.set(name, [...(by.get(name) ?? []), what]);
  for (const d of definitions) {
    for (const s of d.steps) {
      add(s.participant, { definition: d.name, version: d.version, text: s.name });
      if (s.compensation) add(s.compensation.participant, { definition: d.name, version: d.version, text: `undo ${s.name}` });
    }
  }
  return by;
}

/** silent says that nobody serves: nobody asks for commands, and none is being worked on. */
export const silent = (p) => p.waiting === 0 && p.unanswered === 0;

function Health({ p }) {
  if (!p || silent(p)) return html`<span class="chip s-stuck">${icon("stuck")}nobody listens</span>`;
  if (p.missing > 0) return html`<span class="chip s-stuck">${icon("unknown")}${plural(p.missing, "consumer")} missing</span>`;
  if (p.redelivered > 0) return html`<span class="chip o-waiting">${icon("waiting")}redelivering</span>`;
  return html`<span class="chip s-completed">${icon("completed")}listens</span>`;
}

const done = ["received", "done", "refused", "failed", "undone"];

function Instances({ list, now }) {
  if (!list?.length) return html`<p class="muted small">No instance answers discovery: one that does not use the SDK stays unseen here, and may serve all the same.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Instances"><table><thead><tr><th>instance</th><th>host</th><th>version</th><th>SDK</th><th class="right">running</th>${done.map((d) => html`<th class="right">${d}</th>`)}<th>since</th></tr></thead>
    <tbody>${list.slice(0, 50).map((i) => html`<tr key=${i.id}><td><code>${i.id}</code></td><td>${i.host || "–"}</td><td>${i.version ?? "–"}</td><td>${i.sdk ?? "–"}</td><td class="right num">${count(i.counts?.running ?? 0)}</td>${done.map((d) => html`<td class="right num">${count(i.counts?.[d] ?? 0)}</td>`)}<td class="num nowrap">${i.started ? ago(time(i.started), now) : "–"}</td></tr>`)}</tbody></table></div>`;
}

/** latencies asks how long steps take, of the newest version of each definition; who cannot be measured is left out. */
async function latencies(definitions, signal) {
  const newest = new Map();
  for (const d of definitions) if (!(newest.get(d.name)?.version > d.version)) newest.set(d.name, d);
  const all = await Promise.all([...newest.values()].slice(0, 20).map((d) => get(`/definitions/${d.name}/${d.version}/durations`, {}, signal).then((t) => ({ d, t })).catch(() => null)));
  const by = new Map();
  for (const found of all) {
    for (const s of found?.t.steps ?? []) {
      const step = found.d.steps.find((x) => x.name === s.step);
      const name = s.direction === "undo" ? step?.compensation?.participant : step?.participant;
      if (name && s.work) by.set(name, [...(by.get(name) ?? []), { ...s, definition: found.d.name }]);
    }
  }
  return by;
}

function Latency({ list }) {
  if (!list?.length) return null;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Latency"><table><thead><tr><th>step</th><th class="right">attempts measured</th><th class="right">queueing p50</th><th class="right">p90</th><th class="right">work p50</th><th class="right">p90</th></tr></thead>
    <tbody>${list.slice(0, 40).map((s) => html`<tr><td class="nowrap"><${Way} direction=${s.direction} /> ${s.step} <span class="muted small">${s.definition}</span></td><td class="right num">${count(s.attempts)}</td>${[s.queue?.p50_us, s.queue?.p90_us, s.work.p50_us, s.work.p90_us].map((n) => html`<td class="right num">${n === undefined ? "–" : length(n / 1000)}</td>`)}</tr>`)}</tbody></table></div>`;
}

export function ParticipantsPage() {
  const page = useResource((signal) => Promise.all([get("/participants", {}, signal), get("/definitions", {}, signal)]), []);
  useEvery(3000, page.reload);
  const known = page.data?.[1].definitions;
  const measured = useResource((signal) => latencies(known, signal), [known ? known.length : null]);
  useEvery(30000, () => known && measured.reload());
  const now = useNow(5000);
  if (!page.data) return html`<h1>Participants</h1>${page.error ? html`<${Failed} error=${page.error} retry=${page.reload} />` : html`<${Loading} what="Asking the participants" />`}`;
  const [{ participants }, { definitions }] = page.data;
  const need = needed(definitions);
  const names = [...new Set([...participants.map((p) => p.name), ...need.keys()])].sort();
  return html`<h1>Participants</h1><${Failed} error=${page.error} retry=${page.reload} />
    ${!names.length && html`<section class="card"><${Empty} title="Nobody takes part yet"><p>A participant shows up with its first consumer, or when a definition names it.</p><//></section>`}
    ${names.map((name) => {
      const p = participants.find((x) => x.name === name), steps = need.get(name) ?? [];
      const deaf = !p || silent(p);
      return html`<${Card} key=${name} title=${html`${name} <${Health} p=${p} />`} tools=${html`<span class="small muted num">${p ? `${count(p.pending)} pending · ${count(p.unanswered)} unanswered · ${count(p.redelivered)} redelivered` : "it has no consumer"}</span>`}><div class="stack">
        ${deaf && steps.length > 0 && html`<div class="banner s-stuck">${icon("stuck", 18)}<div><strong>Nobody listens for ${steps.length === 1 ? "this step" : "these steps"}.</strong> Their commands wait in the journal, and none is lost: start an instance of ${name}, and it takes them up.</div></div>`}
        ${p?.pending > 0 && !deaf && html`<div class="banner">${icon("waiting", 18)}<div>${plural(p.pending, "command")} not delivered yet: more instances would help if that grows.</div></div>`}
        <dl class="facts"><dt>steps</dt><dd class="row">${steps.length ? html`${steps.slice(0, 40).map((s) => html`<a class="tag" href=${href(`/definitions/${s.definition}/${s.version}`)}>${s.definition}@${s.version} ${s.text}</a>`)}${steps.length > 40 && html`<span class="muted small">and ${count(steps.length - 40)} more</span>`}` : html`<span class="muted">no registered definition names it</span>`}</dd></dl>
        <${Latency} list=${measured.data?.get(name)} />
        ${p?.instances && html`<${Instances} list=${p.instances} now=${now} />`}</div><//>`;
    })}
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command="amends status" /></div>`;
}
