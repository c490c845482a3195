// What participants and clients sent: text, always. Large ones are cut.
import { html, useEffect, useState } from "../lib.js";
import { redact } from "../permits.js";
import { bytes, json } from "../model/format.js";
import { text as load } from "../api.js";
import { Copy, Failed } from "./parts.js";

const most = 8000; // characters at first: what fits on a few screens
const unasked = 64 * 1024; // bytes that are fetched without being asked for

/** Text shows a text, cut, with a way to the rest. */
export function Text({ text, label }) {
  const [all, setAll] = useState(false);
  const cut = !all && text.length > most;
  return html`<div class="payload"><pre tabindex="0" role="region" aria-label=${label}>${cut ? text.slice(0, most) + "…" : text}</pre>
    <div class="spread"><span class="muted tiny">${bytes(new Blob([text]).size)}</span><span class="row">
      ${cut && html`<button type="button" class="btn low" onClick=${() => setAll(true)}>Load all</button>`}<${Copy} text=${text} label=${`copy ${label}`} /></span></div></div>`;
}

/** Value shows a JSON value. */
export function Value({ value, saga, what }) {
  const shown = redact(value, { saga, what });
  return html`<${Text} text=${typeof shown === "string" ? shown : json(shown)} label=${what} />`;
}

/** Body shows the body of a message, which it fetches: a large one only when asked. */
export function Body({ saga, sequence, size, what }) {
  const [state, setState] = useState(/** @type {{text?: string, loading?: boolean, error?: any}} */ ({}));
  const fetchIt = async (/** @type {AbortSignal} */ signal = undefined) => {
    setState({ loading: true });
    try {
      const raw = await load(`/sagas/${saga}/messages/${sequence}/body`, signal);
      setState({ text: raw });
    } catch (error) {
      if (error.name !== "AbortError") setState({ error });
    }
  };
  useEffect(() => {
    setState({});
    if (!size || size > unasked) return undefined;
    const abort = new AbortController();
    fetchIt(abort.signal);
    return () => abort.abort();
  }, [saga, sequence, size]);
  if (size === 0) return html`<p class="muted small">empty</p>`;
  if (state.error) return html`<${Failed} error=${state.error} retry=${() => fetchIt()} />`;
  if (state.text !== undefined) return html`<${Text} text=${pretty(redact(state.text, { saga, what }))} label=${what} />`;
  if (size > unasked && !state.loading) return html`<button type="button" class="btn low" onClick=${() => fetchIt()}>Load all ${bytes(size)}</button>`;
  return html`<p class="muted small">loading…</p>`;
}

function pretty(text) {
  try {
    return json(JSON.parse(text));
  } catch {
    return text;
  }
}
