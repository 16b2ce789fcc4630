// The language of the page itself: the first of the browser's languages that we have, or English.

/** @import { ServerError } from "./messages.js" */
import en from "./texts/en.js";
import nl from "./texts/nl.js";

const TEXTS = { en, nl };
// The style sheet shows "placeholder" in an empty box.
const TRANSLATED_ATTRIBUTES = { label: "aria-label", alt: "alt", empty: "data-placeholder" };

/** @typedef {keyof typeof en} TextKey */

export const pageLanguage = /** @type {keyof typeof TEXTS} */ (
  navigator.languages.map((tag) => tag.split("-")[0].toLowerCase()).find((tag) => tag in TEXTS)
  ?? "en");

/**
 * The text for `key`, with each `{name}` filled in from `values`.
 * @param {TextKey} key
 * @param {Record<string, string | number>} values
 */
export function t(key, values = {}) {
  const text = TEXTS[pageLanguage][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/**
 * What an error of the server means; the server's own words where this page has none for it.
 * @param {ServerError} error
 */
export function errorText({ code, message }) {
  const key = `error.${code}`;
  return key in TEXTS[pageLanguage] ? t(/** @type {TextKey} */ (key)) : message;
}

/** Sets all texts of a page: `data-text` is an element's content, `data-label` its aria-label… */
export function translatePage() {
  document.documentElement.lang = pageLanguage;
  for (const element of elementsWith("text")) element.textContent = t(keyIn(element, "text"));
  for (const [name, attribute] of Object.entries(TRANSLATED_ATTRIBUTES)) {
    for (const element of elementsWith(name)) {
      element.setAttribute(attribute, t(keyIn(element, name)));
    }
  }
}

/** @param {string} name of the data attribute */
function elementsWith(name) {
  return /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-${name}]`));
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 */
function keyIn(element, name) {
  return /** @type {TextKey} */ (element.dataset[name]);
}

/**
 * The name of a language in that language itself ("Nederlands"), or in `inLanguage`.
 * @param {string} tag
 */
export function languageName(tag, inLanguage = tag) {
  const name = new Intl.DisplayNames([inLanguage, "en"], { type: "language" }).of(tag) ?? tag;
  return name.charAt(0).toLocaleUpperCase(inLanguage) + name.slice(1);
}

/**
 * "rtl" for languages written from right to left, else "ltr".
 * @param {string} tag
 */
export function textDirection(tag) {
  return ["ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"].includes(tag.split("-")[0])
    ? "rtl"
    : "ltr";
}
