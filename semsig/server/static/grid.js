/** The photos that were found: tiles that keep their place, marks, more while one scrolls. */
import * as api from "./api.js";
import { $, el, fadeIn, icon } from "./dom.js";
import { leading, state } from "./state.js";

const tiles = new Map();
const grid = $("results");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const hits = [];
export const marks = { right: new Set(), wrong: new Set(), past: [] };
const on = { open: () => {}, marked: () => {}, more: () => {} };

export const listen = (given) => Object.assign(on, given);

export function mark(id, side) {
  const had = marks[side].has(id);
  marks.past.push([id, marks.right.has(id) ? "right" : marks.wrong.has(id) ? "wrong" : ""]);
  marks.right.delete(id);
  marks.wrong.delete(id);
  if (!had) marks[side].add(id);
  show(id);
  on.marked();
}

export function unmark() {
  const [id, side] = marks.past.pop() || [];
  if (id === undefined) return;
  marks.right.delete(id);
  marks.wrong.delete(id);
  if (side) marks[side].add(id);
  show(id);
  on.marked();
}

export function setMarks(right, wrong) {
  marks.right = new Set(right);
  marks.wrong = new Set(wrong);
  marks.past = [];
  tiles.forEach((_, id) => show(id));
  on.marked();
}

function show(id) {
  const tile = tiles.get(id);
  if (!tile) return;
  for (const side of ["right", "wrong"]) {
    tile.classList.toggle(side, marks[side].has(id));
    tile.querySelector(side === "right" ? ".yes" : ".no").setAttribute("aria-pressed", marks[side].has(id));
  }
}

function make(hit) {
  const ratio = hit.width ? Math.min(3, Math.max(0.5, hit.width / hit.height)) : 1.4;
  const photo = el("img", { class: "photo", alt: "", loading: "lazy", decoding: "async", src: api.picture(hit, 320), srcset: `${api.picture(hit, 320)} 1x, ${api.picture(hit, 640)} 2x` });
  photo.addEventListener("error", () => tile.classList.add("lost"), { once: true });
  const why = el("span");
  const about = el("div", { class: "about" }, el("b", {}, ""), why);
  const open = el("button", { class: "open", type: "button", onclick: () => on.open(hit.id) }, photo);
  const judge = (name, side, label, shape) =>
    el("button", { class: name, type: "button", "aria-pressed": "false", "aria-label": `${label}: ${hit.name}`, title: label, onclick: () => mark(hit.id, side) }, icon(shape));
  const tile = el("li", { class: "tile", "data-id": hit.id, "data-name": hit.name, css: { "--r": ratio } }, open, about,
    el("div", { class: "judge" }, judge("yes", "right", "Right", "check"), judge("no", "wrong", "Wrong", "cross")));
  fadeIn(photo);
  const look = () => explain(tile, hit, why);
  tile.addEventListener("pointerenter", look);
  tile.addEventListener("focusin", look);
  return tile;
}

/** Lay the classes over a tile, and say why it was found, when somebody looks at it. */
async function explain(tile, hit, why) {
  if (!tile.querySelector(".classes")) {
    const classes = fadeIn(el("img", { class: "classes", alt: "", src: api.overlay(hit, 320) }));
    tile.querySelector(".photo").after(classes);
  }
  const key = JSON.stringify([state.photos, state.layout]);
  if (tile.dataset.why === key) return;
  tile.dataset.why = key;
  try {
    why.textContent = await reason(hit);
  } catch {
    why.textContent = "";
  }
}

async function reason(hit) {
  const sentence = (text) => text[0].toUpperCase() + text.slice(1);
  if (state.layout) return sentence((await api.explainLayout(state.layout, hit.id)).sentence);
  if (state.photos.length) return sentence((await api.explain(leading(), hit.id)).sentence);
  return sentence((await api.describe(hit)).sentence);
}

function fill(tile, hit) {
  tile.querySelector(".about b").textContent = hit.measure ? `${hit.rank}. ${hit.measure}` : hit.name;
  tile.querySelector(".open").setAttribute("aria-label", hit.measure ? `${hit.name}, number ${hit.rank}, ${hit.measure}` : hit.name);
}

/** Show the first hits of an answer; tiles that were there move to their new place. */
export function replace(found) {
  const before = new Map();
  if (!calm.matches) for (const [id, tile] of tiles) before.set(id, tile.getBoundingClientRect());
  hits.length = 0;
  const wanted = new Set(found.map((hit) => hit.id));
  for (const [id, tile] of tiles) {
    if (!wanted.has(id)) {
      tile.remove();
      tiles.delete(id);
    }
  }
  append(found);
  for (const [id, old] of before) {
    const tile = tiles.get(id);
    if (!tile || old.bottom < -200 || old.top > innerHeight + 200) continue;
    const now = tile.getBoundingClientRect();
    const [x, y] = [old.left - now.left, old.top - now.top];
    if (x || y) tile.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 320, easing: "cubic-bezier(.2, .8, .2, 1)" });
  }
}

export function append(found) {
  for (const hit of found) {
    hits.push(hit);
    if (!tiles.has(hit.id)) tiles.set(hit.id, make(hit));
    const tile = tiles.get(hit.id);
    fill(tile, hit);
    if (tiles.has(hit.copy_of)) stack(tile, hit.copy_of);
    else unstack(tile);
    show(hit.id);
  }
}

// ---- near-duplicates, stacked under the nearest of them

const copiesOf = (id) => grid.querySelectorAll(`.tile[data-copy-of="${id}"]`);

function unstack(tile) {
  delete tile.dataset.copyOf;
  tile.hidden = false;
  tile.querySelector(".pile")?.remove();
  tile.classList.remove("opened");
  grid.append(tile);
}

function stack(tile, id) {
  const leader = tiles.get(id);
  unstack(tile);
  tile.dataset.copyOf = id;
  const before = copiesOf(id);
  (before.length > 1 ? before[before.length - 2] : leader).after(tile);
  tile.hidden = !leader.classList.contains("opened");
  pile(leader, copiesOf(id).length);
}

/** The button with the number of copies, which opens and closes the stack. */
function pile(leader, count) {
  const opened = leader.classList.contains("opened");
  const label = `${count + 1} near-duplicates: ${leader.dataset.name}`;
  const button = el("button", { class: "pile", type: "button", "aria-expanded": String(opened), "aria-label": label, title: label, onclick: () => toggle(leader) }, icon("copies"), String(count + 1));
  leader.querySelector(".pile")?.remove();
  leader.querySelector(".open").after(button);
}

function toggle(leader) {
  const opened = leader.classList.toggle("opened");
  leader.querySelector(".pile").setAttribute("aria-expanded", String(opened));
  for (const tile of copiesOf(leader.dataset.id)) tile.hidden = !opened;
}

/** How many photos lie under others. */
export const stacked = () => grid.querySelectorAll(".tile[data-copy-of]").length;

export function focusOn(id) {
  const tile = tiles.get(id);
  (tile?.hidden ? tiles.get(Number(tile.dataset.copyOf)) : tile)?.querySelector(".open").focus();
}

/** Move between tiles by arrows, up and down to the one above or below; mark by keys. */
grid.addEventListener("keydown", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...grid.children].filter((one) => !one.hidden);
  const at = all.indexOf(tile);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  let next = step && all[at + step];
  if (event.key === "ArrowDown" || event.key === "ArrowUp") next = beside(all, tile, event.key === "ArrowDown");
  if (next) {
    event.preventDefault();
    next.querySelector(".open").focus();
  } else if (event.key === "r" || event.key === "w") {
    mark(Number(tile.dataset.id), event.key === "r" ? "right" : "wrong");
  }
});

function beside(all, tile, below) {
  const here = tile.getBoundingClientRect();
  const middle = here.left + here.width / 2;
  const rows = all.map((one) => [one, one.getBoundingClientRect()]).filter(([, box]) => (below ? box.top > here.bottom - 4 : box.bottom < here.top + 4));
  const edge = below ? Math.min(...rows.map(([, box]) => box.top)) : Math.max(...rows.map(([, box]) => box.top));
  const row = rows.filter(([, box]) => Math.abs(box.top - edge) < 4);
  row.sort(([, a], [, b]) => Math.abs(a.left + a.width / 2 - middle) - Math.abs(b.left + b.width / 2 - middle));
  return row[0]?.[0];
}

new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && on.more(), { rootMargin: "900px" }).observe($("end"));
