use proptest::{collection::vec, prelude::*};

use super::{
    frames::{MESSAGE_BYTES_MAX, PARTS_MAX, TYPE},
    picture::{Grey, PIXELS_MAX, PictureError},
    reader::find,
    *,
};

fn part(sequence: u64, parts: u64, message_bytes: u64, data: &[u8]) -> String {
    frame(sequence, parts, message_bytes, 7, data)
}

/// A frame that says what it is told to, with a good checksum of its own.
fn frame(sequence: u64, parts: u64, message_bytes: u64, checksum: u32, data: &[u8]) -> String {
    let number = |number: u64| match number {
        0..=23 => vec![number as u8],
        24..=255 => vec![24, number as u8],
        256..=65_535 => [vec![25], (number as u16).to_be_bytes().to_vec()].concat(),
        _ => [vec![26], (number as u32).to_be_bytes().to_vec()].concat(),
    };
    let cbor = [
        vec![0x85],
        number(sequence),
        number(parts),
        number(message_bytes),
        number(u64::from(checksum)),
        cbor::byte_string(data),
    ];
    let body = ur::bytewords::encode(&cbor.concat(), ur::bytewords::Style::Minimal);
    format!("ur:{TYPE}/{sequence}-{parts}/{body}")
}

fn moving(payload: &[u8]) -> Box<Frames> {
    match show(payload).expect("it can be shown") {
        Shown::Moving(frames) => frames,
        Shown::One(_) => panic!("it fits one code"),
    }
}

/// What a reader makes of a code, by way of a PNG file.
fn photographed(symbol: &Symbol) -> Vec<u8> {
    let png = Grey::of(symbol).to_png().expect("it can be written");
    let picture = Grey::of_png(&png).expect("it can be read");
    assert_eq!(picture, Grey::of(symbol));
    find(&picture).expect("there is a code")
}

#[test]
fn up_to_version_20_a_payload_is_one_code() {
    for (bytes, version) in [
        (1, 1),
        (14, 1),
        (15, 2),
        (416, 16),
        (666, 20),
        (667, 18),
        (726, 19),
        (858, 20),
    ] {
        let payload = vec![0xa5; bytes];
        let Ok(Shown::One(symbol)) = show(&payload) else {
            panic!("{bytes} bytes fit one code")
        };
        assert_eq!(symbol.version(), version, "{bytes} bytes");
        assert_eq!(photographed(&symbol), payload);
    }
    assert_eq!(moving(&[0xa5; 859]).parts(), 5);
    assert_eq!(moving(&[0xa5; 2048]).parts(), 11);
    assert_eq!(moving(&[0xa5; PAYLOAD_BYTES_MAX]).parts(), 21);
}

#[test]
fn what_looks_like_a_frame_is_shown_in_frames() {
    for payload in [b"ur:".as_slice(), b"UR:bytes/1-1/x"] {
        let mut frames = moving(payload);
        let content = photographed(&frames.next_symbol().expect("a frame"));
        assert_eq!(Scan::default().take(&content).expect("a frame"), Some(payload.to_vec()));
    }
}

#[test]
fn nothing_and_too_much_are_not_shown() {
    assert!(matches!(show(&[]), Err(ShowError::Empty)));
    assert!(matches!(
        show(&[0; PAYLOAD_BYTES_MAX + 1]),
        Err(ShowError::TooLong(4094))
    ));
}

#[test]
fn frames_are_codes_of_version_13_at_most() {
    let mut frames = moving(&[0xff; PAYLOAD_BYTES_MAX]);
    for _ in 0..100 {
        assert!(frames.next_symbol().expect("a frame").version() <= 13);
    }
}

#[test]
fn attack_39_a_frame_that_announces_too_much_is_refused_before_the_decoder_sees_it() {
    let check = |frame: String, expected: &str| {
        let mut scan = Scan::default();
        let error = scan.take(frame.as_bytes()).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
        // Had the decoder seen it, it would know how many parts there are.
        assert_eq!(scan.progress(), None);
    };
    check(part(1, PARTS_MAX as u64 + 1, 65, &[0]), "65 parts");
    check(part(1, u64::from(u32::MAX), 1 << 31, &[0]), "4294967295 parts");
    check(part(1, 0, 1, &[0]), "0 parts");
    check(part(1, 1, MESSAGE_BYTES_MAX as u64 + 1, &[0]), "4097 bytes");
    check(part(1, 64, u64::from(u32::MAX), &[0]), "4294967295 bytes");
    check(part(1, 1, 0, &[0]), "0 bytes");
    check(part(0, 1, 1, &[0]), "count from 1");
    check(part(1, 64, 4096, &[0]), "do not make up");
    check(part(1, 2, 4, &[0; 4]), "do not make up");
    check(part(1, 1, 1, &[]), "do not make up");
    check(part(1, 2, 4, &[0; 2]).replace("/1-2/", "/2-2/"), "not that of its part");
    check(
        part(1, 2, 4, &[0; 2]).replace("/1-2/", "/1-2/1-2/"),
        "not made of a type",
    );
    check(format!("ur:{TYPE}/99999999999-2/aa"), "at most 32 bits");
    check(format!("ur:{TYPE}/1-2/"), "cannot be read");
    check(format!("ur:{TYPE}/1-2/{}", "a".repeat(4296)), "characters");
    check(part(1, 1, 4, &[0; 4]).replace(TYPE, "bytes"), "no frame of a payment");
    check("ur:\u{e9}".into(), "no frame of a payment");
}

#[test]
fn attack_39_a_flood_of_frames_that_make_no_message_ends() {
    let message = cbor::byte_string(&[0x5a; PAYLOAD_BYTES_MAX]);
    let mut texts = ur::Encoder::new(&message, 64, TYPE).expect("an encoder");
    let mut parts = ur::fountain::Encoder::new(&message, 64).expect("an encoder");
    let mut scan = Scan::default();
    let mut taken = 0;
    loop {
        let (text, part) = (texts.next_part().expect("a frame"), parts.next_part());
        // Without the first part there is no message, however many there are of the others.
        if part.indexes().contains(&0) {
            continue;
        }
        match scan.take(text.as_bytes()) {
            Ok(payload) => assert_eq!(payload, None),
            Err(error) => break assert!(matches!(error, FrameError::TooMany) && taken == 1024, "{error}"),
        }
        taken += 1;
    }
}

#[test]
fn attack_40_frames_of_two_messages_do_not_merge() {
    let (one, other) = (vec![1; 1000], vec![2; 1000]);
    let (mut ones, mut others) = (moving(&one), moving(&other));
    let mut scan = Scan::default();
    for _ in 0..ones.parts() - 1 {
        assert_eq!(
            scan.take(ones.next_text().expect("a frame").as_bytes())
                .expect("of the first"),
            None
        );
        let before = scan.progress();
        let refused = scan.take(others.next_text().expect("a frame").as_bytes());
        assert!(matches!(refused, Err(FrameError::OtherMessage)));
        assert_eq!(scan.progress(), before);
    }
    let last = scan.take(ones.next_text().expect("a frame").as_bytes());
    assert_eq!(last.expect("of the first"), Some(one));
}

#[test]
fn attack_40_a_forged_frame_with_anothers_checksum_gives_no_payload() {
    let mut scan = Scan::default();
    let message = cbor::byte_string(&[1; 8]);
    let checksum = crc32fast::hash(&message);
    let forged = frame(1, 2, message.len() as u64, checksum, &[0xff; 5]);
    let honest = frame(2, 2, message.len() as u64, checksum, &[1, 1, 1, 1, 0]);
    assert_eq!(
        scan.take(forged.as_bytes()).expect("nothing is wrong with it alone"),
        None
    );
    assert!(matches!(scan.take(honest.as_bytes()), Err(FrameError::Checksum)));
    // And nothing of it stays.
    let first = frame(1, 2, message.len() as u64, checksum, &message[..5]);
    assert_eq!(scan.take(first.as_bytes()).expect("a frame"), None);
    assert_eq!(scan.take(honest.as_bytes()).expect("a frame"), Some(vec![1; 8]));
}

#[test]
fn attack_41_a_picture_that_would_be_too_large_is_refused_by_its_header() {
    let header = |width: u32, height: u32| {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        chunk.extend([8, 0, 0, 0, 0]);
        let crc = crc32fast::hash(&chunk).to_be_bytes();
        [b"\x89PNG\r\n\x1a\n\0\0\0\r".as_slice(), &chunk, &crc].concat()
    };
    let check = |width, height| {
        let refused = Grey::of_png(&header(width, height));
        assert!(
            matches!(refused, Err(PictureError::TooManyPixels { .. })),
            "{refused:?}"
        );
    };
    check(1 << 30, 1 << 30);
    check(2049, 2048);
    check(PIXELS_MAX as u32 + 1, 1);
    let nothing_in_it = Grey::of_png(&header(2048, 2048));
    assert!(
        matches!(nothing_in_it, Err(PictureError::Decoding(_))),
        "{nothing_in_it:?}"
    );
    let too_long = Grey::of_png(&vec![0; picture::PICTURE_BYTES_MAX + 1]);
    assert!(matches!(too_long, Err(PictureError::FileTooLong(_))));
}

#[test]
fn pictures_of_every_kind_are_read() {
    let Ok(Shown::One(symbol)) = show(b"cash") else {
        panic!("it is short")
    };
    let grey = Grey::of(&symbol);
    use png::{BitDepth, ColorType};
    let check = |kind: ColorType, depth, expand: &dyn Fn(u8) -> Vec<u8>| {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, grey.width as u32, grey.height as u32);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        encoder.set_palette([0, 0, 0, 255, 255, 255].as_slice());
        let samples: Vec<_> = grey.pixels.iter().flat_map(|&pixel| expand(pixel)).collect();
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&samples).expect("samples");
        writer.finish().expect("written");
        let read = find(&Grey::of_png(&file).expect("a picture")).expect("a code");
        assert_eq!(read, b"cash", "{kind:?} {depth:?}");
    };
    check(ColorType::Rgb, BitDepth::Eight, &|pixel| vec![pixel; 3]);
    check(ColorType::Rgba, BitDepth::Eight, &|pixel| vec![0, 0, 0, 255 - pixel]);
    check(ColorType::GrayscaleAlpha, BitDepth::Eight, &|pixel| {
        vec![0, 255 - pixel]
    });
    check(ColorType::Grayscale, BitDepth::Sixteen, &|pixel| vec![pixel, pixel]);
    check(ColorType::Indexed, BitDepth::Eight, &|pixel| vec![pixel / 255]);
}

#[test]
fn a_picture_without_a_code_says_so() {
    for side in [0, 1, 20, 21, 300] {
        let white = Grey {
            width: side,
            height: side,
            pixels: vec![255; side * side],
        };
        assert_eq!(find(&white), None);
    }
}

#[test]
fn a_folder_of_frames_gives_the_payload_and_is_used_once() {
    let place = tempfile::tempdir().expect("a folder");
    let inside = place.path().join("frames");
    folder::prepare(&inside).expect("it is made");
    let payload = vec![3; 900];
    let mut frames = moving(&payload);
    for number in 1..=frames.parts() {
        let png = Grey::of(&frames.next_symbol().expect("a frame"))
            .to_png()
            .expect("a picture");
        folder::write(&inside, number, &png).expect("written");
    }
    std::fs::write(inside.join(".0009.png.1.tmp"), "half").expect("written");
    std::fs::write(inside.join(".half.png"), "half").expect("written");
    assert!(matches!(
        folder::prepare(&inside),
        Err(folder::FolderError::NotEmpty(_))
    ));
    let mut scan = Scan::default();
    let pictures = folder::pictures(&inside).expect("read");
    assert_eq!(pictures.len(), frames.parts());
    let contents = pictures.iter().map(|path| {
        let picture = Grey::of_png(&folder::read(path).expect("read")).expect("a picture");
        find(&picture).expect("a code")
    });
    let found = contents.map(|content| scan.take(&content).expect("a frame")).last();
    assert_eq!(found, Some(Some(payload)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn invariant_what_is_shown_is_what_is_read(payload in vec(any::<u8>(), 1..900)) {
        let content = match show(&payload).expect("it can be shown") {
            Shown::One(symbol) => photographed(&symbol),
            Shown::Moving(mut frames) => {
                let mut scan = Scan::default();
                loop {
                    let content = photographed(&frames.next_symbol().expect("a frame"));
                    if let Some(payload) = scan.take(&content).expect("a frame") {
                        break payload;
                    }
                }
            }
        };
        prop_assert_eq!(content, payload);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is lost, doubled or out of order, a payload is given as it was shown, or not at all.
    #[test]
    fn invariant_frames_in_any_order_with_any_losses_give_the_payload_or_nothing(
        payload in vec(any::<u8>(), 859..=PAYLOAD_BYTES_MAX),
        picked in vec(0_usize..80, 1..160),
    ) {
        let mut frames = moving(&payload);
        let texts: Vec<_> = (0..80).map(|_| frames.next_text().expect("a frame")).collect();
        let mut scan = Scan::default();
        for pick in picked {
            if let Some(found) = scan.take(texts[pick].as_bytes()).expect("a frame") {
                prop_assert_eq!(&found, &payload);
                return Ok(());
            }
        }
        // Then the rest brings it: no state was broken by the order.
        let rest = texts.iter().find_map(|text| scan.take(text.as_bytes()).expect("a frame"));
        prop_assert_eq!(rest, Some(payload));
    }

    #[test]
    fn invariant_no_text_panics_or_is_taken_for_a_payload(text in "(?i)ur:causeway-offline/[0-9]{1,3}-[0-9]{1,3}/[a-z]{0,40}") {
        prop_assert!(Scan::default().take(text.as_bytes()).is_err());
    }
}
