//! Finds the code in a picture, in a process that is killed when it takes too long.
//!
//! What a picture costs depends on what is in it: `rqrr` tries all combinations of what looks like a
//! corner of a code, and a file of 15 kB holds tens of thousands of such. Looking at one took more than
//! 700 MB within five seconds. A thread cannot be stopped, and its memory not be told from that of its
//! process; so another process looks, which has limits of its own and is killed. It gets pixels, and
//! what it answers is at most as long as a code: there is nothing else that it could be made to do.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::{Resource, setrlimit};

use super::picture::{Grey, PIXELS_MAX, PictureError};
use crate::exit::Exit;

/// A hundred times what a picture of one code takes.
pub const TIME_MAX: Duration = Duration::from_secs(5);

/// Of address space, for the process that looks; a picture of the most pixels takes a tenth.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// Below a code of version 1 there is nothing to find.
const SIDE_MIN: usize = 21;

/// Above so many a picture is a photograph or a whole screen, in which modules have several pixels.
const HALF_FIRST_PIXELS: usize = 1 << 20;

/// Codes in one picture that are tried until one can be read.
const CODES_MAX: usize = 16;

/// The longest content of a code of version 40.
const CONTENT_BYTES_MAX: u64 = 7089;

/// Between two looks at whether the process has ended.
const POLL_TIME: Duration = Duration::from_millis(2);

/// What `causeway` looks with.
const LOOK: [&str; 3] = ["offline", "qr", "look"];

/// Reads pictures with a program that looks: `causeway offline qr look`, or another that does [`look`].
pub struct Reader {
    program: PathBuf,
    arguments: &'static [&'static str],
    time: Duration,
}

impl Reader {
    /// `program` is `causeway`; each picture may take `time`.
    pub fn new(program: PathBuf, time: Duration) -> Self {
        Self::with_arguments(program, &LOOK, time)
    }

    /// With these arguments, `program` does nothing but [`look`] at its standard input, and ends with
    /// [`Exit::Input`] where that finds no code.
    pub fn with_arguments(program: PathBuf, arguments: &'static [&'static str], time: Duration) -> Self {
        Self {
            program,
            arguments,
            time,
        }
    }

    /// What the first code in the PNG file says that can be read.
    pub fn read(&self, png: &[u8]) -> Result<Vec<u8>, PictureError> {
        let picture = Grey::of_png(png)?;
        let mut child = Command::new(&self.program)
            .args(self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(PictureError::Process)?;
        let ended = send(&mut child, &picture).and_then(|()| self.await_end(&mut child));
        // Of one that has ended, both say nothing.
        let _ = child.kill();
        child.wait().map_err(PictureError::Process)?;
        match ended.map_err(PictureError::Process)? {
            None => Err(PictureError::TakesTooLong(self.time)),
            Some(status) if status.success() => answer(&mut child).map_err(PictureError::Process),
            Some(status) if status.code() == Some(Exit::Input as i32) => Err(PictureError::NoCode),
            Some(status) => Err(PictureError::ReaderFailed(status)),
        }
    }

    fn await_end(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let until = Instant::now() + self.time;
        loop {
            let ended = child.try_wait()?;
            if ended.is_some() || Instant::now() >= until {
                return Ok(ended);
            }
            thread::sleep(POLL_TIME);
        }
    }
}

/// Width and height in four bytes each, big-endian, then the pixels.
fn send(child: &mut Child, picture: &Grey) -> io::Result<()> {
    let mut stdin = child.stdin.take().expect("it is piped");
    let side = |pixels: usize| u32::try_from(pixels).expect("pictures are smaller").to_be_bytes();
    let sent = stdin
        .write_all(&[side(picture.width), side(picture.height)].concat())
        .and_then(|()| stdin.write_all(&picture.pixels));
    match sent {
        // Its status says why it did not read on.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        sent => sent,
    }
}

/// Of a process that has ended: a pipe holds more than the longest answer.
fn answer(child: &mut Child) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let stdout = child.stdout.take().expect("it is piped");
    stdout.take(CONTENT_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}

/// What the process does that looks: takes limits on, reads pixels, gives the content of their code.
/// `None` if there is none.
pub fn look(mut input: impl Read) -> io::Result<Option<Vec<u8>>> {
    let (memory, seconds) = (MEMORY_BYTES_MAX, TIME_MAX.as_secs());
    setrlimit(Resource::RLIMIT_AS, memory, memory)?;
    // Should nobody be left to kill it.
    setrlimit(Resource::RLIMIT_CPU, seconds, seconds)?;
    let mut side = || -> io::Result<u32> {
        let mut bytes = [0; 4];
        input.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    };
    let (width, height) = (side()?, side()?);
    let count = u64::from(width) * u64::from(height);
    if count > PIXELS_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut pixels = vec![0; count as usize];
    input.read_exact(&mut pixels)?;
    Ok(find(&Grey {
        width: width as usize,
        height: height as usize,
        pixels,
    }))
}

/// Looks for a code that can be read, without limits of time and memory. A large picture is looked at in half its size
/// first, which takes a quarter of the time and smooths noise; a small one is if its own size shows nothing.
pub fn find(picture: &Grey) -> Option<Vec<u8>> {
    match picture.pixels.len() > HALF_FIRST_PIXELS {
        true => find_at(&picture.half()).or_else(|| find_at(picture)),
        false => find_at(picture).or_else(|| find_at(&picture.half())),
    }
}

fn find_at(picture: &Grey) -> Option<Vec<u8>> {
    if picture.width.min(picture.height) < SIDE_MIN {
        return None;
    }
    let brightness = |x, y| picture.pixels[y * picture.width + x];
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(picture.width, picture.height, brightness);
    let grids = prepared.detect_grids();
    grids.iter().take(CODES_MAX).find_map(|grid| {
        let mut content = Vec::new();
        grid.decode_to(&mut content).ok().map(|_| content)
    })
}
