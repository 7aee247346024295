/** Near-duplicates side by side; nothing is moved, a list can be saved. */
import * as api from "./api.js";
import { $, el, icon, later, save, toast } from "./dom.js";

const section = $("groups");
let within = null;
let shown = null;

const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`);

const counted = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

function copy(photo) {
  return el("li", { class: "copy" },
    el("span", { class: "frame" }, el("img", { alt: photo.name, loading: "lazy", src: api.picture(photo, 320) }), photo.best ? el("span", { class: "badge" }, icon("star"), "best") : null),
    el("b", { title: photo.name }, photo.name),
    el("small", {}, `${photo.width} × ${photo.height} · ${size(photo.bytes)}`), el("br"),
    el("small", {}, `${photo.taken.slice(0, 10)} · sharpness ${Math.round(photo.sharpness)}`));
}

function tell({ done, of }) {
  const share = of ? `: ${done.toLocaleString("en")} of ${of.toLocaleString("en")} photos` : "";
  section.querySelector(".lead").textContent = `Pixels are compared where photos look alike${share}.`;
}

export async function show() {
  const mine = (shown = {});
  section.setAttribute("aria-busy", "true");
  if (!section.children.length) section.append(el("p", { class: "lead", role: "status" }, "Looking for copies."));
  const found = await api.duplicates(within, tell, () => mine === shown && !section.hidden);
  if (mine !== shown || !found.groups) return;
  within = found.within;
  const spare = found.groups.flat().filter((photo) => !photo.best);
  const value = el("output", {}, within.toFixed(2));
  const range = el("input", { type: "range", min: "0", max: "1", step: "0.01", value: within, "aria-label": "Largest distance" });
  const look = later(350, () => { within = Number(range.value); show().catch((error) => toast(error.message)); });
  range.addEventListener("input", () => { value.textContent = Number(range.value).toFixed(2); look(); });
  const save_ = () => save("spare-copies.txt", "text/plain", spare.map((photo) => `${photo.id}\t${photo.name}\n`).join(""));
  section.replaceChildren(
    el("header", {}, el("h2", {}, "Near-duplicates"),
      el("label", {}, "within", range, value),
      el("button", { type: "button", class: "quiet", onclick: save_ }, "Save a list of the others"),
      el("p", { class: "lead", role: "status" }, found.groups.length ? `${counted(found.groups.length, "group")}; ${counted(spare.length, "photo")} with a better copy. Nothing is moved or removed.` : "No two photos are that close. A larger distance finds more.")),
    ...found.groups.slice(0, 200).map((group) => el("article", { class: "group" }, el("ul", { tabindex: "0", "aria-label": `Copies of ${group[0].name}` }, ...group.map(copy)))),
  );
  section.removeAttribute("aria-busy");
}
