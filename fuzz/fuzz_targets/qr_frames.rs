//! What a reader of QR codes is shown: lines of text, some of which are frames of one message.

#![no_main]

use causeway_wallet::offline::qr::{PAYLOAD_BYTES_MAX, Scan, frames::Frames};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let payload = vec![bytes.first().copied().unwrap_or(1); 500];
    let mut frames = Frames::new(&payload).expect("it is short");
    let texts: Vec<_> = (0..16).map(|_| frames.next_text().expect("a frame")).collect();
    let mut scan = Scan::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        // A line of one byte stands for one of these, which mutations do not find.
        let line = match line {
            [pick] => texts[usize::from(*pick) % texts.len()].as_bytes(),
            line => line,
        };
        let before = scan.progress();
        match scan.take(line) {
            Ok(Some(found)) => assert!((1..=PAYLOAD_BYTES_MAX.max(line.len())).contains(&found.len())),
            Ok(None) => assert!(
                scan.progress()
                    .is_some_and(|(known, parts)| known < parts && parts <= 64)
            ),
            Err(error) => {
                let _ = error.to_string();
                assert!(scan.progress() == before || scan.progress().is_none());
            }
        }
    }
});
