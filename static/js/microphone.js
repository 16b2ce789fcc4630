// The speaker's microphone: opened, changed, listed.

/** False on pages that are not secure: browsers give those no microphone at all. */
export const microphonesExist = Boolean(navigator.mediaDevices?.getUserMedia);

/** Events: "gone", when the device is unplugged; "devices", when there are others to choose. */
export class Microphone extends EventTarget {
  track = null;

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () =>
      this.dispatchEvent(new Event("devices")));
  }

  /**
   * Opens a device ("" for the default); an earlier one is closed only when this one is there.
   * `lineIn` passes the sound on untouched, as a mixing desk gives it. Throws what
   * getUserMedia throws; see `troubleOf`.
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

/** `[{deviceId, label}]`; labels are empty until a microphone was allowed once. */
export async function listMicrophones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(
    (d) => d.kind === "audioinput" && d.deviceId && d.deviceId !== "default");
}

/** Why a microphone could not be opened: "denied", "missing" or "busy". */
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
