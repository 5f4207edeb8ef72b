// The controls that the bot's settings declare, drawn as they are, with their conditions.

import { $, h } from "./dom.js";

const COMPARE = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => comparable(a, b) && a > b,
  ge: (a, b) => comparable(a, b) && a >= b,
  lt: (a, b) => comparable(a, b) && a < b,
  le: (a, b) => comparable(a, b) && a <= b,
};

/** The controls of the bot. Values stay when the bot is reloaded and still has the control. */
export class Controls {
  #root = $("controls");
  #button = $("toggle-controls");
  #values = new Map();
  #controls = []; // { name, element, show(value), standard, fits(value) }
  #conditions = []; // { element, holds() }
  #drawn = "null";
  #seen = false;

  constructor() {
    this.#button.addEventListener("click", () => this.#open(this.#root.hidden));
  }

  /** The values of the controls that are to be seen. */
  values() {
    const visible = this.#controls.filter((control) => control.element.closest("[data-off]") === null);
    return Object.fromEntries(visible.map((control) => [control.name, this.#values.get(control.name)]));
  }

  /** Whether this value is what its control has at first. */
  isStandard(name, value) {
    return this.#controls.some((control) => control.name === name && control.standard === value);
  }

  draw(declared) {
    const drawn = JSON.stringify(declared);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#controls = [];
    this.#conditions = [];
    const sections = (declared?.sections ?? []).map((section) => this.#section(section));
    for (const { name, fits, standard } of this.#controls) {
      if (!this.#values.has(name) || !fits(this.#values.get(name))) this.#values.set(name, standard);
    }
    const reset = h("button", { type: "button", className: "link", onclick: () => this.#reset() }, "Reset");
    this.#root.replaceChildren(...(sections.length > 0 ? [...sections, reset] : []));
    this.#button.hidden = sections.length === 0;
    this.#show();
    if (sections.length === 0) this.#open(false);
    else if (!this.#seen) this.#open(innerWidth >= 720);
    this.#seen ||= sections.length > 0;
  }

  #open(open) {
    this.#root.hidden = !open;
    this.#button.setAttribute("aria-expanded", open);
  }

  #reset() {
    for (const { name, standard } of this.#controls) this.#values.set(name, standard);
    this.#show();
  }

  #set(name, value) {
    this.#values.set(name, value);
    this.#show();
  }

  /** Brings everything in line with the values. */
  #show() {
    for (const control of this.#controls) control.show(this.#values.get(control.name));
    for (const { element, holds } of this.#conditions) element.toggleAttribute("data-off", !holds());
  }

  // ---- structure

  #section({ name, controls, tabs, collapsed_by_default: collapsed }) {
    const inside = tabs ? this.#tabs(tabs) : h("div", { className: "group" }, controls.map((each) => this.#control(each)));
    if (!name) return h("div", { className: "section" }, inside);
    return h("details", { className: "section", open: !collapsed }, h("summary", {}, name), inside);
  }

  #tabs(tabs) {
    const panels = tabs.map((tab) => h("div", { className: "group", role: "tabpanel", "aria-label": tab.name }, tab.controls.map((each) => this.#control(each))));
    const heads = tabs.map((tab) => h("button", { type: "button", role: "tab" }, tab.name));
    const choose = (chosen, focus) => {
      heads.forEach((head, number) => {
        head.setAttribute("aria-selected", number === chosen);
        head.tabIndex = number === chosen ? 0 : -1;
        panels[number].hidden = number !== chosen;
      });
      if (focus) heads[chosen].focus();
    };
    heads.forEach((head, number) => {
      head.addEventListener("click", () => choose(number));
      head.addEventListener("keydown", ({ key }) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
        if (step) choose((number + step + heads.length) % heads.length, true);
      });
    });
    choose(0);
    return h("div", {}, h("div", { className: "tabs", role: "tablist" }, heads), panels);
  }

  #control(declared) {
    if (declared.control === "divider") return h("hr");
    if (declared.control === "condition") {
      const element = h("div", { className: "group" }, declared.controls.map((each) => this.#control(each)));
      const { comparator, left, right } = declared.condition;
      const value = (operand) => ("literal" in operand ? operand.literal : this.#values.get(operand.parameter_name));
      this.#conditions.push({ element, holds: () => COMPARE[comparator](value(left), value(right)) });
      return element;
    }
    const name = declared.parameter_name;
    const drawn = KINDS[declared.control](declared, (value) => this.#set(name, value));
    const element = h("div", { className: `control ${declared.control}` }, drawn.parts);
    if (declared.description) {
      const id = newId();
      element.append(h("p", { className: "description", id }, declared.description));
      drawn.field.setAttribute("aria-describedby", id);
    }
    this.#controls.push({ name, element, show: drawn.show, standard: declared.default_value ?? drawn.inferred, fits: drawn.fits });
    return element;
  }
}

function comparable(a, b) {
  return typeof a === typeof b && typeof a !== "boolean";
}

let ids = 0;
function newId() {
  ids += 1;
  return `control-${ids}`;
}

// ---- kinds: what is drawn, how a value is shown, and what Poe takes where there is no default

function labelled(label, field, ...more) {
  field.id = newId();
  return [h("label", { htmlFor: field.id }, label), field, ...more];
}

function text(field, { label, placeholder }, set) {
  field.placeholder = placeholder ?? "";
  field.addEventListener("input", () => set(field.value));
  return {
    field,
    parts: labelled(label, field),
    inferred: "",
    fits: (value) => typeof value === "string",
    show: (value) => { if (field.value !== value) field.value = value; },
  };
}

function dropDown({ label, options }, set) {
  const field = h("select", { onchange: () => set(field.value) }, options.map(({ value, name }) => h("option", { value }, name)));
  const choices = options.map(({ value }) => value);
  return { field, parts: labelled(label, field), inferred: choices[0], fits: (value) => choices.includes(value), show: (value) => { field.value = value; } };
}

function toggle({ label }, set) {
  const field = h("input", { type: "checkbox", role: "switch", onchange: () => set(field.checked) });
  return { field, parts: labelled(label, field), inferred: false, fits: (value) => typeof value === "boolean", show: (value) => { field.checked = value; } };
}

function slider({ label, min_value: min, max_value: max, step }, set) {
  const field = h("input", { type: "range", min, max, step, oninput: () => set(Number(field.value)) });
  const output = h("output", {});
  const parts = labelled(label, field, output);
  output.htmlFor = field.id;
  return {
    field, parts, inferred: min,
    fits: (value) => typeof value === "number" && value >= min && value <= max,
    show: (value) => {
      field.value = value;
      output.textContent = value;
    },
  };
}

function aspectRatio({ label, options }, set) {
  const group = newId();
  const radios = options.map(({ width, height, value }) => {
    const choice = value ?? `${width}:${height}`;
    return { choice, width, height, input: h("input", { type: "radio", name: group, value: choice, onchange: () => set(choice) }) };
  });
  const field = h("fieldset", {}, h("legend", {}, label), h("div", { className: "ratios" },
    radios.map(({ choice, width, height, input }) => h("label", { className: "ratio" }, input, shape(width, height), h("span", {}, choice)))));
  return {
    field, parts: [field], inferred: radios[0].choice,
    fits: (value) => radios.some(({ choice }) => choice === value),
    show: (value) => radios.forEach(({ choice, input }) => { input.checked = choice === value; }),
  };
}

/** A rectangle of this ratio. */
function shape(width, height) {
  const scale = 20 / Math.max(width, height);
  const rectangle = h("i", { className: "shape", "aria-hidden": "true" });
  rectangle.style.width = `${Math.max(width * scale, 4)}px`;
  rectangle.style.height = `${Math.max(height * scale, 4)}px`;
  return rectangle;
}

const KINDS = {
  text_field: (declared, set) => text(h("input", { type: "text" }), declared, set),
  text_area: (declared, set) => text(h("textarea", { rows: 3 }), declared, set),
  drop_down: dropDown,
  toggle_switch: toggle,
  slider,
  aspect_ratio: aspectRatio,
};
