//! `causeway offline sound`.

use std::{fs::File, io::Cursor};

use anyhow::{Context, anyhow};
use causeway_wallet::{
    durable::{self, FileError},
    offline::sound::{
        SAMPLE_RATE,
        frames::{Assembly, split},
        receiver::Receiver,
        transmitter, wave,
    },
};
use serde_json::json;

use super::{
    super::args::offline::{Receive, Send},
    bad_input,
    output::{note, say},
};

pub fn send(json: bool, send: &Send) -> anyhow::Result<()> {
    let payload = send.payload.read()?;
    let frames = split(&payload).map_err(bad_input)?;
    let samples = transmitter::sound(&frames, send.speed.into());
    let mut file = Cursor::new(Vec::new());
    wave::write(&mut file, &samples)?;
    durable::replace_unsynced(&send.wav, file.get_ref())?;
    let (count, seconds) = (frames.len(), samples.len() as f64 / f64::from(SAMPLE_RATE));
    if json {
        say!("{}", json!({ "wav": send.wav, "frames": count, "seconds": seconds }));
    } else {
        let frames = if count == 1 { "frame" } else { "frames" };
        say!("{count} {frames} of {seconds:.0} s are in {}.", send.wav.display());
    }
    Ok(())
}

pub fn receive(json: bool, receive: &Receive) -> anyhow::Result<()> {
    receive.payload.check()?;
    let path = &receive.wav;
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
    receive.payload.write(
        json,
        &payload,
        json!({ "frames": heard, "left_out": left_out, "lost": lost }),
    )
}
