/** One photo large, beside what was searched for: its classes, blocks, parts, and why. */
import * as api from "./api.js";
import { drawn } from "./crop.js";
import { $, el, icon, swatch, toast } from "./dom.js";
import { focusOn, hits, mark, marks } from "./grid.js";
import { pictured } from "./paint.js";
import { MOST_PHOTOS, leading, state, update } from "./state.js";

const dialog = $("lightbox");
const COLORS = ["#ffd23f", "#4cc9f0", "#ff7ab8"];
let at = 0;
let writable = false;
const views = { classes: false, blocks: false, regions: false };

export const setWritable = (given) => { writable = given; };

export function open(id) {
  at = hits.findIndex((hit) => hit.id === id);
  show();
  if (!dialog.open) dialog.showModal();
}

function view(caption, ratio, ...content) {
  return el("figure", { class: "view", css: { "--r": ratio } }, el("div", { class: "fit" }, ...content), el("figcaption", {}, caption));
}

async function queryView() {
  if (state.layout) {
    const canvas = pictured(state.layout);
    return view("painted", canvas.width / canvas.height, el("img", { alt: "The layout", src: canvas.toDataURL() }), layer("a"));
  }
  const photo = leading();
  const canvas = await drawn(photo, 1280);
  const content = [el("img", { alt: "The query", src: canvas.toDataURL("image/jpeg", 0.9) })];
  if (!photo.crop && !photo.rotate) content.push(el("img", { class: "classes", alt: "", src: api.overlay(photo, 640) }));
  return view("the query", canvas.width / canvas.height, ...content, layer("a"));
}

const layer = (side) => el("div", { class: "blocks", "data-side": side });

async function show() {
  const hit = hits[at];
  const turn = at;
  const compared = state.layout || state.photos.length;
  const found = view("found", hit.width ? hit.width / hit.height : 1.4,
    el("img", { alt: hit.name, src: api.picture(hit, 1280) }), el("img", { class: "classes", alt: "", src: api.overlay(hit, 640) }), layer("b"));
  const pair = el("div", { class: compared ? "pair" : "pair alone" }, found);
  const why = el("p", { class: "why", "aria-live": "polite" });
  const shares = el("ul", { class: "shares", "aria-label": "Classes" });
  dialog.replaceChildren(head(hit), pair, why, buttons(hit, compared), shares);
  dialog.setAttribute("aria-label", hit.name);
  apply();
  try {
    if (compared) pair.prepend(await queryView());
    const said = await api.describe(hit);
    if (turn !== at) return;
    shares.replaceChildren(...said.classes.map((one) => el("li", {}, swatch(one.color), `${one.name} ${Math.round(one.share * 100)} %`)));
    why.textContent = sentence(said.sentence);
    if (compared) await explain(hit, pair, why);
  } catch (error) {
    why.textContent = error.message;
  }
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

async function explain(hit, pair, why) {
  const turn = at;
  const reason = state.layout ? await api.explainLayout(state.layout, hit.id) : await api.explain(leading(), hit.id, views.regions);
  if (turn !== at) return;
  why.textContent = `${sentence(reason.sentence)} ${reason.distance.toLocaleString("en")} bits of their blocks differ.`;
  for (const blocks of pair.querySelectorAll(".blocks")) {
    blocks.style.setProperty("--n", reason.grid);
    blocks.replaceChildren(...reason.agreement.map((share) => el("i", { class: share < 0.5 ? "apart" : "", css: { "--a": share } })));
  }
  const crop = leading()?.crop || [0, 0, 1, 1];
  const [w, h] = [crop[2] - crop[0], crop[3] - crop[1]];
  const [a, b] = pair.querySelectorAll(".fit");
  reason.regions.forEach((region, number) => {
    const [l, t, r, d] = region.a;
    frame(a, [(l - crop[0]) / w, (t - crop[1]) / h, (r - crop[0]) / w, (d - crop[1]) / h], number, region.distance);
    frame(b, region.b, number, region.distance);
  });
}

function frame(fit, [l, t, r, b], number, distance) {
  const inset = number * 1.2;
  fit.append(el("div", { class: "region", title: `${distance.toFixed(3)} squared L2`, css: { "--c": COLORS[number], left: `calc(${l * 100}% + ${inset * 3}px)`, top: `calc(${t * 100}% + ${inset * 3}px)`, width: `calc(${(r - l) * 100}% - ${inset * 6}px)`, height: `calc(${(b - t) * 100}% - ${inset * 6}px)` } }, el("b", {}, String(number + 1))));
}

function head(hit) {
  const button = (label, shape, act) => el("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick: act }, icon(shape));
  return el("header", {}, el("h2", {}, hit.name, el("small", {}, [hit.measure, hit.width ? `${hit.width} × ${hit.height}` : ""].filter(Boolean).join(" · "))),
    button("Previous", "left", () => step(-1)), button("Next", "right", () => step(1)), button("Close", "cross", () => dialog.close()));
}

function buttons(hit, compared) {
  const toggle = (name, label) => el("button", { type: "button", class: "chip", "aria-pressed": String(views[name]), onclick: (event) => {
    views[name] = !views[name];
    event.currentTarget.setAttribute("aria-pressed", String(views[name]));
    apply();
    if (name === "regions" && views.regions && !dialog.querySelector(".region")) {
      explain(hit, dialog.querySelector(".pair"), dialog.querySelector(".why")).catch(() => {});
    }
  } }, label);
  const quiet = (label, shape, act) => el("button", { type: "button", class: "quiet", onclick: act }, icon(shape), label);
  const judge = (side, label, shape) => el("button", { type: "button", class: "chip", "aria-pressed": String(marks[side].has(hit.id)), onclick: () => { mark(hit.id, side); show(); } }, icon(shape), label);
  const pooled = compared && state.photos.length;
  return el("div", { class: "toggles" }, toggle("classes", "Classes"), compared ? toggle("blocks", "Blocks") : null, pooled ? toggle("regions", "Parts that match") : null,
    el("span", { class: "spring" }), judge("right", "Right", "check"), judge("wrong", "Wrong", "cross"),
    quiet("Search by this", "search", () => searchBy(hit)),
    compared ? quiet("More like this", "plus", () => weigh(hit, 1)) : null,
    compared ? quiet("Less like this", "minus", () => weigh(hit, -0.5)) : null,
    writable ? quiet("Take out", "erase", () => takeOut(hit)) : null);
}

function searchBy(hit) {
  dialog.close();
  scrollTo({ top: 0 });
  update({ photos: [{ id: hit.id }], layout: null, right: [], wrong: [], view: "" });
}

/** Search on, by this photo too, or away from it. */
function weigh(hit, weight) {
  const others = state.photos.filter((photo) => photo.id !== hit.id || photo.crop);
  if (others.length >= MOST_PHOTOS) return toast(`A search takes ${MOST_PHOTOS} photos; take one away.`);
  dialog.close();
  scrollTo({ top: 0 });
  update({ photos: [...others, weight === 1 ? { id: hit.id } : { id: hit.id, weight }] });
}

async function takeOut(hit) {
  await api.remove(hit.id);
  dialog.close();
  update({});
}

function apply() {
  for (const [name, shown] of Object.entries(views)) dialog.classList.toggle(`${name}-on`, shown);
}

function step(by) {
  const next = at + by;
  if (next < 0 || next >= hits.length) return;
  at = next;
  show();
}

dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const chips = { o: 0, b: 1, p: 2 }[event.key];
  if (event.key === "ArrowRight") step(1);
  else if (event.key === "ArrowLeft") step(-1);
  else if (event.key === "r" || event.key === "w") { mark(hits[at].id, event.key === "r" ? "right" : "wrong"); show(); }
  else if (event.key === "s") searchBy(hits[at]);
  else if ((event.key === "+" || event.key === "-") && (state.layout || state.photos.length)) weigh(hits[at], event.key === "+" ? 1 : -0.5);
  else if (chips !== undefined) dialog.querySelectorAll(".toggles .chip")[chips]?.click();
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => hits[at] && focusOn(hits[at].id));
