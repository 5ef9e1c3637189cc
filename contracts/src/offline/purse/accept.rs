//! A payee takes what it asked for, once.

use super::{
    MERCHANT_PAYERS_MAX, PAYERS_MAX, PurseRefusal, PurseState, Step,
    contents::{Answer, Lot, Origin, Taken},
    refusal::{PurseLimit, Table},
    state::within,
};
use crate::{
    money::Amount,
    offline::{
        messages::Receipt,
        provenance::{self, AcceptedLot},
        refusal::Refusal,
        signed::Signed,
    },
};

impl PurseState {
    /// Takes what a bundle's last transfer pays for an open request, and gives the receipt. For a request that was
    /// paid before it gives that payment's receipt, whoever pays it now: to another payer it says that his is void.
    pub fn accept(&self, bytes: &[u8]) -> Result<Step<Signed<Receipt>>, PurseRefusal> {
        let bundle = provenance::read(bytes, self.own().currency, &self.keys)?;
        let transfer = &bundle.transfer().body;
        if transfer.payee != self.id() {
            return Err(Refusal::AnotherPayee(transfer.payee).into());
        }
        let request_id = transfer.request;
        if let Some(answered) = self.answered(request_id) {
            return match answered.answer {
                Answer::Received(first) => Ok(Step::unchanged(self.sign_receipt(answered.seq, first)?)),
                Answer::Voided => Err(PurseRefusal::WasVoided(request_id)),
            };
        }
        let request = self.requests.iter().find(|open| open.id() == request_id);
        let request = request.ok_or(Refusal::AnotherRequest(request_id))?;
        let limits = self.rules.limits();
        let lot = provenance::accept_bundle(bundle, &request.body, self.own(), &self.trust(&limits))?;
        self.check_new_lot(lot.transfer.short())?;
        self.check_balance(lot.amount)?;
        self.check_room_to_answer()?;
        let taken = self.taken_with(&lot)?;
        let received = self.counters.received.checked_add(lot.amount);
        let received = received.ok_or(PurseRefusal::CounterEnd)?;
        let receipt = self.sign_receipt(request.body.seq, lot.transfer)?;
        Ok(self.step(receipt, |next| {
            next.add_lot(Lot {
                id: lot.transfer.short(),
                left: lot.amount,
                hop: lot.hop,
                expiry: lot.expiry,
                origin: Origin::Bundle {
                    bytes: bytes.to_vec(),
                    request: request.clone(),
                },
            });
            next.end_request(request_id, Answer::Received(lot.transfer), lot.expiry);
            next.payers = taken;
            next.counters.received = received;
        }))
    }

    /// What was taken from each payer whose certificate is still good, this lot included.
    fn taken_with(&self, lot: &AcceptedLot) -> Result<Vec<Taken>, PurseRefusal> {
        let now = self.counters.epoch;
        let mut payers: Vec<_> = self.payers.iter().filter(|it| it.not_after >= now).cloned().collect();
        let key = (lot.payer, lot.payer_serial);
        let at = match payers.binary_search_by_key(&key, |it| (it.payer, it.serial)) {
            Ok(at) => at,
            Err(at) => {
                let max = if self.own().class.is_merchant() {
                    MERCHANT_PAYERS_MAX
                } else {
                    PAYERS_MAX
                };
                if payers.len() >= max {
                    return Err(PurseRefusal::Full(Table::Payers));
                }
                let taken = Taken {
                    payer: lot.payer,
                    serial: lot.payer_serial,
                    not_after: lot.payer_not_after,
                    amount: Amount::ZERO,
                };
                payers.insert(at, taken);
                at
            }
        };
        let taken = &mut payers[at];
        let amount = taken.amount.checked_add(lot.amount).unwrap_or(Amount(u64::MAX));
        within(PurseLimit::Payer, amount, self.rules.payer_max)?;
        taken.amount = amount;
        Ok(payers)
    }
}
