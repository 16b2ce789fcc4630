// The speaker's part: joins, opens the microphone, and knows how things stand. Draws nothing.
// The connection is made first and the microphone opened into it, so that not a word is lost
// between the two.

/** @import { Audience, ServerError, ServerMessage, Waiting } from "./messages.js" */
/** @import { Part, Trouble } from "./situation.js" */
import { Microphone, microphonesExist, Superseded, troubleOf } from "./microphone.js";
import { askBeforeLeaving, OnlyTab } from "./only_tab.js";
import { stream } from "./page.js";
import { Pauses } from "./pauses.js";
import { Sender } from "./sender.js";
import { Signaling } from "./signaling.js";
import { situationOf } from "./situation.js";

/** Who asks speaks when the other has been gone for so long: not at a short loss of the network. */
const FREE_AFTER_MS = 5000;

/**
 * Events: "change", when how things stand is another; "track", when another track is sent; "stop";
 * "occupied", when somebody else speaks; "back", when a lost microphone is back.
 */
export class Stage extends EventTarget {
  microphone = new Microphone();
  /** @type {Part | null} */
  part = null;
  pauses = new Pauses();
  ended = false;
  /** Whether listeners have heard the speaker: what ends that needs an alarm. */
  wasLive = false;
  /** In the wings: whether the speaker was asked to hand over. */
  asks = false;
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
    this.ended = this.wasLive = false;
    this.pauses.begin(part);
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
    this.wasLive = this.pauses.paused = false;
    this.stop();
  }

  /** @param {boolean} on */
  pause(on) {
    this.pauses.paused = on;
    this.#tellPaused();
  }

  end() {
    if (this.signaling.status !== "joined") return;
    this.ended = true;
    this.signaling.send({ type: "end" });
  }

  /** @param {boolean} on */
  holdPanel(on) {
    this.pauses.wantedPanel = on;
    this.signaling.send({ type: "panel", on });
  }

  /** In the wings: asks the speaker to hand over. In a panel the server checks the language only. */
  ask() {
    if (this.part !== "wings") return;
    this.asks = !this.pauses.panel;
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

  get situation() {
    const { signaling, sender, microphone } = this;
    const open = signaling.status === "joined" && sender.connected && microphone.track !== null;
    return situationOf({ ...this, open, lost: microphone.lost, shutOut: sender.shutOut });
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
        this.pauses.joined(this.part, message);
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
        this.pauses.follow(this.part, this.microphone.lost, message.state);
        this.#openOrMute();
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
    this.pauses.turn();
    this.wasLive = speaking;
    this.asking = [];
    askBeforeLeaving(speaking || this.pauses.panel);
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
      if (this.part === "wings" && (this.asks || this.pauses.panel)) this.ask();
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

  /** The microphone and the server are to know of a pause. */
  #tellPaused() {
    this.#openOrMute();
    const paused = this.pauses.toTell(this.part, this.microphone.lost);
    if (paused !== null) this.signaling.send({ type: "pause", paused });
    this.#tell("change");
  }

  /** The microphone is open while it is heard, or may be at any moment. */
  #openOrMute() {
    const { track } = this.microphone;
    const { panel, paused } = this.pauses;
    if (track) track.enabled = this.part === "wings" && !panel ? this.asks : !paused;
  }

  /**
   * Nobody's microphone goes on by itself: only who speaks or has asked to may be heard at once.
   * @param {{state: string | null, panel?: boolean}} stream
   */
  #followPanel({ state, panel = false }) {
    const { pauses } = this;
    pauses.held = state === "paused";
    pauses.wantedPanel = null;
    if (panel === pauses.panel) return;
    pauses.panel = panel;
    if (this.part === "wings") {
      if (!panel || !this.asks) pauses.paused = panel;
      this.asks = false;
      askBeforeLeaving(panel);
    }
    this.#tellPaused();
  }

  /** @param {string} what */
  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
