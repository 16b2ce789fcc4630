// When each piece of sound is played that came over the socket, where pieces come late and in
// heaps, but in order. No I/O. All times are samples at 48 kHz.
//
// - A piece is played at its position plus a shift. The first sets the shift, so that it plays
//   `#target` after it came. Time that timestamps leave out is silence.
// - One that comes too late for its time moves all that follow, and raises the target.
// - What is more or less than the target is made good in quiet pieces and in time left out,
//   where it is not heard: so clocks may differ. Beyond FURTHEST anything is left out.

const RATE_HZ = 48000;
const FIRST_TARGET = 0.15 * RATE_HZ;
const TARGET_STEP = 0.1 * RATE_HZ;
const HIGHEST_TARGET = 0.75 * RATE_HZ;
const SLACK = 0.08 * RATE_HZ;
const FURTHEST = 2 * RATE_HZ;
const LONGEST_PAUSE = 10 * RATE_HZ;

/** `late`: pieces that came after their time. `leftOut`: samples that were never played. */
export class Schedule {
  late = 0;
  leftOut = 0;
  #target = FIRST_TARGET;
  /** @type {number | null} */
  #shift = null;
  /** Where the next piece begins if nothing is left out; counts on where timestamps wrap. */
  #next = 0;

  /**
   * When to play samples, on the clock of `now`; null: not at all.
   * @param {number} timestamp of 32 bits: when they were spoken
   * @param {number} samples how many
   * @param {boolean} quiet leaving them out is not heard
   * @param {number} now
   * @returns {number | null}
   */
  place(timestamp, samples, quiet, now) {
    const pause = (timestamp - this.#next) | 0;
    const position = this.#next + pause;
    this.#next = position + samples;
    if (this.#shift === null || pause < 0 || pause > LONGEST_PAUSE) {
      this.#shift = now + this.#target - position; // the first, or of a server that began anew
      return now + this.#target;
    }
    let ahead = position + this.#shift - now;
    if (ahead < 0) {
      this.late += 1;
      this.#target = Math.min(this.#target + TARGET_STEP, HIGHEST_TARGET);
      this.#shift += this.#target - ahead;
      return now + this.#target;
    }
    const unheard = Math.max(0, Math.min(pause, ahead - this.#target));
    this.#shift -= unheard;
    ahead -= unheard;
    if (ahead > FURTHEST || (quiet && ahead > this.#target + SLACK)) {
      this.#shift -= samples;
      this.leftOut += samples;
      return null;
    }
    if (quiet && ahead < this.#target - SLACK) this.#shift += samples;
    return position + this.#shift;
  }
}
