"""The device that CTranslate2's models run on."""

from typing import Final, Literal

from server.interpretation.engines import ModelError

#: The values of the setting ``device``.
Wanted = Literal["auto", "cpu", "cuda"]
Device = Literal["cpu", "cuda"]
#: How weights are stored and multiplied.
COMPUTE_TYPES: Final[dict[Device, str]] = {"cpu": "int8", "cuda": "int8_float16"}


def device(wanted: Wanted) -> Device:
    """The device to use. "auto": a GPU if CTranslate2 finds one. Raises ModelError if a GPU is
    wanted and there is none."""
    import ctranslate2  # here, as it takes a second: heartbeats must start before

    found = wanted != "cpu" and ctranslate2.get_cuda_device_count() > 0
    if wanted == "cuda" and not found:
        raise ModelError(
            "--device cuda: CTranslate2 finds no NVIDIA GPU with CUDA 12 on this machine; "
            "install its driver, or use --device auto or cpu"
        )
    return "cuda" if found else "cpu"
