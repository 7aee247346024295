/** The words: completion from the index's classes, as a combobox. */
import { $, el, swatch } from "./dom.js";

const input = $("words");
const list = $("completions");
let classes = [];
let chosen = -1;

export const setClasses = (given) => { classes = given; };

/** The name that is being typed, and where it starts. */
function typed() {
  const before = input.value.slice(0, input.selectionStart);
  const start = before.lastIndexOf(",") + 1;
  const found = /^\s*(!|without\s+)?(.*)$/.exec(before.slice(start));
  return { start: start + found[0].length - found[2].length, text: found[2].toLowerCase() };
}

function close() {
  list.hidden = true;
  chosen = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function open() {
  const { text } = typed();
  const fits = /[:<>=%]/.test(text) ? [] : classes.filter((one) => one.count && (one.spoken.startsWith(text) || one.name.startsWith(text) || one.spoken.includes(` ${text}`)));
  list.replaceChildren(...fits.slice(0, 9).map((one, at) =>
    el("li", { role: "option", id: `completion-${at}`, "aria-selected": "false", "data-name": one.name, onpointerdown: (event) => { event.preventDefault(); take(one.name); } },
      swatch(one.color), one.spoken, el("small", {}, one.count.toLocaleString("en")))));
  list.hidden = !fits.length;
  chosen = -1;
  input.setAttribute("aria-expanded", String(!list.hidden));
  input.removeAttribute("aria-activedescendant");
}

function take(name) {
  const { start } = typed();
  const rest = input.value.slice(input.selectionStart);
  const quoted = /[,:<>=!%]/.test(name) ? `"${name}"` : name;
  const lead = start && !/\s$/.test(input.value.slice(0, start)) && input.value[start - 1] === "," ? " " : "";
  input.value = input.value.slice(0, start) + lead + quoted + rest;
  const at = start + lead.length + quoted.length;
  input.setSelectionRange(at, at);
  close();
  input.dispatchEvent(new Event("taken"));
}

function choose(step) {
  const options = [...list.children];
  options[chosen]?.setAttribute("aria-selected", "false");
  chosen = (chosen + step + options.length + (chosen < 0 && step < 0 ? 1 : 0)) % options.length;
  options[chosen].setAttribute("aria-selected", "true");
  options[chosen].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", options[chosen].id);
}

input.addEventListener("input", open);
input.addEventListener("click", open);
input.addEventListener("blur", close);
input.addEventListener("keydown", (event) => {
  if (list.hidden) {
    if (event.key === "ArrowDown") open();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Escape") {
    close();
  } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) {
    event.preventDefault();
    take(list.children[chosen].dataset.name);
  } else if (event.key === "Enter") {
    close();
  }
});
