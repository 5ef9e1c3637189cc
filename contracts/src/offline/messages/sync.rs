//! SYNC: a purse that has a network tells its issuer what it has done, and hears what came of it.
//!
//! Both directions are followed by messages that have signatures of their own: the upload by receipts and voids, the
//! request of what a receipt for another transfer has voided, and then the transfers of the log; the answer by a
//! beacon, deltas of the revocation list and the purse's next certificate.

use super::{message, status};
use crate::{
    codec::Bounded,
    money::Amount,
    offline::{
        encoding::{Malformed, Reader, Writer},
        field::{Field, Fixed},
        ids::{Epoch, KeyId, ListVersion, LoadCounter, MessageId, PurseId, RequestSeq, Seq, Serial},
    },
};

/// How many payments a purse's log has at most.
pub const SETTLED_MAX: usize = 50;

/// The third byte of an upload.
pub const SYNC_UPLOAD: u8 = 0;
/// The third byte of an answer.
pub const SYNC_ANSWER: u8 = 1;

status! {
    /// What a payer knows of a payment.
    PaymentStatus {
        /// Neither receipt nor void has come.
        Pending = 0,
        Paid = 1,
        Voided = 2,
        /// Unclaimed past expiry and grace, and returned by the ledger.
        Refunded = 3,
    }
}

/// A payment in a payer's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEntry {
    /// Of the transfer.
    pub seq: Seq,
    pub status: PaymentStatus,
}

status! {
    /// What the ledger says of a payment that was pending.
    SettledStatus {
        Paid = 1,
        /// The purse has the lots back.
        Voided = 2,
        /// The owner's account has the money back, and the purse not.
        Refunded = 3,
    }
}

/// What became of a payment that was pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Of the transfer.
    pub seq: Seq,
    pub status: SettledStatus,
}

/// Entries of a seq and a status.
macro_rules! entry_fields {
    ($($name:ident),+) => {$(
        impl Field for $name {
            const BYTES_MAX: usize = Seq::BYTES_MAX + 1;

            fn write(&self, writer: &mut Writer) {
                self.seq.write(writer);
                self.status.write(writer);
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self {
                    seq: Field::read(reader)?,
                    status: Field::read(reader)?,
                })
            }
        }
    )+};
}

entry_fields!(LogEntry, Settled);

message! {
    /// SYNC, by the purse.
    SyncUpload, Sync {
        direction: Fixed<1, SYNC_UPLOAD>,
        purse: PurseId,
        /// Of the certificate that the purse has; the answer brings the next.
        serial: Serial,
        load_counter: LoadCounter,
        seq: Seq,
        request_seq: RequestSeq,
        epoch: Epoch,
        list_version: ListVersion,
        /// The id of what the purse spent last, or [`MessageId::NONE`].
        log_head: MessageId,
        paid: Amount,
        received: Amount,
        payments: u32,
        /// Ascending by seq.
        log: Bounded<LogEntry, SETTLED_MAX>,
    }
}

impl SyncUpload {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.purse.check()?;
        check_seqs(self.log.iter().map(|entry| entry.seq))
    }
}

message! {
    /// SYNC, by the issuer's service. It may give a purse its lots back, which is as good as a grant: so it is signed by
    /// a key that may grant.
    SyncAnswer, Sync {
        direction: Fixed<1, SYNC_ANSWER>,
        /// Of a key with the role of grants.
        issuer: KeyId,
        purse: PurseId,
        /// The id of the upload.
        upload: MessageId,
        epoch: Epoch,
        list_version: ListVersion,
        /// Ascending by seq. What is not here is still pending.
        settled: Bounded<Settled, SETTLED_MAX>,
    }
}

impl SyncAnswer {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.purse.check()?;
        check_seqs(self.settled.iter().map(|entry| entry.seq))
    }
}

fn check_seqs(seqs: impl Iterator<Item = Seq>) -> Result<(), Malformed> {
    if seqs.is_sorted_by(|one, next| one < next) {
        Ok(())
    } else {
        Err(Malformed::NotAscending)
    }
}
