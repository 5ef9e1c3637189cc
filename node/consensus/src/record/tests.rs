use super::*;

fn signed(height: u64, round: u32, kind: StepKind, block: Option<u8>) -> Signed {
    Signed {
        height: Height(height),
        step: Step { round, kind },
        subject: Subject {
            block: block.map(|byte| BlockId([byte; 32])),
            lock_round: None,
        },
    }
}

use StepKind::{Precommit, Prevote, Proposal};

#[test]
fn signs_once_for_each_step_and_never_goes_back() {
    let mut record = SignRecord::default();
    let first = signed(5, 1, Prevote, Some(1));
    assert_eq!(record.sign(first), Permission::New(first));
    assert_eq!(record.sign(first), Permission::Again);
    for refused in [
        signed(5, 1, Prevote, Some(2)),
        signed(5, 1, Prevote, None),
        signed(5, 1, Proposal, Some(1)),
        signed(5, 0, Precommit, Some(1)),
        signed(4, 9, Precommit, Some(1)),
    ] {
        assert_eq!(record.sign(refused), Permission::Refused, "{refused:?}");
    }
    let later = [
        signed(5, 1, Precommit, None),
        signed(5, 2, Proposal, Some(3)),
        signed(6, 0, Prevote, None),
    ];
    for granted in later {
        assert_eq!(record.sign(granted), Permission::New(granted));
    }
    assert_eq!(record.entries().collect::<Vec<_>>(), [later[2]]);
}

#[test]
fn a_proposal_of_the_same_block_with_another_lock_is_another() {
    let mut record = SignRecord::default();
    let fresh = signed(5, 3, Proposal, Some(1));
    let mut repeated = fresh;
    repeated.subject.lock_round = Some(2);
    assert_eq!(record.sign(fresh), Permission::New(fresh));
    assert_eq!(record.sign(repeated), Permission::Refused);
}

#[test]
fn comes_back_from_its_entries_in_any_order() {
    let mut record = SignRecord::default();
    for round in 0..3 {
        for kind in [Proposal, Prevote, Precommit] {
            record.sign(signed(5, round, kind, Some(1)));
        }
    }
    let mut again = SignRecord::default();
    for signed in record.entries().collect::<Vec<_>>().into_iter().rev() {
        assert!(again.absorb(signed));
        assert!(!again.absorb(signed));
    }
    assert_eq!(again, record);
    assert!(
        !again.absorb(signed(4, 0, Prevote, None)),
        "a lower height says nothing"
    );
}

#[test]
fn what_is_forgotten_is_refused() {
    let mut record = SignRecord::default();
    for round in 0..STEPS_MAX as u32 + 1 {
        record.sign(signed(5, round, Prevote, Some(1)));
    }
    assert_eq!(record.entries().count(), STEPS_MAX);
    assert_eq!(record.sign(signed(5, 0, Prevote, Some(1))), Permission::Refused);
}

#[test]
fn nothing_is_signed_at_a_closed_height_or_below() {
    let mut record = SignRecord::default();
    record.absorb(Signed::closing(Height(5)));
    for height in [4, 5] {
        for kind in [Proposal, Prevote, Precommit] {
            let refused = signed(height, 7, kind, Some(1));
            assert_eq!(record.sign(refused), Permission::Refused, "{refused:?}");
        }
    }
    let next = signed(6, 0, Prevote, None);
    assert_eq!(record.sign(next), Permission::New(next));
}

#[test]
fn golden_bytes() {
    let mut proposal = signed(300, 2, Proposal, Some(9));
    proposal.subject.lock_round = Some(1);
    let golden = [&[0xfb, 0x2c, 1, 2, 0, 1][..], &[9; 32], &[1, 1]].concat();
    assert_eq!(proposal.encode(), golden);
    assert_eq!(Signed::decode(&golden), Ok(proposal));
    let highest = Signed {
        height: Height(u64::MAX),
        step: Step {
            round: u32::MAX,
            kind: Precommit,
        },
        subject: Subject {
            block: Some(BlockId([9; 32])),
            lock_round: Some(u32::MAX),
        },
    };
    assert_eq!(Signed::decode(&highest.encode()), Ok(highest), "the longest fits");
}
