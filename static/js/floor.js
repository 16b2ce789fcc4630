// What an interpreter hears: the floor, from the peer connection or from packets of the socket.

/** @import { LevelMeter } from "./meter.js" */
import { SocketSound } from "./socket_sound.js";

const SOUND_WITHIN_MS = 1000;

/** Event: "change", when `halted` may be another. */
export class Floor extends EventTarget {
  #audio;
  #meter;
  /** @type {SocketSound | null} */
  #socketSound = null;
  /** Whether the browser asks for a press before it plays. */
  #held = false;

  /**
   * @param {HTMLAudioElement} audio
   * @param {LevelMeter} meter shows how loud it is
   */
  constructor(audio, meter) {
    super();
    this.#audio = audio;
    this.#meter = meter;
    for (const name of ["pause", "playing"]) audio.addEventListener(name, () => this.#changed());
    for (const name of ["click", "keydown"]) {
      document.addEventListener(name, () => {
        if (this.halted) this.#play();
      });
    }
  }

  /** Whether it stands still, by a headset's button, a call or the browser, until the next press. */
  get halted() {
    const { paused, srcObject } = this.#audio;
    // It also pauses at the end of a stream: a connection that is lost.
    if (!(srcObject instanceof MediaStream && srcObject.active)) return false;
    return this.#held || paused || (this.#socketSound?.interrupted ?? false);
  }

  /**
   * Plays what the server sends.
   * @param {MediaStreamTrack | null} track null: it comes over the socket
   */
  hear(track) {
    this.stop();
    if (track) {
      this.#audio.srcObject = new MediaStream([track]);
    } else if (SocketSound.supported) {
      this.#socketSound = new SocketSound(() => this.#changed());
      this.#audio.srcObject = this.#socketSound.stream;
    }
    const media = this.#audio.srcObject;
    if (!(media instanceof MediaStream)) return;
    this.#meter.start(media.getAudioTracks()[0]);
    this.#play();
  }

  /** @param {ArrayBuffer} packet from the socket */
  receive(packet) {
    this.#socketSound?.receive(packet);
  }

  stop() {
    this.#held = false;
    this.#socketSound?.close();
    this.#socketSound = null;
    this.#audio.srcObject = null;
  }

  async #play() {
    const socketSound = this.#socketSound;
    try {
      await this.#audio.play();
      const plays = await socketSound?.resume(SOUND_WITHIN_MS) ?? true;
      if (socketSound === this.#socketSound) this.#held = !plays;
    } catch (error) {
      this.#held = error instanceof Error && error.name === "NotAllowedError";
    }
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
