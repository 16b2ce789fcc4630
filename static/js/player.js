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
  /** Whether something outside the page paused the sound: a call, a headset, the lock screen. */
  halted = false;
  /** Whether audio has arrived: if the connection ends after that, it was lost. */
  heard = false;
  /** True where only the socket gets through, and this browser can play nothing from there. */
  shutOut = false;
  /** True where the browser makes no connections, whatever the network. */
  noPeers = false;
  /** True where it can play nothing from the socket either: there is no sound. */
  unable = false;
  /** Whether the TURN server refused the connection that the socket replaces. */
  turnRefused = false;
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
    audio.addEventListener("pause", () => this.#outside());
    audio.addEventListener("playing", () => this.#outside());
  }

  get connected() {
    return this.overSocket || (this.#peer?.connected ?? false);
  }

  /** Whether audio comes over the socket. The next start tries a peer connection again. */
  get overSocket() {
    return this.#socketSound !== null;
  }

  /** Begins to play; afterwards `on` says whether this browser can. */
  start() {
    this.stop();
    this.on = true;
    this.noPeers = !Peer.supported;
    if (!this.noPeers) {
      this.#renew();
    } else if (!this.useSocket()) {
      this.stop();
      this.unable = true;
    }
  }

  stop() {
    this.on = false;
    this.held = this.halted = this.heard = false;
    this.shutOut = this.unable = false;
    this.lose();
    this.#leaveSocket();
    this.#audio.srcObject = null;
  }

  /** Plays what comes over the socket, in place of a connection. False where that cannot be. */
  useSocket() {
    this.shutOut = !SocketSound.supported;
    if (this.shutOut) return false;
    this.turnRefused = this.#peer?.turnRefused ?? false;
    this.lose();
    this.#socketSound = new SocketSound(() => this.#outside());
    this.#audio.srcObject = this.#socketSound.stream;
    if (!this.halted) this.play();
    return true;
  }

  /** @param {ArrayBuffer} packet from the socket */
  receive(packet) {
    if (this.#socketSound === null) return;
    this.heard = true;
    this.#socketSound.receive(packet);
  }

  /** The session has ended, and the connection with it. */
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

  /** Plays. After a refusal by the browser, call it in a user gesture. */
  async play() {
    try {
      this.held = this.halted = false;
      await this.#audio.play();
      if (this.#socketSound) this.held = !(await this.#socketSound.resume(RESUMED_WITHIN_MS));
    } catch (error) {
      this.held = error instanceof Error && error.name === "NotAllowedError";
    }
    this.dispatchEvent(new Event("change"));
  }

  /** Pauses as from outside: the connection stays, and `play` goes on. */
  pause() {
    this.#audio.pause();
  }

  /** What plays was paused or went on, perhaps from outside the page. */
  #outside() {
    const { paused, srcObject } = this.#audio;
    // It also pauses at the end of a stream: a connection that is lost.
    const plays = srcObject instanceof MediaStream && srcObject.active;
    if (!this.on || this.held || !plays) return;
    this.halted = paused || (this.#socketSound?.interrupted ?? false);
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
    if (!this.halted) this.play();
    return peer;
  }
}
