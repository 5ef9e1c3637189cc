//! Card messages and their frames in both variants: what is read can be written, and reads as the same.

#![no_main]

use causeway_cards::iso8583::{Frame, Frames, Shown, Spec, describe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for spec in [Spec::a(), Spec::b()] {
        read(spec, bytes);
        let mut frames = Frames::default();
        frames.push(bytes);
        while let Ok(Some(frame)) = frames.take() {
            if let Frame::Message(message) = frame {
                read(spec, &message);
            }
        }
    }
});

fn read(spec: &Spec, wire: &[u8]) {
    let _shown = describe(spec, wire, Shown::Masked);
    if let Ok(message) = spec.parse(wire) {
        let again = spec.to_bytes(&message).expect("what was read can be written");
        // Shorter where a second bitmap announces no field.
        assert!(again.len() <= wire.len());
        let read = spec.parse(&again).expect("what was written can be read");
        assert!(read == message);
        let _key = (message.duplicate_key(), message.matching_key(), format!("{message:?}"));
    }
}
