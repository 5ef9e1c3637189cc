//! What carries a payload from one device to the other, by the name of its place.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use causeway_wallet::{
    durable,
    offline::{
        payload::{self, Kind},
        qr::folder::{self, FolderError},
        sound::Speed,
    },
};

use super::{super::args::purses::In, FILE_BYTES_MAX, bad_input, qr, sound};

/// Between two looks for what is not there yet.
const LOOK_TIME: Duration = Duration::from_millis(200);

enum Medium {
    Picture,
    Folder,
    Sound,
    Digits,
}

impl Medium {
    /// A folder is one that is there, or whose name ends in `/`.
    fn of(place: &Path) -> Self {
        let is_folder = place.is_dir() || place.as_os_str().as_encoded_bytes().ends_with(b"/");
        let ending = place.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_ref().and_then(|ending| ending.to_str()) {
            _ if is_folder => Self::Folder,
            Some("png") => Self::Picture,
            Some("wav") => Self::Sound,
            _ => Self::Digits,
        }
    }
}

/// Reads a payload that is for this, if need be after a wait.
pub fn read(json: bool, medium: &In, wanted: Kind) -> anyhow::Result<Vec<u8>> {
    let place = &medium.place;
    let payload = match Medium::of(place) {
        Medium::Picture | Medium::Folder => qr::read(json, place, medium.wait)?.0,
        Medium::Sound => waiting(medium.wait, || Ok(sound::read(place)?.0))?,
        Medium::Digits => waiting(medium.wait, || read_digits(place))?,
    };
    let checked = payload::check(&payload, wanted).with_context(|| place.display().to_string());
    checked.map_err(bad_input)?;
    Ok(payload)
}

fn waiting(seconds: u32, read: impl Fn() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let until = Instant::now() + Duration::from_secs(u64::from(seconds));
    loop {
        match read() {
            Err(_) if Instant::now() < until => thread::sleep(LOOK_TIME),
            read => return read,
        }
    }
}

fn read_digits(place: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = durable::read(place, FILE_BYTES_MAX).map_err(bad_input)?;
    let digits: Vec<_> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    hex::decode(digits)
        .with_context(|| format!("{}: it is not hexadecimal", place.display()))
        .map_err(bad_input)
}

/// That something can be written there is found out before there is anything to lose.
pub fn check(place: &Path) -> anyhow::Result<()> {
    if let Medium::Folder = Medium::of(place) {
        return folder::prepare(place).map_err(|error| match error {
            FolderError::NotEmpty(_) => bad_input(error),
            FolderError::File(error) => error.into(),
        });
    }
    let folder = match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder).with_context(|| format!("cannot write into {}", folder.display()))?;
    Ok(())
}

pub fn write(place: &Path, payload: &[u8]) -> anyhow::Result<()> {
    match Medium::of(place) {
        Medium::Picture => qr::write_picture(payload, place),
        Medium::Folder => qr::write_folder(payload, place),
        Medium::Sound => sound::write(payload, place, Speed::Normal).map(|_| ()),
        Medium::Digits => Ok(durable::replace(
            place,
            format!("{}\n", hex::encode(payload)).as_bytes(),
        )?),
    }
}
