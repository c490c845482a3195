// Runs before anything is drawn, so that a chosen theme does not flash in late.
try {
  const theme = localStorage.getItem("amends.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // no storage: the system's theme it is
}
