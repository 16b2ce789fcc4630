// Says what of a stream is recorded.

import { t } from "./i18n.js";

/**
 * The words for what a server records; "" for nothing. A newer server may record more kinds.
 * @param {string[]} kinds
 */
export function recordingText(kinds = []) {
  if (kinds.length === 0) return "";
  const sound = kinds.some((kind) => kind !== "text");
  const text = kinds.some((kind) => kind !== "audio");
  return t(sound && text ? "recording.all" : sound ? "recording.audio" : "recording.text");
}
