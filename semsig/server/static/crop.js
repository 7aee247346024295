/** A photo to search by, turned and cropped: by mouse, touch and keys. */
import * as api from "./api.js";
import { $, el, icon } from "./dom.js";

const dialog = $("cropper");
const LEAST = 0.04;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Return a canvas of a photo as it is searched for. */
export async function drawn(photo, side, cropped = true) {
  const image = new Image();
  image.src = api.picture(photo, 640);
  await image.decode();
  const turn = photo.rotate || 0;
  const [w, h] = turn % 180 ? [image.height, image.width] : [image.width, image.height];
  const [l, t, r, b] = (cropped && photo.crop) || [0, 0, 1, 1];
  const scale = Math.min(1, side / Math.max((r - l) * w, (b - t) * h));
  const canvas = el("canvas", { width: Math.max(1, Math.round((r - l) * w * scale)), height: Math.max(1, Math.round((b - t) * h * scale)) });
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.translate(w / 2 - l * w, h / 2 - t * h);
  pen.rotate((turn * Math.PI) / 180);
  pen.drawImage(image, -image.width / 2, -image.height / 2);
  return canvas;
}

/** Let somebody crop a photo; gives the photo as it is to be searched for, or null. */
export async function crop(photo) {
  const now = { ...photo, crop: photo.crop ? [...photo.crop] : [0.1, 0.1, 0.9, 0.9] };
  let done;
  const answer = new Promise((resolve) => { done = resolve; });
  const box = el("div", { class: "cropbox", tabindex: "0", role: "group", "aria-roledescription": "crop", "aria-label": "What counts. Arrows move it, with Shift they size it." });
  for (const at of ["nw", "ne", "sw", "se"]) box.append(el("i", { "data-at": at }));
  const stage = el("div", { class: "cropstage" });
  const place = () => {
    const [l, t, r, b] = now.crop.map((side) => `${side * 100}%`);
    Object.assign(box.style, { left: l, top: t, width: `calc(${r} - ${l})`, height: `calc(${b} - ${t})` });
  };
  const redraw = async () => {
    const canvas = await drawn(now, 1280, false);
    stage.style.setProperty("--r", canvas.width / canvas.height);
    const image = el("img", { alt: "The photo", src: canvas.toDataURL("image/jpeg", 0.9) });
    stage.replaceChildren(image, box);
    place();
  };
  const turn = () => {
    const [l, t, r, b] = now.crop;
    now.crop = [1 - b, l, 1 - t, r];
    now.rotate = ((now.rotate || 0) + 90) % 360;
    redraw();
  };
  const finish = (whole) => {
    const isAll = now.crop.every((side, at) => Math.abs(side - [0, 0, 1, 1][at]) < 0.005);
    const weight = Number(much.value) * (less.checked ? -1 : 1);
    done({ ...now, weight: weight === 1 ? undefined : weight, crop: whole || isAll ? undefined : now.crop.map((side) => Math.round(side * 1000) / 1000) });
    dialog.close();
  };
  const kind = (label, checked) => el("input", { type: "radio", name: "kind", checked, "aria-label": label });
  const [more, less] = [kind("More like this", !(now.weight < 0)), kind("Less like this", now.weight < 0)];
  const much = el("input", { type: "range", min: "0.25", max: "2", step: "0.25", value: Math.abs(now.weight ?? 1), "aria-label": "How much it counts" });
  const said = el("output", {});
  const say = () => { said.textContent = `${less.checked ? "−" : "+"}${Number(much.value)}`; };
  for (const input of [more, less, much]) input.addEventListener("input", say);
  say();
  dialog.replaceChildren(
    el("h2", {}, "What counts in it?"),
    el("p", {}, "Drag the frame or its corners. Arrow keys move it, with Shift they size it."),
    stage,
    el("div", { class: "row weigh" },
      el("label", { class: "pill" }, more, icon("plus"), "More like this"), el("label", { class: "pill" }, less, icon("minus"), "Less like this"),
      el("label", { class: "much" }, "counts", much, said)),
    el("div", { class: "row" },
      el("button", { type: "button", class: "quiet", onclick: turn }, icon("turn"), "Turn"),
      el("span", { class: "spring" }),
      el("button", { type: "button", class: "quiet", onclick: () => finish(true) }, "Whole photo"),
      el("button", { type: "button", class: "strong", onclick: () => finish(false) }, "Search this part")),
  );
  drag(stage, box, now, place);
  box.addEventListener("keydown", (event) => keys(event, now, place, () => finish(false)));
  dialog.onclose = () => done(null);
  await redraw();
  dialog.showModal();
  box.focus();
  return answer;
}

function drag(stage, box, now, place) {
  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    const size = stage.getBoundingClientRect();
    const at = [(event.clientX - size.left) / size.width, (event.clientY - size.top) / size.height];
    const corner = event.target.dataset.at || (event.target === box ? "" : "new");
    if (corner === "new") now.crop = [at[0], at[1], at[0], at[1]];
    from = { at, size, corner: corner === "new" ? "se" : corner, crop: [...now.crop] };
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
    box.focus({ preventScroll: true });
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from) return;
    const dx = (event.clientX - from.size.left) / from.size.width - from.at[0];
    const dy = (event.clientY - from.size.top) / from.size.height - from.at[1];
    now.crop = from.corner ? sized(from.crop, from.corner, dx, dy) : moved(from.crop, dx, dy);
    place();
  });
  stage.addEventListener("pointerup", () => {
    if (from) now.crop = sized(now.crop, "se", 0, 0);
    from = null;
    place();
  });
}

function moved([l, t, r, b], dx, dy) {
  const x = clamp(dx, -l, 1 - r);
  const y = clamp(dy, -t, 1 - b);
  return [l + x, t + y, r + x, b + y];
}

function sized([l, t, r, b], corner, dx, dy) {
  if (corner.includes("w")) l = clamp(l + dx, 0, r - LEAST);
  if (corner.includes("e")) r = clamp(r + dx, Math.min(1, l + LEAST), 1);
  if (corner.includes("n")) t = clamp(t + dy, 0, b - LEAST);
  if (corner.includes("s")) b = clamp(b + dy, Math.min(1, t + LEAST), 1);
  return [Math.min(l, r - LEAST), Math.min(t, b - LEAST), r, b].map((side) => clamp(side, 0, 1));
}

function keys(event, now, place, finish) {
  const step = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02] }[event.key];
  if (event.key === "Enter") finish();
  if (!step) return;
  event.preventDefault();
  now.crop = event.shiftKey ? sized(now.crop, "se", ...step) : moved(now.crop, ...step);
  place();
}
