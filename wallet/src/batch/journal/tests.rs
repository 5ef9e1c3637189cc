use std::fs;

use causeway_contracts::{
    codec::Text,
    identity::{AccountId, AddressPrefix},
    keys::SecretKey,
    money::{Amount, Currency},
};

use super::{super::plan::State, *};
use crate::payment::Payment;

const NETWORK: GenesisHash = GenesisHash([9; 32]);

struct Setting {
    folder: tempfile::TempDir,
    lines: Vec<Line>,
    binding: Binding,
}

impl Setting {
    fn new() -> Self {
        let from = AccountId([1; 20]);
        let line = |number: u64| Line {
            number,
            payment: Payment {
                from,
                to: AccountId([2; 20]),
                currency: Currency::new("EUR").expect("a code"),
                amount: Amount(number),
                memo: Text::default(),
            },
        };
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            lines: vec![line(2), line(3)],
            binding: Binding {
                network: NETWORK,
                from: from.address(AddressPrefix::Devnet),
                csv: "ab".to_owned(),
            },
        }
    }

    fn path(&self) -> PathBuf {
        path_for(&self.folder.path().join("pay.csv"))
    }

    fn open(&self) -> Result<(Journal, Remembered), JournalError> {
        Journal::open(&self.path(), &self.binding, &self.lines)
    }

    fn sign(&self, line: usize) -> SignedTransaction {
        let key = SecretKey::from_seed(&[3; 32]);
        self.lines[line].payment.sign(&NETWORK, &key).expect("signed")
    }
}

#[test]
fn what_was_signed_comes_back_byte_for_byte() {
    let setting = Setting::new();
    let (first, second) = (setting.sign(0), setting.sign(1));
    let (mut journal, _) = setting.open().expect("begun");
    let records = [
        Record::signed(2, &first).expect("short"),
        Record::signed(3, &second).expect("short"),
    ];
    journal.append(&records).expect("written");
    let end = Record::Final {
        line: 3,
        id: second.id(),
        height: Height(5),
        outcome: Outcome::Applied,
    };
    journal.note(&[end]).expect("written");
    drop(journal);
    let (_, remembered) = setting.open().expect("read back");
    assert_eq!(remembered.plan.state(2), Some(State::Live(first.id())));
    assert!(matches!(
        remembered.plan.state(3),
        Some(State::Final { height: Height(5), .. })
    ));
    assert_eq!(remembered.signed[&2].to_bytes(), first.to_bytes());
}

/// Cut anywhere, a journal opens with the records that are whole, and takes new ones after them.
#[test]
fn a_torn_end_is_cut_off() {
    let setting = Setting::new();
    let (first, second) = (setting.sign(0), setting.sign(1));
    let (mut journal, _) = setting.open().expect("begun");
    let heading = fs::read(setting.path()).expect("there").len();
    journal
        .append(&[Record::signed(2, &first).expect("short")])
        .expect("written");
    let one = fs::read(setting.path()).expect("there").len();
    journal
        .append(&[Record::signed(3, &second).expect("short")])
        .expect("written");
    drop(journal);
    let whole = fs::read(setting.path()).expect("there");
    for length in 0..whole.len() {
        fs::write(setting.path(), &whole[..length]).expect("cut");
        let (mut journal, remembered) = setting.open().unwrap_or_else(|error| panic!("{length}: {error}"));
        let expected = usize::from(length >= one);
        assert_eq!(remembered.signed.len(), expected, "cut at {length}, heading {heading}");
        let record = Record::signed(3, &second).expect("short");
        journal.append(&[record]).expect("written");
        drop(journal);
        let (_, remembered) = setting.open().unwrap_or_else(|error| panic!("{length}: {error}"));
        assert_eq!(remembered.signed.len(), expected + 1);
    }
}

#[test]
fn a_journal_of_another_batch_is_refused() {
    let mut setting = Setting::new();
    setting.open().expect("begun");
    let check = |setting: &Setting, expected: &str| {
        let error = setting.open().expect_err(expected);
        assert!(
            matches!(error, JournalError::OtherBatch { what, .. } if what == expected),
            "{expected}: {error}"
        );
    };
    setting.binding.csv = "cd".to_owned();
    check(&setting, "file content");
    setting.binding.csv = "ab".to_owned();
    setting.binding.network = GenesisHash([8; 32]);
    check(&setting, "network");
    setting.binding.network = NETWORK;
    setting.binding.from = AccountId([4; 20]).address(AddressPrefix::Devnet);
    check(&setting, "paying account");
}

#[test]
fn two_runs_at_once_are_refused() {
    let setting = Setting::new();
    let open = setting.open().expect("begun");
    assert!(matches!(setting.open(), Err(JournalError::InUse { .. })));
    drop(open);
    setting.open().expect("free again");
}

#[test]
fn a_journal_that_does_not_fit_the_file_or_itself_is_refused() {
    let check = |records: &dyn Fn(&Setting) -> Vec<Record>, expected: fn(&JournalError) -> bool| {
        let setting = Setting::new();
        let (mut journal, _) = setting.open().expect("begun");
        journal.append(&records(&setting)).expect("written");
        drop(journal);
        let error = setting.open().expect_err("refused");
        assert!(expected(&error), "{error}");
    };
    let signed = |line, tx: &SignedTransaction| Record::signed(line, tx).expect("short");
    check(&|setting| vec![signed(2, &setting.sign(1))], |error| {
        matches!(error, JournalError::OtherPayment { line: 2, at: 2, .. })
    });
    check(
        &|setting| vec![signed(2, &setting.sign(0)), signed(2, &setting.sign(0))],
        |error| {
            matches!(
                error,
                JournalError::Contradiction {
                    at: 3,
                    source: Contradiction::SignedWhileLive { line: 2, .. },
                    ..
                }
            )
        },
    );
    check(&|setting| vec![signed(9, &setting.sign(0))], |error| {
        matches!(
            error,
            JournalError::Contradiction {
                source: Contradiction::UnknownLine { line: 9 },
                ..
            }
        )
    });
    let setting = Setting::new();
    setting.open().expect("begun");
    let mut text = fs::read(setting.path()).expect("there");
    text.extend_from_slice(b"garbage\n");
    fs::write(setting.path(), text).expect("written");
    assert!(matches!(setting.open(), Err(JournalError::Format { at: 2, .. })));
}

/// A journal that is cut unseen forgets payments, and pays them again.
#[test]
fn a_journal_beyond_its_bound_is_refused_and_left_as_it_is() {
    let setting = Setting::new();
    setting.open().expect("begun");
    let long = JOURNAL_BYTES_MAX + 1;
    let file = File::options().write(true).open(setting.path()).expect("there");
    file.set_len(long).expect("a hole takes no room");
    let error = setting.open().expect_err("refused");
    assert!(matches!(error, JournalError::File(_)), "{error}");
    assert_eq!(file.metadata().expect("there").len(), long);
}
