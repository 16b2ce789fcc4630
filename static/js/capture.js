// An audio worklet: passes captured audio on in pieces of 20 ms at 48 kHz.

const PIECE = 960;

class Capture extends AudioWorkletProcessor {
  #piece = new Float32Array(PIECE);
  #filled = 0;

  /** @param {Float32Array[][]} inputs */
  process([[channel]]) {
    if (channel === undefined) return true; // no track yet
    for (let taken = 0; taken < channel.length;) {
      const part = channel.subarray(taken, taken + PIECE - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === PIECE) {
        this.port.postMessage(this.#piece, [this.#piece.buffer]);
        this.#piece = new Float32Array(PIECE);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
