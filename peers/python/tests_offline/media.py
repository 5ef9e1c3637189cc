"""What the tests need: the program, and other people's readers and writers."""

import array
import hashlib
import os
import subprocess
import wave

import ggwave

SAMPLE_RATE = 48_000
PART_BYTES = 134
# Samples of a look of ggwave's.
CHUNK = 1024
ggwave.disableLog()
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout


def causeway(*arguments, **options):
    return run(os.environ.get("CAUSEWAY", "causeway"), "offline", *map(str, arguments), **options)


def zbar(path):
    """The bytes of the code in a picture, as zbarimg reads it."""
    return run("zbarimg", "--quiet", "--raw", "-Sbinary", str(path), stderr=subprocess.DEVNULL)


def javascript_ur(frames):
    """The payload of frames, as @ngraveio/bc-ur puts it together."""
    return run("node", os.path.join(HERE, "ur.js"), input=b"\n".join(frames))


def sox(*arguments):
    run("sox", "-R", *map(str, arguments))


def heard_by_ggwave(path):
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (SAMPLE_RATE, 2, 1)
        samples = array.array("h", file.readframes(file.getnframes()))
    floats = array.array("f", (sample / 32768 for sample in samples))
    receiver = ggwave.init()
    looks = (floats[at : at + CHUNK].tobytes() for at in range(0, len(floats), CHUNK))
    heard = [frame for look in looks if (frame := ggwave.decode(receiver, look))]
    ggwave.free(receiver)
    return heard


def sent_by_ggwave(frames, protocol, path):
    silence = array.array("f", [0.0] * (SAMPLE_RATE // 2))
    floats = array.array("f", silence)
    for frame in frames:
        floats.frombytes(ggwave.encode(frame, protocolId=protocol, volume=25))
        floats.extend(silence)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(array.array("h", (int(sample * 32767) for sample in floats)).tobytes())


def sound_frames(payload):
    """Written from docs/offline.md."""
    parts = [payload[at : at + PART_BYTES] for at in range(0, len(payload), PART_BYTES)]
    message = hashlib.sha256(payload).digest()[:4]
    return [message + bytes([index, len(parts)]) + part for index, part in enumerate(parts)]
