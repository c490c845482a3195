// Light, dark, or what the system says.
import { signal } from "./lib.js";

const root = document.documentElement;
export const theme = signal(root.dataset.theme ?? "");

const query = matchMedia("(prefers-color-scheme: dark)");
const system = signal(query.matches);
query.addEventListener("change", () => {
  system.value = query.matches;
});

/** dark says what is shown now. */
export const dark = () => (theme.value || (system.value ? "dark" : "light")) === "dark";

export function toggle() {
  const next = dark() ? "light" : "dark";
  theme.value = next;
  root.dataset.theme = next;
  try {
    localStorage.setItem("amends.theme", next);
  } catch {
    // for this visit only
  }
}
