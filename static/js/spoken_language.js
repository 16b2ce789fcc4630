// The spoken language: the speaker's choice, and the language that the server detects.
//
// Nobody speaks before they chose: a language taken from the page would often be the wrong one.
// The choice is remembered for the next time.
// With "auto" the server detects the language, if it can. If the speaker chose a language and the
// server detects another, a button changes to that one; the audio continues.

/** @import { Languages, ServerError, Spoken } from "./messages.js" */
/** @import { Signaling } from "./signaling.js" */
import { languageName, pageLanguage, t } from "./i18n.js";
import { recall, remember } from "./page.js";

const AUTO = "auto";
const KEY = "tolk.spoken";
/** The error codes for a language that cannot be spoken here. */
const REFUSALS = ["unknown_language", "forbidden"];

/**
 * The elements that show it.
 * @typedef {object} SpokenLanguagePage
 * @property {HTMLSelectElement} language
 * @property {HTMLElement} language_hint
 * @property {HTMLElement} spoken
 * @property {HTMLButtonElement} change_language
 */

/** Event: "change", when what `render` shows may be another. */
export class SpokenLanguage extends EventTarget {
  #page;
  #signaling;
  /** The last values that the server accepted: the choice, and the interpreted language. */
  #taken = "";
  /** @type {string | null} */
  #source = null;
  /** The other language that is heard. @type {string | null} */
  #other = null;
  /** Whether the button was just used: announce the change, because the button is hidden. */
  #changed = false;

  /**
   * @param {SpokenLanguagePage} page
   * @param {Signaling} signaling
   */
  constructor(page, signaling) {
    super();
    this.#page = page;
    this.#signaling = signaling;
    page.language.onchange = () => this.#choose(page.language.value);
    page.change_language.onclick = () => {
      if (this.#other === null) return;
      this.#changed = true;
      page.language.value = this.#other;
      this.#choose(this.#other);
      page.spoken.focus();
    };
  }

  /** The language for the join message; "" until one is chosen. */
  get chosen() {
    return this.#page.language.value;
  }

  /** The interpreted language; null until it is detected. */
  get source() {
    return this.#source;
  }

  /** Asks for the language, which is needed now. */
  ask() {
    this.#page.language_hint.textContent = t("speak.choose_first");
    this.#page.language.setAttribute("aria-invalid", "true");
    this.#page.language.focus();
  }

  /**
   * Fills the list with what can be spoken; chosen is what was before, or the only one.
   * @param {Languages} languages
   */
  offer({ sources, auto = false }) {
    const { language } = this.#page;
    const chosen = language.value || recall("localStorage", KEY);
    const none = new Option(t("speak.choose"), "");
    none.disabled = true;
    language.replaceChildren(
      none,
      ...(auto ? [new Option(t("speak.auto"), AUTO)] : []),
      ...sources.map((tag) => new Option(languageName(tag, pageLanguage), tag)));
    const only = sources.length === 1 && !auto ? sources[0] : "";
    language.value = this.#offers(chosen) ? /** @type {string} */ (chosen) : only;
  }

  /**
   * The speaker starts, or is back.
   * @param {string | null} [source]
   */
  joined(source = null) {
    this.#other = null;
    this.#changed = false;
    this.take(source);
  }

  /**
   * The stream is interpreted from this language.
   * @param {string | null} [source]
   */
  take(source = null) {
    if (source !== this.#source) this.#other = null;
    this.#source = source;
    this.#taken = this.chosen;
  }

  /** @param {Spoken} spoken */
  hear({ language, mismatch = false }) {
    this.#other = mismatch ? language : null;
    this.#changed &&= !mismatch && language === this.#source;
  }

  /**
   * Whether this error was about the language: the choice is as before.
   * @param {ServerError} error
   */
  refuses({ code }) {
    if (!REFUSALS.includes(code) || this.chosen === this.#taken) return false;
    this.#page.language.value = this.#taken;
    this.#changed = false;
    return true;
  }

  /** @param {boolean} live */
  render(live) {
    const { spoken, change_language: button, language } = this.#page;
    const other = this.#offers(this.#other) ? this.#other : null;
    language.disabled = live && this.#signaling.status !== "joined";
    spoken.textContent = live ? this.#text() : "";
    spoken.parentElement?.classList.toggle("mismatch", live && this.#other !== null);
    button.hidden = !live || other === null;
    button.textContent = other ? t("speak.change", { language: this.#name(other) }) : "";
  }

  #text() {
    if (this.#other !== null) {
      return t(this.#offers(this.#other) ? "speak.mismatch" : "speak.mismatch_unknown",
        { language: this.#name(this.#other) });
    }
    if (this.chosen !== AUTO && !this.#changed) return "";
    return this.#source === null
      ? t("speak.detecting") : t("speak.detected", { language: this.#name(this.#source) });
  }

  /** @param {string} tag */
  #choose(tag) {
    this.#page.language_hint.textContent = "";
    this.#page.language.removeAttribute("aria-invalid");
    remember("localStorage", KEY, tag);
    this.#signaling.send({ type: "language", language: tag }); // the rest follows in take()
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string | null} tag */
  #offers(tag) {
    return [...this.#page.language.options].some((option) => option.value === tag);
  }

  /** @param {string} tag */
  #name(tag) {
    return languageName(tag, pageLanguage);
  }
}
