// Before the speaker begins: how many wait for them, and whether somebody else speaks.

/** @import { Audience, ServerMessage, StreamState } from "./messages.js" */
import { stream } from "./page.js";
import { Signaling } from "./signaling.js";

/** Event: "change", when what it knows is another. */
export class Lobby extends EventTarget {
  /** @type {Audience} */
  audience = { total: 0 };
  /** @type {StreamState | null} */
  state = null;
  /** Whether whoever speaks is heard, without asking. */
  panel = false;
  #signaling;

  /** @param {string | null} token */
  constructor(token) {
    super();
    const join = () => ({ language: "auto", audio: "socket", wings: true, token });
    this.#signaling = new Signaling(`ws/speak/${stream}`, join);
    this.#signaling.resumes = false;
    this.#signaling.on("message", (message) => this.#take(message));
  }

  enter() {
    if (this.#signaling.status === "closed") this.#signaling.open();
  }

  leave() {
    this.#signaling.close();
    this.audience = { total: 0 };
    this.state = null;
  }

  /** Whether somebody else speaks. */
  get occupied() {
    return this.state === "live" || this.state === "paused";
  }

  /** @param {ServerMessage} message */
  #take(message) {
    if (message.type === "audience") this.audience = message;
    else if (message.type === "joined" || message.type === "state") {
      this.state = message.state;
      this.panel = message.panel ?? false;
    } else return;
    this.dispatchEvent(new Event("change"));
  }
}
