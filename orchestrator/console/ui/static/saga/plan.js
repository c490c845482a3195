// What is not undone yet, what may be done about it, and the way from here.
import { html } from "../lib.js";
import { Card, Outcome, Way } from "../parts/parts.js";
import { icon } from "../parts/icons.js";
import { length, plural } from "../model/format.js";
import { nth } from "../model/policy.js";
import { nodeKey } from "../model/trace.js";
import { Actions } from "./actions.js";

const effects = { certain: "took effect", possible: "may have taken effect" };

/** undo says where a step's compensation is. */
function undoText(step) {
  const u = step.undo;
  if (!step.compensation) return "it has no compensation";
  if (!u || u.phase === "idle") return "its compensation was not requested";
  if (u.phase === "open") return `its compensation is under way, attempt ${u.attempt}`;
  if (u.phase === "waiting") return `its compensation is tried again, attempt ${u.attempt + 1} to come`;
  if (u.phase === "halted") return `its compensation waits for a person after ${plural(u.attempt, "attempt")}${u.reason ? `: ${u.reason}` : ""}`;
  return `its compensation ended ${u.outcome ?? ""}`;
}

/** NotUndone lists the effects that are left of a saga that turned back. */
export function NotUndone({ saga, plan, at, select, onDone }) {
  if (!plan?.not_undone?.length) return null;
  const back = saga.back || saga.status === "compensating" || saga.stuck === "not-fully-undone";
  if (!back) return null;
  const steps = plan.not_undone.map((name) => plan.steps.find((s) => s.name === name)).filter((s) => s && !s.nothing_to_undo);
  if (!steps.length) return null;
  return html`<section class="card notundone" aria-label="What is not undone yet" data-part="not-undone"><header><h2>${icon("compensating")}What is not undone yet</h2><span class="muted small num">${plural(steps.length, "step")}</span></header>
    <ol>${steps.map((s) => html`<li key=${s.name}><div class="tight grow"><div class="row"><button type="button" class="btn plain low" onClick=${() => select({ step: s.name, direction: "undo" })}><b>${s.name}</b></button>
        <span class="chip ${s.effect === "certain" ? "s-stuck" : "o-waiting"}">${icon(s.effect === "certain" ? "stuck" : "unknown")}${effects[s.effect] ?? s.effect}</span></div>
      <p class="small">${s.participant}.${s.action}: ${undoText(s)}.</p>
      <${Actions} saga=${saga} plan=${plan} step=${s.name} direction="undo" at=${at} low onDone=${onDone} /></div></li>`)}</ol></section>`;
}

function Road({ road, name, select }) {
  if (!road) return null;
  const rounds = [];
  for (const move of road.moves ?? []) (rounds[move.round] ??= []).push(move);
  return html`<div class="tight"><h3>${name}</h3>
    ${road.needs && html`<p class="small banner">${icon("hand", 16)}<span>${road.needs}</span></p>`}
    <ol class="road">${rounds.filter(Boolean).map((moves) => html`<li>${moves.map((m) => html`<button type="button" class="move ${m.direction}" onClick=${() => select({ step: m.step, direction: m.direction })}><b>${m.direction === "undo" ? "undo " : ""}${m.step}</b><span class="muted tiny">${m.participant}.${m.action}${m.attempt > 1 ? `, attempt ${m.attempt}` : ""}</span></button>`)}</li>`)}
      <li><${Outcome} outcome=${road.ends === "stuck" ? "halted" : road.ends === "completed" ? "done" : road.ends === "compensated" ? "undone" : road.ends} /> <span class="small">${road.ends}</span></li></ol></div>`;
}

/** Plan shows the way from here if every answer is the best one, and the way back. */
export function Plan({ plan, select, open }) {
  if (!plan) return null;
  const same = JSON.stringify(plan.forward) === JSON.stringify(plan.back);
  const ended = plan.status === "completed" || plan.status === "compensated";
  return html`<${Card} title="The plan from here">${ended ? html`<p class="muted small">It is over: nothing is left to do.</p>` : html`<div class="roads">
    <${Road} road=${plan.forward} name=${same ? "If every answer is the best one" : "If all goes well"} select=${select} />${!same && html`<${Road} road=${plan.back} name="If it were cancelled" select=${select} />`}</div>`}<//>`;
}

/**
 * Waits says what the saga waits for, in one line each. With a plan it offers what
 * may be done about each step that waits for a person, too.
 */
export function Waits({ waiting, now, deaf = new Set(), most = new Map(), said = "", select, saga, plan, onDone }) {
  if (!waiting?.length) return null;
  const left = (due) => (due ? (due > now ? `in ${length(Math.round((due - now) / 100) * 100)}` : "any moment") : "");
  return html`<ul class="waits">${waiting.slice(0, 6).map((w) => {
    const due = w.due ? Date.parse(w.due) : 0;
    const limit = most.get(nodeKey(w.step, w.direction)), n = nth(w.attempt, limit); // of the latest, which is over where the next is waited for
    const text = { open: `waits for ${w.participant ?? "its participant"}, attempt ${n}${due ? `; unknown ${left(due)}` : ""}`, waiting: `attempt ${nth(w.attempt + 1, limit)} begins ${left(due)}`, halted: `waits for a person after attempt ${n}` }[w.phase] ?? w.phase;
    return html`<li><${Outcome} outcome=${w.phase} /><span><button type="button" class="link" onClick=${() => select({ step: w.step, direction: w.direction })}><${Way} direction=${w.direction} /> <b>${w.step}</b></button>: ${text}${deaf.has(w.participant) ? html` <b class="deaf">Nobody listens for this step: no instance of ${w.participant} asks for commands.</b>` : ""}${w.reason && w.reason !== said ? html`<span class="muted"> – ${w.reason}</span>` : ""}${w.phase === "halted" && plan ? html`<${Actions} saga=${saga} plan=${plan} step=${w.step} direction=${w.direction} low onDone=${onDone} />` : ""}</span></li>`;
  })}${waiting.length > 6 && html`<li class="muted small">and ${waiting.length - 6} more</li>`}</ul>`;
}
