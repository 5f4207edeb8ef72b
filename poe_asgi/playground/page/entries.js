// The conversation: what the user said, what the bot answered, and what one can do with an answer.

import { $, announce, h, icon, patchBlocks, seconds } from "./dom.js";

const REACTIONS = { like: "👍", dislike: "👎", heart: "❤️", laughing: "😆", surprised: "😮", sad: "😢" };
const UNDER_WAY = new Set(["waiting", "streaming"]);
const MOST_REPLIES = 10; // that are drawn as buttons; Poe shows a few

/** Draws entries into the page. `on` are the things a user can do (retry, react, feedback, say, inspect), and `isStandard`. */
export class Entries {
  #list = $("entries");
  #log = $("log");
  #suggested = $("suggested");
  #on;
  #name = "";
  #pinned = true;
  #answers = new Map();

  constructor(on) {
    this.#on = on;
    this.#log.addEventListener("scroll", () => {
      this.#pinned = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80;
    });
    // A picture that comes late, or a smaller window, must not push the newest line out of sight.
    const stay = new ResizeObserver(() => this.#stay());
    stay.observe(this.#list);
    stay.observe(this.#log);
  }

  set botName(name) {
    this.#name = name;
  }

  get busy() {
    const last = this.#last();
    return last !== undefined && UNDER_WAY.has(last.entry.status);
  }

  draw(entries) {
    this.#list.replaceChildren();
    this.#answers.clear();
    this.#pinned = true;
    entries.forEach((entry) => this.update(entry, true));
    this.#follow();
  }

  remove(id) {
    this.#find(id)?.remove();
    this.#answers.delete(id);
    this.#follow();
  }

  /** Shows an entry, new or changed. False when parts of it are missing here, so that all has to be drawn anew. */
  update(entry, quiet = false) {
    if (entry.kind === "answer") return this.#updateAnswer(entry, quiet);
    if (this.#find(entry.id)) return true;
    this.#pinned = true;
    this.#list.append(entry.kind === "question" ? this.#question(entry) : cleared(entry));
    this.#follow();
    return true;
  }

  // ---- parts

  #question(entry) {
    const said = h("div", { className: "said markdown" });
    patchBlocks(said, 0, entry.blocks);
    const parameters = Object.entries(entry.parameters).filter(([name, value]) => !this.#on.isStandard(name, value));
    return h(
      "li",
      { className: "question", "data-id": entry.id, "aria-label": "You" },
      entry.files.length > 0 && h("div", { className: "files" }, entry.files.map(file)),
      entry.blocks.length > 0 && said,
      parameters.length > 0 &&
        h("p", { className: "parameters" }, parameters.map(([name, value]) => h("span", {}, `${name} ${shown(value)}`))),
    );
  }

  #updateAnswer(entry, quiet) {
    let answer = this.#answers.get(entry.id);
    if (answer === undefined) {
      answer = this.#newAnswer(entry);
      this.#answers.set(entry.id, answer);
      this.#list.append(answer.element);
      if (!quiet) announce(`${this.#name} is answering.`);
    }
    if (entry.from > answer.body.childElementCount) return false;
    const was = answer.entry.status;
    answer.entry = entry;
    patchBlocks(answer.body, entry.from, entry.blocks);
    answer.body.classList.toggle("plain", entry.plain);
    this.#decorate(answer);
    if (!quiet && UNDER_WAY.has(was) && !UNDER_WAY.has(entry.status)) {
      announce(answer.body.innerText.slice(0, 2000) || entry.error?.text || entry.problem || "The answer is empty.");
    }
    this.#follow();
    return true;
  }

  #newAnswer(entry) {
    const body = h("div", { className: "body markdown" });
    const chip = h("button", { type: "button", className: "chip", hidden: true });
    chip.addEventListener("click", () => this.#on.inspect(this.#answers.get(entry.id).entry.exchange));
    const waiting = h("p", { className: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    const files = h("div", { className: "files" });
    const problem = h("div", { className: "problem" });
    const foot = h("div", { className: "foot" });
    const element = h(
      "li",
      { className: "answer", "data-id": entry.id, "aria-label": this.#name },
      waiting, body, files, problem, chip, foot,
    );
    return { element, body, chip, waiting, files, problem, foot, entry: { status: "waiting" }, key: "" };
  }

  /** Everything of an answer but its text. It is drawn anew when it has changed, so that focus stays where it is. */
  #decorate(answer) {
    const { entry, element } = answer;
    const busy = UNDER_WAY.has(entry.status);
    element.setAttribute("aria-busy", busy);
    element.dataset.status = entry.status;
    answer.waiting.hidden = !busy || answer.body.childElementCount > 0;
    const { blocks: _, from: __, seconds: ___, ...rest } = entry;
    const key = JSON.stringify(rest);
    if (key === answer.key) return;
    answer.key = key;
    answer.files.replaceChildren(...entry.files.filter((each) => !(each.inline && each.shown_as === "image")).map(file));
    answer.problem.replaceChildren(...problems(entry, this.#name));
    answer.chip.hidden = entry.broken.length === 0;
    if (entry.broken.length > 0) {
      const worst = entry.broken.some((each) => each.level === "error") ? "error" : "warning";
      answer.chip.dataset.level = worst;
      answer.chip.textContent = `Breaks ${entry.broken.map((each) => each.id).join(", ")}`;
    }
    if (!busy) this.#drawFoot(answer);
  }

  #drawFoot({ entry, foot, body }) {
    const tool = (name, label, action, extra = {}) =>
      h("button", { type: "button", className: "icon small", "aria-label": label, title: label, onclick: action, ...extra }, icon(name));
    const focused = foot.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const picker = h("div", { className: "picker", popover: "auto", id: `reactions-${entry.id}` },
      Object.entries(REACTIONS).map(([name, sign]) =>
        h("button", {
          type: "button", title: name, "aria-label": name, "aria-pressed": String(entry.reactions.includes(name)),
          onclick: () => { picker.hidePopover(); this.#on.react(entry.id, name); },
        }, sign)));
    const react = tool("smile", "React", () => {
      const place = react.getBoundingClientRect();
      picker.showPopover();
      picker.style.left = `${Math.min(place.left, innerWidth - picker.offsetWidth - 12)}px`;
      picker.style.top = `${Math.max(place.top - picker.offsetHeight - 6, 8)}px`;
    });
    foot.replaceChildren(
      tool("copy", "Copy the answer", () => navigator.clipboard.writeText(body.innerText)),
      tool("retry", "Try again", () => this.#on.retry(), { "data-last": "" }),
      tool("up", "Good answer", () => this.#on.feedback(entry.id, "like"), { "aria-pressed": String(entry.feedback === "like") }),
      tool("down", "Bad answer", () => this.#on.feedback(entry.id, "dislike"), { "aria-pressed": String(entry.feedback === "dislike") }),
      react,
      picker,
      ...entry.reactions.map((name) =>
        h("button", { type: "button", className: "reaction", title: "Take back", "aria-label": `${name}, take back`, onclick: () => this.#on.react(entry.id, name) }, REACTIONS[name])),
      h("button", { type: "button", className: "time", title: "Look at it in the inspector", onclick: () => this.#on.inspect(entry.exchange) },
        entry.status === "stopped" ? "stopped" : seconds(entry.seconds)),
    );
    if (focused !== null) foot.querySelector(`[aria-label="${focused}"]`)?.focus();
  }

  // ---- the end of the conversation

  #follow() {
    const last = this.#last();
    const over = last !== undefined && !UNDER_WAY.has(last.entry.status);
    for (const each of this.#list.querySelectorAll("[data-last]")) each.hidden = !(over && last.element.contains(each));
    const replies = over ? last.entry.suggested : [];
    if (replies.join("\n") !== this.#suggested.dataset.replies) {
      this.#suggested.dataset.replies = replies.join("\n");
      const more = replies.length - MOST_REPLIES;
      this.#suggested.replaceChildren(
        ...replies.slice(0, MOST_REPLIES).map((text) => h("button", { type: "button", className: "suggestion", onclick: () => this.#on.say(text) }, text)),
        ...(more > 0 ? [h("span", { className: "note" }, `and ${more.toLocaleString("en")} more`)] : []),
      );
    }
    this.#stay();
  }

  #stay() {
    if (this.#pinned) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #last() {
    return this.#answers.get(this.#list.lastElementChild?.dataset.id);
  }

  #find(id) {
    return [...this.#list.children].find((child) => child.dataset.id === id);
  }
}

function cleared(entry) {
  return h("li", { className: "cleared", "data-id": entry.id }, h("span", {}, "Context cleared"));
}

function shown(value) {
  return typeof value === "string" ? (value === "" ? "“”" : value) : JSON.stringify(value);
}

/** A file: shown where the browser can, otherwise to be downloaded. */
function file(each) {
  if (each.url === null) return h("span", { className: "file" }, icon("file"), h("span", {}, each.name), h("small", {}, "not a web address"));
  const link = { href: each.url, target: "_blank", rel: "noopener noreferrer", download: each.name };
  if (each.shown_as === "image") {
    return h("a", { className: "picture", ...link, title: each.name }, h("img", { src: each.url, alt: each.name, referrerPolicy: "no-referrer" }));
  }
  if (each.shown_as === "audio" || each.shown_as === "video") {
    return h("figure", { className: each.shown_as },
      h(each.shown_as, { src: each.url, controls: true, preload: "metadata", "aria-label": each.name }),
      h("figcaption", {}, h("a", link, each.name)));
  }
  return h("a", { className: "file", ...link }, icon("file"), h("span", {}, each.name), h("small", {}, each.type));
}

/** What went wrong: first what a user of Poe sees, then what is for the author alone. */
function problems(entry, name) {
  const parts = [];
  if (entry.error !== null) {
    const special = entry.error.error_type === null ? "" : ` (${entry.error.error_type})`;
    parts.push(
      h("div", { className: "card bad" },
        h("p", { className: "label" }, `${entry.try === "first" ? "Poe is told" : "A user of Poe sees"}${special}`),
        h("p", {}, entry.error.text || "An error without a text."),
        h("p", { className: "note" }, retrying(entry))));
    if (entry.error.traceback) parts.push(traceback(entry.error.traceback));
  }
  if (entry.problem !== "") {
    parts.push(
      h("div", { className: "card bad" },
        h("p", { className: "label" }, "A user of Poe sees"),
        h("p", {}, `${name} could not answer.`),
        h("p", { className: "label" }, "What happened"),
        h("p", {}, entry.problem)));
  }
  if (entry.saved !== null) {
    parts.push(
      h("details", { className: "card warn" },
        h("summary", {}, "Not what was saved"),
        h("pre", {}, entry.saved)));
  }
  return parts;
}

/** What Poe does after an error: with `allow_retry` it sends the question again, once. */
function retrying(entry) {
  if (entry.try === "first") return "It may be retried, so Poe sends the question again.";
  if (entry.try === "second") return "This was the second try. Poe sends the question no more.";
  return entry.error.allow_retry ? "Poe may send the question again." : "Poe does not send the question again.";
}

/** The traceback of the author's own code, whose last lines say what and where; or one line that says it all. */
export function traceback(text) {
  const lines = text.trimEnd().split("\n");
  return h("div", { className: "card author" },
    h("p", { className: "label" }, "Only you see"),
    h("p", { className: "cause" }, lines.at(-1)),
    lines.length > 1 && h("pre", { tabIndex: 0 }, ...lines.map((line, number) =>
      h("span", { className: /^\s+File "/.test(line) && number >= lastPlace(lines) ? "place" : "" }, `${line}\n`))));
}

function lastPlace(lines) {
  return lines.findLastIndex((line) => /^\s+File "/.test(line));
}

