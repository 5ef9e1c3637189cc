//! How a payment ended, by the payee's word.

use super::{message, status};
use crate::offline::{
    encoding::Malformed,
    ids::{MessageId, PurseId, RequestSeq},
};

status! {
    /// What a receipt says of the transfer.
    ReceiptStatus {
        Accepted = 1,
    }
}

message! {
    /// RCPT, by the payee: that it was paid what it asked for. To the payer of any other transfer for this request it
    /// says that that one is void.
    Receipt, Receipt {
        payee: PurseId,
        /// The request's.
        seq: RequestSeq,
        transfer: MessageId,
        status: ReceiptStatus,
    }
}

impl Receipt {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.payee.check()
    }
}

message! {
    /// VOID, by the payee: that it will accept nothing for this request.
    Void, Void {
        payee: PurseId,
        /// The request's.
        seq: RequestSeq,
        /// The id of the request.
        request: MessageId,
    }
}

impl Void {
    fn check_fields(&self) -> Result<(), Malformed> {
        self.payee.check()
    }
}
