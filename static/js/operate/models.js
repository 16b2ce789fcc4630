// Which models hear, translate and speak here, and which are missing.

/** @import { Models } from "./board.js" */
import { languageName, pageLanguage, t } from "../i18n.js";

const MB = 1e6;
/** More languages than this are not named. */
const NAMED = 6;
const DOES = /** @type {const} */ ({
  recognizer: "operate.hears", translation: "operate.into", voice: "operate.voice",
});

/**
 * @param {Element} used
 * @param {Element} available
 * @param {Models} models
 */
export function showModels(used, available, models) {
  const tags = [...new Set([...Object.keys(models.hears), ...Object.keys(models.speaks)])].sort();
  used.replaceChildren(...tags.map((tag) => {
    const into = Object.keys(models.translates[tag] ?? {})
      .map((target) => languageName(target, pageLanguage)).join(", ");
    const missing = t("operate.missing");
    return row(languageName(tag, pageLanguage), [
      `${t("operate.hears")}: ${models.hears[tag] ?? missing}`,
      `${t("operate.voice")}: ${models.speaks[tag] ?? missing}`,
      `${t("operate.into")}: ${into || missing}`,
    ]);
  }));
  available.replaceChildren(...models.available.map(({ name, kind, languages, bytes }) => {
    const size = Math.round(bytes / MB).toLocaleString(pageLanguage);
    const spoken = languages.length <= NAMED
      ? languages.map((tag) => languageName(tag, pageLanguage)).join(", ") : "";
    const does = kind in DOES ? t(DOES[/** @type {keyof typeof DOES} */ (kind)]) : kind;
    return row(name, [does, spoken, `${size} MB`].filter(Boolean));
  }));
}

/**
 * @param {string} name
 * @param {string[]} facts
 */
function row(name, facts) {
  const element = document.createElement("li");
  const title = document.createElement("b");
  title.textContent = name;
  element.append(title, ` ${facts.join(" · ")}`);
  return element;
}
