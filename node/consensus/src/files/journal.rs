//! A file that is only appended to.
//!
//! It begins with a magic number, the genesis hash and the validator that it belongs to. Then come
//! frames: length and CRC-32 of what follows them as little-endian 32-bit integers, height as a
//! 64-bit one, and an entry or more, each after its length in 32 bits. One sync writes one frame for
//! each height, so that a crash can only spoil the last: a bad frame at the end is dropped, and one with a
//! good one after it means that the disk has lost what it had promised to keep.

use std::path::PathBuf;

use causeway_contracts::{
    block::{GenesisHash, Height},
    committee::ValidatorId,
};

use super::Folder;

const MAGIC: &[u8; 8] = b"CWLOG\0\0\x01";
const HEADER_BYTES: usize = 8 + 32 + 20;
const FRAME_HEADER_BYTES: usize = 8;
const HEIGHT_BYTES: usize = 8;
const LENGTH_BYTES: usize = 4;

/// A longer file is none that this program has written.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Whose signatures a journal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub genesis: GenesisHash,
    pub validator: ValidatorId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub height: Height,
    pub entry: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError<E> {
    #[error(transparent)]
    Folder(#[from] E),
    #[error("{path} is damaged at byte {offset}: restore the disk, or remove the file to only observe for a while")]
    Damaged { path: PathBuf, offset: usize },
    #[error("{path} belongs to another network or validator key")]
    Foreign { path: PathBuf },
}

/// What a file held.
pub struct Opened {
    pub frames: Vec<Frame>,
    /// What a crash had left half-written, and is gone now.
    pub dropped_bytes: u64,
}

#[derive(Debug)]
pub struct Journal {
    name: &'static str,
    owner: Owner,
    /// Synced bytes.
    length: u64,
    /// Not yet written.
    pending: Vec<Frame>,
    pending_bytes: usize,
}

impl Journal {
    /// None if there is no such file. Drops a torn tail.
    pub fn open<F: Folder>(
        folder: &mut F,
        name: &'static str,
        owner: Owner,
    ) -> Result<Option<(Self, Opened)>, JournalError<F::Error>> {
        let Some(bytes) = folder.read(name, FILE_BYTES_MAX)? else {
            return Ok(None);
        };
        let (frames, good) = scan(&bytes, owner).map_err(|bad| bad.of(folder.path(name)))?;
        let dropped_bytes = bytes.len() as u64 - good;
        if dropped_bytes > 0 {
            folder.truncate(name, good)?;
        }
        let journal = Self {
            name,
            owner,
            length: good,
            pending: Vec::new(),
            pending_bytes: 0,
        };
        Ok(Some((journal, Opened { frames, dropped_bytes })))
    }

    /// Atomic: the file is there as a whole or not at all.
    pub fn create<F: Folder>(
        folder: &mut F,
        name: &'static str,
        owner: Owner,
        frames: &[Frame],
    ) -> Result<Self, F::Error> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(owner.genesis.as_bytes());
        bytes.extend_from_slice(owner.validator.as_bytes());
        encode_frames(frames, &mut bytes);
        folder.replace(name, &bytes)?;
        Ok(Self {
            name,
            owner,
            length: bytes.len() as u64,
            pending: Vec::new(),
            pending_bytes: 0,
        })
    }

    /// Written and yet to be written.
    pub fn bytes(&self) -> u64 {
        self.length + self.pending_bytes as u64
    }

    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    pub fn append(&mut self, height: Height, entry: Vec<u8>) {
        self.pending_bytes += LENGTH_BYTES + entry.len();
        self.pending.push(Frame { height, entry });
    }

    /// Drops what was appended for lower heights and not synced: nothing was sent that depends on it, and
    /// written now, in one sync with what comes after, it would make a torn tail of two frames.
    pub fn forget_pending_below(&mut self, height: Height) {
        self.pending.retain(|frame| frame.height >= height);
        self.pending_bytes = self.pending.iter().map(|frame| LENGTH_BYTES + frame.entry.len()).sum();
    }

    /// Everything appended is on disk after this. Nothing may be sent after it has failed.
    pub fn sync<F: Folder>(&mut self, folder: &mut F) -> Result<(), F::Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.pending_bytes + 64);
        encode_frames(&self.pending, &mut bytes);
        folder.write(self.name, self.length, &bytes)?;
        self.length += bytes.len() as u64;
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }

    /// Gives the file another name, durably.
    pub fn rename<F: Folder>(&mut self, folder: &mut F, name: &'static str) -> Result<(), F::Error> {
        if self.name != name {
            folder.rename(self.name, name)?;
            self.name = name;
        }
        Ok(())
    }

    /// What is on disk.
    pub fn read<F: Folder>(&self, folder: &F) -> Result<Vec<Frame>, JournalError<F::Error>> {
        let bytes = folder.read(self.name, FILE_BYTES_MAX)?.unwrap_or_default();
        let (frames, _) = scan(&bytes, self.owner).map_err(|bad| bad.of(folder.path(self.name)))?;
        Ok(frames)
    }

    /// Begins the file anew with these frames, in one atomic step. What was appended and not synced is
    /// dropped.
    pub fn rewrite<F: Folder>(
        &mut self,
        folder: &mut F,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Result<(), F::Error> {
        let frames: Vec<_> = frames.into_iter().collect();
        *self = Self::create(folder, self.name, self.owner, &frames)?;
        Ok(())
    }
}

enum Bad {
    Damaged(usize),
    Foreign,
}

impl Bad {
    fn of<E>(self, path: PathBuf) -> JournalError<E> {
        match self {
            Self::Damaged(offset) => JournalError::Damaged { path, offset },
            Self::Foreign => JournalError::Foreign { path },
        }
    }
}

/// The good frames and where they end.
fn scan(bytes: &[u8], owner: Owner) -> Result<(Vec<Frame>, u64), Bad> {
    // The header came with the file's name, so it was never half-written.
    let header = bytes.get(..HEADER_BYTES).ok_or(Bad::Damaged(0))?;
    if !header.starts_with(MAGIC) {
        return Err(Bad::Damaged(0));
    }
    if header[8..40] != owner.genesis.0 || header[40..] != owner.validator.0 {
        return Err(Bad::Foreign);
    }
    let mut frames = Vec::new();
    let mut offset = HEADER_BYTES;
    while offset < bytes.len() {
        match decode_frame(&bytes[offset..]) {
            Some((decoded, used)) => {
                frames.extend(decoded);
                offset += used;
            }
            None if (offset + 1..bytes.len()).any(|later| decode_frame(&bytes[later..]).is_some()) => {
                return Err(Bad::Damaged(offset));
            }
            None => break,
        }
    }
    Ok((frames, offset as u64))
}

/// One frame for each run of entries of one height.
fn encode_frames(entries: &[Frame], bytes: &mut Vec<u8>) {
    for run in entries.chunk_by(|a, b| a.height == b.height) {
        let mut body = run[0].height.0.to_le_bytes().to_vec();
        for frame in run {
            body.extend_from_slice(&length_of(&frame.entry).to_le_bytes());
            body.extend_from_slice(&frame.entry);
        }
        bytes.extend_from_slice(&length_of(&body).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
    }
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("entries are bounded, and synced long before there are so many")
}

/// The entries of the frame at the start of `bytes` and its length, if it is good.
fn decode_frame(bytes: &[u8]) -> Option<(Vec<Frame>, usize)> {
    let length = usize::try_from(read_u32(bytes)?).ok()?;
    let crc = read_u32(bytes.get(4..)?)?;
    let end = FRAME_HEADER_BYTES.checked_add(length)?;
    let body = bytes.get(FRAME_HEADER_BYTES..end)?;
    let (height, mut rest) = body.split_at_checked(HEIGHT_BYTES)?;
    if crc32fast::hash(body) != crc {
        return None;
    }
    let height = Height(u64::from_le_bytes(height.try_into().ok()?));
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(read_u32(rest)?).ok()?;
        let (entry, after) = rest.get(LENGTH_BYTES..)?.split_at_checked(length)?;
        frames.push(Frame {
            height,
            entry: entry.to_vec(),
        });
        rest = after;
    }
    Some((frames, end))
}

fn read_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
}
