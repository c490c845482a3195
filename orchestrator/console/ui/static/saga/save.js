// What can be taken away: the history, the picture.
import { get, url } from "../api.js";
import { say } from "../parts/parts.js";
import { whole } from "./graph.js";

/** save hands a text, or a blob, to the browser as a file. */
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

const svgNames = "http://www.w3.org/2000/svg";

/** alone returns a picture in the document as a text with its looks in it, so that it stands alone. */
function alone(svg) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    const look = getComputedStyle(node);
    for (const p of properties) to[i].setAttribute(p, look.getPropertyValue(p));
    for (const a of ["class", "tabindex", "role", "aria-label", "aria-pressed"]) to[i].removeAttribute(a);
  });
  // Colours that can be read on the page's ground need that ground.
  const ground = document.createElementNS(svgNames, "rect");
  for (const [a, v] of [["width", "100%"], ["height", "100%"], ["fill", getComputedStyle(document.documentElement).getPropertyValue("--surface")]]) ground.setAttribute(a, v);
  copy.prepend(ground);
  copy.setAttribute("xmlns", svgNames);
  return new XMLSerializer().serializeToString(copy);
}

/**
 * saveSVG writes the whole picture as what it is.
 * @param {import("./graph.js").Picture} drawing
 * @param {string} name
 */
export const saveSVG = (drawing, name) => save(name + ".svg", "image/svg+xml", whole(drawing, alone));

const side = 16000; // the longest that every browser's canvas can have

/**
 * savePNG writes the whole picture in dots, two for each of its own where that is possible.
 * @param {import("./graph.js").Picture} drawing
 * @param {string} name
 */
export async function savePNG(drawing, name) {
  try {
    const image = new Image();
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(whole(drawing, alone));
    await image.decode();
    const { width, height } = drawing.graph;
    const scale = Math.min(2, side / Math.max(width, height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.ceil(width * scale), Math.ceil(height * scale)];
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    if (!blob) throw new Error("it is too large for this browser");
    save(name + ".png", "image/png", blob);
    if (scale < 0.7) say("So large a picture is small in dots: the SVG can be read at any size.", "info");
  } catch (e) {
    say(`The picture cannot be drawn (${e.message}): take the SVG.`, "stuck");
  }
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
