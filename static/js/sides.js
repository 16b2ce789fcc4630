// Notices that the two sides of a microphone cancel each other: a balanced line in a stereo socket
// gives the same sound on both, one of them inverted. Mixed, as they are sent, nothing is left.
//
// server/media/downmix.py does the same for other sources, with the same numbers.

/** @typedef {"left" | "right"} Side */

/** The correlation from which on they cancel. Stereo of one voice is near 1, two microphones near 0. */
const CANCEL = -0.5;
/** How much of what was measured remains each time: half a second, at 20 times a second. */
const KEEP = 0.9;
/** Mean square below which nothing can be told: -60 dB. */
const AUDIBLE = 1e-6;

export class Sides {
  #left = 0;
  #right = 0;
  #product = 0;

  /**
   * Call 20 times a second.
   * @param {Float32Array} left
   * @param {Float32Array} right
   * @returns {Side | null} the louder side if they cancel each other
   */
  hear(left, right) {
    this.#left = mixed(this.#left, meanProduct(left, left));
    this.#right = mixed(this.#right, meanProduct(right, right));
    this.#product = mixed(this.#product, meanProduct(left, right));
    const power = Math.sqrt(this.#left * this.#right);
    if (power < AUDIBLE || this.#product >= CANCEL * power) return null;
    return this.#left >= this.#right ? "left" : "right";
  }
}

/**
 * @param {number} before
 * @param {number} now
 */
function mixed(before, now) {
  return KEEP * before + (1 - KEEP) * now;
}

/**
 * @param {Float32Array} one
 * @param {Float32Array} other
 */
function meanProduct(one, other) {
  return one.reduce((sum, sample, i) => sum + sample * other[i], 0) / one.length;
}

/**
 * A track with only this side of `source`, as long as that plays.
 * @param {MediaStreamAudioSourceNode} source
 * @param {Side} side
 */
export function oneSide(source, side) {
  const context = /** @type {AudioContext} */ (source.context);
  const splitter = context.createChannelSplitter(2);
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  source.connect(splitter).connect(out, side === "left" ? 0 : 1);
  return out.stream.getAudioTracks()[0];
}
