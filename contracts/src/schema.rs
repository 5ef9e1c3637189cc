//! OpenAPI schemas of the types whose JSON form is text. The others derive theirs.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

use crate::{
    block::{BatchDigest, BlockId, GenesisHash, GenesisPrefix, StateHash},
    committee::ValidatorId,
    identity::{AccountId, Address, IdentityCommitment, ParticipantId, Salt},
    keys::{PublicKey, Signature},
    merkle::Root,
    money::{Amount, Balance, Currency},
    offline::{
        action::Testimony,
        ids::{Id16, KeyId, MessageId, PurseId},
    },
    settlement::{
        ContractId, QuoteId, Rate,
        condition::{Preimage, PreimageHash},
    },
    transaction::{Nonce, TxId},
};

fn text(pattern: &str, description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .description(Some(description))
        .into()
}

macro_rules! text_schemas {
    ($($name:ident: $pattern:literal, $description:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($pattern, $description)
            }
        }
        impl ToSchema for $name {}
    )+};
}

text_schemas! {
    AccountId: "^[0-9a-f]{40}$", "An account.";
    Address: "^cw(dev)?1[02-9ac-hj-np-z]+$", "An account's address, bech32m.";
    Amount: "^[0-9]{1,20}$", "Minor units of the currency named beside it.";
    Balance: "^-?[0-9]{1,39}$", "Minor units; below zero only for an issuer.";
    BatchDigest: "^[0-9a-f]{64}$", "A batch's digest.";
    BlockId: "^[0-9a-f]{64}$", "The hash of a block's header.";
    ContractId: "^[0-9a-f]{40}$", "A contract: a hold or an escrow.";
    Currency: "^[A-Z0-9]{3,8}$", "A currency's code.";
    GenesisHash: "^[0-9a-f]{64}$", "Names the network.";
    GenesisPrefix: "^[0-9a-f]{16}$", "The first 8 bytes of the genesis hash.";
    Id16: "^[0-9a-f]{32}$", "A lot that purses hold.";
    IdentityCommitment: "^[0-9a-f]{64}$", "A salted hash of what an operator knows about a customer.";
    KeyId: "^[0-9a-f]{8}$", "A key of the service that signs for purses.";
    MessageId: "^[0-9a-f]{64}$", "A message that a purse or its issuer signed.";
    Nonce: "^[0-9]{1,20}$", "Makes otherwise equal transactions different.";
    ParticipantId: "^[A-Z0-9]{2,12}$", "A bank, central bank or payment provider.";
    Preimage: "^[0-9a-f]{64}$", "32 bytes whose SHA-256 a condition names.";
    PreimageHash: "^[0-9a-f]{64}$", "The SHA-256 of a preimage.";
    PublicKey: "^ed25519:[0-9a-f]{64}$", "A public key with its algorithm.";
    PurseId: "^[0-9a-f]{16}$", "A purse.";
    QuoteId: "^[0-9a-f]{32}$", "A quote, by its maker's choice.";
    Rate: "^[0-9]+(\\.[0-9]{1,12})?$", "Units of the bought currency for one of the sold one, in major units.";
    Root: "^[0-9a-f]{64}$", "A Merkle tree's root or node.";
    Salt: "^[0-9a-f]{32}$", "Distinguishes accounts of the same keys at one operator.";
    Signature: "^[0-9a-f]{128}$", "An Ed25519 signature.";
    StateHash: "^[0-9a-f]{64}$", "Commits to the state after a block by its history.";
    TxId: "^[0-9a-f]{64}$", "A transaction's id.";
    ValidatorId: "^[0-9a-f]{40}$", "A validator.";
}

impl PartialSchema for Testimony {
    fn schema() -> RefOr<Schema> {
        let message = || text("^([0-9a-f]{2})+$", "A message of a purse, with its signature.");
        let kinds = ["transfer", "request", "receipt", "void"].map(|kind| {
            let object = ObjectBuilder::new().schema_type(Type::Object);
            object.property(kind, message()).required(kind)
        });
        kinds.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item).into()
    }
}

impl ToSchema for Testimony {}
