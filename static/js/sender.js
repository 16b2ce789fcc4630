// The speaker's sound: a peer connection, or, where the network lets none through, packets on
// the socket. A connection that fails is made again around the same microphone.

/** @import { Microphone } from "./microphone.js" */
/** @import { Signaling } from "./signaling.js" */
import { SocketMicrophone } from "./socket_microphone.js";
import { Peer } from "./webrtc.js";

/** What failed at once might do so again, and take the whole machine. */
const AGAIN_MS = 1000;

/** Events: "connected"; "change", when something else may be shown. */
export class Sender extends EventTarget {
  /** The network lets no connection through: sound goes over the socket, until `reset`. */
  overSocket = false;
  /** Nor can this browser send it there. */
  shutOut = false;
  /** The browser makes no connections, whatever the network. */
  noPeers = false;
  /** The TURN server refused the connection that the socket replaces. */
  turnRefused = false;
  /** @type {RTCIceServer[]} */
  iceServers = [];
  #signaling;
  #microphone;
  #direction;
  /** @type {Peer | SocketMicrophone | null} */
  #peer = null;
  #timer = 0;

  /**
   * @param {Signaling} signaling
   * @param {Microphone} microphone
   * @param {"sendonly" | "sendrecv"} direction
   */
  constructor(signaling, microphone, direction = "sendonly") {
    super();
    this.#signaling = signaling;
    this.#microphone = microphone;
    this.#direction = direction;
  }

  /** Whether this browser can send sound at all. */
  static get supported() {
    return Peer.supported || SocketMicrophone.supported;
  }

  get connected() {
    return this.#peer?.connected ?? false;
  }

  /** What the connection receives; null where there is none. */
  get track() {
    return this.#peer instanceof Peer ? this.#peer.track : null;
  }

  /** The next connection is tried as the first was. */
  reset() {
    this.shutOut = this.turnRefused = false;
    this.overSocket = this.noPeers = !Peer.supported;
  }

  /** Lets sound travel in a session that has just begun. */
  async connect() {
    if (this.overSocket) await this.#useSocket();
    else await this.#offer();
  }

  /** @param {string} sdp of the answer */
  async accept(sdp) {
    if (this.#peer instanceof Peer) await this.#peer.accept(sdp);
  }

  /**
   * Sends `track` from now on, in place of what was sent.
   * @param {MediaStreamTrack} track
   */
  async send(track) {
    await this.#peer?.send(track);
  }

  /** The session is gone, and the connection with it. */
  lose() {
    clearTimeout(this.#timer);
    this.#peer?.close();
    this.#peer = null;
  }

  async #useSocket() {
    this.lose();
    const peer = new SocketMicrophone(this.#signaling);
    this.#peer = peer;
    peer.addEventListener("failed", () => this.#useSocketAgain());
    await peer.prepare();
    if (!peer.connected) return;
    if (this.#microphone.sound) await peer.send(this.#microphone.sound);
    this.#tell("connected");
  }

  #useSocketAgain() {
    this.lose();
    this.#timer = setTimeout(() => this.#useSocket(), AGAIN_MS);
    this.#tell("change");
  }

  async #offer() {
    this.lose();
    const peer = new Peer(this.#direction);
    this.#peer = peer;
    peer.addEventListener("connected", () => this.#tell("connected"));
    peer.addEventListener("doubtful", () => {
      this.#signaling.probe();
      this.#tell("change");
    });
    peer.addEventListener("failed", () => this.#offer());
    peer.addEventListener("blocked", () => this.#goByTheSocket(peer.turnRefused));
    if (this.#microphone.sound) await peer.send(this.#microphone.sound);
    const sdp = await peer.offer(this.iceServers);
    if (peer === this.#peer) this.#signaling.send({ type: "offer", sdp });
  }

  /**
   * Sound goes over the socket, by joining anew.
   * @param {boolean} turnRefused
   */
  #goByTheSocket(turnRefused) {
    this.turnRefused = turnRefused;
    this.shutOut = !SocketMicrophone.supported;
    if (this.shutOut) {
      this.#offer(); // somewhere else it may get through
    } else {
      this.overSocket = true;
      this.lose();
      this.#signaling.open();
    }
    this.#tell("change");
  }

  /** @param {"connected" | "change"} what */
  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
