// Opens, changes and lists the speaker's microphones.

/** False on pages that are not secure: browsers never give them a microphone. */
export const microphonesExist = Boolean(navigator.mediaDevices?.getUserMedia);

/** Events: "gone": the device was unplugged; "devices": the list of devices changed. */
export class Microphone extends EventTarget {
  track = null;

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () =>
      this.dispatchEvent(new Event("devices")));
  }

  /**
   * Opens a device ("" for the default), then closes the earlier one. `lineIn`: no processing of
   * the audio, for a mixing desk. Throws what getUserMedia throws; see `troubleOf`.
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
    [this.track] = media.getAudioTracks();
    this.track.enabled = !muted;
    this.track.onended = () => this.dispatchEvent(new Event("gone"));
    this.dispatchEvent(new Event("devices"));
    return this.track;
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

/** The reason why a microphone could not be opened: "denied", "missing" or "busy". */
export function troubleOf(error) {
  switch (error.name) {
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
