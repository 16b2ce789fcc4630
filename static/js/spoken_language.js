// The spoken language: the speaker's choice, and the language that the server detects.
//
// With "auto" the server detects the language, if it can. If the speaker chose a language and the
// server detects another, a button changes to that one; the audio continues.

import { languageName, pageLanguage, t } from "./i18n.js";
import { recall, remember } from "./page.js";

const AUTO = "auto";
const KEY = "tolk.spoken";
/** The error codes for a language that cannot be spoken here. */
const REFUSALS = ["unknown_language", "forbidden"];

/** Event: "change": call `render` again. */
export class SpokenLanguage extends EventTarget {
  #page;
  #signaling;
  /** The last values that the server accepted: the choice, and the interpreted language. */
  #taken = "";
  #source = null;
  /** The detected language, if it differs from the interpreted one. */
  #other = null;
  /** Whether the button was just used: announce the change, because the button is hidden. */
  #changed = false;

  constructor(page, signaling) {
    super();
    this.#page = page;
    this.#signaling = signaling;
    page.language.onchange = () => this.#choose(page.language.value);
    page.change_language.onclick = () => {
      this.#changed = true;
      page.language.value = this.#other;
      this.#choose(this.#other);
      page.spoken.focus();
    };
  }

  /** The language for the join message. */
  get chosen() {
    return this.#page.language.value;
  }

  /** The interpreted language; null until it is detected. */
  get source() {
    return this.#source;
  }

  /** Fills the list of languages. Selects the earlier choice, or the page's language. */
  offer({ sources, auto = false }) {
    const { language } = this.#page;
    language.replaceChildren(
      ...(auto ? [new Option(t("speak.auto"), AUTO)] : []),
      ...sources.map((tag) => new Option(languageName(tag, pageLanguage), tag)));
    const preferred = [recall("localStorage", KEY), pageLanguage, sources[0], ""];
    language.value = preferred.find((tag) => tag !== null && this.#offers(tag)) ?? "";
  }

  /** The speaker has joined, or has reconnected. */
  joined(source = null) {
    this.#other = null;
    this.#changed = false;
    this.take(source);
  }

  /** The server reports the language that is interpreted. */
  take(source = null) {
    if (source !== this.#source) this.#other = null;
    this.#source = source;
    this.#taken = this.chosen;
  }

  /** Takes the server's "spoken" message. */
  hear({ language, mismatch = false }) {
    this.#other = mismatch ? language : null;
    this.#changed &&= !mismatch && language === this.#source;
  }

  /** Takes an error. Returns whether it was about the language; the old choice then stays. */
  refuses({ code }) {
    if (!REFUSALS.includes(code) || this.chosen === this.#taken) return false;
    this.#page.language.value = this.#taken;
    this.#changed = false;
    return true;
  }

  render(live) {
    const { spoken, change_language: button, language } = this.#page;
    const installed = this.#offers(this.#other);
    language.disabled = live && this.#signaling.status !== "joined";
    spoken.textContent = live ? this.#text(installed) : "";
    spoken.parentElement.classList.toggle("mismatch", live && this.#other !== null);
    button.hidden = !live || !installed;
    button.textContent = installed ? t("speak.change", { language: this.#name(this.#other) }) : "";
  }

  #text(installed) {
    if (this.#other !== null) {
      return t(installed ? "speak.mismatch" : "speak.mismatch_unknown",
        { language: this.#name(this.#other) });
    }
    if (this.chosen !== AUTO && !this.#changed) return "";
    return this.#source === null
      ? t("speak.detecting") : t("speak.detected", { language: this.#name(this.#source) });
  }

  #choose(tag) {
    remember("localStorage", KEY, tag);
    this.#signaling.send({ type: "language", language: tag }); // the rest follows in take()
    this.dispatchEvent(new Event("change"));
  }

  #offers(tag) {
    return [...this.#page.language.options].some((option) => option.value === tag);
  }

  #name(tag) {
    return languageName(tag, pageLanguage);
  }
}
