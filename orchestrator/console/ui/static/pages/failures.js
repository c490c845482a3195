// Failures that are alike, together: what to look at first, and one action for all.
import { html, useState } from "../lib.js";
import { address, href, set } from "../router.js";
import { get } from "../api.js";
import { useEvery, useNow, useResource } from "../resource.js";
import { counts } from "../counts.js";
import { Card, Cli, Empty, Failed, Loading, Way } from "../parts/parts.js";
import { Spark } from "../parts/spark.js";
import { may } from "../permits.js";
import { BulkDialog } from "../parts/bulkdialog.js";
import { icon } from "../parts/icons.js";
import { ago, count, moment, plural, time } from "../model/format.js";
import { since } from "../model/query.js";
import { failures } from "../model/cli.js";

const buckets = 24;
const spans = [["1h", "the last hour"], ["24h", "the last day"], ["168h", "the last week"], ["", "all time"]];

function Cluster({ c, now, act, span }) {
  const at = c.step ? html`<${Way} direction=${c.direction || "do"} /> <b>${c.step}</b>` : html`<b>at no step</b>`;
  const filter = { definition: c.definition, fingerprint: c.fingerprint };
  return html`<li class="cluster" data-cluster=${c.fingerprint}><div class="how-many num"><b>${count(c.count)}</b><span class="tiny muted">${c.count === 1 ? "saga" : "sagas"}</span></div>
    <div class="tight grow"><div class="row small">${at}<a href=${href("/definitions/" + c.definition + "/" + (c.versions?.at(-1) ?? 1))}>${c.definition}${c.versions?.length ? "@" + c.versions.join(", ") : ""}</a></div>
      <p class="error">${c.error}</p>
      <p class="tiny muted">first ${moment(time(c.first), now)} · last ${ago(time(c.last), now)}${c.samples?.length ? html` · such as ${c.samples.slice(0, 3).map((id, i) => html`${i ? ", " : ""}<a class="mono" href=${href(`/sagas/${id}`)}>${id}</a>`)}` : ""}</p></div>
    ${c.buckets && html`<${Spark} counts=${c.buckets} words="failures over ${span}, oldest first: ${c.buckets.join(", ")}" />`}
    <div class="row"><a class="btn" href=${href("/", filter)}>Show them</a><button type="button" class="btn" data-action="bulk" disabled=${Boolean(may("bulk"))} title=${may("bulk")} onClick=${() => act(c)}>Act on all…</button></div></li>`;
}

export function FailuresPage() {
  const q = address.value.query;
  const definition = q.get("definition") ?? "", step = q.get("step") ?? "", span = (q.get("since") ?? "24h").trim();
  const [acting, setActing] = useState(null);
  const now = useNow(10000);
  const page = useResource((signal) => get("/failures", { definition, step, from: since(span, Date.now()), buckets: span ? buckets : undefined, limit: 100 }, signal), [definition, step, span]);
  useEvery(5000, page.reload);
  const names = [...new Set((counts.value?.definitions ?? []).map((d) => d.definition))];
  const clusters = page.data?.clusters ?? [];
  const words = spans.find(([s]) => s === span)?.[1] ?? span;
  return html`<div class="spread"><h1>Failures</h1><div class="row"><label class="field"><span>definition</span><select value=${definition} onChange=${(e) => set({ definition: e.target.value }, {})}><option value="">all</option>${names.map((n) => html`<option value=${n}>${n}</option>`)}</select></label>
      <label class="field"><span>at step</span><input value=${step} size="12" onChange=${(e) => set({ step: e.target.value.trim() }, {})} placeholder="charge" /></label>
      <label class="field"><span>failed in</span><select value=${span} onChange=${(e) => set({ since: e.target.value || " " }, {})}>${spans.map(([v, t]) => html`<option value=${v}>${t}</option>`)}</select></label></div></div>
    <p class="muted small">Sagas that turned back or are stuck, grouped by definition, step and error; numbers and ids are left out of an error, so that those of one cause stand together.</p>
    <${Failed} error=${page.error} retry=${page.reload} />
    ${page.data ? html`<${Card} flush title=${html`${plural(page.data.failures ?? clusters.length, "failure")} <span class="muted">in ${plural(clusters.length, "group")}</span>`}>
      ${clusters.length ? html`<ol class="clusters">${clusters.map((c) => html`<${Cluster} key=${c.fingerprint + c.definition} c=${c} now=${now} act=${setActing} span=${words} />`)}</ol>`
        : html`<${Empty} shape="completed" title="Nothing failed in ${words}"><p>Sagas that turn back, or that wait for a person, are grouped here by what went wrong.</p>${span && html`<button type="button" class="btn" onClick=${() => set({ since: " " }, {})}>Look at all time</button>`}<//>`}
      ${(page.data.rest > 0 || page.data.unsorted > 0) && html`<p class="in small muted">${icon("info", 13)} and ${count((page.data.rest ?? 0) + (page.data.unsorted ?? 0))} more that are in none of these groups</p>`}<//>` : !page.error && html`<${Loading} what="Sorting the failures" />`}
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command=${failures({ definition, step, since: span })} /></div>
    ${acting && html`<${BulkDialog} filter=${{ definition: acting.definition, fingerprint: acting.fingerprint, statuses: ["stuck"] }} words=${`stuck, ${acting.definition}, ${acting.error}`} suggest=${{ step: acting.step ?? "", direction: acting.direction || "do" }} close=${() => setActing(null)} />`}`;
}
