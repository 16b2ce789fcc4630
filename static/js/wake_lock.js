/**
 * Keeps the screen on while `wanted()`: a sleeping tablet takes its microphone along.
 * @param {() => boolean} wanted
 */
export function keepAwake(wanted) {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  const update = async () => {
    if (!("wakeLock" in navigator)) return;
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
  document.addEventListener("visibilitychange", update);
  return update;
}
