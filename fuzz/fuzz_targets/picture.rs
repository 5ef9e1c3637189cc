//! A picture from a stranger: a PNG file, or the pixels of a small one with a code that is damaged.

#![no_main]

use causeway_wallet::offline::qr::{
    Symbol,
    picture::{Grey, PIXELS_MAX},
    reader::find,
};
use libfuzzer_sys::fuzz_target;

/// What looking for a code costs grows with what is in a picture, not with its size alone: larger ones are looked at in
/// a process of their own, which is killed.
const LOOKED_AT_MAX: usize = 64 * 64;

/// The longest content of a code of version 40.
const CONTENT_BYTES_MAX: usize = 7089;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = Grey::of_png(bytes) {
        let count = picture.width * picture.height;
        assert!(count as u64 <= PIXELS_MAX && picture.pixels.len() == count);
        let again = Grey::of_png(&picture.to_png().expect("it can be written")).expect("its own file");
        assert_eq!(again, picture);
        if count <= LOOKED_AT_MAX {
            look(&picture);
        }
    }
    // Two bytes of place and one of brightness for each speck of dirt.
    let symbol = Symbol::of_bytes(b"payment").expect("a code").expect("it is short");
    let mut dirty = Grey::of(&symbol);
    for speck in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([speck[0], speck[1]])) % dirty.pixels.len();
        dirty.pixels[at] = speck[2];
    }
    look(&dirty);
});

fn look(picture: &Grey) {
    if let Some(content) = find(picture) {
        assert!(content.len() <= CONTENT_BYTES_MAX);
    }
}
