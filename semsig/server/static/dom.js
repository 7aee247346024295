/** Elements made by hand: el("li", {class: "tile", onclick: f}, child, "text"). */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "css") for (const [key, set] of Object.entries(value)) node.style.setProperty(key, set);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export const $ = (id) => document.getElementById(id);

export const swatch = (color) => el("i", { class: "swatch", css: { background: color } });

let hiding;
/** Say something in passing. */
export function toast(text) {
  const box = $("toast");
  box.textContent = text;
  box.classList.add("in");
  clearTimeout(hiding);
  hiding = setTimeout(() => box.classList.remove("in"), 4500);
}

export function later(wait, act) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), wait);
  };
}

/** Let a picture fade in when it is there. */
export function fadeIn(image) {
  if (image.complete && image.naturalWidth) image.classList.add("in");
  else image.addEventListener("load", () => image.classList.add("in"), { once: true });
  return image;
}

export function save(name, type, text) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
