//! `causeway offline sound`.

use std::{fs::File, io::Cursor, path::Path};

use anyhow::{Context, anyhow};
use causeway_wallet::{
    durable::{self, FileError},
    offline::sound::{
        SAMPLE_RATE, Speed,
        frames::{Assembly, split},
        receiver::Receiver,
        transmitter, wave,
    },
};
use serde_json::{Value, json};

use super::{
    super::args::offline::{Receive, Send},
    bad_input,
    output::{note, say},
};

pub fn send(json: bool, send: &Send) -> anyhow::Result<()> {
    let payload = send.payload.read()?;
    let (count, seconds) = write(&payload, &send.wav, send.speed.into())?;
    if json {
        say!("{}", json!({ "wav": send.wav, "frames": count, "seconds": seconds }));
    } else {
        let frames = if count == 1 { "frame" } else { "frames" };
        say!("{count} {frames} of {seconds:.0} s are in {}.", send.wav.display());
    }
    Ok(())
}

/// Writes a payload as sound; how many frames, and for how many seconds.
pub fn write(payload: &[u8], path: &Path, speed: Speed) -> anyhow::Result<(usize, f64)> {
    let frames = split(payload).map_err(bad_input)?;
    let samples = transmitter::sound(&frames, speed);
    let mut file = Cursor::new(Vec::new());
    wave::write(&mut file, &samples)?;
    durable::replace_unsynced(path, file.get_ref())?;
    Ok((frames.len(), samples.len() as f64 / f64::from(SAMPLE_RATE)))
}

pub fn receive(json: bool, receive: &Receive) -> anyhow::Result<()> {
    receive.payload.check()?;
    let (payload, told) = read(&receive.wav)?;
    receive.payload.write(json, &payload, told)
}

/// The payload in a recording, and what JSON tells of how it was heard.
pub fn read(path: &Path) -> anyhow::Result<(Vec<u8>, Value)> {
    let place = || path.display().to_string();
    let file = File::open(path)
        .map_err(FileError::new("read", path))
        .map_err(bad_input)?;
    let samples = wave::read(std::io::BufReader::new(file))
        .with_context(place)
        .map_err(bad_input)?;
    let (mut assembly, mut receiver) = (Assembly::default(), Receiver::new(&samples));
    let (mut heard, mut left_out, mut payload) = (0, 0, None);
    while payload.is_none()
        && let Some(sound) = receiver.next()
    {
        heard += 1;
        payload = assembly.take(&sound.frame).unwrap_or_else(|error| {
            left_out += 1;
            note!("a frame is of no use: {error}");
            None
        });
    }
    let lost = receiver.lost();
    let payload = payload.ok_or_else(|| {
        let known = match assembly.progress() {
            Some((known, count)) => format!("{known} of {count} frames were understood"),
            None => "no frame of a payment was understood".into(),
        };
        bad_input(anyhow!(
            "{}: {known}, and {lost} began that were not; record it again, nearer or louder",
            path.display()
        ))
    })?;
    Ok((payload, json!({ "frames": heard, "left_out": left_out, "lost": lost })))
}
