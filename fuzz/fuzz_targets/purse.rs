//! The memory of a purse, changed by somebody: it is locked, or opens and goes on.

#![no_main]

use std::convert::Infallible;

use causeway_wallet::offline::memory::{
    Memory, Staged, State, Store,
    ram::Ram,
    store::{OpenError, format},
};
use libfuzzer_sys::fuzz_target;

struct Bytes(Vec<u8>);

impl State for Bytes {
    type Error = Infallible;

    fn encode(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(self.0.clone())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Infallible> {
        Ok(Self(bytes.to_vec()))
    }

    fn may_follow(&self, _: &Self) -> bool {
        true
    }
}

// Each three bytes are a place (unit, byte) and what is put there.
fuzz_target!(|bytes: &[u8]| {
    let mut ram = Ram::new(format(&Bytes(vec![1; 300]), 400).expect("it fits"));
    let units = ram.units();
    let mut store = Store::open(&mut ram).expect("it is new");
    store.commit(Staged::new(Bytes(vec![2; 400]), ())).expect("it works");
    for change in bytes.chunks_exact(3) {
        let unit = &mut ram.content()[usize::from(change[0]) % units];
        unit[usize::from(change[1])] = change[2];
    }
    match Store::<_, Bytes>::open(&mut ram) {
        Ok(mut store) => {
            assert!(!store.state().0.is_empty());
            store.commit(Staged::new(Bytes(vec![3; 10]), ())).expect("it goes on");
        }
        Err(OpenError::Locked(damage)) => assert!(!damage.to_string().is_empty()),
        Err(error) => panic!("{error}"),
    }
});
