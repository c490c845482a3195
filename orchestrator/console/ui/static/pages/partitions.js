// Who drives what, how far behind the view is, and what a stored message is worth.
import { html } from "../lib.js";
import { get } from "../api.js";
import { useEvery, useNow, useResource } from "../resource.js";
import { Card, Cli, Empty, Failed, Loading } from "../parts/parts.js";
import { icon } from "../parts/icons.js";
import { ago, clock, count, plural, time } from "../model/format.js";

const alive = ["running", "compensating", "stuck"];

function Worth({ d }) {
  if (!d) return html`<p class="muted small">The journal does not say.</p>`;
  const safe = d.sync === "always" || d.replicas >= 3;
  return html`<div class="stack"><div class="banner ${safe ? "" : "o-waiting"}">${icon(safe ? "completed" : "info", 18)}<div><strong>${safe ? "An acknowledged message survives the loss of a server." : "A power loss can cost messages that were acknowledged."}</strong>
      <div class="small">${d.replicas >= 3 ? "Three replicas or more hold each message." : d.sync === "always" ? "Each message is on disk before it is acknowledged." : "One copy, written to disk at intervals: fine on a developer's machine. For production set sync_interval to always, or take three replicas."}</div></div></div>
    <dl class="facts"><dt>partitions</dt><dd class="num">${d.partitions}</dd><dt>replicas</dt><dd class="num">${d.replicas}</dd><dt>sync_interval</dt><dd>${d.sync || "unknown"}</dd><dt>nats-server</dt><dd>${d.server ?? "–"}${d.api_level ? `, API level ${d.api_level}` : ""}</dd></dl></div>`;
}

function State({ p }) {
  if (p.problem) return html`<span class="chip s-stuck">${icon("stuck")}${p.problem}</span>`;
  if (!p.owner) return html`<span class="chip s-stuck">${icon("stuck")}nobody drives it</span>`;
  if (p.healthy === false) return html`<span class="chip s-stuck">${icon("failed")}its canaries are not stored</span>`;
  if (!p.live) return html`<span class="chip o-waiting">${icon("waiting")}catching up</span>`;
  return html`<span class="chip s-completed">${icon("completed")}live</span>`;
}

export function PartitionsPage() {
  const page = useResource((signal) => get("/partitions", {}, signal), []);
  const rejected = useResource((signal) => get("/inputs/rejected", { limit: 50 }, signal), []);
  useEvery(3000, page.reload);
  useEvery(15000, rejected.reload);
  const now = useNow(5000);
  if (!page.data) return html`<h1>Partitions</h1>${page.error ? html`<${Failed} error=${page.error} retry=${page.reload} />` : html`<${Loading} />`}`;
  const { partitions, members, missing, durability, problem } = page.data;
  return html`<h1>Partitions</h1><${Failed} error=${page.error} retry=${page.reload} />
    ${problem && html`<div class="banner s-stuck">${icon("stuck", 18)}<div><strong>No member answers.</strong> ${problem}</div></div>`}
    ${missing?.length > 0 && html`<div class="banner s-stuck">${icon("stuck", 18)}<div><strong>${plural(missing.length, "member")} did not answer:</strong> ${missing.join(", ")}. Their partitions are taken over within seconds if they are gone.</div></div>`}
    <${Card} flush title="Partitions"><div class="scroll" tabindex="0" role="region" aria-label="Partitions"><table><thead><tr><th class="right">partition</th><th>state</th><th>owner</th><th>since</th><th class="right">lag</th><th class="right">journal</th>${alive.map((s) => html`<th class="right">${s}</th>`)}<th class="right">over</th></tr></thead>
      <tbody>${partitions.map((p) => html`<tr><td class="right num">${p.partition}</td><td><${State} p=${p} /></td><td>${p.owner ?? html`<span class="muted">–</span>`}</td><td class="num nowrap">${p.since ? ago(time(p.since), now) : "–"}</td><td class="right num" title="messages that the view has not taken in">${count(p.lag)}</td><td class="right num">${count(p.first)} – ${count(p.last)}</td>
        ${alive.map((s) => html`<td class="right num">${count(p.sagas?.[s] ?? 0)}</td>`)}<td class="right num">${count((p.sagas?.completed ?? 0) + (p.sagas?.compensated ?? 0))}</td></tr>`)}</tbody></table></div><//>
    <div class="cards"><${Card} title="Durability"><${Worth} d=${durability} /><//>
      <${Card} flush title="Members">${members?.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Members"><table><thead><tr><th>member</th><th>version</th><th class="right">partitions</th><th>since it began</th></tr></thead><tbody>${members.map((m) => html`<tr><td>${m.name}</td><td>${m.version ?? "–"}</td><td class="right num">${m.partitions.join(", ") || "none"}</td><td class="small">${Object.entries(m.counts).filter(([, n]) => n > 0).map(([k, n]) => `${count(n)} ${k}`).join(", ") || "nothing"}</td></tr>`)}</tbody></table></div>` : html`<${Empty} shape="stuck" title="No member drives sagas"><p>Starts are stored meanwhile, and decided as soon as one is there.</p><${Cli} command="amends serve" /><//>`}<//></div>
    <${Card} flush title="Messages that can be no input"><${Failed} error=${rejected.error} retry=${rejected.reload} />
      ${rejected.data && (rejected.data.rejected.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Rejected messages"><table><thead><tr><th>time</th><th class="right">partition</th><th class="right">sequence</th><th>subject</th><th>why</th></tr></thead><tbody>${rejected.data.rejected.map((r) => html`<tr><td class="num nowrap">${clock(time(r.time))}</td><td class="right num">${r.partition}</td><td class="right num">${r.sequence}</td><td><code>${r.subject}</code></td><td>${r.reason}</td></tr>`)}</tbody></table></div>` : html`<p class="in muted small">None: every message could be read.</p>`)}<//>
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command="amends status" /></div>`;
}
