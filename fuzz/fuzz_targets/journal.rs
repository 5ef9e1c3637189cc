//! The journal of a batch, as a disk may give it back: records of payments that were signed, ended, died or never
//! left, in any order, and raw lines among them. A small model says what must be remembered.

#![no_main]

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use causeway_contracts::{
    block::{GenesisHash, Height},
    codec::{Bounded, Text},
    identity::{AccountId, AddressPrefix},
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    transaction::{Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};
use causeway_wallet::{
    batch::{
        journal::{Binding, Record, Remembered},
        lines::Line,
        plan::State,
    },
    payment::Payment,
};
use libfuzzer_sys::fuzz_target;

const GENESIS: GenesisHash = GenesisHash([7; 32]);
const LINES: u64 = 3;
const TURNS: u8 = 3;

struct World {
    binding: Binding,
    lines: Vec<Line>,
    /// By line, and which of its transactions.
    signed: BTreeMap<(u64, u8), SignedTransaction>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let from = AccountId([1; 20]);
        let lines: Vec<_> = (2..2 + LINES)
            .map(|number| Line {
                number,
                payment: Payment {
                    from,
                    to: AccountId([2; 20]),
                    currency: Currency::new("EUR").expect("a code"),
                    amount: Amount(number),
                    memo: Text::default(),
                },
            })
            .collect();
        let sign = |line: &Line, turn: u8| {
            let transaction = Transaction {
                version: TRANSACTION_VERSION,
                genesis: GENESIS.prefix(),
                valid_until: UnixSeconds(1_800_000_000),
                nonce: Nonce(turn.into()),
                actions: Bounded::new(vec![line.payment.action()]).expect("one"),
                memo: line.payment.memo.clone(),
            };
            transaction
                .sign(&[SecretKey::from_seed(&[3; 32])])
                .expect("it is well formed")
        };
        let each = lines.iter().flat_map(|line| (0..TURNS).map(move |turn| (line, turn)));
        World {
            binding: Binding {
                network: GENESIS,
                from: from.address(AddressPrefix::Devnet),
                csv: "00".repeat(32),
            },
            signed: each
                .map(|(line, turn)| ((line.number, turn), sign(line, turn)))
                .collect(),
            lines,
        }
    })
}

/// What a line has signed last, and whether that ended.
#[derive(Default)]
struct Model {
    lines: BTreeMap<u64, (Option<u8>, bool)>,
    perhaps_sent: i64,
}

impl Model {
    /// Whether it can have happened.
    fn learn(&mut self, kind: u8, line: u64, turn: u8) -> bool {
        let (live, ended) = self.lines.entry(line).or_default();
        match kind {
            0 if live.is_none() => {
                *live = Some(turn);
                self.perhaps_sent += 1;
            }
            1 if *live == Some(turn) && !*ended => *ended = true,
            2 if *live == Some(turn) && !*ended => *live = None,
            3 if *live == Some(turn) && !*ended => {
                *live = None;
                self.perhaps_sent -= 1;
            }
            _ => return false,
        }
        true
    }
}

fuzz_target!(|bytes: &[u8]| {
    let world = world();
    let heading = format!(
        "{{\"journal\":1,\"binding\":{}}}\n",
        serde_json::to_string(&world.binding).expect("it has a JSON form")
    );
    let mut journal = heading.into_bytes();
    let (mut model, mut is_modelled, mut can_be) = (Model::default(), true, true);
    for line in bytes.split(|byte| *byte == b'\n') {
        // `!` and three bytes are a record; all else is as it is.
        if let &[b'!', kind, line, turn] = line {
            let (kind, line, turn) = (kind % 4, 2 + u64::from(line) % LINES, turn % TURNS);
            let tx = &world.signed[&(line, turn)];
            let (id, height) = (tx.id(), Height(9));
            let record = match kind {
                0 => Record::signed(line, tx).expect("it is well formed"),
                1 => Record::Final {
                    line,
                    id,
                    height,
                    outcome: Outcome::Applied,
                },
                2 => Record::Dead { line, id, height },
                _ => Record::Unsent { line, id },
            };
            can_be = can_be && model.learn(kind, line, turn);
            journal.extend(serde_json::to_vec(&record).expect("it has a JSON form"));
        } else {
            is_modelled = is_modelled && line.is_empty();
            if line.is_empty() {
                continue;
            }
            journal.extend(line);
        }
        journal.push(b'\n');
    }
    let read = Remembered::read(Path::new("journal"), &journal, &world.binding, &world.lines);
    if let Err(error) = &read {
        let _ = error.to_string();
    }
    if !is_modelled {
        return;
    }
    let Ok(remembered) = read else {
        assert!(!can_be, "refused what can have happened");
        return;
    };
    assert!(can_be, "believed what cannot have happened");
    assert_eq!(remembered.sent, model.perhaps_sent > 0);
    for line in &world.lines {
        let (live, ended) = model.lines.get(&line.number).copied().unwrap_or_default();
        let id = live.map(|turn| world.signed[&(line.number, turn)].id());
        match remembered.plan.state(line.number).expect("it is a line") {
            State::Open => assert_eq!(id, None),
            State::Live(live) => assert!(id == Some(live) && !ended),
            State::Final { id: last, .. } => assert!(id == Some(last) && ended),
        }
    }
});
