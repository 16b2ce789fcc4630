// Opens, changes and lists the speaker's microphones, and gets one back that was lost.

/** False on pages that are not secure: browsers never give them a microphone. */
export const microphonesExist = Boolean(navigator.mediaDevices?.getUserMedia);

const AGAIN_MS = 2000;

/** What an attempt to open a microphone throws if a newer one, or its end, came in between. */
export class Superseded extends Error {}

/**
 * Events: "devices": the list of devices changed; "lost": a call or another program has taken the
 * microphone, or it is unplugged; "back": `track` has sound again, and may be another one;
 * "refused": it may not be opened any more.
 */
export class Microphone extends EventTarget {
  /** @type {MediaStreamTrack | null} */
  track = null;
  /** Whether there is no sound at present. It is opened again until there is. */
  lost = false;
  #deviceId = "";
  #lineIn = false;
  #timer = 0;
  /** Counts what was opened and closed: what a slow attempt brings may be out of date. */
  #turn = 0;
  /** One side of it, if the two cancel each other. @type {MediaStreamTrack | null} */
  #side = null;

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () => {
      this.dispatchEvent(new Event("devices"));
      this.#seek();
    });
  }

  /** Which device is open, if one was asked for; "" for the default. */
  get deviceId() {
    return this.#deviceId && (this.track?.getSettings().deviceId ?? "");
  }

  /** The name of the one that is open in place of the one that was asked for; "" if none is. */
  get substitute() {
    const open = this.track?.getSettings().deviceId;
    return this.#deviceId && open && open !== this.#deviceId ? this.track?.label ?? "" : "";
  }

  /** What is to be sent: the track, or one side of it. */
  get sound() {
    return this.#side ?? this.track;
  }

  /** @param {MediaStreamTrack} side of the track, to be sent in its place until it is closed */
  take(side) {
    this.#side = side;
  }

  /**
   * Opens a device ("" for the default, which also takes the place of one that is not there); an
   * earlier one is closed only when this one is there.
   * Throws Superseded, or what getUserMedia throws; see `troubleOf`.
   * @param {string} deviceId
   * @param {boolean} lineIn passes the sound on untouched, as a mixing desk gives it
   */
  async open(deviceId, lineIn) {
    const turn = ++this.#turn;
    const track = await openTrack(deviceId, {
      echoCancellation: !lineIn,
      noiseSuppression: !lineIn,
      autoGainControl: !lineIn,
      channelCount: lineIn ? 2 : undefined, // to notice that they cancel each other
    }).catch((error) => {
      throw turn === this.#turn ? error : new Superseded();
    });
    if (turn !== this.#turn) {
      track.stop();
      throw new Superseded();
    }
    const silenced = this.track !== null && !this.track.enabled;
    this.close();
    this.#deviceId = deviceId;
    this.#lineIn = lineIn;
    track.enabled = !silenced;
    track.onended = () => this.#lose(0);
    track.onmute = () => this.#lose(AGAIN_MS);
    track.onunmute = () => this.#find();
    this.track = track;
    this.dispatchEvent(new Event("devices"));
    return track;
  }

  close() {
    this.#turn += 1;
    this.lost = false;
    clearTimeout(this.#timer);
    if (this.track === null) return;
    this.track.onended = this.track.onmute = this.track.onunmute = null;
    this.track.stop();
    this.#side?.stop();
    this.track = this.#side = null;
  }

  /** @param {number} againMs */
  #lose(againMs) {
    this.#reopenIn(againMs);
    if (this.lost) return;
    this.lost = true;
    this.dispatchEvent(new Event("lost"));
  }

  #find() {
    clearTimeout(this.#timer);
    this.lost = false;
    this.dispatchEvent(new Event("back"));
  }

  /** @param {number} ms */
  #reopenIn(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reopen(), ms);
  }

  /** Opens what is missing, if it is there again. */
  async #seek() {
    const wanted = this.#deviceId;
    const listed = this.substitute !== ""
      && (await listMicrophones()).some(({ deviceId }) => deviceId === wanted);
    if (this.lost || (listed && this.substitute !== "" && this.#deviceId === wanted)) this.#reopen();
  }

  async #reopen() {
    try {
      const track = await this.open(this.#deviceId, this.#lineIn);
      if (track.muted) this.#lose(AGAIN_MS);
      else this.#find();
    } catch (error) {
      if (error instanceof Superseded) return;
      if (troubleOf(error) === "denied") {
        if (this.lost) this.dispatchEvent(new Event("refused"));
        return; // what is open in its place goes on
      }
      this.#reopenIn(AGAIN_MS);
    }
  }
}

/**
 * A device that is only wished for ("ideal") is not opened by every browser.
 * @param {string} deviceId "" for the default, which is opened for one that is not there, too
 * @param {MediaTrackConstraints} audio
 */
async function openTrack(deviceId, audio) {
  /** @param {MediaTrackConstraints} wanted */
  const get = async (wanted) =>
    (await navigator.mediaDevices.getUserMedia({ audio: wanted })).getAudioTracks()[0];
  if (!deviceId) return get(audio);
  try {
    return await get({ ...audio, deviceId: { exact: deviceId } });
  } catch (error) {
    if (/** @type {{name: string}} */ (error).name !== "OverconstrainedError") throw error;
    return get(audio);
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
