// One stream on the operator's page: how it is, and what can be done with it.

/** @import { LanguageState, StreamState } from "./board.js" */
/** @import { Requests } from "./requests.js" */
import { languageName, pageLanguage, t, textDirection } from "../i18n.js";
import { recordingText } from "../recording.js";
import { drawStrip, most } from "./strip.js";
import { copyOf } from "./template.js";

const MINUTES = [1, 10, 60];
/** A delay that listeners notice, in seconds; and a bar as high as the strip. */
const LATE_S = 5;
const FULL_S = 10;

const REASONS = {
  broken: "operate.broken", slow: "operate.slow", restarting: "operate.restarting",
  full: "operate.full",
};

/** What is asked of the page. @typedef {{end: () => void, prepare: () => void}} Wishes */

export class Card {
  #parts;
  #name;
  #requests;
  #paused = false;
  #steering = false;

  /**
   * @param {string} name
   * @param {Requests} requests
   * @param {Wishes} wishes
   */
  constructor(name, requests, wishes) {
    this.#name = name;
    this.#requests = requests;
    const { element, parts } = copyOf("stream");
    this.element = element;
    this.#parts = parts;
    const { pause, prepare, end, take_back, message, minutes } = this.#parts;
    this.#parts.name.textContent = name;
    this.#parts.text.lang = pageLanguage;
    this.element.setAttribute("aria-label", name);
    pause.onclick = () => requests.steer(name, "pause", { paused: !this.#paused });
    const panel = /** @type {HTMLInputElement} */ (this.#parts.panel);
    panel.onchange = async () => {
      this.#steering = true; // or what is told meanwhile would put the switch back
      try {
        await requests.steer(name, "panel", { on: panel.checked });
      } finally {
        this.#steering = false;
      }
    };
    prepare.onclick = wishes.prepare;
    end.onclick = wishes.end;
    take_back.onclick = () => requests.steer(name, "notice", { text: "" });
    minutes.append(...MINUTES.map((count) =>
      new Option(t("operate.minutes", { count }), String(count), count === 10, count === 10)));
    message.onsubmit = (event) => this.#say(event);
  }

  /**
   * Offers to write the message in these languages, too.
   * @param {string[]} languages
   */
  offer(languages) {
    const others = languages.filter((tag) => tag !== pageLanguage);
    this.#parts.texts.replaceChildren(...others.map((tag) => {
      const label = made("label", "field", "");
      const input = document.createElement("input");
      input.maxLength = 280;
      input.lang = tag;
      input.dir = textDirection(tag);
      label.append(made("span", "", languageName(tag, pageLanguage)), input);
      return label;
    }));
  }

  /** @param {SubmitEvent} event */
  async #say(event) {
    event.preventDefault();
    const minutes = /** @type {HTMLSelectElement} */ (this.#parts.minutes);
    const inputs = [...this.#parts.message.querySelectorAll("input")];
    const texts = inputs.filter(({ value }) => value.trim()).map(({ lang, value }) => [lang, value]);
    if (texts.length === 0) {
      this.#parts.text.focus();
      return;
    }
    await this.#requests.steer(this.#name, "notice",
      { texts: Object.fromEntries(texts), minutes: Number(minutes.value) });
    for (const input of inputs) input.value = "";
  }

  /** @param {StreamState} stream */
  show(stream) {
    const { state, problems, facts, languages, strip, pause, end, shown, take_back } = this.#parts;
    this.element.dataset.state = stream.state;
    this.#paused = stream.state === "paused";
    write(state, t(`operate.state_${stream.state}`));
    write(facts, factsOf(stream).join(" "));
    fill(problems, problemsOf(stream));
    languages.replaceChildren(...rowsOf(stream));
    const label = t("operate.lag_strip", { most: most(stream.strip) });
    drawStrip(/** @type {any} */ (strip), stream.strip, FULL_S, LATE_S, label);
    pause.textContent = t(this.#paused ? "speak.resume" : "speak.pause");
    const panel = /** @type {HTMLInputElement} */ (this.#parts.panel);
    if (!this.#steering) panel.checked = stream.panel;
    pause.toggleAttribute("disabled", !stream.speaker);
    end.toggleAttribute("disabled", stream.state === "ended");
    write(shown, stream.notice && t("operate.shown", { text: stream.notice }));
    take_back.hidden = stream.notice === "";
  }
}

/** @param {StreamState} stream */
function factsOf({ source, hears, listeners, recording, lag_s }) {
  const language = source && languageName(source, pageLanguage);
  return [
    language ? t("operate.speaks", { language, model: hears }) : t("operate.speaks_nothing"),
    `${t("operate.listeners", { count: listeners })}.`,
    lag_s > 0 ? `${t("operate.late", { seconds: lag_s })}.` : "",
    recordingText(recording),
  ];
}

/** @param {StreamState} stream */
function problemsOf({ unheard, mismatch, problem, lag_s }) {
  return [
    unheard ? t("operate.unheard") : "",
    mismatch ? t("operate.mismatch", { language: languageName(mismatch, pageLanguage) }) : "",
    problem ? t("operate.recording_stopped", { problem }) : "",
    lag_s >= LATE_S ? t("operate.too_late") : "",
  ].filter(Boolean);
}

/** @param {StreamState} stream */
function rowsOf({ channels, languages }) {
  const rows = Object.entries(languages)
    .sort(([, a], [, b]) => b.hear + b.read - a.hear - a.read)
    .map(([tag, language]) => languageRow(tag, language));
  if (channels.floor) {
    rows.unshift(row(t("channel.floor"), [t("operate.hear", { count: channels.floor })], "", []));
  }
  return rows;
}

/**
 * @param {string} tag
 * @param {LanguageState} language
 */
function languageRow(tag, { hear, read, status, reason, lag_s, waits_s, skipped, doubtful, ...made }) {
  const key = REASONS[/** @type {keyof typeof REASONS} */ (reason)];
  return row(
    languageName(tag, pageLanguage),
    [
      hear ? t("operate.hear", { count: hear }) : "",
      read ? t("operate.read", { count: read }) : "",
      lag_s === undefined ? "" : t("operate.late", { seconds: lag_s }),
      waits_s ? t("operate.waits", { seconds: waits_s }) : "",
      skipped ? t("operate.skipped", { count: skipped }) : "",
      doubtful ? t("operate.doubtful", { count: doubtful }) : "",
      status === "starting" ? t("operate.starting") : "",
    ],
    status === "fallback" ? (key ? t(/** @type {any} */ (key)) : reason) : "",
    [made.translates, made.speaks]);
}

/**
 * @param {string} name
 * @param {string[]} figures
 * @param {string} trouble
 * @param {string[]} models
 */
function row(name, figures, trouble, models) {
  const element = document.createElement("li");
  const title = document.createElement("b");
  title.textContent = name;
  element.append(title, ": ", figures.filter(Boolean).join(" · "));
  if (trouble) element.append(document.createElement("br"), made("span", "trouble", trouble));
  const used = models.filter(Boolean).join(", ");
  if (used) element.append(document.createElement("br"), made("small", "", used));
  return element;
}

/**
 * @param {string} kind
 * @param {string} name of its class
 * @param {string} text
 */
function made(kind, name, text) {
  const element = document.createElement(kind);
  element.className = name;
  element.textContent = text;
  return element;
}

/**
 * Writes a text if it is another: the same again would be announced again.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Shows these lines in a list, if they are others.
 * @param {HTMLElement} list
 * @param {string[]} lines
 */
export function fill(list, lines) {
  if ([...list.children].map((each) => each.textContent).join("\n") === lines.join("\n")) return;
  list.replaceChildren(...lines.map((line) => made("li", "", line)));
}
