// The speaker's choice of a microphone, and whether it is the line of a mixing desk. The choice is
// remembered for the next visit.

import { t } from "./i18n.js";
import { listMicrophones } from "./microphone.js";
import { recall, remember } from "./page.js";

const DEVICE = "tolk.microphone";
const LINE_IN = "tolk.line_in";

/**
 * Fills `select` with the microphones there are. What was chosen stays so while it is there.
 * @param {HTMLSelectElement} select
 */
export async function offerMicrophones(select) {
  const chosen = select.value || recall("localStorage", DEVICE);
  const devices = await listMicrophones();
  select.replaceChildren(
    new Option(t("speak.default_microphone"), ""),
    ...devices.map(({ deviceId, label }, i) =>
      new Option(label || t("speak.microphone_number", { number: i + 1 }), deviceId)));
  select.value = devices.find((d) => d.deviceId === chosen)?.deviceId ?? "";
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
