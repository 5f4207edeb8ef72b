// Where the user writes: the text, files, and the buttons beside them.

import { call } from "./api.js";
import { $, bytes, h, icon } from "./dom.js";

/** `on`: say(text, files), stop(), clear(), failed(message). */
export class Composer {
  #form = $("composer");
  #message = $("message");
  #attached = $("attached");
  #files = []; // { file, uploaded, element }
  #on;
  #busy = false;

  constructor(on) {
    this.#on = on;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#message.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#send();
      }
    });
    this.#message.addEventListener("input", () => this.#look());
    this.#message.addEventListener("paste", (event) => this.#take(event.clipboardData.files, event));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => this.#take(event.dataTransfer.files, event));
    $("attach").addEventListener("click", () => $("files").click());
    $("files").addEventListener("change", ({ target }) => {
      this.#take(target.files);
      target.value = "";
    });
    $("stop").addEventListener("click", () => this.#on.stop());
    $("clear").addEventListener("click", () => this.#on.clear());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#busy && !document.querySelector(":popover-open, dialog[open]")) this.#on.stop();
    });
    this.#look();
  }

  set busy(busy) {
    const had = $("stop") === document.activeElement || $("send") === document.activeElement;
    this.#busy = busy;
    $("stop").hidden = !busy;
    $("send").hidden = busy;
    $("clear").disabled = busy;
    if (had) this.focus();
  }

  set takesFiles(takes) {
    $("attach").hidden = !takes;
  }

  focus() {
    this.#message.focus();
  }

  async #send() {
    const text = this.#message.value;
    if (this.#busy || (text.trim() === "" && this.#files.length === 0)) return;
    const files = this.#files;
    this.#put("", []); // at once: the answer may be there before the call returns
    try {
      const uploaded = await Promise.all(files.map((each) => each.uploaded));
      await this.#on.say(text, uploaded.map((each) => each.url));
    } catch (error) {
      this.#on.failed(error.message);
      if (this.#message.value === "" && this.#files.length === 0) this.#put(text, files);
    }
  }

  #put(text, files) {
    this.#message.value = text;
    this.#files = files;
    this.#attached.replaceChildren(...files.map((each) => each.element));
    this.#look();
  }

  #take(files, event) {
    if (files.length === 0 || $("attach").hidden) return;
    event?.preventDefault();
    for (const file of files) this.#attach(file);
    this.focus();
  }

  #attach(file) {
    const remove = h("button", { type: "button", className: "icon small", "aria-label": `Remove ${file.name}` }, icon("close"));
    const element = h("li", {}, icon("file"), h("span", {}, file.name), h("small", {}, bytes(file.size)), remove);
    const uploaded = call("POST", "files", file, {
      "x-file-name": encodeURIComponent(file.name),
      "content-type": file.type || "application/octet-stream",
    });
    const entry = { uploaded, element };
    const drop = () => {
      this.#files = this.#files.filter((each) => each !== entry);
      element.remove();
      this.#look();
    };
    remove.addEventListener("click", () => {
      drop();
      this.focus();
    });
    element.setAttribute("aria-busy", "true");
    uploaded.then(
      () => element.removeAttribute("aria-busy"),
      (error) => {
        drop();
        this.#on.failed(error.message);
      },
    );
    this.#files.push(entry);
    this.#attached.append(element);
    this.#look();
  }

  /** As high as the text; the button is there when there is something to send. */
  #look() {
    this.#message.style.height = "auto";
    this.#message.style.height = `${Math.min(this.#message.scrollHeight, innerHeight * 0.3)}px`;
    $("send").toggleAttribute("data-empty", this.#message.value.trim() === "" && this.#files.length === 0);
  }
}
