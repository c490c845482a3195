// Who asked for what, of which saga, when and why: for whoever asks afterwards.
import { html, useEffect, useState } from "../lib.js";
import { address, go, href, set } from "../router.js";
import { get } from "../api.js";
import { useEvery, useNow, useResource } from "../resource.js";
import { useKeys } from "../keys.js";
import { Cli, Empty, Failed, Loading, Way, say as tell } from "../parts/parts.js";
import { icon } from "../parts/icons.js";
import { actions } from "../saga/actions.js";
import { save } from "../saga/save.js";
import { ago, moment, time } from "../model/format.js";
import { after, asked, outcome, parameters, say, verbs } from "../model/audit.js";
import { audit as command } from "../model/cli.js";

const pageSize = 100;
const spans = [["", "any time"], ["1h", "hour"], ["24h", "day"], ["168h", "week"], ["720h", "30 days"]];
const most = 20; // pages of a thousand that are saved at once

function Filters({ filter }) {
  const change = (field, also = {}) => (e) => set({ [field]: e.target.value.trim(), cursor: "", ...also }, {});
  const text = (field, label, hint, type = "text") => html`<label class="field"><span>${label}</span><input type=${type} id="audit-${field}" value=${filter[field] ?? ""} onChange=${change(field, field === "from" ? { since: "" } : {})} placeholder=${hint} autocomplete="off" spellcheck="false" /></label>`;
  const select = (field, label, options, also) => html`<label class="field"><span>${label}</span><select value=${filter[field] ?? ""} onChange=${change(field, also)}>${options.map(([v, t]) => html`<option value=${v}>${t}</option>`)}</select></label>`;
  return html`<div class="filters">${text("who", "who asked", "ann")}
    ${select("action", "for what", [["", "anything"], ...verbs.map((v) => [v, v])])}
    ${text("saga", "of the saga", "order-17")}
    ${select("since", "in the last", spans, { from: "" })}
    ${text("from", "from the day", "", "date")}${text("until", "until the day", "", "date")}</div>`;
}

/** What was asked for; a step's way is told by an arrow and a word. */
const What = ({ a }) => html`<span class="row nowrap what">${icon(actions[a.action]?.[2] ?? "hand", 14)}<b>${a.action}</b></span>
  ${a.step && html`<span class="small"><${Way} direction=${a.direction || "do"} /> ${a.step}${a.attempt ? `, attempt ${a.attempt}` : ""}${a.as ? ` as ${a.as}` : ""}</span>`}${a.unsettled && html`<span class="tiny muted">the participant was not asked</span>`}`;

function Row({ a, now, here, pick }) {
  const [shape, kind, word] = outcome(a), at = time(a.time);
  const said = a.too_late ? "the pivot was requested: it takes effect only if that is refused" : a.refused;
  return html`<tr aria-selected=${here ? "true" : undefined} data-request="${a.id} ${a.sequence}" onMouseDown=${pick}>
    <td class="a-when num" title="${new Date(at).toISOString()}: ${ago(at, now)}">${moment(at, 0)}</td>
    <td class="a-who"><a href=${href("/audit", { who: a.who })} title="all that ${a.who} asked for">${a.who}</a></td>
    <td class="a-what"><div class="tight"><${What} a=${a} /></div></td>
    <td class="a-saga"><a class="mono" href=${href(`/sagas/${a.id}`, { seq: a.sequence })} title="the request in the saga's history">${a.id}</a><div class="tiny muted">${a.definition}@${a.version}</div></td>
    <td class="a-why">${a.reason ? html`<span class="clamp" title=${a.reason}>${a.reason}</span>` : html`<span class="muted">no reason was given</span>`}${a.request.startsWith("bulk-") && html`<a class="tiny" href=${href(`/bulk/${a.request}`)}>of a bulk action</a>`}</td>
    <td class="a-outcome"><span class="chip ${kind}">${icon(shape)}${word}</span>${said && html`<span class="small clamp" title=${said}>${said}</span>`}</td></tr>`;
}

/** saveAll writes what the filter matches as a file, a request a line. */
async function saveAll(filter) {
  const lines = [];
  let cursor = "", pages = 0;
  try {
    do {
      const page = await get("/audit", { ...parameters(filter, Date.now()), limit: 1000, cursor });
      for (const a of page.requests) lines.push(JSON.stringify(a));
      cursor = page.next ?? "";
    } while (cursor && ++pages < most);
  } catch (e) {
    tell(e.message, "stuck");
    return;
  }
  save("audit.ndjson", "application/x-ndjson", lines.join("\n") + (lines.length ? "\n" : ""));
  if (cursor) tell("The file has the newest; for all of them take the command below with --all -o json.", "info");
}

export function AuditPage() {
  const query = address.value.query, filter = asked(query), cursor = query.get("cursor") ?? "";
  const text = new URLSearchParams(filter).toString();
  const [at, setAt] = useState(-1);
  const page = useResource((signal) => get("/audit", { ...parameters(filter, Date.now()), cursor, limit: pageSize }, signal), [text, cursor]);
  const now = useNow(10000);
  const requests = page.data?.requests ?? [];
  // News show themselves only where nobody has gone on to. One request tells whether there are
  // any: a whole page would ask the journal for two hundred messages each time.
  useEvery(5000, async () => {
    if (cursor || scrollY >= 80) return;
    try {
      const [newest] = (await get("/audit", { ...parameters(filter, Date.now()), limit: 1 })).requests;
      if (page.error || newest?.id !== requests[0]?.id || newest?.sequence !== requests[0]?.sequence) page.reload();
    } catch {
      page.reload(); // which says why there is no answer
    }
  });
  useEffect(() => setAt(-1), [text, cursor]);
  useKeys({
    j: () => setAt(Math.min(requests.length - 1, at + 1)), k: () => setAt(Math.max(0, at - 1)),
    Enter: () => (requests[at] ? go(href(`/sagas/${requests[at].id}`, { seq: requests[at].sequence })) : false),
    "/": () => document.getElementById("audit-who").focus(),
  });
  useEffect(() => document.querySelector('tr[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }), [at]);
  const said = say(filter);
  return html`<h1>Audit</h1><p class="muted small">What people asked of sagas, whether one by one or in bulk, why, and what was decided. It shows what the journal has: a saga's requests leave with its history, and of one saga the newest 256 are found here. <i>Who</i> is what whoever asked said.</p>
    <section class="card" aria-label="Requests"><${Filters} filter=${filter} />
      <div class="spread list-head"><div class="row">${said.length ? said.map(([field, words]) => html`<button type="button" class="btn low on cut" onClick=${() => set({ [field]: "", cursor: "" }, {})} title="take out">${words}${icon("close", 11)}</button>`) : html`<span class="muted small">all requests, newest first</span>`}
          ${said.length > 0 && html`<a class="small" href=${href("/audit")}>clear</a>`}</div>
        <button type="button" class="btn low" data-part="save" disabled=${!requests.length} onClick=${() => saveAll(filter)}>${icon("download", 12)}Save as NDJSON</button></div>
      <${Failed} error=${page.error} retry=${page.reload} />
      ${page.data ? (requests.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Requests"><table class="list audit"><thead><tr><th>when</th><th>who</th><th>asked for</th><th>saga</th><th>why</th><th>outcome</th></tr></thead>
        <tbody>${requests.map((a, i) => html`<${Row} key=${a.id + a.sequence} a=${a} now=${now} here=${i === at} pick=${() => setAt(i)} />`)}</tbody></table></div>`
        : page.data.next ? html`<${Empty} title="None among those looked at so far"><p>A rare filter is looked for piece by piece: go on with older ones.</p><//>` : html`<${Nothing} filtered=${said.length > 0} />`) : !page.error && html`<${Loading} what="Reading the journal" />`}
      ${page.data && (cursor || page.data.next) && html`<div class="spread in pager">${cursor ? html`<a class="btn" href=${href("/audit", filter)}>${icon("previous", 13)}Newest</a>` : html`<span></span>`}${page.data.next && html`<a class="btn" href=${href("/audit", { ...filter, cursor: page.data.next })}>Older ${icon("next", 13)}</a>`}</div>`}</section>
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command=${command({ ...filter, until: after(filter.until) })} /></div>`;
}

const Nothing = ({ filtered }) => (filtered
  ? html`<${Empty} title="Nobody asked for that"><p>Take a filter out, or look further back. Who asked is compared letter by letter, and what has left the journal is not found.</p><a class="btn" href=${href("/audit")}>All requests</a><//>`
  : html`<${Empty} shape="hand" title="Nobody asked for anything yet"><p>Every cancel, suspend, resume, retry and resolve shows up here, with who and why, as soon as it is decided. One that came after its saga had ended is in that saga's history alone.</p><a class="btn main" href=${href("/", { status: "stuck" })}>Sagas that need a person</a><//>`);
