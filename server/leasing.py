"""What a lease on a stream's name means for those who speak: see ``cluster.leases``."""

from server.cluster.leases import Holder, Leases
from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager
from signaling.errors import ProtocolError


def lease(leases: Leases, manager: ConnectionManager, live: LiveStreams) -> None:
    """Have a lease on each stream that somebody speaks in. Who begins in a stream of another server
    is refused; who speaks in one that another server has taken is sent away."""

    def spoken() -> list[str]:
        streams = [] if manager.draining else list(manager.streams.values())
        return [each.id for each in streams if each.speaker and not each.is_private]

    def before_speaking(stream: str, take_over: bool) -> None:
        if (holder := leases.elsewhere(stream)) is None:
            leases.look()
        elif take_over:
            leases.take(stream)
        elif leases.is_sure(stream):
            raise ProtocolError(
                "speaker_present",
                f"Somebody speaks in {stream!r} already, at {holder.place}. Speak there, use "
                "another stream's name, or take over with a token that allows it.",
                place=holder.place,
            )
        else:
            raise ProtocolError(
                "unavailable",
                f"{holder.place} has {stream!r} and may be lost. Try again in a moment.",
                retry_after_s=1,
            )

    def tell(stream: str) -> None:
        for each in live:
            if each.stream.id == stream:
                each.publish_demand()

    def lost(stream: str, holder: Holder) -> None:
        found = manager.streams.get(stream)
        if found is not None and found.speaker is not None:
            found.speaker.dismiss(
                ProtocolError("taken_over", f"Somebody speaks in {stream!r} at {holder.place} now.")
            )
        tell(stream)

    leases.spoken = spoken
    leases.on_held = tell
    leases.on_lost = lost
    manager.before_speaking = before_speaking
    manager.on_close = leases.look  # whoever takes this process's place gets the streams at once
