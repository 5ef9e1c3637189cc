//! `causeway` as the process that looks at pictures.

use std::{path::PathBuf, time::Duration};

use causeway_wallet::offline::qr::{
    Shown,
    picture::{Grey, PictureError},
    reader::{Reader, TIME_MAX},
    show,
};

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_causeway").into()
}

fn png(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let pixels = (0..side * side).map(|at| if is_dark(at % side, at / side) { 0 } else { 255 });
    let picture = Grey {
        width: side,
        height: side,
        pixels: pixels.collect(),
    };
    picture.to_png().expect("it can be written")
}

#[test]
fn a_code_is_read() {
    let Ok(Shown::One(symbol)) = show(&[0xff; 858]) else {
        panic!("it fits")
    };
    let file = Grey::of(&symbol).to_png().expect("it can be written");
    let content = Reader::new(program(), TIME_MAX).read(&file).expect("a code");
    assert_eq!(content, [0xff; 858]);
}

#[test]
fn a_picture_without_a_code_is_no_failure() {
    let check = |file: Vec<u8>| {
        let read = Reader::new(program(), TIME_MAX).read(&file);
        assert!(matches!(read, Err(PictureError::NoCode)), "{read:?}");
    };
    check(png(2048, |_, _| false));
    check(png(1, |_, _| true));
}

/// Corners of codes, wall to wall: three rings of one module each, and one module between any two.
#[test]
fn attack_41_a_picture_full_of_corners_is_given_up() {
    let corners = png(2048, |x, y| {
        let from_middle = (x % 8).abs_diff(3).max((y % 8).abs_diff(3));
        matches!(from_middle, 0 | 1 | 3)
    });
    let read = Reader::new(program(), Duration::from_millis(500)).read(&corners);
    let given_up = matches!(read, Err(PictureError::TakesTooLong(_) | PictureError::ReaderFailed(_)));
    assert!(given_up, "{read:?}");
}

#[test]
fn a_program_that_is_not_there_says_so() {
    let read = Reader::new("/nonexistent".into(), TIME_MAX).read(&png(21, |_, _| true));
    assert!(matches!(read, Err(PictureError::Process(_))), "{read:?}");
}
