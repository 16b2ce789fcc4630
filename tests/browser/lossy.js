// Run in a page before its own modules: sends and hears through a relay at RELAY_PORT of this
// machine; without REPAIR, the page knows neither RED nor requests for what is lost.

{
  const direct = window.RTCPeerConnection;

  const without = (sdp) => REPAIR ? sdp : sdp
    .replace(/^(m=audio.*) 63\b/m, "$1")
    .replace(/^a=(rtpmap|fmtp):63 .*\r\n/gm, "")
    .replace(/^a=rtcp-fb:\d+ nack\r\n/gm, "");

  window.RTCPeerConnection = class extends direct {
    get localDescription() {
      const description = super.localDescription;
      return description && { type: description.type, sdp: without(description.sdp) };
    }

    setRemoteDescription({ type, sdp }) {
      const relayed = sdp.replace(/^(a=candidate:\S+ 1 \S+ \d+ \S+) \d+/gm, `$1 ${RELAY_PORT}`);
      return super.setRemoteDescription({ type, sdp: without(relayed) });
    }
  };
}
