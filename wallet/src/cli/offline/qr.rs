//! `causeway offline qr`.

use std::{
    collections::BTreeSet,
    io::{IsTerminal, stdin, stdout},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use causeway_wallet::{
    durable,
    offline::qr::{
        self, Shown, Symbol,
        folder::{self, FolderError},
        frames::Frames,
        picture::{Grey, PictureError},
        reader::{self, Reader},
    },
};
use serde_json::{Value, json};

use super::{
    super::args::offline::{Scan, Show},
    bad_input,
    output::{self, note, say},
};

/// Between two frames in a terminal; cameras take some thirty pictures a second.
const FRAME_TIME: Duration = Duration::from_millis(200);

/// Between two looks for pictures that are awaited.
const LOOK_TIME: Duration = Duration::from_millis(100);

/// Clears the terminal and goes to its first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

pub fn show(json: bool, show: &Show) -> anyhow::Result<()> {
    if json && show.png.is_none() && show.folder.is_none() {
        bail!("with --json, say where the picture goes: --png FILE or --folder DIR");
    }
    let payload = show.payload.read()?;
    let shown = qr::show(&payload).map_err(bad_input)?;
    match (shown, &show.png, &show.folder) {
        (Shown::One(symbol), Some(path), _) => show_picture(json, &symbol, path),
        (Shown::Moving(frames), Some(_), _) => {
            Err(too_long(payload.len(), &frames, "say --folder DIR instead of --png"))
        }
        (Shown::One(symbol), None, Some(place)) => {
            prepare(place)?;
            show_picture(json, &symbol, &place.join("0001.png"))
        }
        (Shown::Moving(frames), None, Some(place)) => show_folder(json, *frames, place, show.frames),
        (Shown::One(symbol), None, None) => {
            say!("{}", symbol.to_terminal());
            Ok(())
        }
        (Shown::Moving(frames), None, None) => show_moving(*frames, show.frames),
    }
}

fn too_long(bytes: usize, frames: &Frames, instead: &str) -> anyhow::Error {
    let parts = frames.parts();
    bad_input(anyhow!(
        "{bytes} bytes are too many for one code, and take {parts} frames; {instead}"
    ))
}

/// One code, into a picture.
pub fn write_picture(payload: &[u8], path: &Path) -> anyhow::Result<()> {
    match qr::show(payload).map_err(bad_input)? {
        Shown::One(symbol) => Ok(durable::replace_unsynced(path, &Grey::of(&symbol).to_png()?)?),
        Shown::Moving(frames) => Err(too_long(payload.len(), &frames, "give a folder instead of a picture")),
    }
}

/// One code, or frames of which three in ten may be lost, into an empty folder.
pub fn write_folder(payload: &[u8], place: &Path) -> anyhow::Result<()> {
    match qr::show(payload).map_err(bad_input)? {
        Shown::One(symbol) => {
            prepare(place)?;
            Ok(folder::write(place, 1, &Grey::of(&symbol).to_png()?)?)
        }
        Shown::Moving(frames) => {
            let count = count_of(&frames, None);
            write_frames(*frames, place, count)
        }
    }
}

fn write_frames(mut frames: Frames, place: &Path, count: usize) -> anyhow::Result<()> {
    prepare(place)?;
    for number in 1..=count {
        folder::write(place, number, &Grey::of(&frames.next_symbol()?).to_png()?)?;
    }
    Ok(())
}

fn show_picture(json: bool, symbol: &Symbol, path: &Path) -> anyhow::Result<()> {
    durable::replace_unsynced(path, &Grey::of(symbol).to_png()?)?;
    if json {
        say!("{}", json!({ "png": path, "version": symbol.version() }));
    } else {
        say!("The code is in {}.", path.display());
    }
    Ok(())
}

/// Makes the folder, if it is not there, and refuses one with pictures in it.
fn prepare(place: &Path) -> anyhow::Result<()> {
    folder::prepare(place).map_err(|error| match error {
        FolderError::NotEmpty(_) => bad_input(error),
        FolderError::File(error) => error.into(),
    })
}

/// A reader that loses three in ten has all it needs.
fn count_of(frames: &Frames, asked: Option<u16>) -> usize {
    asked.map_or(frames.parts() * 3 + 15, usize::from)
}

fn show_folder(json: bool, frames: Frames, place: &Path, asked: Option<u16>) -> anyhow::Result<()> {
    let (count, parts) = (count_of(&frames, asked), frames.parts());
    write_frames(frames, place, count)?;
    if json {
        say!("{}", json!({ "folder": place, "frames": count, "parts": parts }));
    } else {
        say!(
            "{count} frames are in {}; a reader needs {parts} of them or a few more.",
            place.display()
        );
    }
    Ok(())
}

fn show_moving(mut frames: Frames, asked: Option<u16>) -> anyhow::Result<()> {
    let is_terminal = stdout().is_terminal();
    let count = match asked {
        None if is_terminal => usize::MAX,
        asked => count_of(&frames, asked),
    };
    for _ in 0..count {
        let picture = frames.next_symbol()?.to_terminal();
        if is_terminal {
            say!("{CLEAR}{picture}");
            thread::sleep(FRAME_TIME);
        } else {
            say!("{picture}\n");
        }
        if output::lost().is_some() {
            break;
        }
    }
    Ok(())
}

pub fn scan(json: bool, scan: &Scan) -> anyhow::Result<()> {
    scan.payload.check()?;
    let (payload, told) = read(json, &scan.pictures, scan.wait)?;
    scan.payload.write(json, &payload, told)
}

/// What a picture or a folder of them says, if need be after a wait, and what JSON tells of that.
pub fn read(json: bool, place: &Path, wait: u32) -> anyhow::Result<(Vec<u8>, Value)> {
    let until = Instant::now() + Duration::from_secs(u64::from(wait));
    let mut looking = Looking::new()?;
    let payload = loop {
        if let Some(payload) = looking.look(place)? {
            break payload;
        }
        if Instant::now() >= until {
            return Err(bad_input(looking.nothing(place)));
        }
        thread::sleep(LOOK_TIME.min(until.saturating_duration_since(Instant::now())));
    };
    if !looking.left_out.is_empty() && !json {
        note!("{} pictures were of no use: {}", looking.left_out.len(), looking.why());
    }
    let told = json!({ "pictures": looking.seen.len(), "left_out": looking.left_out.len() });
    Ok((payload, told))
}

/// The other process of [`Reader`]; it has no threads, whose memory would count too.
pub fn look() -> anyhow::Result<()> {
    let content = reader::look(stdin().lock()).context("cannot look at the picture")?;
    output::bytes(&content.ok_or_else(|| bad_input(PictureError::NoCode))?);
    Ok(())
}

/// What became of the pictures that have been there.
struct Looking {
    reader: Reader,
    scan: qr::Scan,
    /// In a folder, where a picture that is there is whole and stays as it is.
    seen: BTreeSet<PathBuf>,
    left_out: Vec<anyhow::Error>,
}

impl Looking {
    fn new() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program again, to read pictures with it")?;
        Ok(Self {
            reader: Reader::new(program, reader::TIME_MAX),
            scan: qr::Scan::default(),
            seen: BTreeSet::new(),
            left_out: Vec::new(),
        })
    }

    /// Looks at the pictures that are new.
    fn look(&mut self, place: &Path) -> anyhow::Result<Option<Vec<u8>>> {
        if !place.is_dir() {
            // Someone else's file may grow while it is looked at.
            (self.seen, self.left_out) = Default::default();
            return Ok(self.take(place.to_owned()));
        }
        let pictures = folder::pictures(place)?;
        let new: Vec<_> = pictures.difference(&self.seen).cloned().collect();
        Ok(new.into_iter().find_map(|path| self.take(path)))
    }

    fn take(&mut self, path: PathBuf) -> Option<Vec<u8>> {
        let read = || -> anyhow::Result<_> { Ok(self.reader.read(&folder::read(&path)?)?) };
        let taken = read().and_then(|content| Ok(self.scan.take(&content)?));
        let payload = taken.unwrap_or_else(|error| {
            self.left_out.push(error.context(path.display().to_string()));
            None
        });
        self.seen.insert(path);
        payload
    }

    fn why(&self) -> String {
        self.left_out.last().map(output::message).unwrap_or_default()
    }

    fn nothing(&self, place: &Path) -> anyhow::Error {
        match (self.scan.progress(), self.left_out.last()) {
            (Some((known, parts)), _) => anyhow!(
                "{}: only {known} of {parts} parts are known from {} pictures, of which {} could not be used; \
                 show more frames",
                place.display(),
                self.seen.len(),
                self.left_out.len()
            ),
            (None, Some(_)) => anyhow!("{}", self.why()),
            (None, None) => anyhow!("{}: there are no pictures (*.png) in the folder", place.display()),
        }
    }
}
