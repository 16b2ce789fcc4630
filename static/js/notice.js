// The host's message to the listeners, in the language of the reader as far as it was written in it.

/** @import { Notice } from "./messages.js" */
import { textDirection } from "./i18n.js";

/**
 * @param {HTMLElement} element
 * @param {Notice} notice
 * @param {string[]} languages that are read here, the preferred first
 */
export function showNotice(element, notice, languages) {
  const { text, language } = chosen(notice, languages);
  element.lang = language;
  element.dir = language ? textDirection(language) : "auto";
  element.textContent = text;
}

/**
 * The message in the first of these languages in which there is one, or the first of all.
 * @param {Notice} notice
 * @param {string[]} languages
 */
export function chosen({ text = "", texts = {} }, languages) {
  const wanted = languages.map((tag) => tag.split("-")[0].toLowerCase());
  const tags = Object.keys(texts);
  const language = wanted.flatMap((tag) => tags.filter((each) => each.split("-")[0] === tag))[0]
    ?? tags[0] ?? "";
  return { text: texts[language] ?? text, language };
}
