use causeway_contracts::{
    block::{BlockId, CommitCertificate, CommitSignature, Height, TimeMs, VoteKind, vote_message},
    codec::{Bounded, Text},
    genesis::{Continues, GENESIS_VERSION, GenesisValidator},
    governance::Parameters,
    identity::{AccountId, AddressPrefix, KeyPolicy},
    keys::{Domain, SecretKey},
    merkle::Root,
};
use tempfile::TempDir;

use super::*;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn list<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).unwrap()
}

/// Of these validators and council 60.
fn genesis(validators: [u8; 4]) -> Genesis {
    let validators = validators.map(|seed| GenesisValidator {
        name: Text::new(format!("v{seed}")).unwrap(),
        key: key(seed).public_key(),
        power: 1,
        network_key: key(100 + seed).public_key(),
        address: Text::new("/ip4/127.0.0.1/tcp/1").unwrap(),
    });
    Genesis {
        version: GENESIS_VERSION,
        name: Text::new("home").unwrap(),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(1),
        council: KeyPolicy::single(key(60).public_key()),
        parameters: Parameters::default(),
        validators: list(validators.into()),
        participants: list(Vec::new()),
        currencies: list(Vec::new()),
        accounts: list(Vec::new()),
        continues: None,
    }
}

/// Continues a network, two of whose validators stay, from a block that these have signed.
fn continuing(before: &Genesis, signers: &[u8]) -> Genesis {
    let (hash, set) = (before.hash(), before.validator_set().unwrap());
    let (height, block) = (Height(9), BlockId([7; 32]));
    let message = vote_message(&hash, VoteKind::Precommit, height, 0, Some(&block));
    let mut signatures: Vec<_> = signers
        .iter()
        .map(|&seed| {
            let place = set.iter().position(|(_, member)| member.key == key(seed).public_key());
            CommitSignature {
                signer: place.unwrap() as u16,
                signature: key(seed).sign(Domain::Vote, &message),
            }
        })
        .collect();
    signatures.sort_by_key(|entry| entry.signer);
    let mut genesis = Genesis {
        continues: Some(Continues {
            origin: before.origin(),
            genesis: hash,
            height,
            block,
            state_root: Root([8; 32]),
            certificate: CommitCertificate {
                height,
                round: 0,
                block,
                signatures: list(signatures),
            },
            signatures: list(Vec::new()),
        }),
        ..genesis([1, 2, 5, 6])
    };
    genesis.sign(&key(60)).unwrap();
    genesis
}

fn init(root: &Path, genesis: &Genesis) -> Result<Home, HomeError> {
    let file = root.join("given.toml");
    fs::write(&file, genesis.to_toml()).unwrap();
    Home::init(&root.join("wallet"), &file, vec!["http://127.0.0.1:1".to_owned()])
}

#[test]
fn a_wallet_follows_its_network_into_the_one_that_continues_it() {
    let folder = TempDir::new().unwrap();
    let before = genesis([1, 2, 3, 4]);
    let home = init(folder.path(), &before).unwrap();
    let entry = AccountEntry {
        label: "mine".to_owned(),
        address: AccountId([9; 20]).address(AddressPrefix::Devnet),
        key: "mine".to_owned(),
    };
    home.add_account(entry.clone()).unwrap();

    let too_few = init(folder.path(), &continuing(&before, &[1, 2])).unwrap_err();
    assert!(matches!(too_few, HomeError::NotContinued(_)), "{too_few}");
    let stranger = init(folder.path(), &continuing(&genesis([7, 8, 9, 10]), &[7, 8, 9])).unwrap_err();
    assert!(matches!(stranger, HomeError::OtherNetwork { .. }), "{stranger}");
    let kept = Home::open(&folder.path().join("wallet")).unwrap();
    assert_eq!(kept.genesis().hash(), before.hash());

    let now = continuing(&before, &[1, 2, 3]);
    init(folder.path(), &now).unwrap();
    let home = Home::open(&folder.path().join("wallet")).unwrap();
    assert_eq!(home.genesis().hash(), now.hash());
    assert_eq!(home.genesis().origin(), before.hash());
    assert_eq!(home.accounts().unwrap(), [entry]);
    assert!(home.client().is_ok(), "its trust is in the new validators");
    // There is no way back.
    assert!(matches!(
        init(folder.path(), &before),
        Err(HomeError::OtherNetwork { .. })
    ));
}
