// The pauses of a speaker: their own, an operator's, and the muted microphones of a panel.

/** @import { Part } from "./situation.js" */

export class Pauses {
  /** Whether the speaker pauses. In a panel: whether this microphone is muted. */
  paused = false;
  /** Whoever speaks takes over. */
  panel = false;
  /** @type {boolean | null} What the speaker wants of `panel`, until the server has told. */
  wantedPanel = null;
  /** In a panel: whether an operator has paused the stream. */
  held = false;
  /** What the server was told. */
  #told = false;
  /** What the server has been told and has not answered yet. */
  #unanswered = 0;

  /**
   * Whoever begins is live; back in a panel, the microphone is as it was.
   * @param {Part} part
   */
  begin(part) {
    this.panel = this.held = this.#told = false;
    this.wantedPanel = null;
    this.paused &&= part === "wings";
  }

  /** Another part begins: that of the speaker, or in the wings. */
  turn() {
    this.paused &&= this.panel;
    this.#told = false;
  }

  /**
   * A pause outlasts a lost connection. It is not asked for again: an operator's would be taken for
   * the speaker's own. One that is news is an operator's.
   * @param {Part | null} part
   * @param {{state: string | null, panel?: boolean}} stream
   */
  joined(part, { state, panel = false }) {
    this.#unanswered = 0;
    const paused = part === "speak" && !panel && state === "paused";
    if (paused && !this.#told) this.paused = true;
    this.#told = paused;
  }

  /**
   * An operator may pause, too.
   * @param {Part | null} part
   * @param {boolean} lost whether the microphone was pulled out
   * @param {string} state of the stream
   */
  follow(part, lost, state) {
    if (this.#unanswered > 0) {
      this.#unanswered -= 1;
    } else if (this.panel) {
      // It has paused the stream, not this microphone.
    } else if (part === "speak" && !lost && ["paused", "live"].includes(state)) {
      this.paused = this.#told = state === "paused";
    }
  }

  /**
   * Listeners are to wait while the speaker pauses, or has no microphone: what the server is to be
   * told of it now; null if it knows.
   * @param {Part | null} part
   * @param {boolean} lost whether the microphone was pulled out
   */
  toTell(part, lost) {
    const now = part === "speak" && !this.panel && (this.paused || lost);
    if (now === this.#told) return null;
    this.#told = now;
    this.#unanswered += 1;
    return now;
  }
}
