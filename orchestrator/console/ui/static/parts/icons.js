// The shapes that stand beside words. Each status has one of its own, so that
// none is told by its colour alone.
import { html } from "../lib.js";

const paths = {
  running: "M4 2.5v11l9-5.5z",
  compensating: "M6.5 2 2 6.5 6.5 11V8H10a2.5 2.5 0 0 1 0 5H7v-0 1.8h3a4.3 4.3 0 0 0 0-8.6H6.5z",
  completed: "M6.3 12.7 1.8 8.2l1.7-1.7 2.8 2.8 6.2-6.2 1.7 1.7z",
  compensated: "M8 2a6 6 0 1 0 6 6h-2a4 4 0 1 1-1.2-2.8L9 7h5V2l-1.8 1.8A6 6 0 0 0 8 2z",
  stuck: "M8 1 15.5 14.5H.5zM7 6v4h2V6zm0 5v2h2v-2z",
  suspended: "M3.5 2.5h3v11h-3zm6 0h3v11h-3z",
  absent: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
  refused: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM4 7h8v2H4z",
  failed: "m4.1 2.7 3.9 3.9 3.9-3.9 1.4 1.4L9.4 8l3.9 3.9-1.4 1.4L8 9.4l-3.9 3.9-1.4-1.4L6.6 8 2.7 4.1z",
  unknown: "M5 5.2a3 3 0 1 1 4.3 2.7c-.6.3-.8.6-.8 1.6h-2c0-1.8.6-2.7 1.8-3.3A1 1 0 1 0 7 5.2zM6.5 11h2v2h-2z",
  waiting: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM7 4h2v3.6l2.5 1.5-1 1.7L7 8.7z",
  hand: "M7 1.5h1.6v6H9V2.8h1.5V8H11V4.5h1.5V10c0 2.8-1.7 4.5-4.3 4.5-2.2 0-3.3-1-4.2-3L2.5 8.4l1.3-.8L5.5 10V3H7z",
  copy: "M5 1.5h8.5V11H11v3.5H2.5V5H5zM5 6.5H4V13h5.5v-2H5zM6.5 3v6.5H12V3z",
  sun: "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM7.2 0h1.6v3H7.2zm0 13h1.6v3H7.2zM0 7.2h3v1.6H0zm13 0h3v1.6h-3zM2.9 1.8l2 2.1-1 1-2.1-2zm9.2 9.2 2.1 2.1-1.1 1-2-2zM1.8 13.1l2.1-2 1 1-2 2.1zM11 3.9l2.1-2.1 1 1.1-2 2z",
  moon: "M6.2 1.6a6.5 6.5 0 1 0 8.2 8.2A5.5 5.5 0 0 1 6.2 1.6z",
  help: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-.9 10h1.8v1.8H7.1zM5.2 6A2.8 2.8 0 1 1 9.3 8.4c-.4.3-.5.5-.5 1.4H7.2c0-1.500.3-2 1.200-2.700A1.200 1.200 0 1 0 6.800 6z",
  previous: "m10.500 2 1.300 1.300L7 8l4.800 4.700L10.500 14l-6-6z",
  next: "M5.500 2 4.200 3.300 9 8l-4.800 4.700L5.500 14l6-6z",
  close: "m4.1 2.7 3.9 3.9 3.9-3.9 1.4 1.4L9.4 8l3.9 3.9-1.4 1.4L8 9.4l-3.9 3.9-1.4-1.4L6.6 8 2.7 4.1z",
  search: "M6.500 1a5.500 5.500 0 1 0 3.300 9.900l3.700 3.700 1.200-1.200-3.700-3.700A5.500 5.500 0 0 0 6.500 1zm0 1.700a3.800 3.800 0 1 1 0 7.600 3.800 3.800 0 0 1 0-7.600z",
  download: "M7.100 1.500h1.800v6.700l2.500-2.500 1.200 1.200L8 11.500 3.400 6.900l1.200-1.200 2.500 2.500zM2 12.700h12v1.800H2z",
  many: "M8 4.500l6 6-1.400 1.400L8 7.300l-4.600 4.600L2 10.500z",
  "too-many": "M8 1.500l6 6-1.400 1.400L8 4.300 3.400 8.900 2 7.500zM8 7.100l6 6-1.400 1.400L8 9.900l-4.600 4.600L2 13.100z",
  none: "M2 3h12v2H2zm0 4h12v2H2zm0 4h7v2H2z",
  info: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-.9 3h1.800v1.800H7.100zm0 3.200h1.800V12H7.100z",
};

const same = {
  done: "completed", undone: "compensated", "nothing-to-undo": "compensated", rejected: "refused", open: "running",
  halted: "stuck", idle: "absent",
};

/** icon draws the shape of that name; a screen reader reads the words beside it. */
export function icon(name, size = 16) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 16 16" aria-hidden="true" focusable="false"><path d=${path(name)} fill="currentColor" fill-rule="evenodd" /></svg>`;
}

/** path is the outline of that shape, for pictures that have an svg already. */
export const path = (name) => paths[same[name] ?? name] ?? paths.absent;
