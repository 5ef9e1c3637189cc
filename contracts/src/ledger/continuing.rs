//! How a ledger becomes that of a network which continues another.
//!
//! Accounts, balances, holds, participants, currencies, the council, versions of the protocol and records of
//! evidence stay as they are. Validators, nodes and parameters are those of the new genesis, nobody is absent or has left, and what
//! was remembered so that nothing takes effect twice is forgotten: transactions and batches of before carry
//! another genesis, and take effect nowhere any more.

use super::{
    Ledger,
    recent::{RecentDigests, RecentIds},
    state::State,
};
use crate::{
    block::{BlockId, CertificateError, Checkpoints, GenesisHash, Height, TimeMs},
    committee::{ValidatorSetError, change::FormerValidators, rotation::Rotation},
    genesis::Genesis,
    merkle::Root,
    registry::RegistryError,
    snapshot,
};

/// Why a state is not the one that a genesis continues.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContinueError {
    #[error("the genesis continues no network")]
    Nothing,
    #[error("the genesis continues the network with genesis {expected}, and this state is of {actual}")]
    OtherNetwork { expected: GenesisHash, actual: GenesisHash },
    #[error("the genesis names {expected} as the origin, and this state's is {actual}")]
    OtherOrigin { expected: GenesisHash, actual: GenesisHash },
    #[error("the genesis continues height {expected}, and this state is of height {actual}")]
    OtherHeight { expected: Height, actual: Height },
    #[error("the genesis continues block {expected}, and this state is after {actual}")]
    OtherBlock { expected: BlockId, actual: BlockId },
    #[error("the genesis continues a state with root {expected}, and this state's is {actual}")]
    OtherState { expected: Root, actual: Root },
    #[error("the council in the genesis is not the one in this state, whose word counts")]
    OtherCouncil,
    #[error("the genesis' time is {} ms, before the last block's {} ms", actual.0, last.0)]
    Time { last: TimeMs, actual: TimeMs },
    #[error("the block is not final: {0}")]
    Certificate(#[from] CertificateError),
    #[error("the nodes: {0}")]
    Nodes(#[from] RegistryError),
    #[error("the validators: {0}")]
    Validators(#[from] ValidatorSetError),
}

impl Ledger {
    /// The root over all of the state, recent ids and batches too, as of [`crate::snapshot`].
    pub fn state_root(&self) -> Root {
        let (_, manifest) = snapshot::cut(self.state.genesis, self.tip.height, self.snapshot());
        manifest.root()
    }

    /// The state with which a network begins that continues this one, of which no more validators are left than
    /// can be lost. Checks that the genesis is about this very state, that its block is final by the validators
    /// who decided it, and that its council is this one's; that the council has signed it is in
    /// [`Genesis::check`].
    pub fn continued_by(self, genesis: &Genesis) -> Result<Self, ContinueError> {
        let Some((continues, tip)) = genesis.continues.as_ref().zip(genesis.continued_tip()) else {
            return Err(ContinueError::Nothing);
        };
        macro_rules! expect_equal {
            ($error:ident, $expected:expr, $actual:expr) => {
                let (expected, actual) = ($expected, $actual);
                if expected != actual {
                    return Err(ContinueError::$error { expected, actual });
                }
            };
        }
        expect_equal!(OtherNetwork, continues.genesis, self.state.genesis);
        expect_equal!(OtherOrigin, continues.origin, self.state.origin);
        expect_equal!(OtherHeight, continues.height, self.tip.height);
        expect_equal!(OtherBlock, continues.block, self.tip.block);
        expect_equal!(OtherState, continues.state_root, self.state_root());
        if genesis.council != self.state.council {
            return Err(ContinueError::OtherCouncil);
        }
        if genesis.time_ms < self.tip.time_ms {
            return Err(ContinueError::Time {
                last: self.tip.time_ms,
                actual: genesis.time_ms,
            });
        }
        continues
            .certificate
            .verify(&self.state.genesis, &self.state.validators)?;
        let state = State {
            genesis: genesis.hash(),
            parameters: genesis.parameters.clone(),
            validators: genesis.validator_set()?,
            next_validators: genesis.validator_set()?,
            nodes: genesis.registry()?,
            former_validators: FormerValidators::default(),
            checkpoints: Checkpoints {
                due: None,
                certified: tip.height,
            },
            rotation: Rotation::default(),
            ..self.state
        };
        let ids = RecentIds::new(self.seed);
        Ok(Self::new(self.seed, tip, state, ids, RecentDigests::default()).judging_by(self.is_good))
    }
}
