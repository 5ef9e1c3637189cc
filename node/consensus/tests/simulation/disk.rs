use std::sync::Arc;

use causeway_consensus::{LogEntry, SignRecord, Signed};
use causeway_contracts::block::{Block, CommitCertificate, Height};

/// What a replica finds again after a crash: what was synced, as bytes.
#[derive(Default)]
pub struct Disk {
    log: Pages,
    record: Pages,
    /// From height 1 on.
    pub chain: Vec<(Arc<Block>, CommitCertificate)>,
}

#[derive(Default)]
struct Pages {
    synced: Vec<Vec<u8>>,
    written: Vec<Vec<u8>>,
}

impl Pages {
    fn sync(&mut self) {
        self.synced.append(&mut self.written);
    }
}

impl Disk {
    pub fn height(&self) -> Height {
        Height(self.chain.len() as u64)
    }

    pub fn append_log(&mut self, entry: &LogEntry) {
        self.log.written.push(entry.encode());
    }

    pub fn append_record(&mut self, signed: &Signed) {
        self.record.written.push(signed.encode());
    }

    pub fn sync_log(&mut self) {
        self.log.sync();
    }

    pub fn sync_record(&mut self) {
        self.record.sync();
    }

    pub fn is_synced(&self, signed: &Signed) -> bool {
        self.record.synced.contains(&signed.encode())
    }

    pub fn is_logged(&self, entry: &LogEntry) -> bool {
        self.log.synced.contains(&entry.encode())
    }

    pub fn lose_unsynced(&mut self) {
        self.log.written.clear();
        self.record.written.clear();
    }

    /// The log of a height begins empty.
    pub fn reset_log(&mut self) {
        self.log = Pages::default();
    }

    pub fn read_log(&self) -> Vec<LogEntry> {
        let read = |bytes: &Vec<u8>| LogEntry::decode(bytes).expect("written by encode");
        self.log.synced.iter().map(read).collect()
    }

    pub fn read_record(&self) -> SignRecord {
        let mut record = SignRecord::default();
        for bytes in &self.record.synced {
            record.absorb(Signed::decode(bytes).expect("written by encode"));
        }
        record
    }
}
