// Before one speaks: three seconds of the microphone, played back. Nothing leaves the page.

/** @import { LevelMeter } from "./meter.js" */
/** @import { Microphone } from "./microphone.js" */
import { t } from "./i18n.js";
import { hintOf } from "./meter.js";
import { troubleOf } from "./microphone.js";

const SECONDS = 3;

/**
 * How the test stands: nothing yet, under way, or what came out.
 * @typedef {"" | "recording" | "playing" | "unable" | ReturnType<typeof hintOf>
 *   | ReturnType<typeof troubleOf>} TestState
 */

/** Event: "change", when `state` is another. */
export class MicrophoneTest extends EventTarget {
  /** @type {TestState} */
  state = "";
  #microphone;
  #meter;
  /** Counts the tests: a step of one that was cancelled does nothing. */
  #number = 0;
  /** @type {AudioNode[]} */
  #nodes = [];

  /**
   * @param {Microphone} microphone
   * @param {LevelMeter} meter
   */
  constructor(microphone, meter) {
    super();
    this.#microphone = microphone;
    this.#meter = meter;
  }

  get running() {
    return this.state === "recording" || this.state === "playing";
  }

  /** What `state` means, in words. */
  get words() {
    switch (this.state) {
      case "":
        return "";
      case "denied":
      case "missing":
      case "busy":
        return t(`speak.${this.state}_hint`);
      default:
        return t(`speak.test_${this.state}`);
    }
  }

  /**
   * Records, plays, and judges. Call it in a user gesture.
   * @param {string} deviceId
   * @param {boolean} lineIn
   */
  async run(deviceId, lineIn) {
    const number = ++this.#number;
    const context = this.#meter.prepare();
    this.#become("recording");
    try {
      const track = await this.#microphone.open(deviceId, lineIn);
      this.#meter.start(track);
      this.#become("recording"); // there is a level to show now
      const samples = await this.#record(context, track);
      if (number !== this.#number) return;
      this.#meter.stop();
      this.#microphone.close();
      this.#become("playing");
      await this.#play(context, samples);
      if (number === this.#number) this.#become(hintOf(samples, context.sampleRate));
    } catch (error) {
      if (number !== this.#number) return;
      const mute = !("AudioWorklet" in window);
      this.#end(mute ? "unable" : troubleOf(error));
    }
  }

  cancel() {
    this.#number += 1;
    if (this.running) this.#end("");
  }

  /** @param {TestState} state */
  #end(state) {
    this.#meter.stop();
    this.#microphone.close();
    for (const node of this.#nodes) node.disconnect();
    this.#nodes = [];
    this.#become(state);
  }

  /**
   * @param {AudioContext} context
   * @param {MediaStreamTrack} track
   */
  async #record(context, track) {
    await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const samples = new Float32Array(SECONDS * context.sampleRate);
    const source = context.createMediaStreamSource(new MediaStream([track]));
    const capture = new AudioWorkletNode(context, "capture", {
      channelCount: 1, channelCountMode: "explicit" });
    this.#nodes = [source, capture];
    source.connect(capture);
    capture.connect(context.destination); // it is silent; unconnected it would not run
    let filled = 0;
    await new Promise((resolve) => {
      capture.port.onmessage = ({ data }) => {
        samples.set(data.subarray(0, samples.length - filled), filled);
        filled = Math.min(filled + data.length, samples.length);
        if (filled === samples.length) resolve(null);
      };
    });
    for (const node of this.#nodes) node.disconnect();
    return samples;
  }

  /**
   * @param {AudioContext} context
   * @param {Float32Array<ArrayBuffer>} samples
   */
  async #play(context, samples) {
    const buffer = context.createBuffer(1, samples.length, context.sampleRate);
    buffer.copyToChannel(samples, 0);
    const player = new AudioBufferSourceNode(context, { buffer });
    this.#nodes = [player];
    player.connect(context.destination);
    player.start();
    await new Promise((resolve) => {
      player.onended = resolve;
    });
  }

  /** @param {TestState} state */
  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
