//! Our types in the shape that the consensus core asks for. Nothing here leaves this crate.

use std::{cmp::Ordering, convert::Infallible, fmt, sync::Arc};

use causeway_contracts::{
    block::{Block, BlockId, Height, VoteKind},
    committee::{ValidatorId, ValidatorSet, rotation::Rotation},
    keys::{PublicKey, Signature},
};
use malachite_types::{self as types, NilOrVal, Round, SignedExtension, VoteType};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoreHeight(pub u64);

impl From<Height> for CoreHeight {
    fn from(height: Height) -> Self {
        Self(height.0)
    }
}

impl From<CoreHeight> for Height {
    fn from(height: CoreHeight) -> Self {
        Self(height.0)
    }
}

impl fmt::Display for CoreHeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl types::Height for CoreHeight {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.checked_add(n).expect("heights do not run out"))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub ValidatorId);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl types::Address for Address {}

/// A block with its id, which the core asks for often.
#[derive(Debug, Clone)]
pub struct Value {
    id: BlockId,
    block: Arc<Block>,
}

impl Value {
    pub fn new(block: Arc<Block>) -> Self {
        Self { id: block.id(), block }
    }

    pub fn block(&self) -> &Arc<Block> {
        &self.block
    }
}

// A block's id says all about it: its header is hashed, and the header commits to the batches. That the
// batches are those is checked before a value is made of what came from outside.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl types::Value for Value {
    type Id = BlockId;

    fn id(&self) -> BlockId {
        self.id
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    pub kind: VoteType,
    pub height: CoreHeight,
    pub round: Round,
    pub value: NilOrVal<BlockId>,
    pub validator: Address,
}

impl types::Vote<Context> for Ballot {
    fn height(&self) -> CoreHeight {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &NilOrVal<BlockId> {
        &self.value
    }
    fn take_value(self) -> NilOrVal<BlockId> {
        self.value
    }
    fn vote_type(&self) -> VoteType {
        self.kind
    }
    fn validator_address(&self) -> &Address {
        &self.validator
    }
    fn extension(&self) -> Option<&SignedExtension<Context>> {
        None
    }
    fn take_extension(&mut self) -> Option<SignedExtension<Context>> {
        None
    }
    fn extend(self, _: SignedExtension<Context>) -> Self {
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub height: CoreHeight,
    pub round: Round,
    pub value: Value,
    pub lock_round: Round,
    pub validator: Address,
}

impl types::Proposal<Context> for Offer {
    fn height(&self) -> CoreHeight {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &Value {
        &self.value
    }
    fn take_value(self) -> Value {
        self.value
    }
    fn pol_round(&self) -> Round {
        self.lock_round
    }
    fn validator_address(&self) -> &Address {
        &self.validator
    }
}

/// There are no parts: a proposal carries its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPart {}

impl types::ProposalPart<Context> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }
    fn is_last(&self) -> bool {
        match *self {}
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    id: Address,
    key: PublicKey,
    power: u64,
}

impl types::Validator<Context> for Member {
    fn address(&self) -> &Address {
        &self.id
    }
    fn public_key(&self) -> &PublicKey {
        &self.key
    }
    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// Who decides a height, and in what order they propose. The core clones it for every certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    validators: ValidatorSet,
    rotation: Rotation,
    members: Vec<Member>,
}

impl Committee {
    pub fn new(validators: ValidatorSet, rotation: Rotation) -> Self {
        let members = validators
            .iter()
            .map(|(id, validator)| Member {
                id: Address(*id),
                key: validator.key,
                power: validator.power,
            })
            .collect();
        Self(Arc::new(Inner {
            validators,
            rotation,
            members,
        }))
    }

    pub fn validators(&self) -> &ValidatorSet {
        &self.0.validators
    }

    pub fn proposer(&self, height: Height, round: u32) -> &ValidatorId {
        self.0.rotation.proposer(&self.0.validators, height, round)
    }
}

impl types::ValidatorSet<Context> for Committee {
    fn count(&self) -> usize {
        self.0.members.len()
    }
    fn total_voting_power(&self) -> u64 {
        self.0.validators.total_power()
    }
    fn get_by_address(&self, address: &Address) -> Option<&Member> {
        let index = self.0.validators.index_of(&address.0)?;
        self.0.members.get(usize::from(index))
    }
    fn get_by_index(&self, index: usize) -> Option<&Member> {
        self.0.members.get(index)
    }
}

/// A signature, or the sign record's refusal to make one, which never verifies and is never sent.
pub type Seal = Option<Signature>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme;

/// The core encodes keys and signatures nowhere on the paths that are used here.
impl types::SigningScheme for Scheme {
    type DecodingError = &'static str;
    type Signature = Seal;
    type PublicKey = PublicKey;
    type PrivateKey = Infallible;

    fn decode_signature(bytes: &[u8]) -> Result<Seal, &'static str> {
        let bytes = bytes.try_into().map_err(|_| "a signature has 64 bytes")?;
        Ok(Some(Signature(bytes)))
    }
    fn encode_signature(seal: &Seal) -> Vec<u8> {
        seal.map_or_else(Vec::new, |signature| signature.as_bytes().to_vec())
    }
    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, &'static str> {
        let bytes = bytes.try_into().map_err(|_| "a key has 32 bytes")?;
        Ok(PublicKey::Ed25519(bytes))
    }
    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

#[derive(Debug, Clone)]
pub struct Context;

impl types::Context for Context {
    type Address = Address;
    type Height = CoreHeight;
    type ProposalPart = NoPart;
    type Proposal = Offer;
    type Validator = Member;
    type ValidatorSet = Committee;
    type Timeouts = types::LinearTimeouts;
    type Value = Value;
    type Vote = Ballot;
    type Extension = ();
    type SigningScheme = Scheme;

    fn select_proposer<'a>(&self, committee: &'a Committee, height: CoreHeight, round: Round) -> &'a Member {
        let round = round.as_u32().expect("the core asks for rounds that are");
        let id = committee.proposer(height.into(), round);
        types::ValidatorSet::get_by_address(committee, &Address(*id)).expect("a proposer is a member")
    }

    fn new_proposal(
        &self,
        height: CoreHeight,
        round: Round,
        value: Value,
        lock_round: Round,
        validator: Address,
    ) -> Offer {
        Offer {
            height,
            round,
            value,
            lock_round,
            validator,
        }
    }

    fn new_prevote(&self, height: CoreHeight, round: Round, value: NilOrVal<BlockId>, validator: Address) -> Ballot {
        Ballot {
            kind: VoteType::Prevote,
            height,
            round,
            value,
            validator,
        }
    }

    fn new_precommit(&self, height: CoreHeight, round: Round, value: NilOrVal<BlockId>, validator: Address) -> Ballot {
        Ballot {
            kind: VoteType::Precommit,
            height,
            round,
            value,
            validator,
        }
    }
}

pub fn vote_type(kind: VoteKind) -> VoteType {
    match kind {
        VoteKind::Prevote => VoteType::Prevote,
        VoteKind::Precommit => VoteType::Precommit,
    }
}

pub fn vote_kind(kind: VoteType) -> VoteKind {
    match kind {
        VoteType::Prevote => VoteKind::Prevote,
        VoteType::Precommit => VoteKind::Precommit,
    }
}

pub fn nil_or(block: Option<BlockId>) -> NilOrVal<BlockId> {
    block.map_or(NilOrVal::Nil, NilOrVal::Val)
}

pub fn or_nil(value: &NilOrVal<BlockId>) -> Option<BlockId> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(id) => Some(*id),
    }
}
