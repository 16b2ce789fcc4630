// Sends a speaker's audio over the WebSocket if no peer connection is possible on this network.
// WebCodecs encodes it. Has the interface of Peer.
//
// If the socket is too slow, the newest packets are left out and counted, because packets in its
// buffer cannot be taken back. The server plays silence instead.

/** @import { Signaling } from "./signaling.js" */
import { newPacket } from "./rtp.js";

const RATE_HZ = 48000;
const PACKET_US = 20000;
const BIT_RATE = 32000;
const OPUS = {
  codec: "opus",
  sampleRate: RATE_HZ,
  numberOfChannels: 1,
  bitrate: BIT_RATE,
  opus: { frameDuration: PACKET_US, application: "voip" },
};
/** About a second of packets. */
const MOST_UNSENT_BYTES = 6000;

/** Event: "failed": it stopped working, and a new one is needed. */
export class SocketMicrophone extends EventTarget {
  /** Whether what it is given is sent. */
  connected = false;
  dropped = 0;
  #signaling;
  #context = new AudioContext({ sampleRate: RATE_HZ });
  #closed = false;
  /** What the sound is given to, once it is there. @type {AudioNode | null} */
  #capture = null;
  /** @type {AudioNode | null} */
  #source = null;
  #encoder = new AudioEncoder({
    output: (chunk) => this.#sendChunk(chunk),
    error: () => this.#fail(),
  });
  #sequence = 0;
  #samples = 0;

  static get supported() {
    return "AudioEncoder" in window && "AudioWorklet" in window && "AudioContext" in window;
  }

  /** @param {Signaling} signaling */
  constructor(signaling) {
    super();
    this.#signaling = signaling;
  }

  /** Fetches what it needs. It is connected then, or has failed, or was closed meanwhile. */
  async prepare() {
    try {
      await this.#context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
      if (this.#closed) return;
      const capture = new AudioWorkletNode(this.#context, "capture", {
        channelCount: 1, channelCountMode: "explicit" });
      capture.port.onmessage = ({ data }) => this.#encode(data);
      capture.connect(this.#context.destination); // it is silent; unconnected it would not run
      this.#encoder.configure(OPUS);
      this.#capture = capture;
      this.connected = true;
    } catch {
      this.#fail();
    }
  }

  /**
   * Sends `track` from now on, in place of what was sent; nothing before it is connected.
   * @param {MediaStreamTrack} track
   */
  async send(track) {
    if (this.#capture === null || !this.connected) return;
    this.#context.resume();
    this.#source?.disconnect();
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#capture);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.connected = false;
    if (this.#encoder.state !== "closed") this.#encoder.close();
    this.#context.close();
  }

  #fail() {
    if (this.#closed) return;
    this.close();
    this.dispatchEvent(new Event("failed"));
  }

  /** @param {Float32Array<ArrayBuffer>} samples */
  #encode(samples) {
    if (this.#encoder.state !== "configured") return;
    const sound = new AudioData({
      format: "f32",
      sampleRate: RATE_HZ,
      numberOfChannels: 1,
      numberOfFrames: samples.length,
      timestamp: Math.round(this.#samples / RATE_HZ * 1e6),
      data: samples,
    });
    this.#samples += samples.length;
    this.#encoder.encode(sound);
    sound.close();
  }

  /** @param {EncodedAudioChunk} chunk */
  #sendChunk(chunk) {
    const timestamp = Math.round(chunk.timestamp * RATE_HZ / 1e6);
    const { buffer, payload } = newPacket(this.#sequence++, timestamp, chunk.byteLength);
    chunk.copyTo(payload);
    if (this.#signaling.unsentBytes > MOST_UNSENT_BYTES) this.dropped += 1;
    else this.#signaling.sendSound(buffer);
  }
}
