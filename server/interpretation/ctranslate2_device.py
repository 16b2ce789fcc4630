"""What CTranslate2's models run on."""

from typing import Final, Literal

from server.interpretation.engines import ModelError

#: As the setting ``device`` has it.
Wanted = Literal["auto", "cpu", "cuda"]
Device = Literal["cpu", "cuda"]
#: How weights are kept and multiplied.
COMPUTE_TYPES: Final[dict[Device, str]] = {"cpu": "int8", "cuda": "int8_float16"}


def device(wanted: Wanted) -> Device:
    """ "auto": a GPU where CTranslate2 finds one. Raises ModelError where it was asked for and is
    not there."""
    import ctranslate2  # takes a second, in which a process that starts is to be heard of already

    found = wanted != "cpu" and ctranslate2.get_cuda_device_count() > 0
    if wanted == "cuda" and not found:
        raise ModelError(
            "--device cuda: CTranslate2 finds no NVIDIA GPU with CUDA 12 on this machine; "
            "install its driver, or use --device auto or cpu"
        )
    return "cuda" if found else "cpu"
