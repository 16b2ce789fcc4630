// Shows the speaker who asks to speak, with buttons that answer.

/** @import { Waiting } from "./messages.js" */
import { languageName, pageLanguage, t } from "./i18n.js";

/**
 * @param {HTMLElement} box
 * @param {Waiting[]} who asks
 * @param {(number: number, granted: boolean) => void} answer
 */
export function showAsking(box, who, answer) {
  box.replaceChildren(...who.map(({ number, language, name }) => {
    const row = document.createElement("div");
    const text = document.createElement("p");
    text.textContent = t("speak.wants", {
      name: name || t("speak.somebody"),
      language: language === "auto" ? t("speak.auto") : languageName(language, pageLanguage) });
    const pair = document.createElement("div");
    pair.className = "pair";
    pair.append(
      button(t("speak.not_now"), () => answer(number, false)),
      button(t("speak.hand_over"), () => answer(number, true), "primary"));
    row.append(text, pair);
    return row;
  }));
}

/**
 * @param {string} text
 * @param {() => void} press
 * @param {string} kind
 */
function button(text, press, kind = "") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = text;
  made.onclick = press;
  return made;
}
