/** A layout painted in the classes' colours, searched while it is painted. */
import { $, el, icon, later, swatch } from "./dom.js";
import { state, update } from "./state.js";

const [WIDTH, HEIGHT] = [72, 48];
const panel = $("painter");
let classes = [];
let grid = new Int32Array(WIDTH * HEIGHT).fill(-1);
let [label, tool, size] = [0, "brush", 5];
const past = [];
const cursor = { x: 36, y: 24, on: false };
let canvas;

export const setClasses = (given) => { classes = given; };

function runs() {
  const found = [];
  for (const value of grid) {
    if (found.length && found.at(-1)[0] === value) found.at(-1)[1] += 1;
    else found.push([value, 1]);
  }
  return found;
}

function read(layout) {
  grid.fill(-1);
  if (!layout || layout.width !== WIDTH || layout.height !== HEIGHT) return;
  let at = 0;
  for (const [value, length] of layout.runs) grid.fill(value, at, (at += length));
}

const send = later(220, () => {
  const empty = grid.every((value) => value < 0);
  update({ layout: empty ? null : { width: WIDTH, height: HEIGHT, runs: runs() }, photos: [], right: [], wrong: [] }, { replace: Boolean(state.layout) });
});

function draw() {
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(WIDTH, HEIGHT);
  const colors = new Map(classes.map((one) => [one.label, parseInt(one.color.slice(1), 16)]));
  grid.forEach((value, at) => {
    const color = colors.get(value);
    if (color !== undefined) image.data.set([color >> 16, (color >> 8) & 255, color & 255, 255], at * 4);
  });
  pen.putImageData(image, 0, 0);
  if (cursor.on) {
    pen.strokeStyle = "#000";
    pen.strokeRect(cursor.x - 1.5, cursor.y - 1.5, 4, 4);
    pen.strokeStyle = "#fff";
    pen.strokeRect(cursor.x - 0.5, cursor.y - 0.5, 2, 2);
  }
}

function remember() {
  past.push(grid.slice());
  if (past.length > 50) past.shift();
}

function dab(x, y) {
  const radius = size / 2;
  const value = tool === "erase" ? -1 : label;
  for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(HEIGHT - 1, Math.ceil(y + radius)); row += 1) {
    for (let column = Math.max(0, Math.floor(x - radius)); column <= Math.min(WIDTH - 1, Math.ceil(x + radius)); column += 1) {
      if ((row - y) ** 2 + (column - x) ** 2 <= radius ** 2 + 0.3) grid[row * WIDTH + column] = value;
    }
  }
}

function stroke(from, to) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let step = 0; step <= steps; step += 1) {
    dab(from[0] + ((to[0] - from[0]) * step) / steps, from[1] + ((to[1] - from[1]) * step) / steps);
  }
}

function flood(x, y) {
  const start = Math.floor(y) * WIDTH + Math.floor(x);
  const old = grid[start];
  if (old === label) return;
  const open = [start];
  while (open.length) {
    const at = open.pop();
    if (grid[at] !== old) continue;
    grid[at] = label;
    if (at % WIDTH) open.push(at - 1);
    if (at % WIDTH < WIDTH - 1) open.push(at + 1);
    if (at >= WIDTH) open.push(at - WIDTH);
    if (at < WIDTH * (HEIGHT - 1)) open.push(at + WIDTH);
  }
}

function act(from, to) {
  if (tool === "fill") flood(...to);
  else stroke(from, to);
  draw();
  send();
}

function undo() {
  if (!past.length) return;
  grid = past.pop();
  draw();
  send();
}

function listen() {
  let last = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (value, most) => Math.min(most - 0.01, Math.max(0, value));
    return [inside(((event.clientX - box.left) / box.width) * WIDTH, WIDTH), inside(((event.clientY - box.top) / box.height) * HEIGHT, HEIGHT)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    cursor.on = false;
    remember();
    last = at(event);
    act(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last || tool === "fill") return;
    const now = at(event);
    act(last, now);
    last = now;
  });
  canvas.addEventListener("pointerup", () => { last = null; });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, -2], ArrowDown: [0, 2] }[event.key];
    if (step) {
      cursor.x = Math.min(WIDTH - 1, Math.max(0, cursor.x + step[0]));
      cursor.y = Math.min(HEIGHT - 1, Math.max(0, cursor.y + step[1]));
    } else if (event.key === " ") {
      remember();
      act([cursor.x, cursor.y], [cursor.x, cursor.y]);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      undo();
    } else return;
    cursor.on = true;
    event.preventDefault();
    draw();
  });
  canvas.addEventListener("blur", () => { cursor.on = false; draw(); });
}

function build() {
  canvas = el("canvas", { width: WIDTH, height: HEIGHT, tabindex: "0", role: "img", "aria-label": "The layout. Arrows move, Space paints." });
  const tools = ["brush", "erase", "fill"].map((name) =>
    el("button", { type: "button", class: "icon", title: { brush: "Brush", erase: "Erase", fill: "Fill" }[name], "aria-label": { brush: "Brush", erase: "Erase", fill: "Fill" }[name], "aria-pressed": String(name === tool), onclick: (event) => {
      tool = name;
      tools.forEach((one) => one.setAttribute("aria-pressed", String(one === event.currentTarget)));
    } }, icon(name)));
  const sizes = el("input", { type: "range", min: "1", max: "16", value: size, "aria-label": "Size of the brush", oninput: (event) => { size = Number(event.target.value); } });
  const colors = el("div", { class: "colors", role: "radiogroup", "aria-label": "Classes" },
    ...classes.filter((one) => one.count).map((one, at) => {
      if (at === 0) label = one.label;
      return el("button", { type: "button", role: "radio", "aria-checked": String(at === 0), "data-name": one.name, onclick: (event) => {
        label = one.label;
        if (tool === "erase") tools[0].click();
        colors.querySelectorAll("button").forEach((button) => button.setAttribute("aria-checked", String(button === event.currentTarget)));
      } }, swatch(one.color), one.spoken);
    }));
  const clear = () => { remember(); grid.fill(-1); draw(); send(); };
  panel.replaceChildren(
    el("header", {}, el("h2", {}, "Paint what is where"), el("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => toggle(false) }, icon("cross"))),
    canvas,
    el("div", { class: "paintbar" }, ...tools, sizes,
      el("button", { type: "button", class: "icon", title: "Undo", "aria-label": "Undo", onclick: undo }, icon("undo")),
      el("button", { type: "button", class: "quiet", onclick: clear }, "Clear")),
    colors,
  );
  listen();
}

export function toggle(open = panel.hidden) {
  panel.hidden = !open;
  document.body.classList.toggle("painting", open);
  $("paint").setAttribute("aria-expanded", String(open));
  if (!open) return;
  build();
  read(state.layout);
  draw();
  canvas.focus({ preventScroll: true });
}

/** Return a small picture of a layout. */
export function pictured(layout) {
  const small = el("canvas", { width: layout.width, height: layout.height, "aria-hidden": "true" });
  const colors = new Map(classes.map((one) => [one.label, one.color]));
  const pen = small.getContext("2d");
  let at = 0;
  for (const [value, length] of layout.runs) {
    pen.fillStyle = colors.get(value) || "transparent";
    for (const stop = at + length; at < stop;) {
      const column = at % layout.width;
      const run = Math.min(stop - at, layout.width - column);
      pen.fillRect(column, Math.floor(at / layout.width), run, 1);
      at += run;
    }
  }
  return small;
}

export function follow() {
  if (!panel.hidden && !state.layout && grid.some((value) => value >= 0)) {
    grid.fill(-1);
    draw();
  }
}
