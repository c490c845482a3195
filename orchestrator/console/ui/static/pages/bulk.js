// Requests to many sagas: how far they are, and what went wrong where.
import { html, useEffect, useState } from "../lib.js";
import { href } from "../router.js";
import { get, post } from "../api.js";
import { useEvery, useNow, useResource } from "../resource.js";
import { may, who } from "../permits.js";
import { Card, Cli, Empty, Failed, Loading } from "../parts/parts.js";
import { BulkDialog, command } from "../parts/bulkdialog.js";
import { recall, remember } from "../parts/seen.js";
import { icon } from "../parts/icons.js";
import { Told } from "../parts/told.js";
import { ago, count, moment, time } from "../model/format.js";
import { say } from "../model/ticks.js";

const shapes = { running: ["running", "s-running"], done: ["completed", "s-completed"], stopped: ["suspended", "s-suspended"], failed: ["stuck", "s-stuck"] };
const State = ({ state }) => html`<span class="chip ${shapes[state]?.[1] ?? ""}">${icon(shapes[state]?.[0] ?? "unknown")}${state}</span>`;

const what = (b) => `${b.action}${b.step ? ` ${b.direction || "do"} ${b.step}` : ""}${b.as ? ` as ${b.as}` : ""}`;
const filterWords = (f) => Object.entries(f).map(([k, v]) => `${k.replaceAll("_", " ")} ${Array.isArray(v) ? v.join(" or ") : v}`).join(", ") || "all sagas";
const on = (b, few) => (b.ids?.length ? say(b.ids, b.total, few) : filterWords(b.filter));

function Progress({ b }) {
  const all = Math.max(1, b.total), part = (n) => ({ width: (100 * n) / all + "%" });
  const handled = b.done + b.refused + b.failed;
  return html`<div class="tight"><div class="bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax=${b.total} aria-valuenow=${handled}><i class="s-completed" style=${part(b.done)}></i><i class="o-waiting" style=${part(b.refused)}></i><i class="s-stuck" style=${part(b.failed)}></i></div>
    <p class="small num row"><span>${count(handled)} of ${count(b.total)}</span><span class="chip s-completed">${icon("completed")}${count(b.done)} obeyed</span><span class="chip o-waiting">${icon("refused")}${count(b.refused)} refused</span><span class="chip s-stuck">${icon("failed")}${count(b.failed)} failed</span></p></div>`;
}

export function BulksPage() {
  const page = useResource((signal) => get("/bulk", {}, signal), []);
  useEvery(2000, page.reload);
  const now = useNow(5000);
  const bulks = page.data?.bulks ?? [];
  return html`<h1>Bulk actions</h1><${Failed} error=${page.error} retry=${page.reload} />
    ${!page.data ? !page.error && html`<${Loading} />` : bulks.length ? html`<${Card} flush title="Newest first"><div class="scroll" tabindex="0" role="region" aria-label="Bulk actions"><table><thead><tr><th>state</th><th>what</th><th>on</th><th>who, and why</th><th class="right">sagas</th><th>began</th></tr></thead><tbody>
      ${bulks.map((b) => html`<tr key=${b.id}><td><${State} state=${b.state} /></td><td><a href=${href(`/bulk/${b.id}`)}>${what(b)}</a></td><td class="small">${on(b)}</td><td class="small"><b>${b.who}</b> ${b.reason}</td><td class="right num">${count(b.done + b.refused + b.failed)} of ${count(b.total)}</td><td class="num nowrap">${ago(time(b.began), now)}</td></tr>`)}</tbody></table></div><//>`
      : html`<section class="card"><${Empty} shape="hand" title="No bulk action yet"><p>Tick sagas in the list, or choose them by a filter or a group of failures, and act on all of them. Members remember what they ran since they began; what was asked for stays in each saga's history.</p><a class="btn main" href=${href("/", { status: "stuck" })}>Sagas that need a person</a> <a class="btn" href=${href("/failures")}>Failures</a><//></section>`}`;
}

/** Forgotten is what can be said, and done, when no member remembers it. */
function Forgotten({ id, again }) {
  const [asking, setAsking] = useState(false);
  const b = recall(id);
  const close = () => {
    setAsking(false);
    again();
  };
  return html`<section class="card"><${Empty} shape="unknown" title="Nobody remembers bulk action ${id}"><p>The member that ran it is gone, or it is long over. Whoever was asked has it in the saga's history.</p>
      ${b ? html`<p class="small">This browser saw it last ${ago(b.seen)}: <b>${what(b)}</b> on ${on(b)}, ${b.state}, ${count(b.done + b.refused + b.failed)} of ${count(b.total)} asked.</p>
        <p class="small muted">It can go on: those that are meant are counted again, and who was asked already is not asked twice.</p>
        <button type="button" class="btn main" data-action="go-on" disabled=${Boolean(may("bulk"))} title=${may("bulk")} onClick=${() => setAsking(true)}>Go on with it…</button>` : null}
      <a class="btn" href=${href("/audit", { who: b?.who, action: b?.action })}>What was asked for</a> <a class="btn" href=${href("/bulk")}>Bulk actions</a><//></section>
    ${asking && html`<${BulkDialog} filter=${b.filter} ids=${b.ids} words=${filterWords(b.filter)} suggest=${{ action: b.action, step: b.step ?? "", direction: b.direction || "do", as: b.as || "undone", reason: b.reason ?? "", rate: String(b.rate), id }} close=${close} />`}`;
}

export function BulkPage({ id }) {
  const page = useResource((signal) => get(`/bulk/${id}`, {}, signal), [id]);
  const [error, setError] = useState();
  const b = page.data;
  useEvery(page.error?.code !== "not-found" && (!b || b.state === "running") ? 700 : 0, page.reload);
  const stop = async () => {
    try {
      page.set(await post(`/bulk/${id}/stop`, { who: who() }));
    } catch (e) {
      setError(e);
    }
  };
  useEffect(() => {
    if (b) remember(b);
  }, [b]);
  if (page.error?.code === "not-found") return html`<${Forgotten} id=${id} again=${page.reload} />`;
  if (!b) return page.error ? html`<${Failed} error=${page.error} retry=${page.reload} />` : html`<${Loading} />`;
  return html`<div class="tight"><nav class="small" aria-label="Where"><a href=${href("/bulk")}>Bulk actions</a> <span class="muted">/</span></nav><div class="spread"><div class="row"><h1>${what(b)}</h1><${State} state=${b.state} /></div>
      ${b.state === "running" && html`<button type="button" class="btn danger" data-action="stop" disabled=${Boolean(may("stop"))} title=${may("stop")} onClick=${stop}>Stop</button>`}</div></div>
    <${Failed} error=${error ?? page.error} />${b.problem && html`<div class="banner s-stuck">${icon("stuck", 18)}<div>${b.problem}</div></div>`}
    <${Card} title="Progress"><div class="stack"><${Progress} b=${b} /><${Told} text=${`${count(b.done + b.refused + b.failed)} of ${count(b.total)}, ${b.state}`} />
      <dl class="facts"><dt>on</dt><dd>${on(b, 50)}</dd><dt>who</dt><dd>${b.who}</dd><dt>why</dt><dd>${b.reason || "–"}</dd><dt>began</dt><dd class="num">${moment(time(b.began))}</dd>${b.ended && html`<dt>ended</dt><dd class="num">${moment(time(b.ended))}</dd>`}<dt>rate</dt><dd class="num">${b.rate} a second</dd><dt>run by</dt><dd>${b.member}</dd><dt>each request</dt><dd><a href=${href("/audit", { who: b.who, action: b.action })}>in the audit</a></dd></dl>
      <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command=${command(b.filter, { ...b, reason: b.reason }, b.ids)} /></div></div><//>
    ${b.errors?.length > 0 && html`<${Card} flush title="What did not work"><div class="scroll" tabindex="0" role="region" aria-label="Errors"><table><thead><tr><th>saga</th><th>why</th></tr></thead><tbody>${b.errors.slice(0, 200).map((e) => html`<tr><td><a class="mono" href=${href(`/sagas/${e.id}`)}>${e.id}</a></td><td>${e.error}</td></tr>`)}</tbody></table></div>${(b.errors.length > 200 || b.errors_cut) && html`<p class="in small muted">and more: the API has the first thousand</p>`}<//>`}`;
}
