// What a person may ask for, and the dialog in which it is asked.
import { html, useEffect, useRef, useState } from "../lib.js";
import { drawn, post, settled } from "../api.js";
import { may, readOnly, who } from "../permits.js";
import { control } from "../model/cli.js";
import { icon } from "../parts/icons.js";
import { Cli, Failed, say } from "../parts/parts.js";

/** Words of the actions: on a button, and what it means before it is pressed. */
export const actions = {
  cancel: ["Cancel and compensate", "Everything that the saga has done is undone. Once its pivot was requested that is too late, unless the pivot is refused.", "compensating"],
  suspend: ["Suspend", "No command is sent until the saga is resumed. Replies to what is under way are recorded.", "suspended"],
  resume: ["Resume", "Commands are sent again.", "running"],
  retry: ["Retry now", "The next attempt begins at once, with the same idempotency key and the same bytes.", "compensated"],
  resolve: ["Resolve", "Say what became of the step, after somebody looked at the participant itself. It is asked to settle on it, so that a command still queued there takes no effect.", "hand"],
};

const asWords = { done: "as done", undone: "as undone" };

/** ofPlan sorts what may be asked for: about the saga, or about one direction of a step. */
export function possible(plan, step, direction) {
  return (plan?.can ?? []).filter((c) => (step ? c.step === step && (c.direction ?? "do") === direction : !c.step));
}

/** Actions are the buttons; the dialog opens in place. */
export function Actions({ saga, plan, step, direction, at, low, onDone }) {
  const [asking, setAsking] = useState(null);
  const can = possible(plan, step, direction);
  if (!can.length) return null;
  if (at) return html`<p class="small muted">You look at the past: go back to now to act.</p>`;
  return html`<div class="row">${can.map((c) => html`<button type="button" key=${c.action + c.as} class="btn ${low ? "low" : ""} ${c.action === "cancel" ? "danger" : ""}" disabled=${Boolean(may(c.action))} title=${may(c.action)} data-action=${c.action + (c.as ? "-" + c.as : "")}
      onClick=${() => setAsking(c)}>${icon(actions[c.action]?.[2], 13)}${actions[c.action]?.[0] ?? c.action}${c.as ? " " + asWords[c.as] : ""}</button>`)}</div>
    ${asking && html`<${Ask} saga=${saga} can=${asking} close=${() => setAsking(null)} onDone=${onDone} />`}${readOnly && html`<p class="small muted">read only: nothing can be asked for here.</p>`}`;
}

function Ask({ saga, can, close, onDone }) {
  const dialog = useRef(null);
  const id = useRef(drawn("ui-")); // until it is known what came of it
  const [f, setF] = useState({ who: who(), reason: "", output: can.needs_output ? "{}" : "", unsettled: false });
  const [state, setState] = useState(/** @type {{busy?: boolean, error?: any}} */ ({}));
  useEffect(() => dialog.current.showModal(), []);
  const edit = (key) => (e) => setF({ ...f, [key]: e.target.type === "checkbox" ? e.target.checked : e.target.value });
  const request = { action: can.action, step: can.step, direction: can.direction, as: can.as, reason: f.reason, who: f.who, unsettled: f.unsettled || undefined };
  const [title, meaning] = actions[can.action] ?? [can.action, ""];
  const withOutput = can.action === "resolve" && can.as === "done";
  let output, wrong = "";
  if (withOutput && f.output.trim()) {
    try {
      output = JSON.parse(f.output);
    } catch (e) {
      wrong = `This is no JSON: ${e.message}`;
    }
  }
  const send = async (event) => {
    event.preventDefault();
    if (wrong) return;
    setState({ busy: true });
    who(f.who);
    try {
      const d = await post(`/sagas/${saga.id}/control`, { ...request, output, request: id.current });
      id.current = drawn("ui-");
      if (d.refused) setState({ error: { title: "Refused", detail: d.refused } });
      else {
        say(d.too_late ? "Recorded; the pivot was requested, so it takes effect only if that is refused." : d.decided ? `${title}: it happens.` : "Stored. Nobody has decided it yet; the history will say what became of it.");
        onDone?.();
        dialog.current.close();
      }
    } catch (error) {
      if (settled(error)) id.current = drawn("ui-");
      setState({ error });
    }
  };
  return html`<dialog ref=${dialog} onClose=${close} aria-labelledby="ask-title"><form onSubmit=${send}>
    <h2 id="ask-title">${title}${can.step ? html` <span class="muted">${can.direction ?? "do"} ${can.step}</span>` : ""}${can.as ? ` ${asWords[can.as]}` : ""}</h2>
    <p class="small">${meaning}</p>
    ${withOutput && html`<label class="field">Output${can.needs_output ? "" : " (optional)"}<textarea rows="4" value=${f.output} onInput=${edit("output")} aria-invalid=${wrong ? "true" : undefined} spellcheck="false"></textarea><small>${wrong || "JSON that the definition can read: later steps are mapped from it."}</small></label>`}
    <label class="field">Why<input name="why" value=${f.reason} onInput=${edit("reason")} required maxlength="1000" placeholder="what the history should say" autocomplete="off" /></label>
    <label class="field">Who<input name="who" value=${f.who} onInput=${edit("who")} maxlength="128" placeholder="your name" autocomplete="name" /></label>
    ${can.action === "resolve" && html`<label class="check"><input type="checkbox" checked=${f.unsettled} onChange=${edit("unsettled")} />Do not ask the participant: it will never answer again</label>
      ${f.unsettled && html`<div class="banner s-stuck">${icon("stuck", 16)}<div>A command that is still queued there may take effect, and nobody will undo it.</div></div>`}`}
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command=${control({ id: saga.id, ...request, output: withOutput ? f.output : undefined })} /></div>
    <${Failed} error=${state.error} />
    <div class="row"><button class="btn main" disabled=${state.busy && !state.error}>${title}</button><button type="button" class="btn plain" onClick=${() => dialog.current.close()}>Leave it</button></div></form></dialog>`;
}
