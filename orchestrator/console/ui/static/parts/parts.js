// Small things that every page is made of.
import { html, signal, useState } from "../lib.js";
import { icon } from "./icons.js";

/** What each status means, for whoever meets the word first. */
export const statuses = {
  running: "steps are carried out", compensating: "steps are undone", completed: "every step took effect",
  compensated: "turned back, and nothing is left", stuck: "a person must decide", absent: "its start is stored, nothing is decided yet",
};

/** The two kinds of being stuck that a person has to tell apart, and the third. */
export const stuckKinds = {
  "cannot-go-on": "cannot go on", "not-fully-undone": "not fully undone", parked: "nobody can decide its next input",
};

export function Status({ status, stuck, suspended, large }) {
  const kind = status === "stuck" && stuck ? `: ${stuckKinds[stuck] ?? stuck}` : "";
  return html`<span class="row nowrap"><span class="chip s-${status} ${large ? "large" : ""}" title=${statuses[status] ?? ""}>${icon(status)}${status}${kind}</span>
    ${suspended && html`<span class="chip s-suspended ${large ? "large" : ""}" title="no command is sent until it is resumed">${icon("suspended")}suspended</span>`}</span>`;
}

const outcomeWords = { open: "in flight", waiting: "waits to try again", halted: "waits for a person", idle: "not requested" };

export function Outcome({ outcome }) {
  return html`<span class="chip o-${outcome}">${icon(outcome)}${outcomeWords[outcome] ?? outcome}</span>`;
}

export const Way = ({ direction }) =>
  html`<span class="way ${direction}">${direction === "undo" ? "← undo" : "→ do"}</span>`;

/** Said is a message at the screen's corner, which a screen reader says too. */
export const said = signal(null);
let saidTimer = 0;
export function say(text, kind = "completed") {
  said.value = { text, kind };
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => {
    said.value = null;
  }, 6000);
}

export function Copy({ text, label = "copy", low = true }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? await text() : text);
      setDone(true);
      setTimeout(() => setDone(false), 1500);
    } catch {
      say("The browser does not let this page copy: select the text instead.", "stuck");
    }
  };
  return html`<button type="button" class="btn plain icon ${low ? "low" : ""}" onClick=${copy} title=${label} aria-label=${label}>${icon(done ? "completed" : "copy", 14)}</button>`;
}

/** Cli shows the command that does the same. */
export const Cli = ({ command }) =>
  html`<div class="cli"><code tabindex="0" role="region" aria-label="CLI command">${command}</code><${Copy} text=${command} label="copy the command" /></div>`;

export function Empty({ shape = "none", title, children }) {
  return html`<div class="empty">${icon(shape, 34)}<h2>${title}</h2>${children}</div>`;
}

/** Failed says what went wrong and what to do; what was there before stays. */
export function Failed({ error, retry, what = "this" }) {
  if (!error) return null;
  return html`<div class="banner s-stuck" role="alert">${icon("stuck", 18)}<div><strong>${error.title ?? `${what} cannot be shown`}</strong>
    <div class="small">${error.detail || error.message}</div></div>
    ${retry && html`<button type="button" class="btn" onClick=${retry}>Try again</button>`}</div>`;
}

/** Loading holds the place of what is on its way. */
export const Loading = ({ what = "Loading" }) => html`<p class="alone muted" role="status">${what}…</p>`;

export function Card({ title, id, tools, children, flush }) {
  return html`<section class="card" id=${id} aria-label=${typeof title === "string" ? title : undefined} tabindex=${id ? -1 : undefined}>
    <header><h2>${title}</h2>${tools && html`<div class="row">${tools}</div>`}</header>${flush ? children : html`<div class="in">${children}</div>`}</section>`;
}

export function Tabs({ label, value, options, onChange }) {
  return html`<div class="tabs" role="group" aria-label=${label}>${options.map(([key, text]) =>
    html`<button type="button" key=${key} aria-pressed=${value === key} onClick=${() => onChange(key)}>${text}</button>`)}</div>`;
}
