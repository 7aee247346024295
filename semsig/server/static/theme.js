/** Light or dark: as the system has it, or as somebody chose. */
import { $ } from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
const apply = () => { document.documentElement.dataset.theme = kept() || (dark.matches ? "dark" : "light"); };

dark.addEventListener("change", apply);
$("theme").addEventListener("click", () => {
  const other = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", other); } catch { /* private windows keep nothing */ }
  document.documentElement.dataset.theme = other;
});
apply();
