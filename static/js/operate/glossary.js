// Edits a stream's glossary, and shows which entries cannot be used.

/** @import { Glossary } from "./board.js" */
/** @import { Requests } from "./requests.js" */
import { languageName, pageLanguage, t, textDirection } from "../i18n.js";
import { elementsById } from "../page.js";

const page = elementsById({
  name: HTMLInputElement, glossary: HTMLFormElement, glossary_names: HTMLTextAreaElement,
  glossary_words: HTMLElement, glossary_terms: HTMLElement, add_term: HTMLButtonElement,
  glossary_result: HTMLElement,
});

/** @type {Glossary} */
const EMPTY = { names: [], words: {}, terms: [], problems: [] };

export class GlossaryEditor {
  #requests;
  #languages;
  #sources;
  #loads = 0;

  /**
   * @param {Requests} requests
   * @param {string[]} sources that can be spoken
   * @param {string[]} languages that can be spoken or heard
   */
  constructor(requests, sources, languages) {
    this.#requests = requests;
    this.#sources = sources;
    this.#languages = languages;
    page.add_term.onclick = () => this.#addTerm({}).querySelector("input")?.focus();
    page.glossary.onsubmit = (event) => {
      event.preventDefault();
      this.#save();
    };
    this.#show(EMPTY);
    this.close();
  }

  /** What is typed before the glossary is loaded would be lost, so nothing can be. */
  close() {
    this.#loads += 1;
    disable(true);
  }

  #path() {
    return `streams/${encodeURIComponent(page.name.value)}/glossary`;
  }

  /**
   * Shows the glossary of the stream that is named. If it does not come, nothing can be typed until
   * the next attempt: another stream's glossary would be saved in its place.
   */
  async load() {
    this.close();
    const load = this.#loads;
    try {
      if (page.name.value && page.name.checkValidity()) {
        const glossary = await this.#requests.ask("GET", this.#path());
        if (load !== this.#loads) return;
        this.#show(glossary);
        this.#tell("", glossary);
      }
      disable(false);
    } catch (error) {
      if (load !== this.#loads) return;
      this.#show(EMPTY);
      disable(true);
      page.glossary_result.textContent = /** @type {Error} */ (error).message;
    }
  }

  async #save() {
    if (!page.name.value || !page.name.reportValidity()) {
      page.name.focus();
      return;
    }
    try {
      const saved = await this.#requests.ask("PUT", this.#path(), this.#typed());
      this.#tell(t("operate.saved"), saved);
    } catch (error) {
      page.glossary_result.textContent = /** @type {Error} */ (error).message;
    }
  }

  #typed() {
    const words = [...page.glossary_words.querySelectorAll("textarea")]
      .map((box) => [box.lang, linesOf(box.value)]).filter(([, lines]) => lines.length > 0);
    const terms = [...page.glossary_terms.children]
      .map((term) => Object.fromEntries([...term.querySelectorAll("input")]
        .map((input) => [input.lang, input.value.trim()]).filter(([, text]) => text)))
      .filter((term) => Object.keys(term).length > 0);
    return { names: linesOf(page.glossary_names.value), words: Object.fromEntries(words), terms };
  }

  /** @param {Glossary} glossary */
  #show({ names, words, terms }) {
    page.glossary_names.value = names.join("\n");
    page.glossary_words.replaceChildren(...this.#sources.map((tag) => {
      const box = document.createElement("textarea");
      box.rows = 2;
      box.value = (words[tag] ?? []).join("\n");
      return field(t("operate.words", { language: languageName(tag, pageLanguage) }), box, tag);
    }));
    page.glossary_terms.replaceChildren();
    for (const term of terms) this.#addTerm(term);
  }

  /** @param {Record<string, string>} term */
  #addTerm(term) {
    const group = document.createElement("div");
    group.className = "term";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", t("operate.term"));
    const known = [...new Set([...this.#languages, ...Object.keys(term)])];
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = t("operate.remove");
    remove.onclick = () => {
      group.remove();
      page.add_term.focus();
    };
    group.append(...known.map((tag) => {
      const input = document.createElement("input");
      input.maxLength = 60;
      input.value = term[tag] ?? "";
      return field(languageName(tag, pageLanguage), input, tag);
    }), remove);
    page.glossary_terms.append(group);
    return group;
  }

  /**
   * @param {string} text
   * @param {Glossary} glossary
   */
  #tell(text, { problems }) {
    const list = document.createElement("ul");
    list.className = "problems";
    list.append(...problems.map((problem) => {
      const line = document.createElement("li");
      line.textContent = `${problem.text || problem.entry}: ${problem.reason}`;
      return line;
    }));
    page.glossary_result.replaceChildren(
      [text, problems.length > 0 ? t("operate.problems") : ""].filter(Boolean).join(" "), list);
  }
}

/**
 * @param {string} name
 * @param {HTMLInputElement | HTMLTextAreaElement} control
 * @param {string} tag
 */
function field(name, control, tag) {
  const label = document.createElement("label");
  const text = document.createElement("span");
  label.className = "field";
  text.textContent = name;
  control.lang = tag;
  control.dir = textDirection(tag);
  label.append(text, control);
  return label;
}

/** @param {string} text */
function linesOf(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** @param {boolean} disabled */
function disable(disabled) {
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (
    page.glossary.querySelectorAll("input, textarea, button"))) field.disabled = disabled;
}
