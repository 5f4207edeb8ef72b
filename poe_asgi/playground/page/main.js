// Puts the page together: news from the server go to the views, what the user does goes to the server.

import { call, callForBlob, listen } from "./api.js";
import { Composer } from "./composer.js";
import { Controls } from "./controls.js";
import { confirmed, showSettings, showTest } from "./dialogs.js";
import { $, announce, download, drawIcons, h, patchBlocks } from "./dom.js";
import { Entries, traceback } from "./entries.js";
import { Inspector } from "./inspector.js";

let current = sessionStorage.getItem("conversation");
let conversations = [];
let settings = null;
let waiting = null; // news of a conversation that is being fetched
let open;
const opened = new Promise((resolve) => (open = resolve)); // a conversation is there to speak in

const inspector = new Inspector();
const controls = new Controls();
const entries = new Entries({
  say(text) {
    composer.focus();
    say(text, []).catch(failed);
  },
  retry() {
    composer.focus();
    act("retry");
  },
  react: (id, reaction) => act("react", { id, reaction }),
  feedback: (id, feedback) => act("feedback", { id, feedback }),
  inspect: (id) => inspector.open(id),
  isStandard: (name, value) => controls.isStandard(name, value),
});
const composer = new Composer({ say, stop: () => act("stop"), clear: () => act("clear"), failed: (message) => sayNo(message) });

// ---- what the user does

async function say(text, files) {
  await opened;
  await call("POST", `conversations/${current}/ask`, { text, files, parameters: controls.values() });
}

function act(what, body = {}) {
  return call("POST", `conversations/${current}/${what}`, body).catch(failed);
}

function failed(error) {
  sayNo(error.message);
}

/** Shows a conversation. News of it that come before it is there are kept until it is. */
async function choose(key) {
  current = key;
  sessionStorage.setItem("conversation", key);
  const early = (waiting = []);
  const conversation = await call("GET", `conversations/${key}`).catch(() => null);
  if (waiting !== early) return; // another one has been chosen since
  waiting = null;
  if (conversation === null) {
    await startAnew();
    return;
  }
  entries.draw(conversation.entries);
  early.forEach((news) => NEWS[news.type](news));
  composer.busy = entries.busy;
  drawConversations();
  open();
}

async function startAnew() {
  const { key } = await call("POST", "conversations", {});
  await choose(key);
}

function isCurrent({ key }) {
  return key === current;
}

// ---- news

const NEWS = {
  async hello(news) {
    setStatus("");
    $("name").textContent = news.name;
    document.title = `${news.name} · Playground`;
    entries.botName = news.name;
    conversations = news.conversations;
    inspector.draw(news.exchanges);
    NEWS.settings(news);
    showFailure(news.failed);
    const known = conversations.find(isCurrent) ?? conversations.at(-1);
    await (known ? choose(known.key) : startAnew());
  },
  conversations(news) {
    const deleted = conversations.some(isCurrent) && !news.conversations.some(isCurrent);
    conversations = news.conversations;
    drawConversations();
    if (deleted) Promise.resolve(conversations.length > 0 ? choose(conversations.at(-1).key) : startAnew()).catch(failed);
  },
  entry(news) {
    if (news.key !== current) return;
    if (waiting !== null) {
      waiting.push(news);
      return;
    }
    if (!entries.update(news.entry)) choose(news.key);
    composer.busy = entries.busy;
  },
  removed(news) {
    if (news.key !== current) return;
    if (waiting !== null) waiting.push(news);
    else entries.remove(news.id);
  },
  exchange(news) {
    inspector.update(news);
  },
  settings(news) {
    settings = news.settings;
    controls.draw(settings?.controls ?? null);
    composer.takesFiles = settings?.attachments ?? true;
    $("show-settings").toggleAttribute("data-alert", (settings?.problems.length ?? 0) > 0);
    $("introduction").hidden = !settings?.introduction.length;
    patchBlocks($("introduction"), 0, settings?.introduction ?? []);
    if ($("dialog").open && $("dialog").querySelector(".settings")) openSettings();
  },
  bot({ failed: message }) {
    showFailure(message);
    if (message === null) {
      setStatus("Reloaded", 3000);
      announce("The bot was reloaded.");
    }
  },
};

listen((news) => NEWS[news.type]?.(news), (message) => setStatus(message));

// ---- the rest of the page

let fading;
function setStatus(text, milliseconds) {
  clearTimeout(fading);
  $("status").textContent = text;
  if (milliseconds) fading = setTimeout(() => setStatus(""), milliseconds);
}

function sayNo(message) {
  setStatus(message, 6000);
}

function showFailure(message) {
  const notice = $("notice");
  notice.hidden = message === null;
  notice.replaceChildren(...(message === null ? [] : [h("p", { className: "label" }, "The bot cannot start. It is tried again when a file changes."), traceback(message)]));
}

function drawConversations() {
  const focused = $("conversations").contains(document.activeElement) ? document.activeElement.dataset.key : null;
  $("conversations").replaceChildren(...[...conversations].reverse().map(({ key, title, busy }) =>
    h("li", {}, h("button", { type: "button", "data-key": key, "aria-current": key === current ? "true" : null, onclick: () => { closeSidebar(); choose(key); } },
      h("span", {}, title || "New conversation"), busy && h("i", { className: "busy", "aria-label": "answering" })))));
  if (focused !== null) $("conversations").querySelector(`[data-key="${focused}"]`)?.focus();
}

function openSettings() {
  showSettings(settings, () => call("POST", "settings", {}).catch(failed));
}

function openSidebar() {
  document.body.dataset.sidebar = "open";
  $("open-sidebar").setAttribute("aria-expanded", "true");
  $("close-sidebar").focus();
}

function closeSidebar() {
  if (document.body.dataset.sidebar !== "open") return;
  delete document.body.dataset.sidebar;
  $("open-sidebar").setAttribute("aria-expanded", "false");
  $("open-sidebar").focus();
}

const CLICKS = {
  "open-sidebar": openSidebar,
  "close-sidebar": closeSidebar,
  async "new-conversation"() {
    closeSidebar();
    await startAnew();
    composer.focus();
  },
  "show-settings": openSettings,
  replay: () => $("replay-file").click(),
  async save() {
    $("menu").hidePopover();
    download(await callForBlob(`conversations/${current}/saved`), `conversation-${current}.json`);
  },
  async "as-test"() {
    $("menu").hidePopover();
    showTest((await call("GET", `conversations/${current}/test`)).code);
  },
  async delete() {
    $("menu").hidePopover();
    if (!(await confirmed("Delete this conversation?", "Delete"))) return;
    await call("DELETE", `conversations/${current}`);
  },
};

for (const [id, action] of Object.entries(CLICKS)) $(id).addEventListener("click", () => Promise.resolve(action()).catch(failed));
document.querySelector(".chat").addEventListener("click", ({ target }) => target.closest("#open-sidebar") ?? closeSidebar());
$("sidebar").addEventListener("keydown", ({ key }) => key === "Escape" && closeSidebar());
$("replay-file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  const body = new Blob([await file.arrayBuffer()]);
  target.value = "";
  closeSidebar();
  await call("POST", "replay", body).then(({ key }) => choose(key), failed);
});
drawIcons();
composer.focus();
