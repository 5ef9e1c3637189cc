use proptest::prelude::*;

use super::*;

const GENESIS: GenesisHash = GenesisHash([7; 32]);

fn frames(lane: Lane, payload: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut sent = 0;
    loop {
        let mut frame = Vec::new();
        sent = append_frame(&mut frame, lane, payload, sent);
        frames.push(frame);
        if sent == payload.len() {
            return frames;
        }
    }
}

fn feed(assembler: &mut Assembler, frame: &[u8]) -> Result<Option<Vec<u8>>, Violation> {
    let (header, body) = frame.split_first_chunk().expect("a header");
    let (lane, place) = assembler.open(header)?;
    place.copy_from_slice(body);
    Ok(assembler.complete(lane))
}

fn header(lane: u8, remaining: u32) -> [u8; HEADER_BYTES] {
    let mut bytes = [lane; HEADER_BYTES];
    bytes[1..].copy_from_slice(&remaining.to_be_bytes());
    bytes
}

proptest! {
    #[test]
    fn interleaved_payloads_come_out_whole(
        first in 0..=Lane::Batches.payload_bytes_max(),
        second in 0..=Lane::Consensus.payload_bytes_max(),
    ) {
        let batch: Vec<u8> = (0..first).map(|i| i as u8).collect();
        let vote = vec![9; second];
        let mut assembler = Assembler::default();
        let mut out = Vec::new();
        let mut votes = frames(Lane::Consensus, &vote).into_iter();
        for frame in frames(Lane::Batches, &batch) {
            prop_assert!(frame.len() <= FRAME_BYTES_MAX);
            out.extend(feed(&mut assembler, &frame).unwrap());
            for frame in votes.by_ref().take(1) {
                out.extend(feed(&mut assembler, &frame).unwrap());
            }
        }
        for frame in votes {
            out.extend(feed(&mut assembler, &frame).unwrap());
        }
        out.sort_by_key(Vec::len);
        let mut expected = vec![batch, vote];
        expected.sort_by_key(Vec::len);
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn invariant_no_header_makes_room_beyond_its_lane(bytes in any::<[[u8; HEADER_BYTES]; 8]>()) {
        let mut assembler = Assembler::default();
        for header in &bytes {
            if let Ok((lane, place)) = assembler.open(header) {
                prop_assert!(place.len() < FRAME_BYTES_MAX);
                assembler.complete(lane);
            }
        }
        for (lane, partial) in Lane::ALL.iter().zip(&assembler.lanes) {
            if let Some(partial) = partial {
                prop_assert!(partial.payload.capacity() <= lane.payload_bytes_max().max(FRAME_BYTES_MAX));
            }
        }
    }
}

#[test]
fn frames_that_no_honest_peer_sends_are_refused() {
    let check = |frames: &[[u8; HEADER_BYTES]], expected: Violation| {
        let mut assembler = Assembler::default();
        let (last, before) = frames.split_last().unwrap();
        for header in before {
            let (lane, _) = assembler.open(header).unwrap();
            assembler.complete(lane);
        }
        assert_eq!(assembler.open(last).map(|_| ()), Err(expected));
    };
    check(&[header(3, 1)], Violation::UnknownLane(3));
    for lane in Lane::ALL {
        let bytes = lane.payload_bytes_max() + 1;
        check(
            &[header(lane.index() as u8, bytes as u32)],
            Violation::PayloadTooLong { lane, bytes },
        );
        check(
            &[header(lane.index() as u8, u32::MAX)],
            Violation::PayloadTooLong {
                lane,
                bytes: u32::MAX as usize,
            },
        );
    }
    let total = 100_000;
    for actual in [0, 1, total, u32::MAX] {
        check(
            &[header(1, total), header(1, actual)],
            Violation::OutOfStep {
                lane: Lane::Batches,
                expected: total as usize - BODY_BYTES_MAX,
                actual: actual as usize,
            },
        );
    }
}

#[test]
fn a_hello_is_38_bytes_of_this_form() {
    let hello = Hello {
        version: 0x0102,
        genesis: GENESIS,
    };
    let mut expected = b"CWAY\x01\x02".to_vec();
    expected.extend([7; 32]);
    assert_eq!(hello.encode().as_slice(), expected);
    assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
    let mut other = hello.encode();
    other[0] ^= 1;
    assert_eq!(Hello::decode(&other), Err(Violation::NotAHello));
}

#[test]
fn a_peer_of_another_network_or_version_is_named() {
    let ours = Hello {
        version: WIRE_VERSION,
        genesis: GENESIS,
    };
    assert_eq!(ours.check(&ours), Ok(()));
    let theirs = Hello {
        genesis: GenesisHash([8; 32]),
        ..ours
    };
    let text = ours.check(&theirs).unwrap_err().to_string();
    assert!(
        text.contains(&"07".repeat(32)) && text.contains(&"08".repeat(32)),
        "{text}"
    );
    assert_eq!(
        ours.check(&Hello { version: 2, ..theirs }),
        Err(Mismatch::Version { theirs: 2, ours: 1 })
    );
}
