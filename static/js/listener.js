// What a listener wants to hear and read, what the server says about it, and how that is put
// into words. Knows neither the page nor the network.

/** @import { Channel, Languages, ServerError, Session } from "./messages.js" */
/** @import { Status } from "./signaling.js" */
import { captionsFor, channelAt, channelFor, firstLanguage, languagesOf } from "./channels.js";
import { errorText, languageName, pageLanguage, t } from "./i18n.js";
import { isExpired } from "./token.js";

/** The reasons for a missing interpretation that there are words for. */
const REASONS = /** @type {const} */ (["broken", "slow", "restarting", "full"]);

/**
 * What of a Player tells how things stand.
 * @typedef {object} PlayerState
 * @property {boolean} on
 * @property {boolean} held
 * @property {boolean} halted
 * @property {boolean} unable
 * @property {boolean} heard
 * @property {boolean} connected
 * @property {boolean} shutOut
 */

/**
 * How things stand, in one word; the texts "listen.…" say it to the listener.
 * @typedef {"refused" | "connecting" | "waiting" | "ready" | "held" | "halted" | "unable" | "opening" | "shut_out"
 *   | "reconnecting" | "paused" | "ended" | Channel["status"]} Situation
 */

export class Listener {
  /**
   * The channel and the caption languages that are wanted; see `tell`.
   * @type {{channel: string, captions: string[]}}
   */
  asked = { channel: "floor", captions: [] };
  /** The language to hear: a tag, or "floor". */
  language = "floor";
  /**
   * The channel that the server sends, and how that goes.
   * @type {Channel}
   */
  channel = { channel: "floor", status: "starting" };
  /**
   * The server's last error, until it is over.
   * @type {ServerError | null}
   */
  refusal = null;
  /** What of `asked` the server knows. */
  #told = "";
  /** @type {Required<Omit<Session, "recording">>} */
  #session = { state: null, source: null, channels: ["floor"] };
  #everyChannel = ["floor"];
  /**
   * Languages whose voice is hard to understand.
   * @type {string[]}
   */
  #unclear = [];
  #stream;
  #chosen;
  #readerLanguages;
  #readable;

  /**
   * @param {string | null} chosen the language that was chosen at an earlier visit
   * @param {readonly string[]} readerLanguages
   * @param {string} stream its name
   * @param {readonly string[] | null} readable the languages that the token is for; null: all
   */
  constructor(chosen, readerLanguages, stream, readable = null) {
    this.#readable = readable;
    this.#stream = stream;
    this.#chosen = chosen;
    this.#readerLanguages = readerLanguages;
  }

  /**
   * Takes what can be heard on this server.
   * @param {Languages} languages
   */
  know({ targets, unclear = [] }) {
    const languages = [...new Set(Object.values(targets).flat())];
    this.#everyChannel = ["floor", ...languages, ...languages.map((tag) => `${tag}+floor`)];
    this.#unclear = unclear;
    this.takeSession({ state: null });
  }

  /**
   * Takes how the stream is. Until somebody speaks, anything may be chosen.
   * @param {Session} session
   */
  takeSession({ state, source = null, channels = [] }) {
    this.#session = { state, source, channels: source === null ? this.#everyChannel : channels };
    this.language = firstLanguage(
      this.#chosen, this.#readerLanguages, this.#session.channels, source);
  }

  /**
   * Takes a language that the address names, if it can be heard here.
   * @param {string | null} language
   */
  prefer(language) {
    if (language !== null && this.#everyChannel.includes(language)) this.choose(language);
  }

  /** The language that the listener chose, if they did. */
  get chosen() {
    return this.#chosen;
  }

  /** @param {string} language */
  choose(language) {
    this.language = this.#chosen = language;
  }

  /**
   * Takes what is wanted now into `asked`; says whether the server has been told something else.
   * @param {number} balance of original and interpretation, as for `channelAt`
   * @param {boolean} withSource captions of the original too
   */
  want(balance, withSource) {
    const { channels, source } = this.#session;
    const channel = channelAt(this.language, balance, channels);
    const read = channelFor(this.language, false, channels);
    const captions = captionsFor(read, source, withSource).filter(
      (tag) => this.#readable?.includes(tag) ?? true); // or they would be refused each time
    this.asked = { channel, captions };
    return JSON.stringify(this.asked) !== this.#told;
  }

  /** What is asked for, which the server is told now: in a `join` or a `select`. */
  tell() {
    this.#told = JSON.stringify(this.asked);
    return this.asked;
  }

  /** Whether there are captions, so that the screen has to stay on. */
  get reads() {
    const { state } = this.#session;
    return (state === "live" || state === "paused") && this.asked.captions.length > 0;
  }

  /** The languages to choose from, besides the floor. */
  get offered() {
    return languagesOf(this.#session.channels).filter((tag) => tag !== this.#session.source);
  }

  /**
   * @param {PlayerState} player
   * @param {Status} status of the signaling
   * @returns {Situation}
   */
  situation(player, status) {
    const { state } = this.#session;
    // A server that stops is back soon.
    const back = status === "reconnecting" && state !== null && this.refusal?.code === "unavailable";
    if (this.refusal && status !== "joined" && !back) return "refused";
    if (status === "reconnecting") return "reconnecting";
    if (status === "connecting" && !player.on && state === null) return "connecting";
    if (player.unable && state !== "ended") return "unable";
    if (player.halted && state !== "ended") return "halted";
    if (state === "ended" || state === "paused" || state === "waiting") return state;
    if (!player.on) return "ready";
    if (player.held) return "held";
    if (!player.connected || status !== "joined") {
      return player.shutOut ? "shut_out" : player.heard ? "reconnecting" : "opening";
    }
    return this.channel.status;
  }

  /**
   * The words for a situation.
   * @param {Situation} now
   */
  title(now) {
    if (now === "refused") return t(this.refusal?.code === "limit" ? "error.busy" : "error.title");
    if (now === "fallback" && this.channel.reason === "full") return t("listen.full");
    return t(`listen.${now}`);
  }

  /**
   * Whether nobody has spoken under this name: it may be another than was meant.
   * @param {Situation} now
   */
  lost(now) {
    return now === "waiting" && this.#session.source === null;
  }

  /**
   * Takes an error of the server's.
   * @param {ServerError} error
   * @param {string | null} token with which it was asked
   */
  refuse(error, token) {
    this.refusal = error.code === "unauthorised" && token !== null && isExpired(token)
      ? { ...error, code: "expired" } : error;
  }

  /**
   * The words beneath them.
   * @param {Situation} now
   * @param {boolean} on whether the listener wants sound
   */
  hint(now, on) {
    const { channel } = this.channel;
    const reason = REASONS.find((known) => known === this.channel.reason);
    if (this.refusal) return errorText(this.refusal);
    if (now === "connecting" || now === "refused") return "";
    if (this.lost(now)) return t("listen.nobody_hint", { name: this.#stream });
    if (now === "waiting" && !on) return t("listen.waiting_silent_hint");
    if (now === "fallback" && reason) return t(`listen.${reason}_hint`);
    if (now !== "live") return t(`listen.${now}_hint`);
    if (channel === "floor") return t("listen.live_floor");
    const [tag, over] = channel.split("+");
    const { interpreter: name } = this.channel;
    if (name) return t("listen.live_person", { language: languageName(tag, pageLanguage), name });
    const text = this.#unclear.includes(tag) ? "unclear" : over ? "live_over" : "live_language";
    return t(`listen.${text}`, { language: languageName(tag, pageLanguage) });
  }

  /** Says that the chosen language is not there, or nothing. */
  get notice() {
    const { channels, source } = this.#session;
    if (["floor", source, ...channels].includes(this.language)) return "";
    return t("listen.no_language", { language: languageName(this.language, pageLanguage) });
  }
}
