// Elements, made without any HTML in strings. The one exception is what the server has sanitised.

const policy = globalThis.trustedTypes?.createPolicy("playground", { createHTML: (html) => html });

/** An element: `h("button", { class: "icon", onclick: f, "aria-label": "Send" }, children…)`. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "list" && name !== "form") setProperty(element, name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setProperty(element, name, value) {
  if (name === "class") element.className = value;
  else element[name] = value;
}

/** A block of HTML that the server rendered and sanitised. */
export function block(html) {
  const element = h("div", { className: "block" });
  element.innerHTML = policy ? policy.createHTML(html) : html;
  return element;
}

/** Replaces the children of `parent` from `start` on with these blocks. */
export function patchBlocks(parent, start, blocks) {
  while (parent.childElementCount > start) parent.lastElementChild.remove();
  parent.append(...blocks.map(block));
}

export const $ = (id) => document.getElementById(id);

const PATHS = {
  broom: "M4 20h16M6 16l9-9 3 3-9 9H6zM13 9l3 3",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clip: "M19 11.5l-7.5 7.5a4.5 4.5 0 0 1-6.4-6.4l8-8a3 3 0 0 1 4.3 4.3l-8 8a1.5 1.5 0 0 1-2.1-2.2l7-7",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM15 9V5H5v11h4",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  down: "M7 13.5V5h8.5c1 0 1.8.6 2 1.5l1.4 5c.3 1.3-.6 2.5-1.9 2.5H13l.6 3.6c.2 1.3-.8 2.4-2 2.4L7 13.5zM7 5H4v8.5h3",
  download: "M12 4v11M7.5 11l4.5 4.5L16.5 11M5 20h14",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  gear: "M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM12 3.5v3M12 17.5v3M3.5 12h3M17.5 12h3M6 6l2.1 2.1M15.9 15.9L18 18M18 6l-2.1 2.1M8.1 15.9L6 18",
  inspect: "M4 5h16v14H4zM14 5v14M7 9h4M7 12.5h3",
  menu: "M4 7h16M4 12h16M4 17h10",
  plus: "M12 5v14M5 12h14",
  replay: "M5 12a7 7 0 1 0 2.2-5.1M5 4.5V9h4.5",
  retry: "M19 12a7 7 0 1 1-2.2-5.1M19 4.5V9h-4.5",
  send: "M12 19V5M6 11l6-6 6 6",
  smile: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM9 10h.01M15 10h.01M8.5 14.2c1.8 2.2 5.2 2.2 7 0",
  stop: "M7.5 7.5h9v9h-9z",
  test: "M9 3h6M10 3v6l-5 9.5c-.6 1.2.2 2.5 1.5 2.5h11c1.3 0 2.1-1.3 1.5-2.5L14 9V3M8 15h8",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  tune: "M5 4v7M5 15v5M12 4v3M12 11v9M19 4v9M19 17v3M3 13h4M10 9h4M17 15h4",
  up: "M7 10.5V19h8.5c1 0 1.8-.6 2-1.5l1.4-5c.3-1.3-.6-2.5-1.9-2.5H13l.6-3.6c.2-1.3-.8-2.4-2-2.4L7 10.5zM7 19H4v-8.5h3",
};

/** A line drawing. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("drawn");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Puts the drawings into the buttons of the page that ask for one. */
export function drawIcons(root = document) {
  for (const element of root.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
}

/** Reads something to whoever listens to the page. */
export function announce(text) {
  $("announcer").textContent = text;
}

export function seconds(value) {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return value < 10 ? `${value.toFixed(2)} s` : `${value.toFixed(1)} s`;
}

export function bytes(value) {
  if (value < 1000) return `${value} B`;
  return value < 1e6 ? `${(value / 1000).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** Saves a Blob as a file. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
