// The frame: where one can go, whether news come, how it looks.
import { html, useEffect, useRef, useState } from "./lib.js";
import { address, base, href } from "./router.js";
import { connection } from "./live.js";
import { dark, theme, toggle } from "./theme.js";
import { shortcutsOff, turnShortcuts, useKeys } from "./keys.js";
import { help } from "./model/keys.js";
import { icon } from "./parts/icons.js";
import { Empty, said } from "./parts/parts.js";
import { readOnly } from "./permits.js";
import { counts, useCounts } from "./counts.js";
import { ListPage } from "./pages/list.js";
import { SagaPage } from "./pages/saga.js";
import { FailuresPage } from "./pages/failures.js";
import { DefinitionsPage } from "./pages/definitions.js";
import { DefinitionPage } from "./pages/definition.js";
import { ParticipantsPage } from "./pages/participants.js";
import { PartitionsPage } from "./pages/partitions.js";
import { ComparePage } from "./pages/compare.js";
import { AuditPage } from "./pages/audit.js";
import { BulkPage, BulksPage } from "./pages/bulk.js";

/** @type {[RegExp, string, (...found: string[]) => any][]} */
const routes = [
  [/^\/(?:sagas)?$/, "Sagas", () => html`<${ListPage} />`],
  [/^\/sagas\/([\w-]{1,64})$/, "Saga", (id) => html`<${SagaPage} key=${id} id=${id} />`],
  [/^\/compare$/, "Compare", () => html`<${ComparePage} />`],
  [/^\/failures$/, "Failures", () => html`<${FailuresPage} />`],
  [/^\/definitions$/, "Definitions", () => html`<${DefinitionsPage} />`],
  [/^\/definitions\/([\w-]{1,64})\/(\d{1,9})$/, "Definition", (name, version) => html`<${DefinitionPage} key=${name + version} name=${name} version=${Number(version)} />`],
  [/^\/participants$/, "Participants", () => html`<${ParticipantsPage} />`],
  [/^\/partitions$/, "Partitions", () => html`<${PartitionsPage} />`],
  [/^\/audit$/, "Audit", () => html`<${AuditPage} />`],
  [/^\/bulk$/, "Bulk actions", () => html`<${BulksPage} />`],
  [/^\/bulk\/([\w.-]{1,64})$/, "Bulk action", (id) => html`<${BulkPage} key=${id} id=${id} />`],
];

const menu = [["/", "Sagas"], ["/failures", "Failures"], ["/definitions", "Definitions"], ["/participants", "Participants"], ["/partitions", "Partitions"], ["/bulk", "Bulk actions"], ["/audit", "Audit"]];

const here = (path, to) => (to === "/" ? path === "/" || path.startsWith("/sagas") : path === to || path.startsWith(to + "/"));

const words = {
  off: ["suspended", "no news needed"], connecting: ["absent", "connecting"], live: ["running", "live"], lost: ["stuck", "disconnected: what you see may be old"],
};

function Live() {
  const state = connection.value;
  const [shape, text] = words[state];
  const kind = { live: "s-completed", lost: "s-stuck" }[state] ?? "s-suspended";
  if (state === "off") return null;
  return html`<span class="chip ${kind}" data-live=${state} title=${text}>${icon(shape)}${state === "lost" ? "disconnected" : state}</span>`;
}

function Top({ onHelp }) {
  const path = address.value.path;
  void theme.value;
  useCounts();
  const stuck = counts.value?.statuses?.stuck;
  // On a phone the menu scrolls sideways: where one is must be in sight.
  useEffect(() => document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [path, stuck]);
  return html`<header class="top"><a class="skip" href="#main">To the content</a>
    <a class="brand" href=${href("/")}><svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#3b4fd8" /><path d="M8 12h12a4 4 0 0 1 0 9H10" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" /><path d="M14 16.5 9.5 21l4.5 4.500" fill="none" stroke="#ffc46b" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" /></svg>Amends</a>
    <nav class="nav" aria-label="Main">${menu.map(([to, text]) => html`<a key=${to} href=${href(to)} aria-current=${here(path, to) ? "page" : undefined}>${text}${
      to === "/failures" && stuck ? html`<span class="bubble" title="${stuck} stuck">${stuck}<span class="hidden"> stuck</span></span>` : null}</a>`)}</nav>
    <div class="row">${readOnly && html`<span class="chip s-suspended" data-part="read-only" title="this console shows, and changes nothing">${icon("info")}read only</span>`}<${Live} />
      <button type="button" class="btn plain icon" onClick=${onHelp} title="Keys (?)" aria-label="Help and keys">${icon("help")}</button>
      <button type="button" class="btn plain icon" onClick=${toggle} title=${dark() ? "Light" : "Dark"} aria-label=${dark() ? "Use the light theme" : "Use the dark theme"}>${icon(dark() ? "sun" : "moon")}</button></div></header>`;
}

function Help({ close }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog ref=${dialog} onClose=${close} aria-labelledby="help-title"><div class="body">
    <div class="spread"><h2 id="help-title">Keys</h2><button type="button" class="btn plain icon" aria-label="Close" onClick=${() => dialog.current.close()}>${icon("close")}</button></div>
    <dl class="facts">${help.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>
    <label class="check"><input type="checkbox" checked=${shortcutsOff.value} onChange=${(e) => turnShortcuts(e.target.checked)} /> Turn single keys off</label>
    <p class="small muted">Everything that these pages show comes from the <a href=${base + "/api/v1/openapi.json"} target="_blank">API</a>; each action says which command of the CLI does the same.</p></div></dialog>`;
}

function Said() {
  const now = said.value;
  return html`<div aria-live="polite">${now && html`<div class="toast banner s-${now.kind}">${icon(now.kind, 18)}<div>${now.text}</div></div>`}</div>`;
}

export function App() {
  const path = address.value.path;
  const [helping, setHelping] = useState(false);
  useKeys({ "?": () => setHelping(true) });
  const found = routes.map(([re, title, page]) => ({ title, page, match: re.exec(path) })).find((r) => r.match);
  useEffect(() => {
    const name = found?.match[1];
    document.title = `${name && found.title !== "Sagas" ? name + " – " : ""}${found?.title ?? "No such page"} – Amends`;
  }, [path]);
  return html`<${Top} onHelp=${() => setHelping(true)} />
    <main id="main" class="page" tabindex="-1">${found ? found.page(...found.match.slice(1)) : html`<section class="card"><${Empty} shape="unknown" title="There is no such page"><p>The address may be cut, or an id has letters that no id can have.</p><a class="btn main" href=${href("/")}>All sagas</a><//></section>`}</main>
    ${helping && html`<${Help} close=${() => setHelping(false)} />`}<${Said} />`;
}
