// The speaker's choice of a microphone, and whether it is the line of a mixing desk. The choice is
// remembered for the next visit.

/** @import { Microphone } from "./microphone.js" */
import { t } from "./i18n.js";
import { listMicrophones } from "./microphone.js";
import { recall, remember } from "./page.js";

const DEVICE = "tolk.microphone";
const LINE_IN = "tolk.line_in";

/**
 * The device to open, "" for the default. Browsers list none until the user has allowed one; the
 * one that was chosen at an earlier visit can be opened all the same.
 * @param {HTMLSelectElement} select
 */
export function chosenMicrophone(select) {
  return select.value || recall("localStorage", DEVICE) || "";
}

/**
 * Fills `select` with the microphones there are, and shows which one is open, or chosen.
 * @param {HTMLSelectElement} select
 * @param {Microphone} microphone
 */
export async function offerMicrophones(select, microphone) {
  const devices = await listMicrophones();
  const chosen = microphone.track ? microphone.deviceId : chosenMicrophone(select);
  select.replaceChildren(
    new Option(t("speak.default_microphone"), ""),
    ...devices.map(({ deviceId, label }, i) =>
      new Option(label || t("speak.microphone_number", { number: i + 1 }), deviceId)));
  select.value = devices.find((d) => d.deviceId === chosen)?.deviceId ?? "";
}

/**
 * Says that another microphone is open than the one that was chosen.
 * @param {Microphone} microphone
 */
export function substituteText({ substitute }) {
  return substitute && t("speak.mic_other", { microphone: substitute });
}

export function lineInWasChosen() {
  return recall("localStorage", LINE_IN) === "true";
}

/**
 * @param {string} deviceId
 * @param {boolean} lineIn
 */
export function rememberMicrophone(deviceId, lineIn) {
  remember("localStorage", DEVICE, deviceId);
  remember("localStorage", LINE_IN, String(lineIn));
}
