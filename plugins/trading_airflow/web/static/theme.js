// Follow Airflow's own choice of light or dark where this page is shown inside it; else the system's holds.

function follow() {
  const classes = window.parent.document.documentElement.classList;
  const chosen = ["dark", "light"].find((name) => classes.contains(name));
  if (chosen) document.documentElement.dataset.theme = chosen;
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
