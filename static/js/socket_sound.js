// Plays a listener's audio from the WebSocket if no peer connection is possible on this network:
// WebCodecs decodes the Opus packets, Web Audio plays them.
//
// The output is a MediaStream for the same <audio> element that a peer connection would use, so
// volume and autoplay rules are the same.

import { parsePacket } from "./rtp.js";
import { Schedule } from "./schedule.js";

const RATE_HZ = 48000;
const OPUS = { codec: "opus", sampleRate: RATE_HZ, numberOfChannels: 1 };
/** Relative to full scale, about -40 dB. Softer pieces can be left out unheard. */
const QUIET_PEAK = 0.01;

export class SocketSound {
  #context = new AudioContext({ sampleRate: RATE_HZ });
  #out = this.#context.createMediaStreamDestination();
  #schedule = new Schedule();
  /** @type {AudioDecoder | null} */
  #decoder = null;
  /**
   * The timestamps of what is being decoded: Chromium's decoder would make up its own.
   * @type {number[]}
   */
  #decoding = [];
  #wasRunning = false;

  /** Whether the browser has WebCodecs: only on secure pages, and not in older browsers. */
  static get supported() {
    return "AudioDecoder" in window && "AudioContext" in window;
  }

  /** @param {() => void} changed is called when sound stops after it ran, or goes on again */
  constructor(changed) {
    this.#context.onstatechange = () => {
      if (this.#wasRunning) changed();
      this.#wasRunning ||= this.#context.state === "running";
    };
  }

  /** Whether the sound ran and was stopped from outside, for example by a call. */
  get interrupted() {
    return this.#wasRunning && this.#context.state !== "running";
  }

  get stream() {
    return this.#out.stream;
  }

  /**
   * Lets sound out, and says whether the browser does: if not, ask again in a gesture.
   * @param {number} withinMs
   */
  async resume(withinMs) {
    const patience = new Promise((resolve) => setTimeout(resolve, withinMs));
    await Promise.race([this.#context.resume(), patience]);
    return this.#context.state === "running";
  }

  /**
   * Takes a packet as it comes from the socket.
   * @param {ArrayBuffer} packet
   */
  receive(packet) {
    const { timestamp, payload } = parsePacket(packet);
    if (this.#decoder === null || this.#decoder.state === "closed") this.#decoder = this.#decode();
    this.#decoding.push(timestamp);
    this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: 0, data: payload }));
  }

  close() {
    if (this.#decoder?.state === "configured") this.#decoder.close();
    this.#context.close();
  }

  /** A new decoder: an undecodable packet closes the old one. */
  #decode() {
    this.#decoding = [];
    const decoder = new AudioDecoder({
      output: (sound) => this.#play(sound, this.#decoding.shift() ?? 0),
      error: () => {},
    });
    decoder.configure(OPUS);
    return decoder;
  }

  /**
   * @param {AudioData} sound
   * @param {number} timestamp
   */
  #play(sound, timestamp) {
    const samples = new Float32Array(sound.numberOfFrames);
    sound.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    sound.close();
    const quiet = samples.every((sample) => Math.abs(sample) < QUIET_PEAK);
    const now = Math.ceil(this.#context.currentTime * RATE_HZ);
    const at = this.#schedule.place(timestamp, samples.length, quiet, now);
    if (at === null) return;
    const buffer = this.#context.createBuffer(1, samples.length, RATE_HZ);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#out);
    source.start(at / RATE_HZ);
  }
}
