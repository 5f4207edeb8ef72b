// The inspector: every request to the bot, every event that came back, and the rules that were broken.

import { call, callForBlob } from "./api.js";
import { $, bytes, download, h, icon, seconds } from "./dom.js";

const ROWS = 400; // events that are shown of one answer
const KINDS = { query: "Question", settings: "Settings", report_reaction: "Reaction", report_feedback: "Feedback", report_error: "Error report" };

export class Inspector {
  #root = $("inspector");
  #button = $("toggle-inspector");
  #exchanges = new Map();
  #chosen = null;
  #list;
  #detail;
  #frames = null;
  #drawing = false;

  constructor() {
    this.#button.addEventListener("click", () => (this.#root.hidden ? this.open() : this.close()));
    this.#list = h("ul", { className: "exchanges", "aria-label": "Requests" });
    this.#detail = h("div", { className: "detail" });
    const close = h("button", { type: "button", className: "icon", "aria-label": "Close the inspector", onclick: () => this.close() }, icon("close"));
    this.#root.append(h("div", { className: "inspector-head" }, h("h2", {}, "Inspector"), close), this.#list, this.#detail);
    this.#root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.close();
      }
    });
  }

  draw(summaries) {
    this.#exchanges = new Map(summaries.map((each) => [each.id, each]));
    this.#chosen = this.#exchanges.has(this.#chosen) ? this.#chosen : null;
    this.#badge();
    this.#redraw();
  }

  async open(id = this.#chosen ?? [...this.#exchanges.values()].filter((each) => each.kind === "query").at(-1)?.id ?? null) {
    this.#root.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    await this.#choose(id);
  }

  close() {
    const had = this.#root.contains(document.activeElement);
    this.#root.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    if (had) this.#button.focus();
  }

  /** News of an exchange: what has changed, and its events from `start` on. */
  update({ exchange, start, frames }) {
    const known = this.#exchanges.get(exchange.id);
    this.#exchanges.set(exchange.id, { ...known, ...exchange });
    if (exchange.broken.length !== (known?.broken.length ?? 0)) this.#badge();
    if (this.#root.hidden) return;
    if (known === undefined && exchange.kind === "query") {
      this.#choose(exchange.id);
    } else if (exchange.id === this.#chosen && this.#frames !== null) {
      if (start > this.#frames.length) this.#choose(exchange.id);
      else this.#frames.splice(start, this.#frames.length, ...frames);
    }
    this.#redraw();
  }

  // ---- inside

  async #choose(id) {
    this.#chosen = id;
    this.#frames = null;
    this.#redraw();
    if (id === null) return;
    const whole = await call("GET", `exchanges/${id}`).catch(() => null);
    if (whole === null || this.#chosen !== id) return;
    const { frames, ...rest } = whole;
    this.#exchanges.set(id, rest);
    this.#frames = frames;
    this.#redraw();
  }

  #badge() {
    const count = [...this.#exchanges.values()].reduce((sum, each) => sum + each.broken.filter(({ level }) => level === "error").length, 0);
    this.#button.toggleAttribute("data-alert", count > 0);
    const label = count > 0 ? `Inspector, ${count} broken ${count === 1 ? "rule" : "rules"}` : "Inspector";
    this.#button.setAttribute("aria-label", label);
    this.#button.title = label;
  }

  #redraw() {
    if (this.#drawing || this.#root.hidden) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#drawList();
      this.#drawDetail();
    });
  }

  #drawList() {
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const newest = [...this.#exchanges.values()].reverse().slice(0, 100);
    this.#list.replaceChildren(...newest.map((each) =>
      h("li", {}, h("button", { type: "button", "data-id": each.id, "aria-current": each.id === this.#chosen ? "true" : null, onclick: () => this.#choose(each.id) },
        h("span", { className: `dot ${health(each)}` }),
        h("span", { className: "kind" }, KINDS[each.kind] ?? each.kind, h("small", {}, each.title)),
        h("span", { className: "when" }, each.ended ? seconds(each.seconds) : "…")))));
    if (focused !== null) this.#list.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  #drawDetail() {
    const exchange = this.#exchanges.get(this.#chosen);
    if (exchange === undefined) {
      this.#detail.replaceChildren(h("p", { className: "empty" }, "Nothing has been sent to the bot yet."));
      return;
    }
    const open = new Set([...this.#detail.querySelectorAll("details[open]")].map((each) => each.dataset.key));
    const scroll = this.#detail.scrollTop;
    const focused = this.#detail.contains(document.activeElement) ? document.activeElement.closest("details")?.dataset.key : undefined;
    this.#detail.replaceChildren(
      this.#status(exchange),
      ...(exchange.broken.length > 0 ? [broken(exchange.broken)] : []),
      ...(exchange.used.length > 0 ? [h("dl", { className: "used" }, exchange.used.map(meter))] : []),
      ...(exchange.calls.length > 0 ? [calls(exchange.calls)] : []),
      ...(this.#frames?.length > 0 ? [this.#events(this.#frames)] : []),
      ...(exchange.answer ? [fold("answer", "Answer", pretty(exchange.answer))] : []),
      ...(exchange.body ? [fold("request", "Request", JSON.stringify(exchange.body, null, 2))] : []),
      ...(exchange.headers ? [fold("headers", "Headers of the answer", Object.entries(exchange.headers).map((pair) => pair.join(": ")).join("\n"))] : []),
      h("button", { type: "button", className: "link", onclick: async () => download(await callForBlob(`exchanges/${exchange.id}/raw`), `answer-${exchange.id}.txt`) }, "Download the raw bytes"),
    );
    for (const each of this.#detail.querySelectorAll("details")) each.open = open.has(each.dataset.key);
    if (focused !== undefined) this.#detail.querySelector(`details[data-key="${focused}"] summary`)?.focus();
    this.#detail.scrollTop = scroll;
  }

  #status(exchange) {
    const first = exchange.first === null ? "" : ` · first event after ${seconds(exchange.first)}`;
    const line = exchange.status ? `HTTP ${exchange.status} · ${seconds(exchange.seconds)}${first}` : exchange.problem || "Waiting…";
    return h("p", { className: "line" }, line);
  }

  #events(frames) {
    const hidden = Math.max(0, frames.length - ROWS);
    const rows = frames.filter((_, number) => number < ROWS / 2 || number >= frames.length - ROWS / 2).map(event);
    if (hidden > 0) rows.splice(ROWS / 2, 0, h("p", { className: "empty" }, `${hidden.toLocaleString("en")} more`));
    return h("section", { className: "events", "aria-label": "Events" }, h("h3", {}, `${frames.length.toLocaleString("en")} events`), rows);
  }
}

function health(exchange) {
  if (exchange.broken.some(({ level }) => level === "error") || (exchange.ended && exchange.status !== 200)) return "bad";
  return exchange.broken.length > 0 ? "warn" : "good";
}

function broken(rules) {
  return h("ul", { className: "broken" }, rules.map(({ id, level, sentence, detail }) =>
    h("li", { className: level === "error" ? "bad" : "warn" }, h("code", {}, id), h("p", {}, sentence), h("p", { className: "note" }, detail))));
}

function meter([name, used, limit]) {
  const part = h("span", { className: "part" });
  part.style.width = `${Math.min(100, (100 * used) / limit)}%`;
  const bar = h("span", { className: "bar-of", "data-over": used > limit ? "" : null }, part);
  return h("div", {}, h("dt", {}, name), h("dd", {}, `${used.toLocaleString("en")} of ${limit.toLocaleString("en")}`, bar));
}

function calls(list) {
  return h("section", { className: "events", "aria-label": "Calls of other bots" }, h("h3", {}, "Calls of other bots"),
    list.map(({ bot, text }) => h("p", { className: "call" }, h("b", {}, bot), ` ${text.slice(0, 200)}`)));
}

function event(frame) {
  const rules = frame.broken.map(({ id, level }) => h("span", { className: `rule ${level === "error" ? "bad" : "warn"}` }, id));
  const key = `event-${frame.number}`;
  return h("details", { className: "event", "data-key": key },
    h("summary", {},
      h("span", { className: "number" }, frame.number), h("span", { className: "kind" }, frame.kind), h("span", { className: "preview" }, frame.preview), rules,
      h("span", { className: "size" }, bytes(frame.bytes)), h("span", { className: "when" }, `+${seconds(frame.seconds)}`)),
    h("pre", { tabIndex: 0 }, frame.raw + (frame.cut ? "…" : "")));
}

function fold(key, title, text) {
  return h("details", { className: "fold", "data-key": key }, h("summary", {}, title), h("pre", { tabIndex: 0 }, text));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
