"""GStreamer's webrtcbin as a participant. A program for the system's Python, which has ``gi``;
the project's has not, so nothing of the project is imported here.

    /usr/bin/python3 tests/helpers/webrtcbin.py check
    /usr/bin/python3 tests/helpers/webrtcbin.py speak [--more]
    /usr/bin/python3 tests/helpers/webrtcbin.py listen --sound FILE [--more]

Its offer goes to stdout and the answer comes from stdin, each as a line of JSON such as
``{"type": "offer", "sdp": "…"}``; so do ``{"type": "state", "state": "connected"}`` and other
states of the connection. It leaves when stdin ends. ``speak`` sends a tone of 300 Hz for 0.6 s in
every 1.2 s. ``listen`` writes what it hears to FILE: 48 kHz mono, signed 16-bit little-endian.
``--more`` offers BUNDLE, retransmission (RTX), RED and ULPFEC besides. ``check`` fails if a part
of GStreamer is missing, and says which.
"""

import argparse
import json
import os
import sys
import threading
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")

from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ELEMENTS = (
    *("webrtcbin", "nicesrc", "dtlssrtpenc", "srtpenc", "rtpbin", "rtprtxsend", "rtpulpfecenc"),
    *("audiotestsrc", "opusenc", "opusdec", "rtpopuspay", "rtpopusdepay", "audioresample"),
)
SOURCE = (
    "audiotestsrc is-live=true wave=ticks freq=300 volume=0.25 sine-periods-per-tick=180"
    " tick-interval=1200000000 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay pt=111"
)
#: RFC 7587 asks for two channels in an offer of Opus, whatever is in its packets.
OPUS = (
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000"
    ",encoding-params=(string)2"
)
SINK = (
    "rtpopusdepay ! opusdec ! audioconvert ! audioresample"
    " ! audio/x-raw,format=S16LE,rate=48000,channels=1"
    " ! filesink buffer-mode=unbuffered sync=false name=file"
)


def say(**message: str) -> None:
    print(json.dumps(message), flush=True)


def offer(rtc: Any) -> None:
    """Make one, take it, and say it. The server needs no candidates of ours."""

    def made(promise: Any) -> None:
        reply = promise.get_reply()  # to be held: it owns the description
        description = reply.get_value("offer")
        rtc.emit("set-local-description", description, Gst.Promise.new())
        say(type="offer", sdp=description.sdp.as_text())

    rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(made))


def take(rtc: Any, sdp: str) -> None:
    _, message = GstSdp.SDPMessage.new_from_text(sdp)
    answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
    rtc.emit("set-remote-description", answer, Gst.Promise.new())


def hear(pipeline: Any, pad: Any, sound: str) -> None:
    """Write what comes by ``pad`` to the file."""
    sink = Gst.parse_bin_from_description(SINK, True)
    sink.get_by_name("file").set_property("location", sound)
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))


def started(speaks: bool, more: bool, sound: str) -> tuple[Any, ...]:
    """The pipeline, the webrtcbin in it, and its ICE agent, which lives as long as it is held."""
    pipeline = Gst.Pipeline()
    rtc = Gst.ElementFactory.make("webrtcbin", "rtc")
    pipeline.add(rtc)
    agent = rtc.get_property("ice-agent")
    agent.emit("add-local-ip-address", "127.0.0.1")  # libnice would leave it out
    if speaks:
        source = Gst.parse_bin_from_description(SOURCE, True)
        pipeline.add(source)
        source.link(rtc)
    else:
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        rtc.emit("add-transceiver", direction, Gst.Caps.from_string(OPUS))
        rtc.connect("pad-added", lambda _, pad: hear(pipeline, pad, sound))
    transceiver = rtc.emit("get-transceiver", 0)
    if speaks:
        transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    if more:
        rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        transceiver.set_property("do-nack", True)
        transceiver.set_property("fec-type", GstWebRTC.WebRTCFECType.ULP_RED)
        transceiver.set_property("fec-percentage", 100)
    rtc.connect("on-negotiation-needed", offer)
    rtc.connect(
        "notify::connection-state",
        lambda *_: say(type="state", state=rtc.get_property("connection-state").value_nick),
    )
    pipeline.set_state(Gst.State.PLAYING)
    return pipeline, rtc, agent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("check", "speak", "listen"))
    parser.add_argument("--sound", default="")
    parser.add_argument("--more", action="store_true")
    options = parser.parse_args()
    Gst.init(None)
    if options.role == "check":
        missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
        sys.exit(f"GStreamer has no {', '.join(missing)}" if missing else 0)
    loop = GLib.MainLoop()
    pipeline, rtc, _agent = started(options.role == "speak", options.more, options.sound)

    def failed(_: Any, message: Any) -> None:
        print(*message.parse_error(), file=sys.stderr)
        loop.quit()

    pipeline.get_bus().add_signal_watch()
    pipeline.get_bus().connect("message::error", failed)

    def read() -> None:
        for line in sys.stdin:
            take(rtc, json.loads(line)["sdp"])
        loop.quit()

    threading.Thread(target=read, daemon=True).start()
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    # Both webrtcbin and Python would free the agent, of which there is one reference.
    os._exit(0)


if __name__ == "__main__":
    main()
