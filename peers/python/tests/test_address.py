import unittest

from causeway_peer.address import BECH32M, BadAddress, _checksum, decode, encode, ALPHABET


class Address(unittest.TestCase):
    def test_the_checksum_is_that_of_bip_350(self):
        # Valid strings of BIP-350's test vectors.
        for text in ("a1lqfn3a", "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", "split1checkupstagehandshakeupstreamerranterredcaperredlc445v"):
            prefix, _, data = text.rpartition("1")
            self.assertEqual(_checksum(prefix, [ALPHABET.index(c) for c in data]), BECH32M, text)

    def test_an_address_reads_back_and_one_wrong_character_is_noticed(self):
        account = bytes(range(20))
        address = encode("cwdev", account)
        self.assertEqual(decode(address), ("cwdev", account))
        self.assertEqual(decode(address.upper()), ("cwdev", account))
        for at in range(6, len(address)):
            other = "q" if address[at] != "q" else "p"
            with self.assertRaises(BadAddress):
                decode(address[:at] + other + address[at + 1 :])

    def test_other_networks_and_lengths_are_refused(self):
        for bad in (encode("bc", bytes(20)), encode("cw", bytes(19)), encode("cw", bytes(21)), "cw1", ""):
            with self.assertRaises(BadAddress):
                decode(bad)
