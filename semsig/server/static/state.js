/** What is searched for. It lives in the address, so that a search can be sent to somebody. */

const EMPTY = {
  index: "", words: "", without: "", photos: [], layout: null, right: [], wrong: [],
  signature: "", metric: "", rerank: "", threshold: "", limit: "", mirrored: false, stack: false, view: "",
};

/** As many photos as the API takes in one search. */
export const MOST_PHOTOS = 16;

export const state = { ...EMPTY };
const listeners = [];

export const onChange = (act) => listeners.push(act);

const number = (value) => Math.round(value * 1000) / 1000;

function writePhoto(photo) {
  const parts = [photo.upload ? `u${photo.upload}` : `i${photo.id}`];
  if (photo.weight !== undefined && photo.weight !== 1) parts.push(`w${photo.weight}`);
  if (photo.rotate) parts.push(`r${photo.rotate}`);
  if (photo.crop) parts.push(`c${photo.crop.map(number).join(",")}`);
  return parts.join("~");
}

function readPhoto(text) {
  const photo = {};
  for (const part of text.split("~")) {
    const rest = part.slice(1);
    if (part[0] === "u") photo.upload = rest;
    else if (part[0] === "i") photo.id = Number(rest);
    else if (part[0] === "w") photo.weight = Number(rest);
    else if (part[0] === "r") photo.rotate = Number(rest);
    else if (part[0] === "c") photo.crop = rest.split(",").map(Number);
  }
  return photo.upload || Number.isInteger(photo.id) ? photo : null;
}

const writeLayout = (l) => `${l.width}x${l.height}:${l.runs.map(([label, n]) => `${label}*${n}`).join(",")}`;

function readLayout(text) {
  const found = /^(\d+)x(\d+):([-\d*,]+)$/.exec(text);
  return found && {
    width: Number(found[1]), height: Number(found[2]),
    runs: found[3].split(",").map((run) => run.split("*").map(Number)),
  };
}

export function toAddress(of = state) {
  const query = new URLSearchParams();
  for (const name of ["index", "words", "without", "signature", "metric", "rerank", "threshold", "limit", "view"]) {
    if (of[name]) query.set(name, of[name]);
  }
  for (const name of ["mirrored", "stack"]) if (of[name]) query.set(name, "1");
  if (of.photos.length) query.set("photos", of.photos.map(writePhoto).join(";"));
  if (of.layout) query.set("layout", writeLayout(of.layout));
  if (of.right.length) query.set("right", of.right.join("."));
  if (of.wrong.length) query.set("wrong", of.wrong.join("."));
  const text = query.toString();
  return text ? `#${text}` : location.pathname;
}

export function fromAddress() {
  const query = new URLSearchParams(location.hash.slice(1));
  const ids = (name) => (query.get(name) || "").split(".").filter(Boolean).map(Number);
  Object.assign(state, EMPTY, {
    photos: (query.get("photos") || "").split(";").map(readPhoto).filter(Boolean),
    layout: readLayout(query.get("layout") || ""),
    right: ids("right"), wrong: ids("wrong"), mirrored: query.has("mirrored"), stack: query.has("stack"),
  });
  for (const name of ["index", "words", "without", "signature", "metric", "rerank", "threshold", "limit", "view"]) {
    state[name] = query.get(name) || "";
  }
}

/** Change what is searched for; `replace` keeps the step out of the browser's history. */
export function update(change, { replace = false } = {}) {
  Object.assign(state, change);
  history[replace ? "replaceState" : "pushState"](null, "", toAddress());
  listeners.forEach((act) => act());
}

/** The photo that answers are compared with: the first that is not "less like this". */
export const leading = () => state.photos.find((photo) => !(photo.weight < 0)) || state.photos[0];

export const isEmpty = () => !state.words && !state.without && !state.photos.length && !state.layout && !state.right.length && !state.view;

export function asked(offset, k) {
  const photo = (p) => ({ id: p.id, upload: p.upload, weight: p.weight ?? 1, crop: p.crop ?? null, rotate: p.rotate ?? 0 });
  return {
    photos: state.photos.map(photo), layout: state.layout, words: state.words, without: state.without,
    right: state.right, wrong: state.wrong, mirrored: state.mirrored, stack: state.stack, signature: state.signature || null,
    metric: state.metric || null, rerank: state.rerank || null,
    threshold: state.threshold === "" ? null : Number(state.threshold), offset, k,
  };
}

window.addEventListener("popstate", () => {
  fromAddress();
  listeners.forEach((act) => act());
});
