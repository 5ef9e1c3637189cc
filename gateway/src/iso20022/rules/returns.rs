//! Payments that were refused or came back.

use super::{Breach, Case, Kind, Told, charges, value};

pub fn check(case: &Case<'_, '_>, told: &mut Told<'_>) {
    for transaction in case.transactions() {
        match case.kind {
            Kind::TransferStatus => {
                let rejected = transaction
                    .find("TxSts")
                    .first()
                    .is_some_and(|status| value(*status) == "RJCT");
                if rejected && !transaction.has("StsRsnInf/Rsn") {
                    told.tell(transaction, &Breach::RejectedWithoutReason);
                }
                if rejected && transaction.has("FctvIntrBkSttlmDt") {
                    told.tell(transaction, &Breach::RejectedWithDate);
                }
            }
            Kind::Return => {
                for (original, repeated) in [
                    ("OrgnlIntrBkSttlmAmt", "IntrBkSttlmAmt"),
                    ("OrgnlIntrBkSttlmDt", "IntrBkSttlmDt"),
                ] {
                    let reference = transaction.find("OrgnlTxRef").into_iter();
                    if transaction.has(original) && reference.into_iter().any(|reference| reference.has(repeated)) {
                        told.tell(transaction, &Breach::OriginalTwice { original, repeated });
                    }
                }
                let paid = charges::amount(transaction, "OrgnlIntrBkSttlmAmt");
                let returned = charges::amount(transaction, "RtrdIntrBkSttlmAmt");
                let part = match (paid, returned) {
                    (Some((currency, paid)), Some((other, returned))) => currency == other && returned < paid,
                    _ => false,
                };
                let marked = transaction
                    .find("RtrRsnInf/AddtlInf")
                    .into_iter()
                    .any(|text| value(text) == "PART");
                if part && !(marked && transaction.has("RtrRsnInf/Rsn")) {
                    told.tell(transaction, &Breach::PartialReturn);
                }
            }
            _ => {}
        }
    }
}
