"""Messages of people who interpret."""

from signaling.base import Message


class OnAir(Message, frozen=True, tag="on_air"):
    """The interpreter takes the language over, from the machine at once; a colleague on air is
    asked first, unless ``now``. ``on`` False: gives it back, to the colleague who asks or else to
    the machine; or asks no more."""

    on: bool
    now: bool = False


class Booth(Message, frozen=True, tag="booth"):
    """To an interpreter: who interprets. ``on_air``: you do. ``heard``: your sound arrives; while
    it does not, the machine is heard. ``name``: whoever is on air; None: the machine. ``asks``:
    the colleague who asks to take over. ``asked``: you have asked. ``colleagues``: the others here.
    ``elsewhere``: who interprets into other languages. ``listeners``: how many hear this one."""

    language: str
    on_air: bool = False
    heard: bool = True
    name: str | None = None
    asks: str | None = None
    asked: bool = False
    colleagues: list[str] = []
    elsewhere: dict[str, str] = {}
    listeners: int = 0
