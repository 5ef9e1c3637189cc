"""Other readers of QR codes and of Uniform Resources against ours."""

import pathlib
import random
import tempfile
import unittest

from media import causeway, javascript_ur, zbar


class Codes(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.random = random.Random(23)

    def shown(self, payload):
        """The pictures of a payload, in order."""
        folder = self.place / str(len(payload))
        causeway("qr", "show", "--encoding", "binary", "--folder", folder, input=payload)
        return sorted(folder.glob("*.png"))

    def test_zbar_reads_one_code_of_any_bytes(self):
        for length in (1, 2, 100, 232, 416, 666, 667, 726, 858):
            payload = self.random.randbytes(length)
            (picture,) = self.shown(payload)
            self.assertEqual(zbar(picture), payload)
            self.assertEqual(causeway("qr", "scan", picture, "--encoding", "binary"), payload)

    def test_another_library_needs_seven_frames_in_ten(self):
        for length in (859, 1346, 2048, 4093):
            payload = self.random.randbytes(length)
            pictures = self.shown(payload)
            seen = [picture for picture in pictures if self.random.random() >= 0.3]
            self.random.shuffle(seen)
            self.assertLess(len(seen), 0.85 * len(pictures))
            self.assertEqual(javascript_ur(zbar(picture).strip() for picture in seen), payload)


if __name__ == "__main__":
    unittest.main()
