/** The page put together. */
import * as api from "./api.js";
import { crop, drawn } from "./crop.js";
import { $, el, icon, swatch, toast } from "./dom.js";
import * as duplicates from "./duplicates.js";
import * as grid from "./grid.js";
import * as lightbox from "./lightbox.js";
import * as paint from "./paint.js";
import "./theme.js";
import { MOST_PHOTOS, asked, fromAddress, isEmpty, onChange, state, update } from "./state.js";
import * as words from "./words.js";

const PAGE = 60;
let running = null;
let next = null;
let known = null;
let adding = false;

/** How many more photos may be shown. */
const room = () => Math.min(PAGE, state.limit ? Math.max(0, Number(state.limit) - grid.hits.length) : PAGE);

// ---- searching

async function search() {
  running?.abort();
  const mine = (running = new AbortController());
  next = null;
  show();
  if (state.view === "duplicates") return showDuplicates();
  $("results").classList.add("busy");
  try {
    const answer = await api.search(asked(0, Math.min(PAGE, Number(state.limit) || PAGE)), mine.signal);
    if (mine.signal.aborted) return;
    grid.replace(answer.hits);
    next = answer.next;
    tell(answer);
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  } finally {
    if (running === mine) $("results").classList.remove("busy");
  }
}

async function more() {
  const count = room();
  if (next === null || !count || !running || running.signal.aborted) return;
  const [mine, offset] = [running, next];
  next = null;
  try {
    const answer = await api.search(asked(offset, count), mine.signal);
    if (mine.signal.aborted) return;
    grid.append(answer.hits);
    next = answer.next;
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message);
  }
}

async function showDuplicates() {
  $("count").textContent = $("how").textContent = "";
  try {
    await duplicates.show();
  } catch (error) {
    fail(error);
  }
}

function tell(answer) {
  const count = answer.total.toLocaleString("en");
  $("message").hidden = true;
  const narrowed = state.words || state.without || state.threshold;
  $("count").textContent = narrowed ? (answer.total === 1 ? "1 photo matches" : `${count} photos match`) : `${count} photos`;
  const weighed = state.photos.length > 1 && `${state.photos.length} photos weighed`;
  const by = { pooled: "by the network's features", sbs: "by blocks of classes", sbovp: "by visual phrases", fused: "by blocks and phrases" }[answer.signature];
  const cut = state.limit && answer.total > Number(state.limit) && `the first ${state.limit} are shown`;
  const stacked = grid.stacked();
  const piled = stacked && `${stacked} near-duplicate${stacked > 1 ? "s" : ""} stacked`;
  const parts = [answer.understood, cut, weighed, by && `nearest first, ${by} (${answer.metric})`, state.right.length + state.wrong.length && "refined by your marks", piled];
  $("how").textContent = parts.filter(Boolean).join(" · ");
  if (!answer.total) {
    const advice = answer.hits.length ? "These come nearest. Take a word away to see photos that meet the others." : "Take a condition away.";
    message(isEmpty() ? "There are no photos yet." : "No photo meets all of that.", isEmpty() ? "Index a folder: semsig index PHOTOS --index DIR" : advice);
  }
  suggest(answer.suggestions);
}

function suggest(found) {
  const box = $("suggested");
  box.hidden = !found.length || Boolean(state.view);
  box.replaceChildren(...found.map((one) =>
    el("button", { type: "button", class: "chip", "aria-label": `${one.name} ${one.count} of the first ${one.of}: show only these`, onclick: () => update({ words: state.words ? `${state.words}, ${one.words}` : one.words }) },
      swatch(one.color), one.name, " ", el("small", {}, String(one.count)))));
}

function message(title, text, bad = false) {
  const box = $("message");
  box.replaceChildren(el("b", {}, title), text);
  box.classList.toggle("bad", bad);
  box.hidden = false;
}

function fail(error) {
  grid.replace([]);
  $("count").textContent = $("how").textContent = "";
  suggest([]);
  const gone = error.status === 410 && state.photos.some((photo) => photo.upload);
  message(gone ? "That photo is no longer here" : "That did not work", gone ? "Uploaded photos are kept for a while only. Drop it again." : error.message, true);
}

// ---- what is asked, as the page shows it

function show() {
  if ($("words").value.trim() !== state.words) $("words").value = state.words;
  offerMetrics();
  for (const name of ["signature", "metric", "limit", "rerank", "without", "threshold"]) $(name).value = state[name];
  for (const name of ["mirrored", "stack"]) $(name).checked = state[name];
  if (state.index) $("index").value = state.index;
  $("map").href = state.index ? `/map#${new URLSearchParams({ index: state.index })}` : "/map";
  $("welcome").hidden = !isEmpty() || !$("painter").hidden;
  const apart = state.view === "duplicates";
  for (const id of ["results", "end"]) $(id).hidden = apart;
  $("groups").hidden = !apart;
  $("duplicates").setAttribute("aria-pressed", String(apart));
  if (apart) { suggest([]); $("message").hidden = true; }
  showAsked();
  paint.follow();
  grid.setMarks(state.right, state.wrong);
  $("title").textContent = apart ? "Copies" : isEmpty() ? "Find photos by what is where in them" : "Photos found";
  document.title = state.words ? `${state.words} – semsig` : "semsig";
}

function showAsked() {
  const off = (label, act) => el("button", { type: "button", class: "off", "aria-label": label, onclick: act }, icon("cross"));
  const items = state.photos.map((photo, number) => {
    const less = photo.weight < 0;
    const name = `${less ? "Less like this" : "More like this"}: crop, turn or weigh it`;
    const shown = el("button", { type: "button", class: "shown", "aria-label": name, title: name, onclick: () => cropAsked(number) });
    drawn(photo, 120).then((canvas) => shown.replaceChildren(canvas)).catch(() => {});
    return el("li", { class: less ? "minus" : "" }, shown, less ? el("span", { class: "sign", "aria-hidden": "true" }, icon("minus")) : null, off("Take this photo away", () => update({ photos: state.photos.filter((_, at) => at !== number), right: [], wrong: [] })));
  });
  if (state.layout) {
    items.push(el("li", {}, el("button", { type: "button", class: "shown", "aria-label": "Paint on", title: "Paint on", onclick: () => paint.toggle(true) }, paint.pictured(state.layout)), off("Take the layout away", () => update({ layout: null }))));
  }
  if (state.photos.length && state.photos.length < MOST_PHOTOS) {
    items.push(el("li", {}, el("button", { type: "button", class: "another", "aria-label": "Add a photo to these", title: "Add a photo to these", onclick: () => { adding = true; $("file").click(); } }, icon("plus"))));
  }
  $("asked").replaceChildren(...items);
}

async function cropAsked(number) {
  const changed = await crop(state.photos[number]);
  if (changed) update({ photos: state.photos.map((photo, at) => (at === number ? changed : photo)), right: [], wrong: [] });
}

// ---- photos from outside

async function take(files, kept = []) {
  const photos = [...files].filter((file) => file.type.startsWith("image/") || !file.type);
  if (!photos.length) return toast("That is no photo.");
  $("results").classList.add("busy");
  try {
    const found = await Promise.all(photos.slice(0, Math.min(8, MOST_PHOTOS - kept.length)).map(api.upload));
    scrollTo({ top: 0 });
    update({ photos: [...kept, ...found.map(({ upload }) => ({ upload }))], layout: null, right: [], wrong: [], view: "" });
  } catch (error) {
    $("results").classList.remove("busy");
    message("That photo cannot be read", error.message, true);
  }
}

function takeAddress(text) {
  const found = /\/photos\/(\d+)|photos=i(\d+)/.exec(text);
  if (!found) return false;
  update({ photos: [{ id: Number(found[1] || found[2]) }], layout: null, right: [], wrong: [], view: "" });
  return true;
}

function listenForPhotos() {
  let depth = 0;
  const over = (by) => { depth = Math.max(0, depth + by); $("dropping").hidden = !depth; };
  const carries = (event) => [...event.dataTransfer.types].some((type) => type === "Files" || type === "text/uri-list");
  addEventListener("dragenter", (event) => carries(event) && over(1));
  addEventListener("dragleave", (event) => carries(event) && over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    over(0);
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
    else takeAddress(event.dataTransfer.getData("text/uri-list"));
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) take(event.clipboardData.files);
    else if (takeAddress(event.clipboardData.getData("text"))) event.preventDefault();
  });
  $("file").addEventListener("change", (event) => {
    take(event.target.files, adding ? state.photos : []);
    event.target.value = "";
  });
  for (const id of ["pick", "way-photo"]) $(id).addEventListener("click", () => { adding = false; $("file").click(); });
}

// ---- marks

function listenForMarks() {
  const same = (set, list) => set.size === list.length && list.every((id) => set.has(id));
  grid.listen({
    open: lightbox.open,
    more,
    marked: () => {
      const { right, wrong } = grid.marks;
      const applied = same(right, state.right) && same(wrong, state.wrong);
      $("marks").hidden = !right.size && !wrong.size && applied;
      $("marked").textContent = `${right.size} right, ${wrong.size} wrong`;
      $("refine").hidden = applied;
      $("undo").hidden = !grid.marks.past.length;
    },
  });
  $("undo").addEventListener("click", grid.unmark);
  $("reset").addEventListener("click", () => (state.right.length || state.wrong.length ? update({ right: [], wrong: [] }) : grid.setMarks([], [])));
  $("refine").addEventListener("click", () => {
    const { right, wrong } = grid.marks;
    if (!right.size && !state.photos.length) return toast("Mark a photo that is right, too.");
    scrollTo({ top: 0, behavior: "smooth" });
    update({ right: [...right], wrong: [...wrong] });
  });
}

// ---- the rest

function listenForOptions() {
  $("options").addEventListener("click", () => {
    const panel = $("options-panel");
    panel.hidden = !panel.hidden;
    $("options").setAttribute("aria-expanded", String(!panel.hidden));
  });
  for (const name of ["metric", "limit", "rerank"]) $(name).addEventListener("change", (event) => update({ [name]: event.target.value }));
  $("signature").addEventListener("change", (event) => {
    const fits = metricsOf(event.target.value).some(([, metrics]) => state.metric in metrics);
    update({ signature: event.target.value, metric: fits ? state.metric : "" });
  });
  $("index").addEventListener("change", (event) => changeIndex(event.target.value));
  for (const name of ["without", "threshold"]) $(name).addEventListener("change", (event) => update({ [name]: event.target.value.trim() }));
  for (const name of ["mirrored", "stack"]) $(name).addEventListener("change", (event) => update({ [name]: event.target.checked }));
  $("add")?.addEventListener("click", () => $("added").click());
  $("added")?.addEventListener("change", (event) => { addPhotos([...event.target.files]); event.target.value = ""; });
  document.querySelectorAll("[data-export]").forEach((button) => button.addEventListener("click", () => exported(button.dataset.export)));
}

const NAMES = { pooled: "the network's features", sbs: "blocks of classes", sbovp: "visual phrases", fused: "blocks and phrases" };

/** The distances that a signature has, or all of them: [signature, {name: meaning}]. */
const metricsOf = (signature) => Object.entries(known?.metrics || {}).filter(([name, metrics]) => Object.keys(metrics).length && (!signature || name === signature));

function offerMetrics() {
  const groups = metricsOf(state.signature).map(([name, metrics]) =>
    el("optgroup", { label: NAMES[name] || name }, ...Object.entries(metrics).map(([metric, meaning]) => el("option", { value: metric }, `${metric}: ${meaning}`))));
  $("metric").replaceChildren(el("option", { value: "" }, groups.length ? "default" : "its own"), ...groups);
  $("metric").disabled = !groups.length;
}

/** Search another collection, or by another network; only uploads mean the same in both. */
async function changeIndex(index) {
  state.index = index;
  await learn();
  const signature = known?.signatures.includes(state.signature) ? state.signature : "";
  update({ index, signature, metric: "", photos: state.photos.filter((photo) => photo.upload), layout: null, right: [], wrong: [] });
}

/** Put photos into the index, one after the other, and say how far it is. */
async function addPhotos(files) {
  const failed = [];
  for (const [number, file] of [...files].entries()) {
    toast(`Adding ${number + 1} of ${files.length}: ${file.name}`);
    await api.add(file).catch((error) => failed.push(`${file.name}: ${error.message}`));
  }
  toast(`${files.length - failed.length} of ${files.length} added.`);
  if (failed.length) message("Some could not be added", failed.join("\n"), true);
  await learn();
  search();
}

async function exported(kind) {
  if (!grid.hits.length) return toast("There is nothing to export.");
  const where = api.exported(kind, asked(0, 1), grid.hits.length);
  try {
    await api.check(where);
    el("a", { href: where, download: true }).click();
  } catch (error) {
    toast(error.message);
  }
}

function listenForWords() {
  const ask = ({ replace = false } = {}) => {
    const text = $("words").value.trim();
    if (text !== state.words) update({ words: text, view: "" }, { replace });
  };
  $("search").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  $("words").addEventListener("taken", () => ask());
  $("words").addEventListener("change", () => ask());
  $("way-words").addEventListener("click", () => {
    $("words").value = $("way-example").textContent;
    ask();
    $("words").focus();
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog, canvas");
    if (event.key === "/" && !typing) { event.preventDefault(); $("words").focus(); }
  });
}

async function learn() {
  try {
    const [well, found] = await Promise.all([api.health(), api.classes()]);
    known = well.indexes.find((one) => one.name === state.index) || well.indexes[0];
    $("signature").replaceChildren(el("option", { value: "" }, "best for the query"), ...known.signatures.map((name) => el("option", { value: name }, NAMES[name] || name)));
    offerMetrics();
    for (const option of $("rerank").options) option.disabled = Boolean(option.value) && !known.rerankings.includes(option.value);
    for (const name of ["signature", "metric"]) $(name).value = state[name];
    words.setClasses(found);
    paint.setClasses(found);
    const common = found.filter((one) => one.count).slice(0, 2).map((one) => one.name);
    if (common.length) $("way-example").textContent = common.map((name, at) => (at ? name : `${name}:top`)).join(", ");
    if (state.layout) showAsked();
  } catch (error) {
    toast(error.message);
  }
}

fromAddress();
listenForPhotos();
listenForMarks();
listenForOptions();
listenForWords();
lightbox.setWritable(document.body.dataset.writable === "yes");
for (const id of ["paint", "way-paint"]) $(id).addEventListener("click", () => { paint.toggle(); $("welcome").hidden = true; });
$("duplicates").addEventListener("click", () => update({ view: state.view ? "" : "duplicates" }));
onChange(search);
learn();
search();
