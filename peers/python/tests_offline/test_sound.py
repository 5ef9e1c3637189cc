"""ggwave's own package against our sound."""

import pathlib
import random
import tempfile
import unittest

from media import causeway, heard_by_ggwave, sent_by_ggwave, sound_frames, sox

# Of ggwave's audible protocols, slowest first.
SPEEDS = ("normal", "fast", "fastest")


class Sound(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.random = random.Random(42)

    def sent(self, payload, speed):
        path = self.place / f"{speed}.wav"
        causeway("sound", "send", "--encoding", "binary", "--wav", path, "--speed", speed, input=payload)
        return path

    def with_noise(self, path, volume):
        """White noise of `volume` of the loudest there is, added by sox."""
        noise, noisy = self.place / "noise.wav", self.place / "noisy.wav"
        sox(path, noise, "synth", "whitenoise", "vol", volume)
        sox("-m", "-v", 0.6, path, "-v", 0.6, noise, "-b", 16, noisy)
        return noisy

    def received(self, path):
        return causeway("sound", "receive", path, "--encoding", "binary")

    def test_ggwave_hears_us_through_noise(self):
        for speed, volume in zip(SPEEDS, (0.3, 0.2, 0.1)):
            payload = self.random.randbytes(300)
            noisy = self.with_noise(self.sent(payload, speed), volume)
            self.assertEqual(heard_by_ggwave(noisy), sound_frames(payload), speed)
            self.assertEqual(self.received(noisy), payload, speed)

    def test_we_hear_ggwave_through_noise(self):
        for protocol, volume in enumerate((0.15, 0.1, 0.05)):
            payload = self.random.randbytes(300)
            path = self.place / "theirs.wav"
            sent_by_ggwave(sound_frames(payload), protocol, path)
            self.assertEqual(self.received(path), payload, SPEEDS[protocol])
            self.assertEqual(self.received(self.with_noise(path, volume)), payload, SPEEDS[protocol])

    def test_the_longest_payload(self):
        payload = self.random.randbytes(726)
        path = self.sent(payload, "fastest")
        self.assertEqual(heard_by_ggwave(path), sound_frames(payload))
        self.assertEqual(self.received(path), payload)


if __name__ == "__main__":
    unittest.main()
