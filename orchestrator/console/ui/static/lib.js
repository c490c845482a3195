// What every module of ours needs of the vendored ones.
export { html } from "./vendor/htm-preact.js";
export { render, Fragment } from "./vendor/preact.js";
export { useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback } from "./vendor/hooks.js";
export { signal, computed, effect, batch } from "./vendor/signals.js";
