//! The consensus log and the sign record, as a disk may give them back.

#![no_main]

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible, path::PathBuf, rc::Rc};

use causeway_consensus::{Absent, Files, Folder, LogEntry, Signed};
use causeway_contracts::{
    block::{GenesisHash, Height},
    committee::ValidatorId,
};
use libfuzzer_sys::fuzz_target;

/// Files that outlive whoever wrote them.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

impl Folder for Memory {
    type Error = Infallible;

    fn path(&self, name: &str) -> PathBuf {
        name.into()
    }

    fn read(&self, name: &str, _: u64) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.borrow().get(name).cloned())
    }

    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.borrow_mut().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Infallible> {
        let mut files = self.0.borrow_mut();
        let file = files.get_mut(name).expect("made before");
        assert_eq!(file.len() as u64, offset);
        file.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, name: &str, length: u64) -> Result<(), Infallible> {
        let mut files = self.0.borrow_mut();
        files.get_mut(name).expect("made before").truncate(length as usize);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Infallible> {
        let file = self.0.borrow_mut().remove(from).expect("made before");
        self.0.borrow_mut().insert(to.to_owned(), file);
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = LogEntry::decode(bytes) {
        assert_eq!(entry.encode(), bytes, "one encoding");
    }
    if let Ok(signed) = Signed::decode(bytes) {
        assert_eq!(signed.encode(), bytes, "one encoding");
    }
    let (genesis, me) = (GenesisHash([7; 32]), ValidatorId([1; 20]));
    let header = [&b"CWLOG\0\0\x01"[..], &genesis.0, &me.0].concat();
    let file = [&header[..], bytes].concat();
    for name in ["consensus.log", "sign.record"] {
        let folder = Memory::default();
        folder.0.borrow_mut().insert(name.to_owned(), file.clone());
        let open = || Files::open(folder.clone(), genesis, me, Absent::Create);
        let Ok((mut files, recovered)) = open() else { continue };
        let _ = recovered.signing(Height(3));
        // Whatever was there, what is written after it is read back.
        for entry in &recovered.log {
            files.persist(entry);
        }
        let Ok(()) = files.sync();
        let (_, again) = open().expect("what it has written it can read");
        assert_eq!(again.log, [&recovered.log[..], &recovered.log[..]].concat());
        assert_eq!(again.record, recovered.record);
    }
});
