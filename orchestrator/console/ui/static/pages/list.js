// Many sagas: who is where, by filters that stay in the address.
import { html, signal, useEffect, useRef, useState } from "../lib.js";
import { address, go, href, set } from "../router.js";
import { get } from "../api.js";
import { calm, useNow, useResource } from "../resource.js";
import { useStream } from "../live.js";
import { useKeys } from "../keys.js";
import { count as recount, counts } from "../counts.js";
import { Cli, Empty, Failed, Loading, Status, statuses } from "../parts/parts.js";
import { Views } from "../parts/views.js";
import { may } from "../permits.js";
import { BulkDialog } from "../parts/bulkdialog.js";
import { Tick, TickAll, Ticked, ticked, toggle as tick, untick } from "../parts/ticked.js";
import { icon } from "../parts/icons.js";
import { ago, count, length, moment, time } from "../model/format.js";
import { asked, body, parameters, say } from "../model/query.js";
import { list as listCommand } from "../model/cli.js";

const order = ["running", "compensating", "stuck", "completed", "compensated", "absent"];
const pageSize = 100;

/** Which columns are shown; the first two always are. */
const columns = [["definition", "definition"], ["waits", "waits for, or why"], ["tags", "tags"], ["started", "started"], ["took", "duration"], ["links", "links"]];
const stored = "amends.columns";
const hidden = signal(new Set((() => {
  try {
    return JSON.parse(localStorage.getItem(stored) ?? '["links"]');
  } catch {
    return ["links"];
  }
})()));

function toggle(column) {
  const next = new Set(hidden.value);
  if (!next.delete(column)) next.add(column);
  hidden.value = next;
  try {
    localStorage.setItem(stored, JSON.stringify([...next]));
  } catch {
    // for this visit only
  }
}

function Tiles({ now, filter }) {
  return html`<nav class="tiles" aria-label="By status">${order.filter((s) => s !== "absent" || now?.[s]).map((s) => html`<a key=${s} class="tile s-${s}" aria-current=${filter.status === s ? "true" : undefined} href=${href("/", { ...filter, status: filter.status === s ? "" : s })}>
    <${Status} status=${s} /><b class="num">${now ? count(now[s] ?? 0) : "–"}</b><span class="tiny muted">${statuses[s]}</span></a>`)}</nav>`;
}

function Filters({ filter, definitions }) {
  const [range, setRange] = useState(Boolean(filter.from || filter.to));
  const change = (field) => (e) => set({ [field]: e.target.type === "checkbox" ? (e.target.checked ? "true" : "") : e.target.value.trim(), cursor: "" }, {});
  const names = [...new Set(definitions.map((d) => d.definition))];
  const find = (e) => {
    e.preventDefault();
    const text = String(new FormData(e.target).get("find")).trim();
    if (/^[\w-]{1,64}$/.test(text)) go(href(`/sagas/${text}`));
    else if (text.includes("=")) set({ tag: text, cursor: "" }, {});
  };
  const versions = definitions.filter((d) => d.definition === filter.definition).map((d) => d.version).sort((a, b) => b - a);
  const started = (e) => {
    setRange(e.target.value === "range");
    set({ since: e.target.value === "range" ? "" : e.target.value, from: "", to: "", cursor: "" }, {});
  };
  const when = (field, label) => html`<label class="field"><span>${label}</span><input type="datetime-local" name=${field} value=${filter[field] ?? ""} onChange=${change(field)} /></label>`;
  const select = (field, label, options, on = change(field), value = filter[field] ?? "") => html`<label class="field"><span>${label}</span><select value=${value} onChange=${on}>${options.map(([v, t]) => html`<option value=${v}>${t}</option>`)}</select></label>`;
  return html`<div class="filters"><form onSubmit=${find} class="field find"><span id="find-label">saga's id, or tag=value</span><input id="find" name="find" type="search" aria-labelledby="find-label" placeholder="order-17, or customer=ann, then Enter" autocomplete="off" /></form>
    ${select("definition", "definition", [["", "all"], ...names.map((n) => [n, n])], (e) => set({ definition: e.target.value, version: "", cursor: "" }, {}))}
    ${(versions.length > 1 || filter.version) && select("version", "version", [["", "all"], ...versions.map((v) => [v, v])])}
    <label class="field"><span>stands or failed at step</span><input value=${filter.step ?? ""} onChange=${change("step")} placeholder="charge" size="12" /></label>
    ${select("since", "started in the last", [["", "any time"], ["15m", "15 min"], ["1h", "hour"], ["24h", "day"], ["168h", "week"], ["range", "from … until"]], started, range ? "range" : filter.since ?? "")}
    ${range && when("from", "started from")}${range && when("to", "until")}
    ${select("stuck_longer_than", "stuck longer than", [["", "–"], ["1m", "1 min"], ["10m", "10 min"], ["1h", "1 h"], ["24h", "1 day"]])}
    <div class="row">${[["retrying", "retrying now"], ["suspended", "suspended"], ["parked", "parked"]].map(([f, t]) => html`<label class="check"><input type="checkbox" checked=${filter[f] === "true"} onChange=${change(f)} />${t}</label>`)}</div></div>`;
}

/** why says what a saga waits for, or how it came to its end, in a line. */
function why(s, now) {
  const w = s.waiting?.find((x) => x.phase === "halted") ?? s.waiting?.[0];
  if (s.parked) return s.parked;
  if (!w) return s.reason ?? "";
  const due = w.due ? Date.parse(w.due) : 0;
  const what = `${w.direction} ${w.step}`;
  if (w.phase === "halted") return `${what} waits for a person: ${w.reason ?? s.reason ?? ""}`;
  if (w.phase === "waiting") return `${what}: attempt ${w.attempt + 1} ${due > now ? "in " + length(due - now) : "now"}${w.reason ? `, after: ${w.reason}` : ""}`;
  return `${what}, attempt ${w.attempt}: waits for ${w.participant ?? "its participant"}`;
}

function Row({ s, now, here, pick, of }) {
  const began = time(s.started), ended = s.ended ? time(s.ended) : 0;
  const shown = (c) => !hidden.value.has(c);
  return html`<tr aria-selected=${here ? "true" : undefined} data-id=${s.id} onMouseDown=${pick}><td class="c-tick"><${Tick} of=${of} id=${s.id} pick=${pick} /></td><td><${Status} ...${s} /></td><td class="c-id"><a class="mono" href=${href(`/sagas/${s.id}`)}>${s.id}</a></td>
    ${shown("definition") && html`<td class="c-def nowrap">${s.definition}@${s.version}</td>`}${shown("waits") && html`<td class="c-why"><span class="clamp">${why(s, now)}</span></td>`}
    ${shown("tags") && html`<td class="c-tags">${Object.entries(s.tags ?? {}).slice(0, 3).map(([k, v]) => html`<a class="tag" href=${href("/", { tag: `${k}=${v}` })}>${k}=${v}</a> `)}</td>`}
    ${shown("started") && html`<td class="num c-started" title=${ago(began, now)}>${moment(began, now)}</td>`}${shown("took") && html`<td class="num right">${length(ended ? ended - began : Math.max(0, Math.round((now - began) / 1000) * 1000))}</td>`}
    ${shown("links") && html`<td class="num right">${s.links}</td>`}</tr>`;
}

export function ListPage() {
  const query = address.value.query;
  const filter = asked(query);
  const cursor = query.get("cursor") ?? "";
  const [fresh, setFresh] = useState(false);
  const [at, setAt] = useState(-1);
  const [bulk, setBulk] = useState(""); // or "all", or "ticked"
  const text = new URLSearchParams(filter).toString();
  const page = useResource((signal) => get("/sagas", { ...parameters(filter, Date.now()), cursor, limit: pageSize }, signal), [text, cursor]);
  const now = useNow(5000);
  const sagas = page.data?.sagas ?? [];
  const ids = ticked(text), shown = sagas.map((s) => s.id);
  // News show themselves only where nobody has gone on to: at the top of the first
  // page, while no row is ticked. Rows do not move away under the hand that ticks.
  const refresh = useRef(null);
  refresh.current = () => {
    if (!cursor && scrollY < 80 && !ids.length && !document.querySelector("dialog[open]")) return page.reload();
    setFresh(true);
    return undefined;
  };
  const [news] = useState(() => calm(() => refresh.current(), 1500));
  useEffect(() => news.stop, []);
  useStream({ list: true }, {
    list: ({ statuses: by }) => {
      if (by) counts.value = { ...counts.value, statuses: by };
      if (!document.hidden) news.soon();
      else setFresh(true);
    },
  });
  useEffect(() => {
    setAt(-1);
    setFresh(false);
    recount();
  }, [text, cursor]);
  useKeys({
    j: () => setAt(Math.min(sagas.length - 1, at + 1)), k: () => setAt(Math.max(0, at - 1)),
    Enter: () => (sagas[at] ? go(href(`/sagas/${sagas[at].id}`)) : false), "/": () => document.getElementById("find").focus(),
    x: () => (sagas[at] ? tick(text, sagas[at].id) : false),
  });
  useEffect(() => document.querySelector('tr[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }), [at]);
  const said = say(filter);
  return html`<div class="spread"><h1>Sagas</h1><${Views} query=${text} /></div>
    <${Tiles} now=${counts.value?.statuses} filter=${filter} />
    ${counts.value?.problems?.map((p) => html`<div class="banner s-stuck">${icon("stuck", 18)}<div><strong>The counts are not complete.</strong> ${p}</div></div>`)}
    <section class="card" aria-label="List"><${Filters} filter=${filter} definitions=${counts.value?.definitions ?? []} />
      <div class="spread list-head"><div class="row">${said.length ? said.map(([field, words]) => html`<button type="button" class="btn low on" onClick=${() => set({ [field]: "", cursor: "" }, {})} title="take out">${words}${icon("close", 11)}</button>`) : html`<span class="muted small">all sagas, newest first</span>`}
          ${said.length > 0 && html`<a class="small" href=${href("/")}>clear</a>`}</div>
        <div class="row">${fresh && html`<button type="button" class="btn low main" onClick=${() => { scrollTo(0, 0); setFresh(false); if (cursor) set({ cursor: "" }, {}); else page.reload(); }}>There are news: show</button>`}
          <details class="menu"><summary class="btn low">Columns</summary><div>${columns.map(([c, t]) => html`<label class="check"><input type="checkbox" checked=${!hidden.value.has(c)} onChange=${() => toggle(c)} />${t}</label>`)}</div></details>
          <button type="button" class="btn low" data-action="bulk" disabled=${!sagas.length || Boolean(may("bulk"))} title=${may("bulk")} onClick=${() => setBulk("all")}>Act on all that match…</button></div></div>
      <${Failed} error=${page.error} retry=${page.reload} />
      ${page.data ? (sagas.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Sagas"><table class="list"><thead><tr><th class="c-tick"><${TickAll} of=${text} shown=${shown} /></th><th>status</th><th>id</th>${columns.filter(([c]) => !hidden.value.has(c)).map(([c, t]) => html`<th class="c-${c === "waits" ? "why" : c === "definition" ? "def" : c} ${c === "took" || c === "links" ? "right" : ""}">${t}</th>`)}</tr></thead>
        <tbody>${sagas.map((s, i) => html`<${Row} key=${s.id} s=${s} now=${now} of=${text} here=${i === at} pick=${() => setAt(i)} />`)}</tbody></table></div>`
        : page.data.next ? html`<${Empty} title="None among those looked at so far"><p>A rare filter is looked for piece by piece: go on with older ones.</p><//>` : html`<${Nothing} filtered=${said.length > 0} />`) : !page.error && html`<${Loading} what="Loading sagas" />`}
      ${page.data && (cursor || page.data.next) && html`<div class="spread in pager">${cursor ? html`<a class="btn" href=${href("/", filter)}>${icon("previous", 13)}Newest</a>` : html`<span></span>`}${page.data.next && html`<a class="btn" href=${href("/", { ...filter, cursor: page.data.next })}>Older ${icon("next", 13)}</a>`}</div>`}
      <${Ticked} of=${text} shown=${shown} act=${() => setBulk("ticked")} /></section>
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command=${listCommand({ ...body(filter, now), ...(filter.since ? { from: filter.since } : {}) })} /></div>
    ${bulk === "ticked" && html`<${BulkDialog} ids=${ids} suggest=${{ step: filter.step ?? "" }} close=${() => setBulk("")} begun=${untick} />`}
    ${bulk === "all" && html`<${BulkDialog} filter=${body(filter, Date.now())} words=${said.map(([, w]) => w).join(", ") || "all sagas"} close=${() => setBulk("")} />`}`;
}

const Nothing = ({ filtered }) => (filtered
  ? html`<${Empty} title="No saga is like that"><p>Take a filter out, or look further back. Sagas whose history has left the journal are not listed.</p><a class="btn" href=${href("/")}>All sagas</a><//>`
  : html`<${Empty} shape="running" title="No saga was started yet"><p>Start one, and it shows up here by itself.</p><${Cli} command="amends start place-order order.json" /><//>`);
