/** The API, as promises; what is wrong comes as an Error in the server's words. */
import { state } from "./state.js";

const ROOT = "/api/v1";

export function address(path, query = {}) {
  const url = new URL(ROOT + path, location.origin);
  if (state.index) url.searchParams.set("index", state.index);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url.pathname + url.search;
}

async function answered(where, options) {
  try {
    return await fetch(where, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
}

async function failed(response) {
  const said = await response.json().catch(() => ({}));
  const failure = new Error(said.detail || `The server answered ${response.status}.`);
  failure.status = response.status;
  return failure;
}

async function ask(path, query, options) {
  const response = await answered(address(path, query), options);
  if (!response.ok) throw await failed(response);
  return response.status === 204 ? null : response.json();
}

const json = (body, signal) => ({
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal,
});

export const search = (body, signal) => ask("/search", {}, json(body, signal));
export const classes = () => ask("/classes");
export const health = () => ask("/health");
export const add = (file) => ask("/photos", {}, { method: "POST", headers: { "content-type": file.type || "application/octet-stream" }, body: file });
export const upload = (file) => ask("/uploads", {}, { method: "POST", headers: { "content-type": file.type || "application/octet-stream" }, body: file });
export const describe = (photo) => ask(`${base(photo)}/description`);
/** Near-duplicates; `tell` hears how far the server is, and `isWanted` whether to go on asking. */
export async function duplicates(within, tell, isWanted) {
  for (;;) {
    const found = await ask("/duplicates", { within, wait: 1 });
    if (found.groups || !isWanted()) return found;
    tell(found);
  }
}

export const map = (columns, rows, window, signal) => ask("/map", { columns, rows, window }, { signal });
export const remove = (id) => ask(`/photos/${id}`, {}, { method: "DELETE" });

export const exported = (kind, body, k) => address(`/export/${kind}`, { ask: JSON.stringify(body), k });

/** Whether an address can be downloaded: its first bytes come, or an Error in the server's words. */
export async function check(where) {
  const stop = new AbortController();
  const response = await answered(where, { signal: stop.signal });
  if (!response.ok) throw await failed(response);
  stop.abort();
}

export function explain(photo, id, regions = false) {
  const first = photo.upload ? { upload: photo.upload } : { a: photo.id };
  return ask("/explain", { ...first, b: id, crop: photo.crop?.join(","), rotate: photo.rotate || 0, regions });
}

export const explainLayout = (layout, id) => ask("/explain/layout", { b: id }, json(layout));

const base = (photo) => (photo.upload ? `/uploads/${photo.upload}` : `/photos/${photo.id}`);

export const picture = (photo, side) => address(`${base(photo)}/picture`, { side, v: photo.version });
export const overlay = (photo, side) => address(`${base(photo)}/overlay`, { side, v: photo.version });
