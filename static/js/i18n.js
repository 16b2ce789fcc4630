// The language of the page itself: the first of the browser's languages that we have, or English.

import en from "./texts/en.js";
import nl from "./texts/nl.js";

const TEXTS = { en, nl };
// The style sheet shows "placeholder" in an empty box.
const TRANSLATED_ATTRIBUTES = { label: "aria-label", alt: "alt", empty: "data-placeholder" };

export const pageLanguage =
  navigator.languages.map((tag) => tag.split("-")[0].toLowerCase()).find((tag) => tag in TEXTS)
  ?? "en";

/** The text for `key`, with each `{name}` replaced from `values`. */
export function t(key, values = {}) {
  const text = TEXTS[pageLanguage][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Sets all texts of a page: `data-text` is an element's content, `data-label` its aria-label… */
export function translatePage() {
  document.documentElement.lang = pageLanguage;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = t(element.dataset.text);
  }
  for (const [name, attribute] of Object.entries(TRANSLATED_ATTRIBUTES)) {
    for (const element of document.querySelectorAll(`[data-${name}]`)) {
      element.setAttribute(attribute, t(element.dataset[name]));
    }
  }
}

/** The name of a language in that language itself ("Nederlands"), or in `inLanguage`. */
export function languageName(tag, inLanguage = tag) {
  const name = new Intl.DisplayNames([inLanguage, "en"], { type: "language" }).of(tag);
  return name.charAt(0).toLocaleUpperCase(inLanguage) + name.slice(1);
}

/** "rtl" for languages written from right to left, else "ltr". */
export function textDirection(tag) {
  return ["ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"].includes(tag.split("-")[0])
    ? "rtl"
    : "ltr";
}
