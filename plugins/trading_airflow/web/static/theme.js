// Follow Airflow's own choice of light or dark, its colours and its font, where this page is shown inside it.

const OURS = {
  "--chakra-colors-bg": "--back",
  "--chakra-colors-bg-muted": "--card",
  "--chakra-colors-fg": "--text",
  "--chakra-colors-fg-muted": "--quiet",
  "--chakra-colors-border-emphasized": "--line",
};

function follow() {
  const theirs = window.parent.document.documentElement;
  const root = document.documentElement;
  const chosen = ["dark", "light"].find((name) => theirs.classList.contains(name));
  if (chosen) root.dataset.theme = chosen;
  // A deployment may have given Airflow colours of its own.
  const style = window.parent.getComputedStyle(theirs);
  for (const [name, ours] of Object.entries(OURS)) {
    const value = style.getPropertyValue(name).trim();
    if (value) root.style.setProperty(ours, value);
  }
  const font = window.parent.getComputedStyle(window.parent.document.body).fontFamily;
  if (font) root.style.setProperty("--font", font);
  document.dispatchEvent(new Event("themechange"));
}

if (window.parent !== window) {
  follow();
  new MutationObserver(follow).observe(window.parent.document.documentElement, {
    attributes: true,
    attributeFilter: ["class"],
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new Event("themechange")),
);
