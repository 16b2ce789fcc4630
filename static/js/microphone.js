// Opens, changes and lists the speaker's microphones.

/** False on pages that are not secure: browsers never give them a microphone. */
export const microphonesExist = Boolean(navigator.mediaDevices?.getUserMedia);

/** Events: "gone": the device was unplugged; "devices": the list of devices changed. */
export class Microphone extends EventTarget {
  /** @type {MediaStreamTrack | null} */
  track = null;

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () =>
      this.dispatchEvent(new Event("devices")));
  }

  /**
   * Opens a device ("" for the default); an earlier one is closed only when this one is there.
   * Throws what getUserMedia throws; see `troubleOf`.
   * @param {string} deviceId
   * @param {boolean} lineIn passes the sound on untouched, as a mixing desk gives it
   */
  async open(deviceId, lineIn) {
    const media = await navigator.mediaDevices.getUserMedia({
      audio: {
        deviceId: deviceId ? { exact: deviceId } : undefined,
        echoCancellation: !lineIn,
        noiseSuppression: !lineIn,
        autoGainControl: !lineIn,
      },
    });
    const muted = this.track !== null && !this.track.enabled;
    this.close();
    const [track] = media.getAudioTracks();
    track.enabled = !muted;
    track.onended = () => this.dispatchEvent(new Event("gone"));
    this.track = track;
    this.dispatchEvent(new Event("devices"));
    return track;
  }

  close() {
    if (this.track === null) return;
    this.track.onended = null;
    this.track.stop();
    this.track = null;
  }
}

/** All microphones: `[{deviceId, label}]`. Labels are empty until the user has allowed one. */
export async function listMicrophones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(
    (d) => d.kind === "audioinput" && d.deviceId && d.deviceId !== "default");
}

/**
 * Why a microphone could not be opened.
 * @param {unknown} error what getUserMedia threw
 * @returns {"denied" | "missing" | "busy"}
 */
export function troubleOf(error) {
  switch (/** @type {{name: string}} */ (error).name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    default:
      return "busy";
  }
}
