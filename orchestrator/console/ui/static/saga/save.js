// What can be taken away: the history, the picture.
import { get, url } from "../api.js";
import { say } from "../parts/parts.js";

/** save hands a text to the browser as a file. */
export function save(name, kind, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** historyURL is where the whole history is, one entry a line. */
export const historyURL = (id) => url(`/sagas/${id}/export`);

const properties = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font", "font-size", "font-weight", "font-family", "text-anchor"];

/** saveSVG writes the picture on the page with its looks in it, so that it stands alone. */
export function saveSVG(svg, name) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    const look = getComputedStyle(node);
    for (const p of properties) to[i].setAttribute(p, look.getPropertyValue(p));
    for (const a of ["class", "tabindex", "role", "aria-label", "aria-pressed"]) to[i].removeAttribute(a);
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  save(name + ".svg", "image/svg+xml", new XMLSerializer().serializeToString(copy));
}

/** saveMermaid writes the definition as a flowchart. */
export async function saveMermaid(definition, version) {
  try {
    const d = await get(`/definitions/${definition}/${version}`);
    save(`${definition}-${version}.mmd`, "text/plain", d.mermaid ?? "");
  } catch (e) {
    say(e.message, "stuck");
  }
}
