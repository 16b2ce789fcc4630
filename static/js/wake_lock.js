/** Keeps the screen on while `wanted()`, because a tablet that sleeps stops its microphone. */
export function keepAwake(wanted) {
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
