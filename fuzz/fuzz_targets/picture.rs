//! A picture from a stranger: a PNG file, or the pixels of a small one with a code that is damaged.

#![no_main]

use causeway_wallet::offline::qr::{
    Symbol,
    picture::{Grey, PIXELS_MAX},
    reader::find,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = Grey::of_png(bytes) {
        let count = picture.width * picture.height;
        assert!(count as u64 <= PIXELS_MAX && picture.pixels.len() == count);
        let again = Grey::of_png(&picture.to_png().expect("it can be written")).expect("its own file");
        assert_eq!(again, picture);
    }
    // Two bytes of place and one of brightness for each speck of dirt.
    let symbol = Symbol::of_bytes(b"payment").expect("a code").expect("it is short");
    let mut dirty = Grey::of(&symbol);
    for speck in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([speck[0], speck[1]])) % dirty.pixels.len();
        dirty.pixels[at] = speck[2];
    }
    if let Some(content) = find(&dirty) {
        assert!(content.len() <= 7089);
    }
});
