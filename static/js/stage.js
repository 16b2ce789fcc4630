// The speaker's part: joins, opens the microphone, and knows how things stand. Draws nothing.
// The connection is made first and the microphone opened into it, so that not a word is lost
// between the two.

/** @import { Audience, ServerError, ServerMessage, Waiting } from "./messages.js" */
import { Microphone, microphonesExist, Superseded, troubleOf } from "./microphone.js";
import { askBeforeLeaving, OnlyTab } from "./only_tab.js";
import { stream } from "./page.js";
import { Sender } from "./sender.js";
import { Signaling } from "./signaling.js";

/** Who asks speaks when the other has been gone for so long: not at a short loss of the network. */
const FREE_AFTER_MS = 5000;

/**
 * What the page does: it speaks, rehearses (alone, to read what is understood), or waits in the
 * wings to speak.
 * @typedef {"speak" | "rehearse" | "wings"} Part
 */
/** @typedef {"insecure" | "unable" | ReturnType<typeof troubleOf>} Trouble */
/**
 * How things stand, in one word; the texts "speak.…" say it to the speaker.
 * @typedef {Trouble | "ended" | "ready" | "mic_lost" | "rehearsing" | "paused" | "live"
 *   | "panel" | "muted" | "asking" | "handed_over" | "shut_out" | "reconnecting" | "opening"} Situation
 */

/**
 * Events: "change", when how things stand is another; "track", when another track is sent; "stop";
 * "occupied", when somebody else speaks; "back", when a lost microphone is back.
 */
export class Stage extends EventTarget {
  microphone = new Microphone();
  /** @type {Part | null} */
  part = null;
  paused = false;
  ended = false;
  /** Whether listeners have heard the speaker: what ends that needs an alarm. */
  wasLive = false;
  /** In the wings: whether the speaker was asked to hand over. */
  asks = false;
  /** Whoever speaks takes over; then `paused` is about this microphone only. */
  panel = false;
  /** @type {boolean | null} What the speaker wants of `panel`, until the server has told. */
  wantedPanel = null;
  /** In a panel: whether an operator has paused the stream. */
  #held = false;
  /** @type {Trouble | null} */
  trouble = microphonesExist ? null : "insecure";
  /** @type {ServerError | null} */
  refusal = null;
  /** @type {Audience} */
  audience = { total: 0 };
  /** Who asks to speak instead. @type {Waiting[]} */
  asking = [];
  #chosen;
  #takingOver = false;
  /** What the server was told. */
  #toldPaused = false;
  /** The pauses that were asked for and the server has not answered yet. */
  #asked = 0;
  #tabs;
  #timer = 0;

  /**
   * @param {() => {language: string, token: string | null}} who joins
   * @param {() => {deviceId: string, lineIn: boolean}} chosen microphone
   */
  constructor(who, chosen) {
    super();
    this.#chosen = chosen;
    this.signaling = new Signaling(`ws/speak/${stream}`, () => ({
      ...who(),
      audio: this.sender.overSocket ? "socket-opus" : "webrtc",
      turn_refused: this.sender.turnRefused || null,
      take_over: this.#takingOver || null,
      wings: this.part === "wings" || null,
      rehearse: this.part === "rehearse" || null }));
    this.sender = new Sender(this.signaling, this.microphone);
    this.#tabs = new OnlyTab(stream, () => this.#beReplaced());
    this.signaling.on("status", (status) => {
      if (status === "reconnecting") this.sender.lose();
      if (this.part && (this.ended || status === "closed")) this.stop();
      this.#tell("change");
    });
    this.signaling.on("refused", (error) => this.#refused(error));
    this.signaling.on("message", (message) => this.#take(message));
    this.sender.addEventListener("connected", () => this.#connected());
    this.sender.addEventListener("change", () => this.#tell("change"));
    this.microphone.addEventListener("lost", () => this.#tellPaused());
    this.microphone.addEventListener("back", () => this.#micBack());
    this.microphone.addEventListener("refused", () => {
      this.trouble = "denied";
      this.stop();
    });
  }

  /**
   * Begins. Call it in a user gesture.
   * @param {Part} part
   * @param {boolean} takingOver
   */
  start(part, takingOver = false) {
    this.trouble = Sender.supported ? null : "unable";
    if (this.trouble) {
      this.#tell("change");
      return;
    }
    this.part = part;
    this.#takingOver = takingOver;
    this.ended = this.wasLive = this.panel = this.#held = false;
    this.wantedPanel = null;
    this.paused &&= part === "wings"; // back into a panel, as it was
    this.#toldPaused = false;
    this.asks = part === "wings";
    this.refusal = null;
    this.signaling.resumes = part !== "rehearse";
    askBeforeLeaving(part === "speak");
    this.sender.reset();
    this.signaling.open();
    this.#tell("change");
  }

  stop() {
    this.part = null;
    this.#takingOver = this.asks = false;
    this.signaling.close();
    this.sender.lose();
    this.microphone.close();
    this.audience = { total: 0 };
    this.asking = [];
    askBeforeLeaving(false);
    this.#tell("stop");
    this.#tell("change");
  }

  /** The speaker wants to stop, which is nothing to be alarmed about. */
  leave() {
    this.wasLive = this.paused = false;
    this.stop();
  }

  /** @param {boolean} on */
  pause(on) {
    this.paused = on;
    this.#tellPaused();
  }

  end() {
    if (this.signaling.status !== "joined") return;
    this.ended = true;
    this.signaling.send({ type: "end" });
  }

  /** @param {boolean} on */
  holdPanel(on) {
    this.wantedPanel = on;
    this.signaling.send({ type: "panel", on });
  }

  /** In the wings: asks the speaker to hand over. In a panel the server checks the language only. */
  ask() {
    if (this.part !== "wings") return;
    this.asks = !this.panel;
    this.signaling.send({ type: "ask" });
    this.#tellPaused();
  }

  /**
   * Answers one who asks to speak.
   * @param {number} to
   * @param {boolean} granted
   */
  answer(to, granted) {
    this.signaling.send({ type: "hand_over", to, granted });
  }

  /** Opens the chosen microphone and sends its audio. On failure, keeps the reason and stops. */
  async openMicrophone() {
    const { deviceId, lineIn } = this.#chosen();
    try {
      await this.microphone.open(deviceId, lineIn);
    } catch (error) {
      if (error instanceof Superseded) return;
      this.trouble = troubleOf(error);
      this.stop();
      return;
    }
    if (this.part === null) {
      this.microphone.close();
      return;
    }
    if (this.microphone.sound) await this.sender.send(this.microphone.sound);
    this.#tell("track");
    this.#tellPaused();
  }

  /** @returns {Situation} */
  get situation() {
    if (this.trouble) return this.trouble;
    if (this.ended) return "ended";
    if (this.part === null) return "ready";
    if (this.signaling.status === "joined" && this.sender.connected && this.microphone.track) {
      if (this.part === "wings" && !this.panel) return this.asks ? "asking" : "handed_over";
      if (this.microphone.lost) return "mic_lost";
      if (this.panel && this.paused) return "muted";
      if (this.panel) return this.#held ? "paused" : this.part === "speak" ? "live" : "panel";
      return this.part === "rehearse" ? "rehearsing" : this.paused ? "paused" : "live";
    }
    if (this.sender.shutOut) return "shut_out";
    return this.wasLive ? "reconnecting" : "opening";
  }

  /** Whether listeners lost a speaker who may not have noticed. */
  get unheard() {
    if (!this.wasLive) return false;
    return this.part ? !["live", "paused", "muted"].includes(this.situation)
      : this.refusal !== null || this.trouble !== null;
  }

  /** @param {ServerMessage} message */
  async #take(message) {
    switch (message.type) {
      case "joined":
        this.refusal = null;
        this.#takingOver = false;
        this.sender.iceServers = message.ice_servers ?? [];
        if (this.part === "speak") this.#tabs.begin();
        this.#asked = 0;
        this.#goOnPaused(message);
        this.#followPanel(message);
        this.#tellPaused();
        await this.sender.connect();
        break;
      case "answer":
        await this.sender.accept(message.sdp);
        break;
      case "state":
        this.refusal = null; // the server repeats a refusal that still applies
        clearTimeout(this.#timer);
        this.#followPanel(message);
        if (this.asks && message.state === "waiting") {
          this.#timer = setTimeout(() => this.ask(), FREE_AFTER_MS);
        }
        if (message.state === "ended" && this.part !== null) {
          this.ended = true;
          this.stop();
        }
        this.#followPause(message.state);
        break;
      case "audience":
        this.audience = message;
        break;
      case "asking":
        this.asking = message.who ?? [];
        break;
      case "turn":
        this.#turn(message.speaking ?? false);
        break;
      default:
        return;
    }
    this.#tell("change");
  }

  /** @param {boolean} speaking or in the wings */
  #turn(speaking) {
    this.part = speaking ? "speak" : "wings";
    this.asks = false;
    this.paused &&= this.panel;
    this.wasLive = speaking;
    this.asking = [];
    this.#toldPaused = false; // whoever begins is live
    askBeforeLeaving(speaking || this.panel);
    if (speaking) this.#tabs.begin();
    this.#tellPaused();
  }

  /** @param {ServerError} error */
  #refused(error) {
    this.refusal = error;
    if (error.code === "speaker_present" && !this.#takingOver) this.#tell("occupied");
    this.#tell("change");
  }

  async #connected() {
    if (!this.microphone.track) await this.openMicrophone();
    if (this.sender.connected && this.microphone.track) {
      this.wasLive = this.part === "speak";
      if (this.part === "wings" && (this.asks || this.panel)) this.ask();
    }
    this.#tell("change");
  }

  async #micBack() {
    const { sound } = this.microphone;
    if (this.part === null || sound === null) return;
    await this.sender.send(sound);
    this.#tell("track");
    this.#tell("back");
    this.#tellPaused();
  }

  #beReplaced() {
    if (this.part !== "speak") return;
    this.refusal = { code: "replaced", message: "" };
    this.stop();
  }

  /** Listeners are to wait while the speaker pauses, or has no microphone. */
  #tellPaused() {
    const { track } = this.microphone;
    if (track) track.enabled = this.#isOpen;
    const now = this.part === "speak" && !this.panel && (this.paused || this.microphone.lost);
    if (now !== this.#toldPaused) {
      this.#toldPaused = now;
      this.#asked += 1;
      this.signaling.send({ type: "pause", paused: now });
    }
    this.#tell("change");
  }

  /** Whether the microphone is to be heard, or may be at any moment. */
  get #isOpen() {
    return this.part === "wings" && !this.panel ? this.asks : !this.paused;
  }

  /**
   * Nobody's microphone goes on by itself: only who speaks or has asked to may be heard at once.
   * @param {{state: string | null, panel?: boolean}} stream
   */
  #followPanel({ state, panel = false }) {
    this.#held = state === "paused";
    this.wantedPanel = null;
    if (panel === this.panel) return;
    this.panel = panel;
    if (this.part === "wings") {
      if (!panel || !this.asks) this.paused = panel;
      this.asks = false;
      askBeforeLeaving(panel);
    }
    this.#tellPaused();
  }

  /**
   * A pause outlasts a lost connection. It is not asked for again: an operator's would be taken for
   * the speaker's own. One that is news is an operator's.
   * @param {{state: string | null, panel?: boolean}} stream
   */
  #goOnPaused({ state, panel = false }) {
    const paused = this.part === "speak" && !panel && state === "paused";
    if (paused && !this.#toldPaused) this.paused = true;
    this.#toldPaused = paused;
  }

  /**
   * An operator may pause, too.
   * @param {string} state
   */
  #followPause(state) {
    if (this.#asked > 0) {
      this.#asked -= 1;
    } else if (this.panel) {
      // It has paused the stream, not this microphone.
    } else if (this.part === "speak" && !this.microphone.lost && ["paused", "live"].includes(state)) {
      this.paused = this.#toldPaused = state === "paused";
      if (this.microphone.track) this.microphone.track.enabled = !this.paused;
    }
  }

  /** @param {string} what */
  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
