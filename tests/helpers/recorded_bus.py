"""A bus on which nobody answers."""

from server.bus import messages as bus


class RecordedBus:
    """Keeps the messages to the interpreter."""

    def __init__(self) -> None:
        self.published: list[bus.Message] = []
        self.dropped: dict[str, int] = {}

    def publish(self, message: bus.Message) -> None:
        self.published.append(message)

    async def receive(self) -> bus.Message:
        raise NotImplementedError
