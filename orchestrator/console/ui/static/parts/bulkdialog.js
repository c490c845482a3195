// One request to every saga that a filter matches, or that was ticked: counted first, then confirmed.
import { html, useEffect, useRef, useState } from "../lib.js";
import { go, href } from "../router.js";
import { drawn, post, settled } from "../api.js";
import { may, who } from "../permits.js";
import { list, names, quote } from "../model/cli.js";
import { count, plural } from "../model/format.js";
import { say } from "../model/ticks.js";
import { actions } from "../saga/actions.js";
import { Cli, Failed } from "./parts.js";

const confirmed = 100; // so many need no typed confirmation

/** command is what does the same, saga by saga: of those named, or of all that the filter matches. */
export function command(filter, f, ids) {
  const words = ["xargs -n1 amends", f.action];
  const one = [];
  if (f.action === "retry" || f.action === "resolve") one.push("--step", quote(f.step || "STEP"), ...(f.direction === "undo" ? ["--direction", "undo"] : []));
  if (f.action === "resolve") one.push("--as", f.as, "--yes");
  if (f.reason) one.push("--why", quote(f.reason));
  if (f.who) one.push("--by", quote(f.who));
  one.push("--"); // an id may begin with a dash
  return `${ids?.length ? names(ids) : list(filter, "--all", "-o", "name")} | ${[...words, ...one].join(" ")}`;
}

/**
 * BulkDialog counts, asks for a confirmation, and begins.
 * @param {{filter?: Record<string, any>, ids?: string[], words?: string, close: () => void, begun?: () => void, suggest?: {id?: string, [field: string]: string|undefined}}} props
 *   ids are in place of a filter, and its words; begun is called once it has begun
 *   suggest is what the fields have at first; with the id of a bulk action it goes on with that
 */
export function BulkDialog({ filter = {}, ids, words, close, begun, suggest = {} }) {
  const dialog = useRef(null);
  const [f, setF] = useState({ action: "retry", step: filter.step ?? "", direction: "do", as: "undone", reason: "", who: who(), rate: "50", id: "", ...suggest });
  const id = useRef(drawn("bulk-")); // until it is known what came of it
  const [typed, setTyped] = useState("");
  const [state, setState] = useState(/** @type {{preview?: any, busy?: boolean, error?: any}} */ ({}));
  useEffect(() => dialog.current.showModal(), []);
  const edit = (key) => (e) => {
    setF({ ...f, [key]: e.target.value });
    if (key === "action" || key === "step" || key === "direction" || key === "as") setState({});
  };
  const stepped = f.action === "retry" || f.action === "resolve";
  const request = (more) => ({
    ...(ids?.length ? { ids } : { filter }), id: f.id || id.current, action: f.action, reason: f.reason, who: f.who, rate: Number(f.rate),
    ...(stepped ? { step: f.step, direction: f.direction } : {}), ...(f.action === "resolve" ? { as: f.as } : {}), ...more,
  });
  const n = state.preview?.count;
  const needed = n > confirmed;
  const send = async (event) => {
    event.preventDefault();
    setState((s) => ({ ...s, busy: true, error: undefined }));
    who(f.who);
    try {
      if (n === undefined) setState({ preview: await post("/bulk", request({ dry_run: true })) });
      else {
        const bulk = await post("/bulk", request({ confirm: n }));
        dialog.current.close();
        begun?.();
        go(href(`/bulk/${bulk.id}`));
      }
    } catch (error) {
      if (settled(error)) id.current = drawn("bulk-");
      setState((s) => ({ ...s, busy: false, error }));
    }
  };
  return html`<dialog ref=${dialog} onClose=${close} aria-labelledby="bulk-title"><form onSubmit=${send}>
    <h2 id="bulk-title">Act on many sagas</h2><p class="small">${ids?.length ? html`On ${ids.length === 1 ? "the one saga" : `those ${count(ids.length)} sagas`} that you ticked, and no other: <b class="mono names">${say(ids, ids.length, 12)}</b>.` : html`On every saga that matches: <b>${words}</b>.`} Nothing happens before it is counted.</p>
    <div class="row fields"><label class="field">What<select name="action" value=${f.action} onChange=${edit("action")}>${Object.entries(actions).map(([a, [t]]) => html`<option value=${a} disabled=${Boolean(may(a))}>${t}</option>`)}</select></label>
      ${stepped && html`<label class="field">Step<input name="step" required value=${f.step} onInput=${edit("step")} pattern="[A-Za-z0-9_\\-]{1,64}" /></label><label class="field">Direction<select value=${f.direction} onChange=${edit("direction")}><option>do</option><option>undo</option></select></label>`}
      ${f.action === "resolve" && html`<label class="field">As<select value=${f.as} onChange=${edit("as")}><option>undone</option><option>done</option></select></label>`}
      <label class="field">Sagas a second<input type="number" min="1" max="1000" value=${f.rate} onInput=${edit("rate")} /></label></div>
    <p class="small muted">${actions[f.action][1]}</p>
    <label class="field">Why<input name="why" required value=${f.reason} onInput=${edit("reason")} maxlength="1000" placeholder="what each saga's history should say" autocomplete="off" /></label>
    <label class="field">Who<input name="who" value=${f.who} onInput=${edit("who")} maxlength="128" placeholder="your name" /></label>
    ${state.preview && html`<div class="banner" role="status"><div><strong>${plural(n, "saga")}${state.preview.more ? " and more" : ""} would be asked.</strong>${!ids?.length && state.preview.samples?.length > 0 && html`<div class="small muted">such as ${state.preview.samples.slice(0, 4).join(", ")}</div>`}</div></div>`}
    ${needed && html`<label class="field">Type ${n} to go on<input name="confirm" inputmode="numeric" value=${typed} onInput=${(e) => setTyped(e.target.value)} autocomplete="off" /></label>`}
    <div class="tight"><span class="tiny muted">The same on the command line</span><${Cli} command=${command(filter, f, ids)} /></div>
    <${Failed} error=${state.error} />
    <div class="row">${n === undefined ? html`<button class="btn main" disabled=${state.busy}>Count first</button>` : html`<button class="btn main" disabled=${n === 0 || needed && typed !== String(n)}>${actions[f.action][0]}: ${count(n)}</button>`}
      <button type="button" class="btn plain" onClick=${() => dialog.current.close()}>Leave it</button></div></form></dialog>`;
}
