// A participant's WebSocket: joins, passes on the server's messages, and reconnects by itself: to the
// same server, and if that takes no connection, to the others that it has told; see servers.js.
//
// status: "connecting" -> "joined" -> "reconnecting" -> "joined" …, or "closed": by us, or because
// of an error that another attempt would not solve.
// Messages: docs/signaling.md. Times in milliseconds.

/** @import { ServerError, ServerMessage } from "./messages.js" */
import { askForRefusal } from "./origin.js";
import { at, recall, remember } from "./page.js";
import { Servers } from "./servers.js";

// An attempt may take long on a slow link, but must end soon after the network is back. A lost
// SYN is retransmitted after 1 and 3 s, so with these times the next SYN is never far away.
const ATTEMPT_MS = 4000;
const DELAY_MS = 500;
const LONGEST_DELAY_MS = 1500;
const REFUSED_DELAY_MS = 3000;
const PING_EVERY_MS = 4000;
const PONG_WITHIN_MS = 3000;
const PROBE_WITHIN_MS = 1200;
/** The time that a page has to be loaded elsewhere, before this one tries again. */
const LOADED_WITHIN_MS = 5000;

/** After so many attempts without a socket the page asks why. */
const ASK_AFTER = 2;

const WORTH_RETRYING = new Set(["limit", "timeout", "unavailable", "internal", "origin"]);
const RESUME_REFUSED = new Set(["unauthorised", "forbidden", "bad_message"]);

/** @typedef {"closed" | "connecting" | "joined" | "reconnecting"} Status */
/**
 * What happens, and what is told of it.
 * @typedef {object} Events
 * @property {Status} status
 * @property {ServerMessage} message
 * @property {ServerError} refused
 * @property {ArrayBuffer} sound a packet
 * @property {string} load the URL of a server: the page can go on only if it is loaded there
 */

export class Signaling {
  /** @type {Status} */
  status = "closed";
  /** Whether the next session goes on where this tab's last one was. */
  resumes = true;
  #events = new EventTarget();
  #path;
  #join;
  #servers = new Servers();
  /** Where the last attempt went: the server's URL, and the socket's address. */
  #tried = { url: "", address: "" };
  /** @type {WebSocket | null} */
  #socket = null;
  #timers = { attempt: 0, retry: 0, ping: 0, pong: 0 };
  #failures = 0;
  /** Attempts since a socket opened. */
  #unopened = 0;

  /**
   * @param {string} path
   * @param {() => object} join gives the fields of the join message, asked anew at every attempt
   */
  constructor(path, join) {
    this.#path = path;
    this.#join = join;
    addEventListener("online", () => this.#networkChanged());
    addEventListener("offline", () => this.#networkChanged());
    document.addEventListener("securitypolicyviolation", (event) => this.#barred(event));
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#networkChanged();
    });
  }

  /**
   * Calls `listener` whenever this happens.
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {(told: Events[Name]) => unknown} listener
   */
  on(name, listener) {
    this.#events.addEventListener(name, (event) =>
      listener(/** @type {CustomEvent<Events[Name]>} */ (event).detail));
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} detail
   */
  #tell(name, detail) {
    this.#events.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * Joins; or, when joined already, joins anew in place of the present session. A socket that is
   * still connecting asks for what is wanted once it is open.
   */
  open() {
    this.#failures = 0;
    this.#setStatus("connecting");
    if (this.#socket?.readyState !== WebSocket.CONNECTING) this.#connect();
  }

  close() {
    this.#drop();
    this.#setStatus("closed");
  }

  /** @param {object} message */
  send(message) {
    this.#give(JSON.stringify(message));
  }

  /** @param {ArrayBuffer} packet */
  sendSound(packet) {
    this.#give(packet);
  }

  /**
   * A socket that the other side closes takes nothing more, a moment before we are told.
   * @param {string | ArrayBuffer} data
   */
  #give(data) {
    if (this.status === "joined" && this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(data);
    }
  }

  /** The bytes queued in the socket. */
  get unsentBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Sends a ping soon, because the network may be gone. */
  probe() {
    if (this.status === "joined") this.#ping(PROBE_WITHIN_MS);
  }

  #connect() {
    const load = this.#servers.takeLoading();
    if (load !== null) {
      this.#lost(LOADED_WITHIN_MS);
      this.#tell("load", load);
      return;
    }
    this.#drop();
    const socket = this.#newSocket();
    if (socket === null) return;
    const resume = this.resumes ? recall("sessionStorage", this.#resumeKey) : null;
    socket.binaryType = "arraybuffer";
    this.#unopened += 1;
    this.#socket = socket;
    this.#timers.attempt = setTimeout(() => this.#lostElsewhere(), ATTEMPT_MS);
    socket.onopen = () => {
      this.#unopened = 0;
      const fields = Object.entries({ ...this.#join(), resume }).filter(([, v]) => v !== null);
      socket.send(JSON.stringify({ type: "join", ...Object.fromEntries(fields) }));
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.#received(JSON.parse(event.data), resume);
      else this.#tell("sound", event.data);
    };
    socket.onclose = () => {
      if (this.#unopened > 0) this.#lostElsewhere();
      else this.#lost();
      if (this.#unopened === ASK_AFTER) this.#askWhy();
    };
  }

  /** @returns {WebSocket | null} null if the browser allows none there */
  #newSocket() {
    const { url } = this.#servers;
    const address = url ? new URL(this.#path, `${url}/`) : new URL(at(this.#path));
    address.protocol = address.protocol.replace("http", "ws");
    this.#tried = { url, address: address.href };
    try {
      return new WebSocket(address);
    } catch {
      this.#lostElsewhere();
      return null;
    }
  }

  /** Each server knows its own sessions only. */
  get #resumeKey() {
    return `tolk.resume.${this.#servers.url}${this.#path}`;
  }

  /** Retries at the next server, if there are several. */
  #lostElsewhere() {
    this.#servers.next();
    this.#lost();
  }

  /**
   * The page's policy did not allow something. Browsers differ in whether that is told before the
   * socket's end or after it, and in how much of its address they tell.
   * @param {SecurityPolicyViolationEvent} event
   */
  #barred({ effectiveDirective, blockedURI }) {
    const { url, address } = this.#tried;
    if (effectiveDirective !== "connect-src" || !url || !address.startsWith(blockedURI)) return;
    this.#servers.bar(url);
    if (this.status === "reconnecting") this.#connect();
  }

  async #askWhy() {
    const refusal = await askForRefusal();
    if (refusal === null || this.status === "closed" || this.status === "joined") return;
    this.#unopened = 0;
    this.#refused(refusal, null);
  }

  /**
   * @param {ServerMessage} message
   * @param {string | null} resume what was shown to be let in again
   */
  #received(message, resume) {
    clearTimeout(this.#timers.pong);
    switch (message.type) {
      case "joined":
        clearTimeout(this.#timers.attempt);
        this.#servers.joined(message.others ?? []);
        if (this.resumes) remember("sessionStorage", this.#resumeKey, message.resume);
        this.#timers.ping = setInterval(() => this.#ping(PONG_WITHIN_MS), PING_EVERY_MS);
        this.#setStatus("joined");
        break;
      case "pong":
        this.#failures = 0;
        return;
      case "error":
        if (message.fatal ?? true) {
          this.#refused(message, resume);
          return;
        }
    }
    this.#tell("message", message);
  }

  /**
   * @param {ServerError} error
   * @param {string | null} resume
   */
  #refused(error, resume) {
    if (resume !== null && RESUME_REFUSED.has(error.code)) {
      // The server may have lost the session, for example by a restart: join without `resume`.
      remember("sessionStorage", this.#resumeKey, null);
      this.#lost();
      return;
    }
    if (error.code === "elsewhere" && error.url) {
      this.#servers.leaveFor(error.url);
      this.#lost();
      return;
    }
    if (WORTH_RETRYING.has(error.code)) {
      const delay = error.retry_after_s ? error.retry_after_s * 1000 : REFUSED_DELAY_MS;
      this.#lost(delay * (1 + Math.random() / 2));
    } else {
      this.close();
    }
    this.#tell("refused", error);
  }

  /** Retries after a growing random time, so that many listeners do not return at once. */
  #lost(delay = Math.random() * Math.min(DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS)) {
    this.#drop();
    this.#failures += 1;
    this.#timers.retry = setTimeout(() => this.#connect(), delay);
    this.#setStatus("reconnecting"); // last, because a handler may call close()
  }

  #drop() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    if (this.#socket === null) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /** @param {number} withinMs */
  #ping(withinMs) {
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => this.#lost(), withinMs);
    this.#give('{"type":"ping"}');
  }

  // "offline" is only a hint: a server on this machine is still reachable.
  #networkChanged() {
    if (this.status === "joined") this.probe();
    else if (this.status !== "closed" && navigator.onLine) this.#connect();
  }

  /** @param {Status} status */
  #setStatus(status) {
    if (status === this.status) return;
    this.status = status;
    this.#tell("status", status);
  }
}
