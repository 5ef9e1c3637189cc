import hashlib
import unittest

from causeway_peer.proof import Refused, root_by_path


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\0" + leaf).digest()


def tree(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, by its recursive definition."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:split]) + tree(leaves[split:])).digest()


def siblings(leaves: list[bytes], index: int) -> list[bytes]:
    """RFC 9162, section 2.1.3.1, by its recursive definition."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return siblings(leaves[:split], index) + [tree(leaves[split:])]
    return siblings(leaves[split:], index - split) + [tree(leaves[:split])]


class Merkle(unittest.TestCase):
    def test_each_path_leads_to_the_root_and_no_other_does(self):
        for size in range(1, 34):
            leaves = [bytes([at]) for at in range(size)]
            for index in range(size):
                nodes = [node.hex() for node in siblings(leaves, index)]
                path = {"index": index, "leaves": size, "siblings": nodes}
                self.assertEqual(root_by_path(leaves[index], path), tree(leaves))
                self.assertNotEqual(root_by_path(b"other", path), tree(leaves))
                with self.assertRaises(Refused):
                    root_by_path(leaves[index], {**path, "siblings": nodes + [nodes[-1] if nodes else "00" * 32]})
                if nodes:
                    with self.assertRaises(Refused):
                        root_by_path(leaves[index], {**path, "siblings": nodes[:-1]})
