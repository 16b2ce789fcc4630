/**
 * Keeps the screen on while `wanted()`: a sleeping tablet takes its microphone along. Call what
 * this returns whenever the answer may be another.
 * @param {() => boolean} wanted
 */
export function keepAwake(wanted) {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let done = Promise.resolve();
  const step = async () => {
    try {
      if (wanted() && document.visibilityState === "visible") {
        if (lock === null || lock.released) lock = await navigator.wakeLock.request("screen");
      } else if (lock !== null) {
        await lock.release();
        lock = null;
      }
    } catch {
      // Refused, for example because the battery is low.
    }
  };
  // One after the other, or two calls would ask for two locks and lose one.
  const update = () => {
    if ("wakeLock" in navigator) done = done.then(step);
  };
  document.addEventListener("visibilitychange", update);
  return update;
}
