// Filters that a person has given a name, kept in this browser.
import { html, useState } from "../lib.js";
import { base, go } from "../router.js";
import { icon } from "./icons.js";

const stored = "amends.views";
const builtIn = [["Needs a person", "status=stuck"], ["Retrying now", "retrying=true"], ["On their way back", "status=compensating"], ["Stuck for an hour", "status=stuck&stuck_longer_than=1h"], ["Suspended", "suspended=true"]];

function read() {
  try {
    const list = JSON.parse(localStorage.getItem(stored) ?? "[]");
    return Array.isArray(list) ? list.filter((v) => Array.isArray(v) && typeof v[0] === "string" && typeof v[1] === "string") : [];
  } catch {
    return [];
  }
}

function write(list) {
  try {
    localStorage.setItem(stored, JSON.stringify(list));
  } catch {
    // full, or none: the view is for this visit only
  }
  return list;
}

/** Views are the saved filters, and a way to save this one. @param {{query: string}} props the filter as a query */
export function Views({ query }) {
  const [own, setOwn] = useState(read());
  const [name, setName] = useState(null);
  const save = (event) => {
    event.preventDefault();
    if (!name.trim()) return;
    setOwn(write([...own.filter(([n]) => n !== name.trim()), [name.trim().slice(0, 60), query]].slice(-20)));
    setName(null);
  };
  return html`<nav class="row views" aria-label="Views">${[...builtIn, ...own].map(([text, q], i) => html`<span class="row view" key=${text}><a class="btn low ${q === query ? "on" : ""}" aria-current=${q === query ? "true" : undefined} href=${base + "/?" + q}>${text}</a>${
      i >= builtIn.length && q === query && html`<button type="button" class="btn plain icon low" aria-label="Forget the view ${text}" onClick=${() => { setOwn(write(own.filter(([n]) => n !== text))); go(base + "/"); }}>${icon("close", 12)}</button>`}</span>`)}
    ${query && ![...builtIn, ...own].some(([, q]) => q === query) && (name === null
      ? html`<button type="button" class="btn low plain" onClick=${() => setName("")}>Save this view</button>`
      : html`<form class="row" onSubmit=${save}><input aria-label="Name of the view" placeholder="name of the view" value=${name} onInput=${(e) => setName(e.target.value)} maxlength="60" /><button class="btn low main">Save</button></form>`)}</nav>`;
}
