/** The map of the collection: one photo stands for each cell, smaller cells as one zooms in. */
import * as api from "./api.js";
import { $, el, fadeIn, later, toast } from "./dom.js";
import { state } from "./state.js";
import "./theme.js";

const CELL = 112;
const MOST_SIDE = 4096;
const stage = $("stage");
const list = $("tiles");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** The middle of what is seen, as fractions of the map, and how many times it is enlarged: 2^z. */
const view = { x: 0.5, y: 0.5, z: 0 };
let size = { width: 1, height: 1 };
let most = 8;
let photos = 0;
let asking = null;
let loaded = "";
let grid = { columns: 1, rows: 1 };
const tiles = new Map();

// ---- where things are

/** Cells of the whole map at a zoom: as many as fit the window at 1, twice as many at each step. */
function cut(step) {
  const across = (side) => Math.min(MOST_SIDE, Math.max(2, Math.round(side / CELL)) * 2 ** step);
  return { columns: across(size.width), rows: across(size.height) };
}

const step = () => Math.floor(view.z + 1e-6);

function keepInside() {
  view.z = clamp(view.z, 0, most);
  const half = 0.5 / 2 ** view.z;
  view.x = clamp(view.x, half, 1 - half);
  view.y = clamp(view.y, half, 1 - half);
}

/** Draw what is there, and ask for what is not. */
function move({ animated = false } = {}) {
  keepInside();
  const [width, height] = [size.width * 2 ** view.z, size.height * 2 ** view.z];
  list.classList.toggle("moving", animated && !calm.matches);
  list.style.setProperty("--w", `${width / grid.columns}px`);
  list.style.setProperty("--h", `${height / grid.rows}px`);
  list.style.transform = `translate(${size.width / 2 - view.x * width}px, ${size.height / 2 - view.y * height}px)`;
  $("in").disabled = view.z >= most;
  $("out").disabled = $("whole").disabled = view.z <= 0;
  look();
}

function remember() {
  const query = new URLSearchParams();
  if (state.index) query.set("index", state.index);
  if (view.z) for (const name of ["x", "y", "z"]) query.set(name, String(Math.round(view[name] * 10000) / 10000));
  history.replaceState(null, "", query.toString() ? `#${query}` : location.pathname);
}

function recall() {
  const query = new URLSearchParams(location.hash.slice(1));
  const number = (name, otherwise) => (Number.isFinite(Number(query.get(name))) && query.has(name) ? Number(query.get(name)) : otherwise);
  state.index = query.get("index") || "";
  Object.assign(view, { x: number("x", 0.5), y: number("y", 0.5), z: number("z", 0) });
}

// ---- photos

const look = later(120, async () => {
  remember();
  const { columns, rows } = cut(step());
  const half = 0.5 / 2 ** view.z;
  const edge = (at, count) => clamp(at, 0, count);
  const window_ = [
    edge(Math.floor((view.x - half) * columns) - 1, columns), edge(Math.floor((view.y - half) * rows) - 1, rows),
    edge(Math.ceil((view.x + half) * columns) + 1, columns), edge(Math.ceil((view.y + half) * rows) + 1, rows),
  ].join(",");
  const wanted = `${state.index} ${columns} ${rows} ${window_}`;
  if (wanted === loaded) return;
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const found = await api.map(columns, rows, window_, mine.signal);
    if (mine.signal.aborted) return;
    loaded = wanted;
    show(found);
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message);
  }
});

function show(found) {
  photos = found.photos;
  most = clamp(Math.ceil(Math.log2(Math.sqrt(photos || 1))), 1, Math.floor(Math.log2(MOST_SIDE / Math.max(cut(0).columns, cut(0).rows))));
  const wanted = new Set(found.cells.map((cell) => cell.id));
  for (const [id, tile] of tiles) if (!wanted.has(id)) { tile.remove(); tiles.delete(id); }
  for (const cell of found.cells) {
    if (!tiles.has(cell.id)) tiles.set(cell.id, make(cell));
    const tile = tiles.get(cell.id);
    place(tile, cell);
    list.append(tile);
  }
  rove();
  grid = { columns: found.columns, rows: found.rows };
  const inSight = found.cells.reduce((sum, cell) => sum + cell.count, 0);
  const by = found.by === "pooled" ? "the network's features" : "what they show";
  $("said").textContent = view.z ? `About ${inSight.toLocaleString("en")} of ${photos.toLocaleString("en")} photos here` : !photos ? "" : `${photos.toLocaleString("en")} photos, near each other if alike by ${by}`;
  $("message").hidden = Boolean(photos);
  $("message").replaceChildren(el("b", {}, "There are no photos yet."), "Index a folder: semsig index PHOTOS --index DIR");
  move();
}

function make(cell) {
  const photo = fadeIn(el("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false", src: api.picture(cell, 160), srcset: `${api.picture(cell, 160)} 1x, ${api.picture(cell, 320)} 2x` }));
  const query = new URLSearchParams({ ...(state.index && { index: state.index }), photos: `i${cell.id}` });
  return el("li", { "data-id": cell.id }, el("a", { href: `/#${query}`, draggable: "false", tabindex: "-1" }, photo));
}

function place(tile, cell) {
  const others = cell.count - 1;
  const about = others ? `${cell.name}, and ${others.toLocaleString("en")} near it` : cell.name;
  tile.dataset.column = cell.column;
  tile.dataset.row = cell.row;
  tile.style.setProperty("--x", cell.column);
  tile.style.setProperty("--y", cell.row);
  tile.classList.toggle("several", others > 0);
  tile.firstChild.setAttribute("aria-label", `${about}: search by it`);
  tile.title = about;
}

/** One photo can be reached by Tab: that in focus, or the nearest to the middle. */
function rove(tile) {
  const middle = { column: view.x * grid.columns, row: view.y * grid.rows };
  const chosen = tile || tiles.get(Number(document.activeElement?.closest?.("#tiles li")?.dataset.id)) || nearest(middle, () => true);
  for (const one of tiles.values()) one.firstChild.tabIndex = one === chosen ? 0 : -1;
}

function nearest(from, isFit) {
  let [best, least] = [null, Infinity];
  for (const tile of tiles.values()) {
    const [across, down] = [tile.dataset.column - from.column, tile.dataset.row - from.row];
    const far = across ** 2 + down ** 2;
    if (far < least && isFit(across, down)) [best, least] = [tile, far];
  }
  return best;
}

// ---- moved by hand

function zoom(by, at = { x: size.width / 2, y: size.height / 2 }, animated = true) {
  const before = 2 ** view.z;
  view.z = clamp(view.z + by, 0, most);
  const after = 2 ** view.z;
  // the point under the pointer stays where it is
  view.x += (at.x - size.width / 2) / size.width * (1 / before - 1 / after);
  view.y += (at.y - size.height / 2) / size.height * (1 / before - 1 / after);
  move({ animated });
}

function pan(dx, dy, animated = false) {
  view.x -= dx / size.width / 2 ** view.z;
  view.y -= dy / size.height / 2 ** view.z;
  move({ animated });
}

const pointers = new Map();
let dragged = 0;

const local = (event) => {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
};

stage.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  pointers.set(event.pointerId, local(event));
  if (pointers.size === 1) dragged = 0;
});

addEventListener("pointermove", (event) => {
  const old = pointers.get(event.pointerId);
  if (!old) return;
  const now = local(event);
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
  dragged += Math.hypot(now.x - old.x, now.y - old.y);
  if (dragged > 6) stage.classList.add("dragging");
  if (others.length) {
    const [other] = others;
    const ratio = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(old.x - other.x, old.y - other.y));
    zoom(Math.log2(ratio), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }, false);
    pan((now.x - old.x) / 2, (now.y - old.y) / 2);
  } else {
    pan(now.x - old.x, now.y - old.y);
  }
  pointers.set(event.pointerId, now);
});

for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) stage.classList.remove("dragging");
  });
}

stage.addEventListener("click", (event) => { if (dragged > 6) event.preventDefault(); }, true);
stage.addEventListener("dblclick", (event) => { if (!event.target.closest("a")) zoom(1, local(event)); });
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(clamp(-event.deltaY * (event.deltaMode ? 20 : 1) / 240, -1, 1), local(event), false);
}, { passive: false });

stage.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const way = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  const tile = event.target.closest("#tiles li");
  if (way) {
    event.preventDefault();
    if (!tile || !stepTo(tile, way)) pan(way[0] * size.width / 4, way[1] * size.height / 4, true);
  } else if (event.key === "+" || event.key === "=") zoom(1, tile ? middle(tile) : undefined);
  else if (event.key === "-") zoom(-1, tile ? middle(tile) : undefined);
  else if (event.key === "0") whole();
});

function middle(tile) {
  const [box, frame] = [tile.getBoundingClientRect(), stage.getBoundingClientRect()];
  return { x: box.left + box.width / 2 - frame.left, y: box.top + box.height / 2 - frame.top };
}

/** Go to the nearest photo that way, and bring it into sight; tells whether there is one. */
function stepTo(tile, [dx, dy]) {
  const from = { column: Number(tile.dataset.column), row: Number(tile.dataset.row) };
  const next = nearest(from, (across, down) => (dx ? -dx * across > 0 && Math.abs(down) <= Math.abs(across) : -dy * down > 0 && Math.abs(across) <= Math.abs(down)));
  if (!next) return false;
  rove(next);
  next.firstChild.focus({ preventScroll: true });
  const [at, edge] = [middle(next), CELL];
  const off = (value, all) => (value < edge ? edge - value : value > all - edge ? all - edge - value : 0);
  pan(off(at.x, size.width), off(at.y, size.height), true);
  return true;
}

function whole() {
  Object.assign(view, { x: 0.5, y: 0.5, z: 0 });
  move({ animated: true });
}

$("in").addEventListener("click", () => zoom(1));
$("out").addEventListener("click", () => zoom(-1));
$("whole").addEventListener("click", whole);
list.addEventListener("focusin", (event) => rove(event.target.closest("li")));
$("index").addEventListener("change", (event) => {
  state.index = event.target.value;
  Object.assign(view, { x: 0.5, y: 0.5, z: 0 });
  tiles.clear();
  list.replaceChildren();
  move();
});
addEventListener("hashchange", () => { recall(); move(); });

recall();
if (state.index) $("index").value = state.index;
new ResizeObserver(() => {
  size = { width: stage.clientWidth || 1, height: stage.clientHeight || 1 };
  loaded = "";
  most = Math.max(most, view.z);
  move();
}).observe(stage);
