//! The manifest and the chunks of a snapshot, as peers give them, and what may be believed of them.

#![no_main]

use causeway_contracts::snapshot::{CHUNK_ENTRIES, Chunk, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&split, rest)) = bytes.split_first() else {
        return;
    };
    let (manifest, chunk) = rest.split_at(rest.len().min(usize::from(split)));
    let chunk = Chunk::decode(chunk);
    if let Ok(chunk) = &chunk {
        assert_eq!(
            chunk.encode(),
            rest[usize::from(split).min(rest.len())..],
            "one encoding"
        );
        assert!(chunk.entries.len() <= CHUNK_ENTRIES);
        let _ = chunk.root();
    }
    let Ok(decoded) = Manifest::decode(manifest) else {
        return;
    };
    assert_eq!(decoded.encode(), manifest, "one encoding");
    let _ = decoded.root();
    for index in [0, 1, decoded.chunks.len() as u32, u32::MAX] {
        let entries = decoded.entries_of(index);
        assert!(entries.is_none_or(|count| (1..=CHUNK_ENTRIES).contains(&count)));
        if let Ok(chunk) = &chunk
            && decoded.check_chunk(index, chunk).is_ok()
        {
            assert_eq!(entries, Some(chunk.entries.len()));
        }
    }
    if decoded.check().is_ok() {
        let all = (0..decoded.chunks.len() as u32).map(|index| decoded.entries_of(index).expect("it has it") as u64);
        assert_eq!(all.sum::<u64>(), decoded.entries);
    }
});
