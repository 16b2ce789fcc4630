// Chooses the channel to hear, from the user's wishes and the channels of the stream.
//
// A channel is "floor", a language ("en"), or a language over the quiet floor ("en+floor").

/** The languages among `channels`, without "floor". */
export function languagesOf(channels) {
  return [...new Set(channels.map((name) => name.split("+")[0]))].filter((l) => l !== "floor");
}

/**
 * The language to begin with: the one chosen before, else the browser's, else the only
 * interpretation, else the floor. `source`: the spoken language, if known.
 */
export function firstLanguage(remembered, readerLanguages, channels, source) {
  if (remembered) return remembered;
  const offered = languagesOf(channels);
  for (const tag of readerLanguages) {
    const language = tag.split("-")[0].toLowerCase();
    if (language === source) return "floor";
    if (offered.includes(language)) return language;
  }
  return offered.length === 1 ? offered[0] : "floor";
}

/** The channel for `language` ("floor" or a tag); with `over`, over the original if available. */
export function channelFor(language, over, channels) {
  if (language !== "floor" && over && channels.includes(`${language}+floor`)) {
    return `${language}+floor`;
  }
  return channels.includes(language) ? language : "floor";
}

/** The caption languages for a channel: that of the channel, then the source if wished. */
export function captionsFor(channel, source, withSource) {
  const heard = channel === "floor" ? source : channel.split("+")[0];
  return [...new Set(withSource ? [heard, source] : [heard])].filter(Boolean);
}
