use super::*;
use crate::{
    block::Height,
    example::{
        Committee, currency, currency_record, genesis, header, key, list, not_a_point, opening_account, participant,
        participant_id, secret, small_order_keys, text, tier_limits, two_of_three,
    },
    merkle::Root,
};

const FILE: &str = include_str!("tests/genesis.toml");

/// The change makes the genesis bad in a way that has this message.
fn check_refused(change: impl FnOnce(&mut Genesis), expected: &str) {
    let mut bad = genesis();
    change(&mut bad);
    assert_eq!(bad.check().expect_err(expected).to_string(), expected);
    // The same by way of the file.
    assert_eq!(
        Genesis::parse(&bad.to_toml()).expect_err(expected).to_string(),
        expected
    );
}

fn change<T: Clone, const MAX: usize>(items: &mut Bounded<T, MAX>, at: usize, change: impl FnOnce(&mut T)) {
    let mut changed = items.to_vec();
    change(&mut changed[at]);
    *items = list(changed);
}

fn push<T: Clone, const MAX: usize>(items: &mut Bounded<T, MAX>, item: T) {
    let mut changed = items.to_vec();
    changed.push(item);
    *items = list(changed);
}

#[test]
fn the_file_is_read_and_has_its_hash() {
    let parsed = Genesis::parse(FILE).expect("a genesis file");
    assert_eq!(parsed, genesis());
    assert_eq!(
        parsed.hash().to_string(),
        "55d29ea984822cb9fa0640d5667dd30056150d234a0544caa67749c863d1e4fa"
    );
}

#[test]
fn comments_and_layout_do_not_count() {
    let hash = genesis().hash();
    let bare: String = FILE
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
        .map(|line| format!("  {line}\r\n"))
        .collect();
    assert_ne!(bare, FILE);
    assert_eq!(Genesis::parse(&bare).expect("the same file").hash(), hash);
    assert_eq!(Genesis::parse(&genesis().to_toml()).expect("as written").hash(), hash);
    let default = "[parameters]\n";
    assert!(FILE.contains(default));
    let spelled = FILE.replace(default, "[parameters]\nvalidity_seconds_max = 600\n");
    assert_eq!(Genesis::parse(&spelled).expect("defaults spelled out").hash(), hash);
}

#[test]
fn content_counts() {
    let hash = genesis().hash();
    let differs = |change: fn(&mut Genesis)| {
        let mut changed = genesis();
        change(&mut changed);
        changed.check().expect("still valid");
        assert_ne!(changed.hash(), hash);
    };
    differs(|g| g.name = text("other"));
    differs(|g| g.time_ms.0 += 1);
    differs(|g| g.address_prefix = AddressPrefix::Main);
    differs(|g| g.council.threshold = 1);
    differs(|g| g.parameters.block_cost_max += 1);
    differs(|g| change(&mut g.validators, 0, |v| v.power = 2));
    differs(|g| change(&mut g.validators, 0, |v| v.address = text("/ip4/127.0.0.1/tcp/1")));
    differs(|g| change(&mut g.participants, 0, |p| p.operator = true));
    differs(|g| change(&mut g.currencies, 0, |c| c.issuance_cap.0 += 1));
    differs(|g| g.accounts = list(vec![]));
}

#[test]
fn what_is_not_the_form_is_refused_with_its_place() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(FILE.contains(from), "{from}");
        let error = Genesis::parse(&FILE.replacen(from, to, 1)).expect_err(to).to_string();
        for part in expected {
            assert!(error.contains(part), "{error}\nlacks: {part}");
        }
        assert!(
            error.starts_with("not a genesis file: TOML parse error at line "),
            "{error}"
        );
    };
    check(
        "name = \"example\"",
        "name = \"example\"\nfee = 1",
        &["unknown field `fee`", "expected one of `version`"],
    );
    check("power = 1", "power = 1\nweight = 2", &["unknown field `weight`"]);
    check(
        "[parameters]",
        "[parameters]\nblock_time = 2",
        &["unknown field `block_time`"],
    );
    check("power = 1", "power = -1", &["invalid value: integer `-1`"]);
    check("name = \"example\"\n", "", &["missing field `name`"]);
    check("\"1000000\"", "1000000", &["expected a string"]);
    check(
        "\"1000000\"",
        "\"1e6\"",
        &["expected an amount in minor units: digits only"],
    );
    check("\"CNY\"", "\"cny\"", &["3 to 8 characters of A-Z and 0-9"]);
    check(
        "\"cwdev\"",
        "\"bc\"",
        &["unknown variant `bc`, expected `cw` or `cwdev`"],
    );
    check("\"ed25519:", "\"", &["a public key is written as 'ed25519:'"]);
    let long = format!("name = \"{}\"", "x".repeat(65));
    check("name = \"example\"", &long, &["65 items, and at most 64 are allowed"]);
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let long = "#".repeat(GENESIS_BYTES_MAX + 1);
    let error = Genesis::parse(&long).expect_err("too long");
    assert!(matches!(error, GenesisError::TooLong { actual } if actual == GENESIS_BYTES_MAX + 1));
}

#[test]
fn the_example_is_valid() {
    genesis().check().expect("valid");
    assert_eq!(
        genesis().currency(currency("JPY")).map(|record| record.exponent),
        Some(0)
    );
    assert_eq!(genesis().currency(currency("EUR")), None);
    let set = genesis().validator_set().expect("four validators");
    assert_eq!((set.len(), set.total_power()), (4, 4));
}

#[test]
fn each_defect_has_its_error() {
    check_refused(
        |g| g.version = 2,
        "version 2 is not known; this program knows version 1",
    );
    check_refused(
        |g| g.council.threshold = 4,
        "the council's keys: the threshold is 4; it must be from 1 to the sum of the weights, 3",
    );
    check_refused(
        |g| g.validators = list(vec![]),
        "the validators: a validator set has 1 to 256 members, and this one 0",
    );
    let key_11 = key(11);
    check_refused(
        |g| change(&mut g.validators, 1, |v| v.key = key_11),
        &format!("the validators: key {key_11} appears more than once"),
    );
    check_refused(
        |g| change(&mut g.validators, 0, |v| v.power = 0),
        &format!("the validators: validator {key_11} has no power"),
    );
    check_refused(
        |g| change(&mut g.validators, 0, |v| v.network_key = small_order_keys()[1]),
        "validator validator-1: network key: a key of small order fits signatures to any message and is refused",
    );
    check_refused(
        |g| change(&mut g.validators, 2, |v| v.network_key = not_a_point()),
        "validator validator-3: network key: the bytes are not a point of the curve",
    );
    let shared = "its network key must differ from its signing key and from other validators'";
    check_refused(
        |g| change(&mut g.validators, 0, |v| v.network_key = v.key),
        &format!("validator validator-1: {shared}"),
    );
    check_refused(
        |g| change(&mut g.validators, 3, |v| v.network_key = key(21)),
        &format!("validator validator-4: {shared}"),
    );
    check_refused(
        |g| change(&mut g.validators, 3, |v| v.network_key = key_11),
        &format!("validator validator-4: {shared}"),
    );
    check_refused(
        |g| g.parameters.block_transactions_max = 0,
        "the parameters: block_transactions_max is 0; it must be from 1024 to 16384",
    );
    check_refused(
        |g| g.parameters.limits = list(vec![tier_limits(0, "CNY")]),
        "the parameters: limits must be in ascending order of tier and currency, each pair once, and not for tier 0",
    );
    check_refused(
        |g| change(&mut g.participants, 0, |p| p.keys.threshold = 0),
        "participant PBOC: the threshold is 0; it must be from 1 to the sum of the weights, 1",
    );
    check_refused(
        |g| push(&mut g.participants, participant("PBOC", 33, true)),
        "participant PBOC appears more than once",
    );
    check_refused(
        |g| push(&mut g.currencies, currency_record("CNY", 2, "PBOC")),
        "currency CNY appears more than once",
    );
    check_refused(
        |g| push(&mut g.currencies, currency_record("BTC", 9, "PBOC")),
        "currency BTC: its exponent is 9; it must be from 0 to 8",
    );
    check_refused(
        |g| push(&mut g.currencies, currency_record("EUR", 2, "ECB")),
        "currency EUR: its issuer ECB is not among the participants",
    );
}

#[test]
fn each_defect_of_an_opening_account_has_its_error() {
    let check = |bend: &dyn Fn(&mut OpeningAccount), problem: &str| {
        let mut account = opening_account(8);
        bend(&mut account);
        let expected = format!("the account of salt {}: {problem}", account.salt);
        check_refused(|g| push(&mut g.accounts, account), &expected);
    };
    for operator in ["NOBODY", "PBOC"] {
        let problem = format!("its operator {operator} is not among the participants, or not an operator");
        check(&|account| account.operator = participant_id(operator), &problem);
    }
    check(
        &|account| account.keys.threshold = 9,
        "the threshold is 9; it must be from 1 to the sum of the weights, 1",
    );
    check(
        &|account| account.salt = Salt([7; 16]),
        "an account with the same operator, keys and salt is there already",
    );
    let balances = |entries: &[(&str, u64)]| {
        list(
            entries
                .iter()
                .map(|&(code, amount)| OpeningBalance {
                    currency: currency(code),
                    amount: Amount(amount),
                })
                .collect(),
        )
    };
    check(
        &|account| account.balances = balances(&[("EUR", 1)]),
        "currency EUR is not among the currencies, or named twice",
    );
    check(
        &|account| account.balances = balances(&[("CNY", 1), ("CNY", 1)]),
        "currency CNY is not among the currencies, or named twice",
    );
    // 600,000 of 1,000,000 are issued to the first account.
    check(
        &|account| account.balances = balances(&[("CNY", 400_001)]),
        "with it, more CNY is issued than its cap allows",
    );
    let mut full = genesis();
    push(
        &mut full.accounts,
        OpeningAccount {
            balances: balances(&[("CNY", 400_000)]),
            ..opening_account(8)
        },
    );
    full.check().expect("just within the cap");
}

/// Of a network that continues another, with a council of keys 1, 2 and 3 of which two must sign.
fn continuing() -> Genesis {
    let committee = Committee::new(&[(1, 1), (2, 1), (3, 1), (4, 1)]);
    let last = header();
    Genesis {
        council: two_of_three(),
        participants: list(Vec::new()),
        currencies: list(Vec::new()),
        accounts: list(Vec::new()),
        continues: Some(Continues {
            origin: GenesisHash([1; 32]),
            genesis: last.genesis,
            height: last.height,
            block: last.id(),
            state_root: Root([2; 32]),
            certificate: committee.certify(&last, &[0, 1, 2]),
            signatures: list(Vec::new()),
        }),
        ..genesis()
    }
}

fn check_continues(change: impl FnOnce(&mut Genesis), expected: &str) {
    let mut genesis = continuing();
    for number in [1, 2] {
        genesis.sign(&secret(number)).unwrap();
    }
    change(&mut genesis);
    let expected = format!("what it continues: {expected}");
    assert_eq!(genesis.check().expect_err(&expected).to_string(), expected);
    assert_eq!(
        Genesis::parse(&genesis.to_toml()).expect_err(&expected).to_string(),
        expected
    );
}

#[test]
fn a_continuing_genesis_is_the_council_s_word() {
    let mut genesis = continuing();
    let hash = genesis.hash();
    assert_eq!(genesis.origin(), GenesisHash([1; 32]));
    let unsigned = "what it continues: the council has not signed it with enough keys; each member runs causeway-node \
                    genesis sign";
    assert_eq!(genesis.check().unwrap_err().to_string(), unsigned);
    genesis.sign(&secret(2)).unwrap();
    assert_eq!(genesis.check().unwrap_err().to_string(), unsigned);
    assert_eq!(genesis.sign(&secret(2)), Err(ContinuesError::SignedAlready(key(2))));
    assert_eq!(genesis.sign(&secret(9)), Err(ContinuesError::NotOfCouncil(key(9))));
    // As a file, to the next member, who has the same hash before and after.
    genesis = Genesis::parse_unsigned(&genesis.to_toml()).unwrap();
    assert_eq!(genesis.hash(), hash);
    genesis.sign(&secret(1)).unwrap();
    genesis = Genesis::parse(&genesis.to_toml()).expect("two of three have signed");
    assert_eq!(genesis.hash(), hash);
    assert_eq!(crate::example::genesis().sign(&secret(1)), Err(ContinuesError::Nothing));
}

#[test]
fn a_continuing_genesis_that_was_tampered_with_is_refused() {
    let of = |it: &mut Genesis| it.continues.clone().unwrap();
    check_continues(
        |it| change(&mut it.validators, 0, |validator| validator.power += 1),
        &format!("the council's signature under {} is not good", first_signer()),
    );
    check_continues(
        |it| push(&mut it.participants, participant("NEW", 9, true)),
        "participants, currencies and accounts come from the continued state, and must not be in the file",
    );
    check_continues(
        |it| {
            let mut continues = of(it);
            continues.height = Height(1);
            it.continues = Some(continues);
        },
        "its certificate is for another block or height",
    );
    check_continues(
        |it| {
            let mut continues = of(it);
            let mut signatures = continues.signatures.to_vec();
            signatures.reverse();
            continues.signatures = list(signatures);
            it.continues = Some(continues);
        },
        "the council's signatures must be in ascending order of their keys, each key once",
    );
    check_continues(
        |it| {
            let mut continues = of(it);
            change(&mut continues.signatures, 0, |entry| {
                entry.key = PublicKey::Ed25519([0; 32])
            });
            it.continues = Some(continues);
        },
        &format!("{} is no key of the council", PublicKey::Ed25519([0; 32])),
    );
}

/// Of keys 1 and 2.
fn first_signer() -> PublicKey {
    key(1).min(key(2))
}
