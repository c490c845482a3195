// The whole of what is larger than its window, small, with a frame around the
// part in sight. It is for the pointer, and beside the point for everybody else:
// the window itself scrolls by keyboard, and is what a screen reader reads.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";
import { dark } from "../theme.js";

const height = 44;

/** sight is the part of a box's content that one sees, as parts of 1. */
export function sight({ scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth, scrollHeight }) {
  const part = (at, size, whole) => (whole > 0 ? [Math.min(1, at / whole), Math.min(1, size / whole)] : [0, 1]);
  const [left, width] = part(scrollLeft, clientWidth, scrollWidth), [top, tall] = part(scrollTop, clientHeight, scrollHeight);
  return { left, top, width, height: tall };
}

const same = (a, b) => a && a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;

/**
 * Overview is drawn where box does not show all of its content.
 * @param {{box: {current: HTMLElement}, paint: (pen: CanvasRenderingContext2D, width: number, height: number, colour: (name: string) => string) => void, of: any[]}} props
 *   of is what the picture is made of: where none of it changes it is not drawn again
 */
export function Overview({ box, paint, of }) {
  const canvas = useRef(null);
  const [part, setPart] = useState(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const b = box.current;
    const look = () => setPart((was) => {
      const now = sight(b);
      return same(was, now) ? was : now;
    });
    const watch = new ResizeObserver(look);
    watch.observe(b);
    b.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      watch.disconnect();
      b.removeEventListener("scroll", look);
    };
  }, of);
  const needed = part && (part.width < 0.98 || part.height < 0.98);
  useLayoutEffect(() => {
    if (!needed) return undefined;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(canvas.current);
    return () => watch.disconnect();
  }, [needed]);
  const theme = dark();
  useEffect(() => {
    if (!needed || !width) return;
    const look = getComputedStyle(document.documentElement), dots = devicePixelRatio || 1;
    Object.assign(canvas.current, { width: width * dots, height: height * dots });
    const pen = canvas.current.getContext("2d");
    pen.scale(dots, dots);
    paint(pen, width, height, (name) => look.getPropertyValue(name));
  }, [needed, width, theme, ...of]);
  if (!needed) return null;
  const go = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const b = box.current, at = canvas.current.getBoundingClientRect();
    b.scrollLeft = ((event.clientX - at.left) / at.width) * b.scrollWidth - b.clientWidth / 2;
    b.scrollTop = ((event.clientY - at.top) / at.height) * b.scrollHeight - b.clientHeight / 2;
  };
  const down = (event) => {
    event.currentTarget.setPointerCapture?.(event.pointerId);
    go(event);
  };
  const percent = (n) => `${(100 * n).toFixed(2)}%`;
  return html`<div class="overview" aria-hidden="true" title="All of it: press to go there" onPointerDown=${down} onPointerMove=${go}><canvas ref=${canvas} style=${{ height: height + "px" }}></canvas>
    <i style=${{ left: percent(part.left), top: percent(part.top), width: percent(part.width), height: percent(part.height) }}></i></div>`;
}
