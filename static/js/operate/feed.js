// What the server tells an operator: the whole state, and then changes (JSON Merge Patch, RFC 7396).
//
// EventSource cannot send the token in a header, and an address would be logged with it: so the
// events are read from a fetch. status: "connecting" -> "connected" -> "reconnecting" …, or "refused".

/** @import { Board } from "./board.js" */
import { at } from "../page.js";
import { merged, parsed } from "./patch.js";

const AGAIN_MS = 1000;
/** The server sends something every 15 s at least. */
const SILENT_MS = 20_000;

export class Feed extends EventTarget {
  /** @type {Board | null} */
  state = null;
  /** @type {"connecting" | "connected" | "reconnecting" | "refused"} */
  status = "connecting";
  /** @type {{code: string, message: string} | null} */
  refusal = null;
  #token;
  #only;

  /**
   * @param {string} token
   * @param {string | null} only the one stream that the token is for
   */
  constructor(token, only) {
    super();
    this.#token = token;
    this.#only = only;
  }

  /** Reads until the token is refused. */
  async run() {
    // What is thrown means that the network or the server is gone for now.
    while (!(await this.#read().catch(() => false))) {
      this.#set("reconnecting");
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    this.#set("refused");
  }

  /** Reads until the connection ends; says whether the token is refused. */
  async #read() {
    const abort = new AbortController();
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENT_MS);
    };
    heard();
    const query = this.#only === null ? "" : `?stream=${encodeURIComponent(this.#only)}`;
    const response = await fetch(at(`api/operate/events${query}`), {
      headers: { Authorization: `Bearer ${this.#token}` }, signal: abort.signal });
    if (response.status === 401 || response.status === 403) {
      this.refusal = await response.json();
      return true;
    }
    if (!response.ok || response.body === null) return false;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      heard();
      const events = (rest + value).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) this.#take(event);
    }
  }

  /** @param {string} event */
  #take(event) {
    const told = parsed(event);
    if (told === null) return;
    const before = told.name === "state" ? {} : this.state ?? {};
    this.state = /** @type {Board} */ (merged(before, told.data));
    this.#set("connected");
  }

  /** @param {Feed["status"]} status */
  #set(status) {
    this.status = status;
    this.dispatchEvent(new Event("change"));
  }
}
