"""Other libraries' codes are read by ours, and ours by theirs."""

import pathlib
import random
import tempfile
import unittest

import segno
import zxingcpp
from media import causeway
from PIL import Image


class Codes(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.random = random.Random(29)

    def test_codes_of_segno_of_every_level_are_read(self):
        for level in "LMQH":
            for version in (1, 2, 5, 7, 10, 15, 20):
                # As much as fits at level H.
                payload = self.random.randbytes(6 * version)
                code = segno.make_qr(payload, error=level, version=version, mode="byte", boost_error=False)
                picture = self.place / f"{level}{version}.png"
                code.save(picture, scale=self.random.choice((3, 4, 7)), border=4)
                read = causeway("qr", "scan", picture, "--encoding", "binary")
                self.assertEqual(read, payload, (level, version))

    def test_zxing_reads_ours(self):
        for length in (1, 14, 100, 416, 666):
            payload = self.random.randbytes(length)
            folder = self.place / str(length)
            causeway("qr", "show", "--encoding", "binary", "--folder", folder, input=payload)
            (picture,) = folder.glob("*.png")
            (found,) = zxingcpp.read_barcodes(Image.open(picture))
            self.assertEqual((found.format.name, found.bytes), ("QRCode", payload))


if __name__ == "__main__":
    unittest.main()
