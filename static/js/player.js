// The listener's sound: a peer connection into an <audio> element.
//
// The element is given its track before there is any sound, within the gesture that asked for
// it: that is what lets browsers play it, then and after every reconnect.

import { Peer } from "./webrtc.js";

/** Events: "change"; "doubtful" and "failed" as of Peer. */
export class Player extends EventTarget {
  on = false;
  /** True while the browser refuses to play without another gesture. */
  held = false;
  /** True from the first sound on: a connection that is gone then is one that was lost. */
  heard = false;
  #audio;
  #peer = null;
  #offered = false;

  constructor(audio) {
    super();
    this.#audio = audio;
  }

  get connected() {
    return this.#peer?.connected ?? false;
  }

  start() {
    this.on = true;
    this.#renew();
  }

  stop() {
    this.on = false;
    this.held = false;
    this.heard = false;
    this.lose();
    this.#audio.srcObject = null;
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
    return this.#peer.offer();
  }

  async accept(sdp) {
    await this.#peer?.accept(sdp);
  }

  /** Plays; after a refusal this must come from a gesture. */
  async play() {
    try {
      this.held = false;
      await this.#audio.play();
    } catch (error) {
      this.held = error.name === "NotAllowedError";
    }
    this.dispatchEvent(new Event("change"));
  }

  #renew() {
    this.lose();
    this.#peer = new Peer("recvonly");
    this.#offered = false;
    this.#peer.addEventListener("connected", () => {
      this.heard = true;
      this.dispatchEvent(new Event("change"));
    });
    for (const name of ["doubtful", "failed"]) {
      this.#peer.addEventListener(name, () => {
        this.dispatchEvent(new Event("change"));
        this.dispatchEvent(new Event(name));
      });
    }
    this.#audio.srcObject = new MediaStream([this.#peer.track]);
    this.play();
  }
}
