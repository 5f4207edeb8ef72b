// What is shown above the page: the settings of the bot, and a conversation as a test.

import { $, h, icon } from "./dom.js";

function show(title, ...content) {
  const dialog = $("dialog");
  const close = h("button", { type: "button", className: "icon", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  dialog.replaceChildren(h("header", {}, h("h2", { id: "dialog-title" }, title), close), ...content.flat().filter((each) => each !== null));
  if (!dialog.open) dialog.showModal();
}

/** The settings as Poe would store them, and what it would drop. */
export function showSettings(settings, refetch) {
  const again = h("button", { type: "button", className: "wide", onclick: refetch }, icon("retry"), "Fetch again");
  if (settings === null) {
    show("Settings", h("p", { className: "note" }, "The bot has not been asked for its settings yet."), again);
    return;
  }
  show(
    "Settings",
    settings.problems.map((problem) => h("p", { className: "card bad" }, problem)),
    h("div", { className: "scroll" }, h("table", { className: "settings" }, h("tbody", {}, settings.rows.map(({ name, value, given }) =>
      h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, JSON.stringify(value) ?? "not set", given ? null : h("small", {}, " default"))))))),
    h("p", { className: "note" }, settings.controls ? "Parameter controls are shown at the message field." : "There are no parameter controls."),
    settings.answered && h("details", { className: "fold" }, h("summary", {}, "What the bot answered"), h("pre", { tabIndex: 0 }, JSON.stringify(settings.answered, null, 2))),
    again,
  );
}

/** The source of a test, to be copied. */
export function showTest(code) {
  const copy = h("button", { type: "button", className: "wide strong" }, icon("copy"), "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code);
    copy.replaceChildren(icon("check"), "Copied");
  });
  show("As a test", h("p", { className: "note" }, "Save it beside the bot, for instance as test_conversation.py, and run pytest."), h("pre", { className: "code", tabIndex: 0 }, code), copy);
  copy.focus();
}

/** Asks before something that cannot be undone. */
export function confirmed(question, action) {
  return new Promise((resolve) => {
    const dialog = $("dialog");
    const yes = h("button", { type: "button", className: "wide strong" }, action);
    yes.addEventListener("click", () => {
      resolve(true);
      dialog.close();
    });
    dialog.addEventListener("close", () => resolve(false), { once: true });
    show(question, yes);
    yes.focus();
  });
}
