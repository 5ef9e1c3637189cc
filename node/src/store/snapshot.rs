//! A snapshot as a file: the state after a block, with the block and what makes it final.
//!
//! | part | bytes |
//! | --- | --- |
//! | magic | `causeway-snap/1` and a line feed |
//! | each chunk | its length, as four bytes, big-endian; the encoded [`Chunk`] |
//! | trailer | the encoded [`Trailer`] |
//! | footer | where the trailer begins, as eight bytes, big-endian; its hash; the magic again |
//!
//! Chunks come first, so that the file is written in one pass with one chunk in memory. It is written
//! beside its place and renamed: there is a whole file or none. Each chunk is checked when it is read.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{CertificateError, GenesisHash, Height},
    codec::{self, Bounded, DecodeError},
    merkle::Root,
    proof::Handover,
    snapshot::{
        CHUNK_BYTES_MAX, CHUNKS_MAX, Chunk, ChunkError, Cutter, Manifest, ManifestError, SNAPSHOT_HANDOVERS_MAX,
        SnapshotEntry,
    },
};

use super::{
    database::View,
    error::{Attempt, Damage, StoreError},
    folder::{free_bytes, sync_parent},
    format::{Column, StoredBlock, digest_from, digest_of, height_key},
    handovers::all_handovers,
    ids::scan_ids,
    kept::KeptSnapshots,
    open::{decode_key, first_kept, first_remembered, read_state, read_tip},
};
use crate::exit::ExitStatus;

const MAGIC: &[u8; 16] = b"causeway-snap/1\n";

const FOOTER_BYTES: usize = 8 + 32 + MAGIC.len();

/// The longest part of it are the chunks' roots and places, 40 bytes and a few each.
const TRAILER_BYTES_MAX: usize = CHUNKS_MAX * 48 + 128 * 1024 + SNAPSHOT_HANDOVERS_MAX * 32 * 1024;

/// What tells what the chunks are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Trailer {
    block: StoredBlock,
    /// From the genesis to those who decide after the block.
    handovers: Bounded<Handover, SNAPSHOT_HANDOVERS_MAX>,
    manifest: Manifest,
    /// Where each chunk's length stands.
    places: Bounded<u64, CHUNKS_MAX>,
}

/// What a snapshot is of, as people compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub height: Height,
    pub root: Root,
    pub entries: u64,
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot {attempt} the snapshot {path}: {cause}")]
    File {
        attempt: Attempt,
        path: PathBuf,
        cause: io::Error,
    },
    #[error("{path} is there already; choose another name, or remove it")]
    Exists { path: PathBuf },
    #[error("the database is at the genesis state: there is no block yet to make a snapshot of")]
    NoBlock,
    #[error(
        "validators have changed more than {SNAPSHOT_HANDOVERS_MAX} times, and no snapshot holds as much; use db backup"
    )]
    Handovers,
    #[error("{path} is no whole snapshot: {problem}. Copy it again from where it was made")]
    Broken { path: PathBuf, problem: Broken },
    #[error("{path} is of the network with genesis {found}, and the genesis file has hash {expected}")]
    OtherGenesis {
        path: PathBuf,
        expected: GenesisHash,
        found: GenesisHash,
    },
    #[error("{path}: its block is not final by the genesis file's validators: {source}")]
    NotFinal { path: PathBuf, source: CertificateError },
    #[error("the snapshot's state is not one after its block: {0}. It is forged, or was made of a damaged database")]
    State(#[source] Damage),
    #[error("{path} has root {actual}, and {expected} was asked for: it is another snapshot, or a forged one")]
    OtherRoot {
        path: PathBuf,
        expected: Root,
        actual: Root,
    },
}

impl SnapshotError {
    /// With which status a command ends for this reason.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Store(error) => error.exit_status(),
            Self::File { cause, .. } if cause.kind() == io::ErrorKind::StorageFull => ExitStatus::SafetyWrite,
            Self::OtherGenesis { .. } => ExitStatus::Genesis,
            _ => ExitStatus::Database,
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("it does not begin or end as one")]
    Magic,
    #[error("its trailer has not the hash that its end says")]
    TrailerHash,
    #[error("its trailer cannot be read: {0}")]
    Trailer(#[source] DecodeError),
    #[error("{0}")]
    Manifest(#[source] ManifestError),
    #[error("block, manifest and places do not belong together")]
    Parts,
    #[error("chunk {index} is longer than a chunk can be, or than the file")]
    ChunkLength { index: u32 },
    #[error("chunk {index} cannot be read: {source}")]
    ChunkBytes { index: u32, source: DecodeError },
    #[error("{0}")]
    Chunk(#[source] ChunkError),
    #[error("the change of validators after block {0} does not follow from the one before it")]
    Handover(Height),
}

/// Everything that a snapshot of the view's state holds, in its order.
fn entries<'v>(view: &'v View<'_>) -> Result<impl Iterator<Item = Result<SnapshotEntry, StoreError>> + 'v, StoreError> {
    let time = read_tip(view)?.time_ms;
    let state = read_state(view).map(|entry| entry.map(|(key, value)| SnapshotEntry::State(key, value)));
    let ids = scan_ids(view, first_remembered(time)).map(|id| {
        let (valid_until, id) = id?;
        Ok(SnapshotEntry::Id(valid_until, id))
    });
    let digests = view.scan(Column::Digests, &digest_from(first_kept(time))).map(|entry| {
        let (forgotten_at, digest) = decode_key(view, Column::Digests, digest_of, &entry?.0)?;
        Ok(SnapshotEntry::Digest(forgotten_at, digest))
    });
    Ok(state.chain(ids).chain(digests))
}

/// The root over everything that a snapshot of the view's state holds, which is kept as a file too, if it can be.
pub(super) fn root_and_file(view: &View<'_>, genesis: &GenesisHash, kept: &KeptSnapshots) -> Result<Root, StoreError> {
    let Some(path) = kept.begin(read_tip(view)?.height) else {
        return root(view, genesis);
    };
    match write(view, genesis, &path, kept.disk_free_bytes_min()) {
        Ok(contents) => Ok(contents.root),
        Err(SnapshotError::Store(error)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "this node keeps no snapshot for others");
            root(view, genesis)
        }
    }
}

fn root(view: &View<'_>, genesis: &GenesisHash) -> Result<Root, StoreError> {
    let mut cutter = Cutter::new(*genesis, read_tip(view)?.height);
    for entry in entries(view)? {
        view.database().check_wanted()?;
        cutter.push(entry?);
    }
    Ok(cutter.finish().1.root())
}

/// Writes the state that a view shows to a file that there is not yet, or nothing where less than `free_bytes_min`
/// of disk space would be left.
pub(super) fn write(
    view: &View<'_>,
    genesis: &GenesisHash,
    path: &Path,
    free_bytes_min: u64,
) -> Result<Contents, SnapshotError> {
    if path.exists() {
        return Err(SnapshotError::Exists { path: path.to_owned() });
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = write_partial(view, genesis, &partial, free_bytes_min);
    let renamed = written.and_then(|contents| {
        let failed = |attempt| {
            let path = path.to_owned();
            move |cause| SnapshotError::File { attempt, path, cause }
        };
        fs::rename(&partial, path).map_err(failed(Attempt::Rename))?;
        sync_parent(path).map_err(failed(Attempt::Sync))?;
        Ok(contents)
    });
    renamed.inspect_err(|_| {
        // What is wrong is told already.
        fs::remove_file(&partial).ok();
    })
}

fn write_partial(
    view: &View<'_>,
    genesis: &GenesisHash,
    partial: &Path,
    free_bytes_min: u64,
) -> Result<Contents, SnapshotError> {
    let tip = read_tip(view)?;
    let block = view.get(Column::Blocks, &height_key(tip.height))?;
    let block: StoredBlock = block.ok_or(SnapshotError::NoBlock)?;
    let handovers = all_handovers(view, Height::GENESIS, tip.height.next())
        .take(SNAPSHOT_HANDOVERS_MAX + 1)
        .collect::<Result<_, _>>()?;
    let handovers = Bounded::new(handovers).map_err(|_| SnapshotError::Handovers)?;
    let failed = |attempt| {
        let path = partial.to_owned();
        move |cause| SnapshotError::File { attempt, path, cause }
    };
    let file = File::create(partial).map_err(failed(Attempt::Create))?;
    let mut output = Output {
        file: BufWriter::new(file),
        position: 0,
        places: Vec::new(),
    };
    let mut cutter = Cutter::new(*genesis, tip.height);
    let mut written = output.put(MAGIC);
    for entry in entries(view)? {
        view.database().check_wanted()?;
        if let Some(chunk) = cutter.push(entry?) {
            written = written
                .and_then(|()| check_room(partial, free_bytes_min))
                .and_then(|()| output.chunk(&chunk));
        }
        if written.is_err() {
            break;
        }
    }
    let (last, manifest) = cutter.finish();
    let contents = Contents {
        height: tip.height,
        root: manifest.root(),
        entries: manifest.entries,
        bytes: 0,
    };
    let finished = written.and_then(|()| {
        if let Some(chunk) = last {
            output.chunk(&chunk)?;
        }
        output.finish(block, handovers, manifest)
    });
    let bytes = finished.map_err(failed(Attempt::Write))?;
    Ok(Contents { bytes, ..contents })
}

/// The node that writes this needs the rest for itself.
fn check_room(partial: &Path, free_bytes_min: u64) -> io::Result<()> {
    if free_bytes(partial)? < free_bytes_min {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

struct Output {
    file: BufWriter<File>,
    position: u64,
    places: Vec<u64>,
}

impl Output {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn chunk(&mut self, chunk: &Chunk) -> io::Result<()> {
        let bytes = chunk.encode();
        assert!(bytes.len() <= CHUNK_BYTES_MAX, "entries have their bounds");
        self.places.push(self.position);
        let length = u32::try_from(bytes.len()).expect("bounded above");
        self.put(&length.to_be_bytes())?;
        self.put(&bytes)
    }

    /// Synced when it returns. Gives the file's length.
    fn finish(
        mut self,
        block: StoredBlock,
        handovers: Bounded<Handover, SNAPSHOT_HANDOVERS_MAX>,
        manifest: Manifest,
    ) -> io::Result<u64> {
        let places = Bounded::new(std::mem::take(&mut self.places)).expect("as many as the manifest has chunks");
        let trailer = codec::encode(&Trailer {
            block,
            handovers,
            manifest,
            places,
        });
        let position = self.position;
        self.put(&trailer)?;
        self.put(&position.to_be_bytes())?;
        self.put(&trailer_hash(&trailer))?;
        self.put(MAGIC)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(self.position)
    }
}

fn trailer_hash(trailer: &[u8]) -> [u8; 32] {
    codec::hash("causeway/snapshot-file/1", &[trailer])
}

/// A snapshot file whose trailer was read and whose chunks are checked as they are.
#[derive(Debug)]
pub struct SnapshotFile {
    path: PathBuf,
    file: BufReader<File>,
    bytes: u64,
    trailer: Trailer,
}

impl SnapshotFile {
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        let failed = |attempt| {
            let path = path.to_owned();
            move |cause| SnapshotError::File { attempt, path, cause }
        };
        let broken = |problem| SnapshotError::Broken {
            path: path.to_owned(),
            problem,
        };
        let mut file = File::open(path).map_err(failed(Attempt::Open))?;
        let bytes = file.metadata().map_err(failed(Attempt::Open))?.len();
        let mut start = [0; MAGIC.len()];
        let mut footer = [0; FOOTER_BYTES];
        let end = bytes
            .checked_sub(FOOTER_BYTES as u64)
            .filter(|&end| end >= MAGIC.len() as u64);
        let end = end.ok_or_else(|| broken(Broken::Magic))?;
        file.read_exact(&mut start).map_err(failed(Attempt::Read))?;
        file.seek(SeekFrom::Start(end)).map_err(failed(Attempt::Read))?;
        file.read_exact(&mut footer).map_err(failed(Attempt::Read))?;
        if start != *MAGIC || footer[40..] != *MAGIC {
            return Err(broken(Broken::Magic));
        }
        let position = u64::from_be_bytes(footer[..8].try_into().expect("eight bytes"));
        let length = end
            .checked_sub(position)
            .and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|&length| length <= TRAILER_BYTES_MAX);
        let mut trailer = vec![0; length.ok_or_else(|| broken(Broken::TrailerHash))?];
        file.seek(SeekFrom::Start(position)).map_err(failed(Attempt::Read))?;
        file.read_exact(&mut trailer).map_err(failed(Attempt::Read))?;
        if trailer_hash(&trailer) != footer[8..40] {
            return Err(broken(Broken::TrailerHash));
        }
        let trailer: Trailer =
            codec::decode(&trailer, TRAILER_BYTES_MAX).map_err(|source| broken(Broken::Trailer(source)))?;
        trailer
            .manifest
            .check()
            .map_err(|source| broken(Broken::Manifest(source)))?;
        let (header, certificate) = (&trailer.block.block.header, &trailer.block.certificate);
        let belong = header.height == trailer.manifest.height
            && header.genesis == trailer.manifest.genesis
            && (certificate.height, certificate.block) == (header.height, header.id())
            && trailer.places.len() == trailer.manifest.chunks.len();
        if !belong {
            return Err(broken(Broken::Parts));
        }
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            bytes,
            trailer,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The block after which the state was this, as its validators certified it.
    pub fn block(&self) -> &StoredBlock {
        &self.trailer.block
    }

    pub fn handovers(&self) -> &[Handover] {
        &self.trailer.handovers
    }

    #[cfg(test)]
    pub fn swap_handovers(&mut self, one: usize, other: usize) {
        let mut handovers = self.trailer.handovers.to_vec();
        handovers.swap(one, other);
        self.trailer.handovers = Bounded::new(handovers).expect("as many");
    }

    pub fn manifest(&self) -> &Manifest {
        &self.trailer.manifest
    }

    pub fn contents(&self) -> Contents {
        Contents {
            height: self.trailer.manifest.height,
            root: self.trailer.manifest.root(),
            entries: self.trailer.manifest.entries,
            bytes: self.bytes,
        }
    }

    /// A chunk as it was encoded, checked against the manifest.
    pub fn chunk(&mut self, index: u32) -> Result<(Chunk, Vec<u8>), SnapshotError> {
        let bytes = self.chunk_bytes(index)?;
        let broken = |problem| SnapshotError::Broken {
            path: self.path.clone(),
            problem,
        };
        let chunk = Chunk::decode(&bytes).map_err(|source| broken(Broken::ChunkBytes { index, source }))?;
        let checked = self.trailer.manifest.check_chunk(index, &chunk);
        checked.map_err(|source| broken(Broken::Chunk(source)))?;
        Ok((chunk, bytes))
    }

    /// A chunk as it was encoded, not checked: whoever asked for it does that.
    pub fn chunk_bytes(&mut self, index: u32) -> Result<Vec<u8>, SnapshotError> {
        let broken = |problem| SnapshotError::Broken {
            path: self.path.clone(),
            problem,
        };
        let place = self.trailer.places.get(index as usize).copied();
        let place = place.ok_or_else(|| broken(Broken::ChunkLength { index }))?;
        let failed = |cause| SnapshotError::File {
            attempt: Attempt::Read,
            path: self.path.clone(),
            cause,
        };
        let mut length = [0; 4];
        self.file.seek(SeekFrom::Start(place)).map_err(failed)?;
        self.file.read_exact(&mut length).map_err(failed)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > CHUNK_BYTES_MAX || place.saturating_add(length as u64) > self.bytes {
            return Err(broken(Broken::ChunkLength { index }));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}
