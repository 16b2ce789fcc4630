// The language of the page itself: the first of the browser's languages that we have, or English.
//
// Only that language's texts are loaded. The server writes into each page which languages there
// are: the files in texts/. The pages load this module first, so that the texts come early.

/** @import { ServerError } from "./messages.js" */

// The style sheet shows "placeholder" in an empty box.
const TRANSLATED_ATTRIBUTES = { label: "aria-label", alt: "alt", empty: "data-placeholder" };

/** @typedef {keyof typeof import("./texts/en.js").default} TextKey */
/**
 * A text, or its forms for different numbers of what it counts.
 * @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text
 */

const languages = globalThis.document?.documentElement.dataset.languages?.split(" ") ?? [];

export const pageLanguage =
  navigator.languages.map((tag) => tag.split("-")[0].toLowerCase())
    .find((tag) => languages.includes(tag)) ?? "en";

/** @type {Record<string, Text>} */
let texts = {};
/** Done when `t` has texts. No top-level await: Safari fails where two scripts import that. */
export const textsLoaded = import(`./texts/${pageLanguage}.js`).then((file) => {
  texts = file.default;
});

/**
 * The text for `key`, with each `{name}` filled in from `values`.
 * @param {TextKey} key
 * @param {Record<string, string | number>} values of a text with several forms: `count` too
 */
export function t(key, values = {}) {
  return fill(texts[key], values, pageLanguage);
}

/**
 * A text of `language` with its values; the form is the one for the number `values.count`.
 * @param {Text} text
 * @param {Record<string, string | number>} values
 * @param {string} language
 */
export function fill(text, values, language) {
  const form = typeof text === "string"
    ? text : text[new Intl.PluralRules(language).select(Number(values.count))];
  if (form === undefined) throw new Error(`no such text in ${language}`);
  return form.replace(/\{(\w+)\}/g, (_, name) => values[name].toLocaleString(language));
}

/**
 * What an error of the server means; the server's own words where this page has none for it.
 * @param {ServerError} error
 */
export function errorText({ code, message, place = "" }) {
  const key = code === "speaker_present" && place ? "error.speaker_elsewhere" : `error.${code}`;
  return key in texts ? t(/** @type {TextKey} */ (key), { place }) : message;
}

/**
 * Loads and sets all texts of a page: `data-text` is an element's content, `data-label` its
 * aria-label…
 */
export async function translatePage() {
  await textsLoaded;
  document.getElementById("unstarted")?.remove();
  document.documentElement.lang = pageLanguage;
  translate(document);
}

/**
 * Sets the texts of a part of a page, such as a copy of a template.
 * @param {ParentNode} part
 */
export function translate(part) {
  for (const element of elementsWith(part, "text")) element.textContent = t(keyIn(element, "text"));
  for (const [name, attribute] of Object.entries(TRANSLATED_ATTRIBUTES)) {
    for (const element of elementsWith(part, name)) {
      element.setAttribute(attribute, t(keyIn(element, name)));
    }
  }
}

/**
 * @param {ParentNode} part
 * @param {string} name of the data attribute
 */
function elementsWith(part, name) {
  return /** @type {NodeListOf<HTMLElement>} */ (part.querySelectorAll(`[data-${name}]`));
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 */
function keyIn(element, name) {
  return /** @type {TextKey} */ (element.dataset[name]);
}

/**
 * The name of a language in that language itself ("Nederlands"), or in `inLanguage`; what is no
 * language tag, as it is.
 * @param {string} tag
 */
export function languageName(tag, inLanguage = tag) {
  try {
    const name = new Intl.DisplayNames([inLanguage, "en"], { type: "language" }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(inLanguage) + name.slice(1);
  } catch {
    return tag;
  }
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
