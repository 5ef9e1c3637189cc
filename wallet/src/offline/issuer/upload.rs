//! What a purse brings when it syncs: SYNC, and the messages that stand behind it.

use std::collections::{BTreeMap, BTreeSet};

use causeway_contracts::{
    keys::{BadSignature, PublicKey},
    offline::{
        action::Testimony,
        encoding::Malformed,
        ids::{Epoch, MessageId, PurseId, Seq},
        message::Message,
        messages::{Lots, Spend, SyncUpload},
        signed::Signed,
    },
};

use super::client::UPLOAD_BYTES_MAX;

/// How many other purses' words one upload may bring. A log has at most 50 payments.
pub const OTHERS_MAX: usize = 64;

const NO_GRANTS: &str = "an upload with a grant is not taken";

/// What the purse says it has signed away under one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    pub id: MessageId,
    pub expiry: Epoch,
    /// The latest hour that the purse knew of when it signed.
    pub epoch: Epoch,
    pub lots: Lots,
}

/// Read, and not checked beyond that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub sync: Signed<SyncUpload>,
    /// Each once: VOIDs, RCPTs and REQs before the XFERs that they are about, so that no void comes too late.
    pub testimonies: Vec<Testimony>,
    /// The purse's own XFERs and REDEEMs. Of two under one number the first; the ledger has both.
    pub spent: BTreeMap<Seq, Uploaded>,
}

/// Why an upload is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUpload {
    #[error("it is not SYNC and messages one after another: {0}")]
    Malformed(#[from] Malformed),
    #[error("it does not begin with a SYNC to the issuer")]
    NoSync,
    #[error("it is the SYNC of purse {0}")]
    OtherPurse(PurseId),
    #[error("after SYNC come XFER, REDEEM, RCPT, VOID and REQ alone")]
    OtherMessage,
    #[error("a REDEEM of purse {0}")]
    OtherRedeem(PurseId),
    #[error("words of {0} other purses, and at most {OTHERS_MAX} are taken at once")]
    TooManyPurses(usize),
}

fn uploaded(id: MessageId, spend: &Spend) -> Uploaded {
    Uploaded {
        id,
        expiry: spend.expiry,
        epoch: spend.epoch,
        lots: spend.lots.clone(),
    }
}

/// Which purse signed it.
///
/// # Panics
/// Of a grant, which no upload has.
pub fn signer(testimony: &Testimony) -> PurseId {
    match testimony {
        Testimony::Transfer(signed) => signed.body.payer,
        Testimony::Request(signed) => signed.body.payee,
        Testimony::Receipt(signed) => signed.body.payee,
        Testimony::Void(signed) => signed.body.payee,
        Testimony::Grant(_) => unreachable!("{NO_GRANTS}"),
    }
}

/// Whether the purse with this key signed it.
fn verify(testimony: &Testimony, key: &PublicKey) -> Result<(), BadSignature> {
    match testimony {
        Testimony::Transfer(signed) => signed.verify(key),
        Testimony::Request(signed) => signed.verify(key),
        Testimony::Receipt(signed) => signed.verify(key),
        Testimony::Void(signed) => signed.verify(key),
        Testimony::Grant(_) => unreachable!("{NO_GRANTS}"),
    }
}

/// In this order they are sent, each once.
fn place(testimony: &Testimony) -> (u8, MessageId) {
    match testimony {
        Testimony::Void(signed) => (0, signed.id()),
        Testimony::Receipt(signed) => (1, signed.id()),
        Testimony::Request(signed) => (2, signed.id()),
        Testimony::Transfer(signed) => (3, signed.id()),
        Testimony::Grant(_) => unreachable!("{NO_GRANTS}"),
    }
}

impl Upload {
    /// Of at most 256 KiB, from this purse.
    pub fn read(purse: PurseId, bytes: &[u8]) -> Result<Self, BadUpload> {
        let mut messages = Message::read_all(bytes, UPLOAD_BYTES_MAX)?.into_iter();
        let Some(Message::SyncUpload(sync)) = messages.next() else {
            return Err(BadUpload::NoSync);
        };
        if sync.body.purse != purse {
            return Err(BadUpload::OtherPurse(sync.body.purse));
        }
        let mut upload = Self {
            sync,
            testimonies: Vec::new(),
            spent: BTreeMap::new(),
        };
        for message in messages {
            upload.take(message)?;
        }
        upload.testimonies.sort_by_key(place);
        upload.testimonies.dedup_by_key(|testimony| place(testimony));
        let others = upload.others().len();
        if others > OTHERS_MAX {
            return Err(BadUpload::TooManyPurses(others));
        }
        Ok(upload)
    }

    fn take(&mut self, message: Message) -> Result<(), BadUpload> {
        let purse = self.sync.body.purse;
        let testimony = match message {
            Message::Transfer(signed) => {
                if signed.body.payer == purse {
                    let entry = self.spent.entry(signed.body.seq);
                    entry.or_insert_with(|| uploaded(signed.id(), &signed.body.spend));
                }
                Testimony::Transfer(signed)
            }
            Message::Redeem(signed) if signed.body.payer == purse => {
                let entry = self.spent.entry(signed.body.seq);
                entry.or_insert_with(|| uploaded(signed.id(), &signed.body.spend));
                return Ok(());
            }
            Message::Redeem(signed) => return Err(BadUpload::OtherRedeem(signed.body.payer)),
            Message::Request(signed) => Testimony::Request(signed),
            Message::Receipt(signed) => Testimony::Receipt(signed),
            Message::Void(signed) => Testimony::Void(signed),
            _ => return Err(BadUpload::OtherMessage),
        };
        self.testimonies.push(testimony);
        Ok(())
    }

    /// Other purses than the one that syncs.
    pub fn others(&self) -> BTreeSet<PurseId> {
        let purse = self.sync.body.purse;
        let signers = self.testimonies.iter().map(signer);
        signers.filter(|signer| *signer != purse).collect()
    }

    /// The testimonies whose signatures are good by these keys. Others would be refused with all that is beside them.
    pub fn sound(&self, keys: &BTreeMap<PurseId, PublicKey>) -> Vec<Testimony> {
        let is_good = |testimony: &&Testimony| {
            let key = keys.get(&signer(testimony));
            key.is_some_and(|key| verify(testimony, key).is_ok())
        };
        self.testimonies.iter().filter(is_good).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
