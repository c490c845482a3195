// One saga: its plan, what happened over it, and what may be done.
import { html, useEffect, useMemo, useState } from "../lib.js";
import { address, href, set } from "../router.js";
import { get } from "../api.js";
import { useEvery, useNow, useResource } from "../resource.js";
import { useKeys } from "../keys.js";
import { Card, Copy, Empty, Failed, Loading, Status, Tabs, stuckKinds } from "../parts/parts.js";
import { icon } from "../parts/icons.js";
import { Told } from "../parts/told.js";
import { ago, length, moment, plural, time } from "../model/format.js";
import { indexOf } from "../model/history.js";
import { asOf, nodeKey, progress } from "../model/trace.js";
import { criticalPath } from "../model/critical.js";
import { limits, nth } from "../model/policy.js";
import { silent } from "./participants.js";
import { useSaga } from "../saga/data.js";
import { lookAt, select, selection } from "../saga/selection.js";
import { Graph } from "../saga/graph.js";
import { Steps } from "../saga/steps.js";
import { Waterfall } from "../saga/waterfall.js";
import { Events } from "../saga/events.js";
import { EventPanel, StepPanel } from "../saga/panel.js";
import { TimeTravel, timeOf } from "../saga/time.js";
import { NotUndone, Plan, Waits } from "../saga/plan.js";
import { State } from "../saga/state.js";
import { Actions } from "../saga/actions.js";
import { Facts } from "../saga/facts.js";
import { historyURL, saveMermaid, savePNG, saveSVG } from "../saga/save.js";

const over = (status) => status === "completed" || status === "compensated";

function Head({ saga, plan, at, now, onDone }) {
  const began = time(saga.started), ended = saga.ended ? time(saga.ended) : 0;
  return html`<header class="saga-head"><div class="tight grow"><nav class="small" aria-label="Where"><a href=${href("/")}>Sagas</a> <span class="muted">/</span> <a href=${href("/", { definition: saga.definition })}>${saga.definition || "?"}</a> <span class="muted">/</span></nav>
      <div class="row"><h1 class="mono">${saga.id}</h1><${Copy} text=${saga.id} label="copy the id" low=${false} /><${Status} ...${saga} large /></div>
      <p class="muted small row"><a href=${href(`/definitions/${saga.definition}/${saga.version}`)}>${saga.definition}@${saga.version}</a><span>started ${moment(began, now)}, ${ago(began, now)}</span><span class="num">${ended ? `took ${length(ended - began)}` : `for ${length(Math.max(0, Math.round((now - began) / 1000) * 1000))}`}</span>
        ${Object.entries(saga.tags ?? {}).map(([k, v]) => html`<a class="tag" href=${href("/", { tag: `${k}=${v}` })} title="sagas with this tag">${k}=${v}</a>`)}</p></div>
    <div class="row"><a class="btn" href=${href("/compare", { a: saga.id })}>Compare with…</a><${Actions} saga=${saga} plan=${plan} at=${at} onDone=${onDone} /></div></header>`;
}

function Notice({ saga, plan, now, deaf, most, select, onDone }) {
  const waits = html`<${Waits} waiting=${saga.waiting} now=${now} deaf=${deaf} most=${most} said=${saga.status === "stuck" ? saga.reason : ""} select=${select} saga=${saga} plan=${saga.stuck === "cannot-go-on" ? plan : undefined} onDone=${onDone} />`;
  if (saga.status === "stuck") {
    const since = time(saga.stuck_since);
    return html`<div class="banner s-stuck">${icon("stuck", 18)}<div><strong>Stuck: ${stuckKinds[saga.stuck] ?? "a person must decide"}.</strong> ${saga.reason}${since > 0 && html` <span class="muted small num">since ${moment(since, now)}, ${ago(since, now)}</span>`}
      ${waits}</div></div>`;
  }
  if (over(saga.status)) {
    return saga.back ? html`<div class="banner s-compensated">${icon("compensated", 18)}<div><strong>Turned back, and everything is undone.</strong> ${saga.back_for || saga.reason}</div></div>` : null;
  }
  if (!saga.waiting?.length && !saga.back && !saga.suspended) return null;
  return html`<div class="banner s-${saga.suspended ? "suspended" : saga.status}">${icon(saga.suspended ? "suspended" : saga.status, 18)}<div>
    <strong>${saga.suspended ? "Suspended: no command is sent." : saga.back ? "On its way back." : "On its way."}</strong> ${saga.back ? saga.back_for || saga.reason : ""}${waits}</div></div>`;
}

export function SagaPage({ id }) {
  const data = useSaga(id);
  const sel = selection();
  const { saga, trace, graph } = data;
  const live = saga && !over(saga.status);
  const now = useNow(live && !sel.at ? 1000 : 0);
  const [zoom, setZoom] = useState(0);
  const asked = address.value.query;
  const collapse = asked.get("idle") !== "shown", critical = asked.get("critical") === "1";
  const picture = asked.get("view") !== "list";

  const at = sel.at && data.points.length && sel.at < (trace?.last ?? 0) ? data.points[indexOf(data.points, sel.at)] : sel.at;
  const shown = useMemo(() => trace && asOf(trace, at), [trace, at]);
  const prog = useMemo(() => (shown ? progress(shown) : new Map()), [shown]);
  const path = useMemo(() => (critical && shown && graph ? criticalPath(shown, graph) : new Set()), [critical, shown, graph]);
  const past = useResource((signal) => get(`/sagas/${id}`, { at }, signal), [id, at || null]);
  const plan = useResource((signal) => get(`/sagas/${id}/plan`, { at }, signal), [id, saga ? saga.last : null, at]);
  // Who waits for a participant wants to know whether there is one.
  const waits = live && saga.waiting?.some((w) => w.phase === "open");
  const who = useResource((signal) => get("/participants", {}, signal), [waits || null]);
  useEvery(waits ? 10000 : 0, who.reload);
  const deaf = useMemo(() => new Set((who.data?.participants ?? []).filter(silent).map((p) => p.name)), [who.data]);
  const definition = useResource((signal) => get(`/definitions/${saga.definition}/${saga.version}`, {}, signal), [saga?.definition || null, saga?.version]);
  const most = useMemo(() => limits(definition.data), [definition.data]);
  const state = at ? (past.data?.at === at ? past.data : { ...saga, ...lastLink(data.rows, at), waiting: [] }) : saga;

  const step = (by) => {
    const i = at ? indexOf(data.points, at) : data.points.length - 1;
    const next = Math.max(0, Math.min(data.points.length - 1, i + by));
    lookAt(next === data.points.length - 1 ? 0 : data.points[next]);
  };
  const focus = (part) => () => {
    const card = document.getElementById(part);
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "start" });
  };
  const move = (by) => {
    const rows = data.rows;
    const i = rows.findIndex((r) => r.seq === sel.seq);
    const r = rows[Math.max(0, Math.min(rows.length - 1, i < 0 ? (by > 0 ? 0 : rows.length - 1) : i + by))];
    if (r) select({ step: r.step, direction: r.direction, attempt: r.attempt, seq: r.seq });
  };
  useKeys({
    "[": () => step(-1), "]": () => step(1), n: () => lookAt(0), g: focus("graph"), w: focus("waterfall"), e: focus("events"),
    j: () => move(1), k: () => move(-1), Escape: () => (sel.step || sel.seq ? select({}) : false), "/": () => document.getElementById("log-filter")?.focus(),
  });
  useEffect(() => {
    if (graph) document.documentElement.dataset.ready = "saga";
    return () => delete document.documentElement.dataset.ready;
  }, [Boolean(graph)]);

  if (!saga || !trace) {
    if (data.error?.code === "not-found") return html`<section class="card"><${Empty} shape="unknown" title="No saga ${id}"><p>The journal has none of that id: it was never started here, or its history has left after its retention.</p><a class="btn main" href=${href("/")}>All sagas</a><//></section>`;
    return data.error ? html`<${Failed} error=${data.error} retry=${data.reload} />` : html`<${Loading} what="Loading the saga" />`;
  }
  const began = time(trace.started);
  const until = at ? timeOf(data.rows, at) : Math.max(live ? now : 0, time(trace.updated ?? trace.started));
  const names = graph ? graph.nodes.filter((n) => n.kind === "do").map((n) => n.step) : trace.steps.map((s) => s.name);
  const sizes = (seq) => (data.complete ? data.rows.find((r) => r.seq === seq)?.bytes ?? 0 : undefined);
  const status = state.status ?? saga.status;
  const drawing = { graph, progress: prog, status, turned: shown.turned };
  return html`<${Head} saga=${saga} plan=${plan.data} at=${at} now=${now} onDone=${data.refresh} />
    <${Told} text=${`${saga.status}${saga.stuck ? `: ${stuckKinds[saga.stuck] ?? saga.stuck}` : ""}${data.fresh ? `, ${plural(data.fresh, "new event")}` : ""}`} />
    ${data.error && html`<${Failed} error=${data.error} retry=${data.reload} />`}
    ${data.gone && html`<div class="banner">${icon("info", 18)}<div>The history has left the journal meanwhile. What you see is what was there.</div></div>`}
    ${at ? html`<div class="banner s-suspended past-note" role="status">${icon("waiting", 18)}<div><strong>You look back at message ${at}</strong>: <${Status} ...${state} stuck=${state.stuck} /></div><button type="button" class="btn" onClick=${() => lookAt(0)}>Back to now</button></div>` : html`<${Notice} saga=${saga} plan=${plan.data} now=${now} deaf=${deaf} most=${most} select=${select} onDone=${data.refresh} />`}
    <${TimeTravel} data=${data} at=${at} lookAt=${lookAt} />
    <div class="saga-grid"><div class="stack main">
      <${Card} flush id="graph" title="Graph" tools=${html`${shown.turned && html`<span class="chip s-compensating turned-note" title=${shown.turned.reason}>${icon("compensating")}turned back${shown.turned.step ? ` at ${shown.turned.step}` : ""}${shown.turned.attempt ? `, attempt ${nth(shown.turned.attempt, most.get(nodeKey(shown.turned.step, "do")))}` : ""}: ${shown.turned.reason}</span>`}
        <${Tabs} label="Show as" value=${picture ? "graph" : "list"} options=${[["graph", "picture"], ["list", "list"]]} onChange=${(v) => set({ view: v === "list" ? v : "" })} />
        ${picture && html`<span class="row tools"><button type="button" class="btn low icon" aria-label="Smaller" onClick=${() => setZoom((zoom || 1) / 1.25)}>−</button><button type="button" class="btn low icon" aria-label="Larger" onClick=${() => setZoom((zoom || 1) * 1.25)}>+</button><button type="button" class="btn low" onClick=${() => setZoom(0)}>fit</button>
          <button type="button" class="btn low" onClick=${() => saveSVG(drawing, id)}>SVG</button><button type="button" class="btn low" onClick=${() => savePNG(drawing, id)}>PNG</button><button type="button" class="btn low" onClick=${() => saveMermaid(saga.definition, saga.version)}>Mermaid</button></span>`}`}>
        <div>${!graph ? html`<p class="alone muted">${saga.definition ? "The definition's picture cannot be shown: it is not registered." : "Its start names no definition."}</p>`
          : picture ? html`<${Graph} ...${drawing} selected=${sel} onSelect=${select} zoom=${zoom} />`
          : html`<${Steps} graph=${graph} progress=${prog} turned=${shown.turned} selected=${sel} onSelect=${select} until=${until} />`}</div><//>
      <${Card} flush id="waterfall" title="Waterfall" tools=${html`<label class="check"><input type="checkbox" checked=${collapse} onChange=${(e) => set({ idle: e.target.checked ? "" : "shown" })} />cut idle time</label><label class="check"><input type="checkbox" checked=${critical} onChange=${(e) => set({ critical: e.target.checked ? 1 : "" })} />critical path</label>`}>
        <${Waterfall} trace=${shown} path=${path} until=${until} collapse=${collapse} selected=${sel} onSelect=${select} /><//>
      <${Card} flush id="events" title="Events" tools=${html`<a class="btn low" href=${historyURL(id)} download="${id}.ndjson">${icon("download", 13)}NDJSON</a>`}>
        <${Events} id=${id} data=${data} began=${began} at=${at} selected=${sel} onSelect=${select} steps=${names} /><//></div>
    <aside class="stack side" aria-label="Details">
      ${sel.step && html`<${StepPanel} saga=${saga} graph=${graph} progress=${prog} most=${most} selected=${sel} select=${select} plan=${plan.data} began=${began} at=${at} sizeOf=${sizes} />`}
      ${sel.seq > 0 && html`<${EventPanel} saga=${saga} seq=${sel.seq} at=${at} lookAt=${lookAt} />`}
      <${NotUndone} saga=${state} plan=${plan.data} at=${at} select=${select} onDone=${data.refresh} />
      <${Failed} error=${plan.error} retry=${plan.reload} />
      <${Plan} plan=${plan.data} select=${select} />
      <${Facts} saga=${state} trace=${trace} sizeOf=${sizes} />
      <${State} saga=${id} points=${data.points} at=${at} from=${sel.from} /></aside></div>`;
}

/** lastLink is where the saga was, by its last link up to a point. */
function lastLink(rows, at) {
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    if (rows[i].seq <= at && rows[i].status) return { status: rows[i].status, stuck: undefined };
  }
  return { status: "absent", stuck: undefined };
}
