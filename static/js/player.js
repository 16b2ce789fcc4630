// Plays the listener's audio in an <audio> element: from a peer connection or, if none is possible
// on this network, from packets of the WebSocket.
//
// The element gets its track before any audio arrives, within the user's gesture: only then do
// browsers play it, also after a reconnect.

import { SocketSound } from "./socket_sound.js";
import { Peer } from "./webrtc.js";

const RESUMED_WITHIN_MS = 1000;

/** Events: "change"; and those of Peer: "doubtful", "failed", "blocked". */
export class Player extends EventTarget {
  on = false;
  /** Whether the browser refuses to play until the next user gesture. */
  held = false;
  /** Whether audio has arrived: if the connection ends after that, it was lost. */
  heard = false;
  #audio;
  #peer = null;
  /** Plays packets from the socket; null while audio comes over a peer connection. */
  #socketSound = null;
  #offered = false;

  constructor(audio) {
    super();
    this.#audio = audio;
  }

  get connected() {
    return this.overSocket || (this.#peer?.connected ?? false);
  }

  /** Whether audio comes over the socket. The next start tries a peer connection again. */
  get overSocket() {
    return this.#socketSound !== null;
  }

  start() {
    this.on = true;
    this.#leaveSocket();
    this.#renew();
  }

  stop() {
    this.on = false;
    this.held = false;
    this.heard = false;
    this.lose();
    this.#leaveSocket();
    this.#audio.srcObject = null;
  }

  /** Switches from the peer connection to packets from the socket. */
  useSocket() {
    this.lose();
    this.#socketSound = new SocketSound();
    this.#audio.srcObject = this.#socketSound.stream;
    this.play();
  }

  /** Takes a packet from the socket. */
  receive(packet) {
    if (!this.overSocket) return;
    this.heard = true;
    this.#socketSound.receive(packet);
  }

  /** The session has ended, and the connection with it. */
  lose() {
    this.#peer?.close();
    this.#peer = null;
  }

  /** The offer for a new session. Makes a new connection if this one was offered before. */
  async offer(iceServers) {
    if (this.#peer === null || this.#offered) this.#renew();
    this.#offered = true;
    return this.#peer.offer(iceServers);
  }

  async accept(sdp) {
    await this.#peer?.accept(sdp);
  }

  /** Plays. After a refusal by the browser, call it in a user gesture. */
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
