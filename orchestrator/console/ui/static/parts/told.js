// What changes by itself, for whoever hears the page.
import { html, useEffect, useRef, useState } from "../lib.js";

/** Told says a text politely, at most once in a while; the last word is always said. What is there at first is not: the page says that. */
export function Told({ text, least = 5000 }) {
  const [said, setSaid] = useState(text);
  const at = useRef(0);
  useEffect(() => {
    if (text === said) return undefined;
    const timer = setTimeout(() => {
      at.current = Date.now();
      setSaid(text);
    }, Math.max(0, at.current + least - Date.now()));
    return () => clearTimeout(timer);
  }, [text, said]);
  return html`<p class="hidden" role="status" data-part="told">${said}</p>`;
}
