// The listener's sound: a peer connection into an <audio> element, or, where the network lets
// none through, packets from the socket.
//
// The element is given its track before there is any sound, within the gesture that asked for
// it: that is what lets browsers play it, then and after every reconnect.

import { SocketSound } from "./socket_sound.js";
import { Peer } from "./webrtc.js";

const RESUMED_WITHIN_MS = 1000;

/** Events: "change"; "doubtful", "failed" and "blocked" as of Peer. */
export class Player extends EventTarget {
  on = false;
  /** True while the browser refuses to play without another gesture. */
  held = false;
  /** True from the first sound on: a connection that is gone then is one that was lost. */
  heard = false;
  /** True where only the socket gets through, and this browser can play nothing from there. */
  shutOut = false;
  /** The servers for help that the next offer names. */
  /** @type {RTCIceServer[]} */
  iceServers = [];
  #audio;
  /** @type {Peer | null} */
  #peer = null;
  /**
   * What plays the packets from the socket, once that is how sound comes.
   * @type {SocketSound | null}
   */
  #socketSound = null;
  #offered = false;

  /** @param {HTMLAudioElement} audio */
  constructor(audio) {
    super();
    this.#audio = audio;
  }

  get connected() {
    return this.overSocket || (this.#peer?.connected ?? false);
  }

  /** Whether sound comes over the socket. From the next start on a connection is tried again. */
  get overSocket() {
    return this.#socketSound !== null;
  }

  start() {
    this.on = true;
    this.shutOut = false;
    this.#leaveSocket();
    this.#renew();
  }

  stop() {
    this.on = false;
    this.held = false;
    this.heard = false;
    this.shutOut = false;
    this.lose();
    this.#leaveSocket();
    this.#audio.srcObject = null;
  }

  /** Plays what comes over the socket, in place of a connection. False where that cannot be. */
  useSocket() {
    this.shutOut = !SocketSound.supported;
    if (this.shutOut) return false;
    this.lose();
    this.#socketSound = new SocketSound();
    this.#audio.srcObject = this.#socketSound.stream;
    this.play();
    return true;
  }

  /** @param {ArrayBuffer} packet from the socket */
  receive(packet) {
    if (this.#socketSound === null) return;
    this.heard = true;
    this.#socketSound.receive(packet);
  }

  /** The session is gone, and the connection with it. */
  lose() {
    this.#peer?.close();
    this.#peer = null;
  }

  /** The offer for a new session; a connection that was offered once is not offered again. */
  async offer() {
    const peer = this.#peer === null || this.#offered ? this.#renew() : this.#peer;
    this.#offered = true;
    return peer.offer(this.iceServers);
  }

  /** @param {string} sdp of the answer */
  async accept(sdp) {
    await this.#peer?.accept(sdp);
  }

  /** Plays; after a refusal this must come from a gesture. */
  async play() {
    try {
      this.held = false;
      await this.#audio.play();
      if (this.#socketSound) this.held = !(await this.#socketSound.resume(RESUMED_WITHIN_MS));
    } catch (error) {
      this.held = error instanceof Error && error.name === "NotAllowedError";
    }
    this.dispatchEvent(new Event("change"));
  }

  #leaveSocket() {
    this.#socketSound?.close();
    this.#socketSound = null;
  }

  #renew() {
    this.lose();
    const peer = new Peer("recvonly");
    this.#peer = peer;
    this.#offered = false;
    peer.addEventListener("connected", () => {
      this.heard = true;
      this.dispatchEvent(new Event("change"));
    });
    for (const name of ["doubtful", "failed", "blocked"]) {
      peer.addEventListener(name, () => {
        this.dispatchEvent(new Event("change"));
        this.dispatchEvent(new Event(name));
      });
    }
    this.#audio.srcObject = new MediaStream([peer.track]);
    this.play();
    return peer;
  }
}
