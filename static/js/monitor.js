// The speaker's monitor: the interpretation into one language as text, as sound on headphones, and
// how far behind it is. It listens to the speaker's own stream, and is not counted as a listener.

/** @import { Languages, Lag, ServerMessage } from "./messages.js" */
import { CaptionView } from "./captions.js";
import { errorText, languageName, pageLanguage, t } from "./i18n.js";
import { recall, remember, stream } from "./page.js";
import { Player } from "./player.js";
import { Signaling } from "./signaling.js";

const KEY = "tolk.monitor";
/** Listeners lose the thread when the interpretation is later than this. */
const LATE_S = 6;
const SKIPPED_FOR_MS = 20000;

/**
 * The elements that show it.
 * @typedef {object} MonitorPage
 * @property {HTMLElement} monitor
 * @property {HTMLSelectElement} monitor_language
 * @property {HTMLInputElement} monitor_sound
 * @property {HTMLElement} monitor_captions
 * @property {HTMLElement} monitor_state
 * @property {HTMLElement} pace
 * @property {HTMLAudioElement} sound
 */

export class Monitor {
  #page;
  #player;
  #signaling;
  /** @type {Languages["targets"]} */
  #targets = {};
  #on = false;
  /** @type {CaptionView | null} */
  #captions = null;
  /** @type {Lag} */
  #lag = {};
  /** Of the last message; null before the first, which may count what was long ago. @type {number | null} */
  #skipped = null;
  #skippedAt = -Infinity;

  /**
   * @param {MonitorPage} page
   * @param {string | null} token
   */
  constructor(page, token) {
    this.#page = page;
    this.#player = new Player(page.sound);
    this.#signaling = new Signaling(`ws/listen/${stream}`, () => ({
      channel: this.#language,
      captions: [this.#language],
      audio: !this.#player.on ? "none" : this.#player.overSocket ? "socket" : "webrtc",
      monitor: true,
      token }));
    this.#signaling.resumes = false;
    this.#signaling.on("message", (message) => this.#take(message));
    this.#signaling.on("refused", (error) => {
      page.monitor_state.textContent = errorText(error);
    });
    this.#signaling.on("sound", (packet) => this.#player.receive(packet));
    this.#signaling.on("status", (status) => {
      if (status === "reconnecting" || status === "closed") this.#player.lose();
    });
    this.#player.addEventListener("doubtful", () => this.#signaling.probe());
    this.#player.addEventListener("failed", () => this.#offer());
    this.#player.addEventListener("blocked", () => {
      if (this.#player.useSocket()) this.#signaling.open();
    });
    page.monitor_language.onchange = () => {
      remember("localStorage", KEY, this.#language);
      this.#follow();
    };
    page.monitor_sound.onchange = () => this.#follow();
  }

  /** @param {Languages} languages */
  know({ targets }) {
    this.#targets = targets;
  }

  /**
   * The speaker speaks `source`, or nothing.
   * @param {string | null} source
   */
  show(source) {
    const tags = source === null ? [] : this.#targets[source] ?? [];
    const { monitor, monitor_language: list } = this.#page;
    monitor.hidden = tags.length === 0;
    if ([...list.options].slice(1).map(({ value }) => value).join() !== tags.join() || !list.options.length) {
      const chosen = recall("localStorage", KEY) ?? "";
      list.replaceChildren(
        new Option(t("speak.monitor_off"), ""),
        ...tags.map((tag) => new Option(languageName(tag, pageLanguage), tag)));
      list.value = tags.includes(chosen) ? chosen : "";
    }
    const on = tags.length > 0 && this.#language !== "";
    if (on !== this.#on || (on && this.#captions?.language !== this.#language)) this.#follow();
  }

  /** @param {Lag} lag */
  fallBehind(lag) {
    const { skipped = 0 } = lag;
    if (this.#skipped !== null && skipped > this.#skipped) {
      this.#skippedAt = performance.now();
      setTimeout(() => this.#showPace(), SKIPPED_FOR_MS);
    }
    this.#lag = lag;
    this.#skipped = skipped;
    this.#showPace();
  }

  /** The speaker has stopped. */
  forget() {
    this.fallBehind({});
    this.#skipped = null;
    this.#skippedAt = -Infinity;
    this.#showPace();
  }

  get #language() {
    return this.#page.monitor_language.value;
  }

  /** Listens to what is chosen now, or to nothing. */
  #follow() {
    const { monitor, monitor_sound: sound, monitor_captions: box } = this.#page;
    this.#on = !monitor.hidden && this.#language !== "";
    this.#page.monitor_state.textContent = "";
    sound.disabled = !this.#on;
    box.hidden = !this.#on;
    if (this.#on && sound.checked) this.#player.start();
    else this.#player.stop();
    if (!this.#on) {
      this.#captions = null;
      this.#signaling.close();
      return;
    }
    if (this.#captions?.language !== this.#language) {
      this.#captions = new CaptionView(
        box, this.#language, `${t("speak.monitor")}: ${languageName(this.#language)}`);
    }
    this.#signaling.open();
  }

  async #offer() {
    if (this.#player.on && !this.#player.overSocket) {
      this.#signaling.send({ type: "offer", sdp: await this.#player.offer() });
    }
  }

  /** @param {ServerMessage} message */
  async #take(message) {
    switch (message.type) {
      case "joined":
        this.#player.iceServers = message.ice_servers ?? [];
        await this.#offer();
        break;
      case "answer":
        await this.#player.accept(message.sdp);
        break;
      case "caption":
        this.#captions?.show(message);
        break;
      case "captions":
        this.#captions?.restore(message.captions ?? []);
        break;
      case "error":
        if (message.code === "timeout") await this.#offer();
    }
  }

  #showPace() {
    const { pace, monitor_state: state } = this.#page;
    const behind_s = this.#lag.behind_s ?? {};
    const [tag, seconds] = Object.entries(behind_s)
      .reduce((most, each) => (each[1] > most[1] ? each : most), ["", 0]);
    const skipped = performance.now() - this.#skippedAt < SKIPPED_FOR_MS;
    const slower = skipped ? t("speak.slower_skipped")
      : seconds >= LATE_S ? t("speak.slower", { seconds: Math.round(seconds) }) : "";
    if (pace.textContent !== slower) pace.textContent = slower;
    const own = behind_s[this.#language];
    state.textContent = own === undefined && tag === "" ? ""
      : t("speak.behind", { seconds: own ?? seconds });
  }
}
