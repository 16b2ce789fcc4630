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
  /** The servers for help that the next offer names, as an RTCPeerConnection's. */
  iceServers = [];
  #audio;
  #peer = null;
  /** What plays the packets from the socket, once that is how sound comes. */
  #socketSound = null;
  #offered = false;

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

  /** A packet from the socket. */
  receive(packet) {
    if (!this.overSocket) return;
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
    if (this.#peer === null || this.#offered) this.#renew();
    this.#offered = true;
    return this.#peer.offer(this.iceServers);
  }

  async accept(sdp) {
    await this.#peer?.accept(sdp);
  }

  /** Plays; after a refusal this must come from a gesture. */
  async play() {
    try {
      this.held = false;
      await this.#audio.play();
      if (this.overSocket) this.held = !(await this.#socketSound.resume(RESUMED_WITHIN_MS));
    } catch (error) {
      this.held = error.name === "NotAllowedError";
    }
    this.dispatchEvent(new Event("change"));
  }

  #leaveSocket() {
    this.#socketSound?.close();
    this.#socketSound = null;
  }

  #renew() {
    this.lose();
    this.#peer = new Peer("recvonly");
    this.#offered = false;
    this.#peer.addEventListener("connected", () => {
      this.heard = true;
      this.dispatchEvent(new Event("change"));
    });
    for (const name of ["doubtful", "failed", "blocked"]) {
      this.#peer.addEventListener(name, () => {
        this.dispatchEvent(new Event("change"));
        this.dispatchEvent(new Event(name));
      });
    }
    this.#audio.srcObject = new MediaStream([this.#peer.track]);
    this.play();
  }
}
