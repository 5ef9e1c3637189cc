use proptest::prelude::*;

use super::*;

fn leaves(count: usize) -> Vec<Root> {
    (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
}

fn sha256(parts: &[&[u8]]) -> Root {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Root(hasher.finalize().into())
}

/// RFC 9162, section 2.1.1, word by word: split at the largest power of two below the count.
fn tree_head(entries: &[Vec<u8>]) -> Root {
    match entries {
        [] => sha256(&[]),
        [entry] => sha256(&[&[0], entry]),
        _ => {
            let split = entries.len().next_power_of_two() / 2;
            let (left, right) = entries.split_at(split);
            sha256(&[&[1], tree_head(left).as_bytes(), tree_head(right).as_bytes()])
        }
    }
}

/// RFC 9162, section 2.1.3.1: siblings of entry `index`, from the leaf upwards.
fn audit_path(index: usize, entries: &[Vec<u8>]) -> Vec<Root> {
    if entries.len() < 2 {
        return vec![];
    }
    let split = entries.len().next_power_of_two() / 2;
    let (left, right) = entries.split_at(split);
    let (mut path, other) = if index < split {
        (audit_path(index, left), right)
    } else {
        (audit_path(index - split, right), left)
    };
    path.push(tree_head(other));
    path
}

/// On which side the path's hashes come in, from the leaf upwards: all that a path's shape says.
fn turns(index: usize, leaves: usize) -> Vec<bool> {
    if leaves < 2 {
        return vec![];
    }
    let split = leaves.next_power_of_two() / 2;
    let right = index >= split;
    let mut turns = if right {
        turns(index - split, leaves - split)
    } else {
        turns(index, split)
    };
    turns.push(right);
    turns
}

#[test]
fn roots_and_paths_are_those_of_the_rfcs_definition() {
    let entries: Vec<Vec<u8>> = (0..40usize).map(|number| number.to_be_bytes().to_vec()).collect();
    for count in 0..=entries.len() {
        let hashes = leaves(count);
        let expected = tree_head(&entries[..count]);
        assert_eq!(root(hashes.clone()), expected, "{count} leaves");
        for index in 0..count {
            let path = path(&hashes, index);
            assert_eq!((path.index as usize, path.leaves as usize), (index, count));
            assert_eq!(path.siblings.to_vec(), audit_path(index, &entries[..count]));
            assert_eq!(path.root(hashes[index]), Some(expected), "leaf {index} of {count}");
        }
    }
}

/// The empty tree and the test tree of Certificate Transparency's reference implementations.
#[test]
fn published_roots() {
    let entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let hashes: Vec<_> = entries
        .iter()
        .map(|digits| leaf(&hex::decode(digits).expect("hex")))
        .collect();
    let check = |count: usize, expected: &str| assert_eq!(root(hashes[..count].to_vec()).to_string(), expected);
    check(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    check(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn a_tampered_path_leads_elsewhere() {
    for count in 1..=20 {
        let hashes = leaves(count);
        let expected = Some(root(hashes.clone()));
        for index in 0..count {
            let honest = path(&hashes, index);
            assert_ne!(honest.root(leaf(b"another")), expected);
            for place in 0..honest.siblings.len() {
                let mut siblings = honest.siblings.to_vec();
                siblings[place].0[0] ^= 1;
                let bent = InclusionPath {
                    siblings: Bounded::new(siblings).expect("as many"),
                    ..honest.clone()
                };
                assert_ne!(bent.root(hashes[index]), expected);
            }
            let mut longer = honest.siblings.to_vec();
            longer.push(Root([0; 32]));
            let longer = InclusionPath {
                siblings: Bounded::new(longer).expect("few"),
                ..honest.clone()
            };
            assert_eq!(longer.root(hashes[index]), None, "one sibling too many");
            if let Some((_, shorter)) = honest.siblings.split_last() {
                let shorter = InclusionPath {
                    siblings: Bounded::new(shorter.to_vec()).expect("few"),
                    ..honest
                };
                assert_eq!(shorter.root(hashes[index]), None, "one sibling too few");
            }
        }
    }
}

/// A path fixes the turns on the way to the root, no more: what an index means, the leaf must say.
#[test]
fn another_place_is_refused_unless_it_has_the_same_turns() {
    for count in 1..=16 {
        let hashes = leaves(count);
        let expected = root(hashes.clone());
        for index in 0..count {
            let honest = path(&hashes, index);
            for other_count in 0..=33 {
                for other_index in 0..=other_count {
                    let moved = InclusionPath {
                        index: u32::try_from(other_index).expect("small"),
                        leaves: u32::try_from(other_count).expect("small"),
                        ..honest.clone()
                    };
                    let same = other_index < other_count && turns(other_index, other_count) == turns(index, count);
                    assert_eq!(
                        moved.root(hashes[index]) == Some(expected),
                        same,
                        "leaf {index} of {count} as leaf {other_index} of {other_count}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_inner_node_is_no_leaf() {
    let [a, b] = [leaf(b"a"), leaf(b"b")];
    let inner = node(&a, &b);
    let bytes: Vec<u8> = [a.0, b.0].concat();
    assert_ne!(leaf(&bytes), inner);
    assert_ne!(root(vec![leaf(&bytes)]), inner);
    assert_ne!(leaf(b""), root(vec![]), "no leaves, and one empty leaf");
    assert_ne!(root(vec![a, b, b]), root(vec![a, b, b, b]), "nothing is duplicated");
}

#[test]
#[should_panic(expected = "leaf 3 of 3")]
fn a_path_outside_the_tree_is_a_bug() {
    path(&leaves(3), 3);
}

proptest! {
    #[test]
    fn invariant_any_path_is_judged_without_a_panic(
        index: u32,
        leaves: u32,
        siblings in prop::collection::vec(any::<[u8; 32]>().prop_map(Root), 0..=32),
        from: [u8; 32],
    ) {
        let path = InclusionPath { index, leaves, siblings: Bounded::new(siblings).expect("at most 32") };
        let root = path.root(Root(from));
        prop_assert!(root.is_none() || index < leaves);
    }
}
