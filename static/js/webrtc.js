// A peer connection with one audio section. The server's answer has all its candidates, and the
// server does not use ours, so an offer need not wait for candidates.

/** If nothing has come through by then, the network blocks the connection. */
const REACH_WITHIN_MS = 5000;
/** Without ICE servers, all candidates are tried at once. Firefox does not try 127.0.0.1. */
const TRY_WITHIN_MS = 1000;
/** The time limit for DTLS, after ICE: a server that many join at once may be slow. */
const AGREE_WITHIN_MS = 5000;
const DISCONNECTED_FOR_MS = 2000;
/** With these a TURN server refuses a password (RFC 8656). */
const REFUSALS = [401, 403, 441];

/**
 * `track` is what arrives, from the start on, silent until the server sends. Events: "connected"; "doubtful", when checks stay unanswered;
 * "failed", when a new offer is needed; "blocked", when the server cannot be reached this way.
 */
export class Peer extends EventTarget {
  /** Whether a TURN server refused the password that the server gave. */
  turnRefused = false;
  #connection = new RTCPeerConnection();
  #transceiver;
  #deadline = 0;
  #reached = false;

  /** @param {"sendonly" | "recvonly" | "sendrecv"} direction */
  constructor(direction) {
    super();
    this.#transceiver = this.#connection.addTransceiver("audio", { direction });
    this.#connection.onconnectionstatechange = () => this.#changed();
    this.#connection.onicecandidateerror = ({ errorCode }) => {
      this.turnRefused ||= REFUSALS.includes(errorCode);
    };
    this.#connection.oniceconnectionstatechange = () => {
      this.#reached ||= ["connected", "completed"].includes(this.#connection.iceConnectionState);
    };
  }

  /** Whether the browser makes connections at all: policies and settings may forbid them. */
  static get supported() {
    try {
      new RTCPeerConnection().close();
      return true;
    } catch {
      return false;
    }
  }

  get track() {
    return this.#transceiver.receiver.track;
  }

  get connected() {
    return this.#connection.connectionState === "connected";
  }

  /**
   * The SDP of an offer, valid for one answer.
   * @param {RTCIceServer[]} iceServers
   */
  async offer(iceServers) {
    this.#connection.setConfiguration({ iceServers });
    await this.#connection.setLocalDescription();
    return /** @type {RTCSessionDescription} */ (this.#connection.localDescription).sdp;
  }

  /** @param {string} sdp of the answer */
  async accept(sdp) {
    this.#reachIn(REACH_WITHIN_MS);
    await this.#connection.setRemoteDescription({ type: "answer", sdp });
    if (!this.#connection.getConfiguration().iceServers?.length) {
      setTimeout(() => {
        if (this.#connection.iceConnectionState === "new") this.#reachIn(0);
      }, TRY_WITHIN_MS);
    }
  }

  /**
   * Sends `track` from now on, in place of what was sent; without renegotiation.
   * @param {MediaStreamTrack} track
   */
  async send(track) {
    await this.#transceiver.sender.replaceTrack(track);
  }

  close() {
    clearTimeout(this.#deadline);
    this.#connection.onconnectionstatechange = null;
    this.#connection.oniceconnectionstatechange = null;
    this.#connection.close();
  }

  #changed() {
    switch (this.#connection.connectionState) {
      case "connected":
        clearTimeout(this.#deadline);
        this.dispatchEvent(new Event("connected"));
        break;
      case "disconnected":
        this.#failIn(DISCONNECTED_FOR_MS);
        this.dispatchEvent(new Event("doubtful"));
        break;
      case "failed":
        if (this.#reached) this.#failIn(0);
        else this.#reachIn(0);
    }
  }

  /** @param {number} milliseconds */
  #reachIn(milliseconds) {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      if (this.#reached) this.#failIn(AGREE_WITHIN_MS);
      else this.dispatchEvent(new Event("blocked"));
    }, milliseconds);
  }

  /** @param {number} milliseconds */
  #failIn(milliseconds) {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.dispatchEvent(new Event("failed")), milliseconds);
  }
}
