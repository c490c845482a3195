// Who does the work: how far each is, who serves, and for which step nobody does.
import { html } from "../lib.js";
import { href } from "../router.js";
import { get } from "../api.js";
import { useEvery, useNow, useResource } from "../resource.js";
import { Card, Cli, Empty, Failed, Loading } from "../parts/parts.js";
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

function Health({ p, wanted }) {
  if (!p || p.waiting === 0) return html`<span class="chip s-stuck">${icon("stuck")}nobody listens${wanted ? "" : ""}</span>`;
  if (p.missing > 0) return html`<span class="chip s-stuck">${icon("unknown")}${plural(p.missing, "consumer")} missing</span>`;
  if (p.redelivered > 0) return html`<span class="chip o-waiting">${icon("waiting")}redelivering</span>`;
  return html`<span class="chip s-completed">${icon("completed")}listens</span>`;
}

function Instances({ list, now }) {
  if (!list?.length) return html`<p class="muted small">No instance answers discovery.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Instances"><table><thead><tr><th>instance</th><th>version</th><th>host</th><th class="right">handled</th><th class="right">errors</th><th class="right">mean time</th><th>since</th></tr></thead>
    <tbody>${list.map((i) => html`<tr><td><code>${i.id}</code></td><td>${i.version}</td><td>${i.host ?? "–"}</td><td class="right num">${count(i.handled)}</td><td class="right num">${count(i.errors)}</td><td class="right num">${i.handled ? length(i.average_us / 1000) : "–"}</td><td class="num">${i.started ? ago(time(i.started), now) : "–"}</td></tr>`)}</tbody></table></div>`;
}

export function ParticipantsPage() {
  const page = useResource((signal) => Promise.all([get("/participants", {}, signal), get("/definitions", {}, signal)]), []);
  useEvery(3000, page.reload);
  const now = useNow(5000);
  if (!page.data) return html`<h1>Participants</h1>${page.error ? html`<${Failed} error=${page.error} retry=${page.reload} />` : html`<${Loading} what="Asking the participants" />`}`;
  const [{ participants }, { definitions }] = page.data;
  const need = needed(definitions);
  const names = [...new Set([...participants.map((p) => p.name), ...need.keys()])].sort();
  return html`<h1>Participants</h1><${Failed} error=${page.error} retry=${page.reload} />
    ${!names.length && html`<section class="card"><${Empty} title="Nobody takes part yet"><p>A participant shows up with its first consumer, or when a definition names it.</p><//></section>`}
    ${names.map((name) => {
      const p = participants.find((x) => x.name === name), steps = need.get(name) ?? [];
      const deaf = !p || p.waiting === 0;
      return html`<${Card} key=${name} title=${html`${name} <${Health} p=${p} />`} tools=${html`<span class="small muted num">${p ? `${count(p.pending)} pending · ${count(p.unanswered)} unanswered · ${count(p.redelivered)} redelivered` : "it has no consumer"}</span>`}><div class="stack">
        ${deaf && steps.length > 0 && html`<div class="banner s-stuck">${icon("stuck", 18)}<div><strong>Nobody listens for ${steps.length === 1 ? "this step" : "these steps"}.</strong> Their commands wait in the journal, and none is lost: start an instance of ${name}, and it takes them up.</div></div>`}
        ${p?.pending > 0 && !deaf && html`<div class="banner">${icon("waiting", 18)}<div>${plural(p.pending, "command")} not delivered yet: more instances would help if that grows.</div></div>`}
        <dl class="facts"><dt>steps</dt><dd class="row">${steps.length ? steps.slice(0, 40).map((s) => html`<a class="tag" href=${href(`/definitions/${s.definition}/${s.version}`)}>${s.definition}@${s.version} ${s.text}</a>`) : html`<span class="muted">no registered definition names it</span>`}</dd></dl>
        ${p?.instances && html`<${Instances} list=${p.instances} now=${now} />`}</div><//>`;
    })}
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command="amends status" /></div>`;
}
