// The words of the interpreter's page: how things stand, who is in the booth, who asks, and what the
// button does.

/** @import { Booth } from "./messages.js" */
/** @import { troubleOf } from "./microphone.js" */
import { languageName, pageLanguage, t } from "./i18n.js";

/** @typedef {"insecure" | "unable" | ReturnType<typeof troubleOf>} Trouble */
/**
 * How things stand, in one word.
 * @typedef {Trouble | "ready" | "shut_out" | "reconnecting" | "opening" | "mic_lost" | "on_air"
 *   | "coughing" | "unheard" | "asked" | "colleague" | "machine"} Situation
 */

/**
 * The words for how things stand, and those beneath them.
 * @param {Situation} now
 * @param {string} language its name
 * @param {Booth | null} booth
 * @param {boolean} same whether that language is the one that is spoken
 */
export function wordsFor(now, language, booth, same) {
  switch (now) {
    case "insecure": case "unable": case "denied": case "missing": case "busy": case "shut_out":
      return [t(`speak.${now}`), t(`speak.${now}_hint`)];
    case "mic_lost":
      return [t("speak.mic_lost"), t("interpret.mic_lost_hint")];
  }
  const values = { language, name: booth?.name ?? "" };
  return [
    t(`interpret.${now}`, values), t(same ? "interpret.same" : `interpret.${now}_hint`, values)];
}

/**
 * What the button does now.
 * @param {Booth | null} booth
 */
export function airText(booth) {
  const { on_air, asks, asked, name = "" } = booth ?? {};
  if (on_air && asks) return t("interpret.hand_over", { name: asks });
  if (on_air) return t("interpret.give");
  if (asked) return t("interpret.take_now");
  return name ? t("interpret.ask", { name }) : t("interpret.take");
}

/**
 * Says what needs an answer. The same again would be announced again.
 * @param {HTMLElement} notice
 * @param {Booth | null} booth
 * @param {boolean} floorHalted
 * @param {string} microphone says which other one is open, if one is
 */
export function showNews(notice, booth, floorHalted, microphone) {
  const told = [
    booth?.on_air && booth.asks ? t("interpret.asks", { name: booth.asks }) : "",
    floorHalted ? t("interpret.floor_halted") : "",
    microphone,
  ].filter(Boolean).join(" ");
  if (notice.textContent !== told) notice.textContent = told;
}

/**
 * Lists the colleagues, here and in the booths of other languages.
 * @param {HTMLElement} people
 * @param {HTMLElement} total of listeners
 * @param {Booth | null} booth
 */
export function showPeople(people, total, booth) {
  const { colleagues = [], elsewhere = {}, listeners = 0, name } = booth ?? {};
  total.textContent = booth ? t("interpret.listeners", { count: listeners }) : "";
  const rows = [
    ...colleagues.map((each) => [each, t(each === name ? "interpret.speaks" : "interpret.waits")]),
    ...Object.entries(elsewhere).map(
      ([other, each]) => [each, languageName(other, pageLanguage)]),
  ];
  people.replaceChildren(...rows.map(([who, what]) => {
    const row = document.createElement("li");
    const note = document.createElement("small");
    note.textContent = what;
    row.append(who, note);
    return row;
  }));
}
