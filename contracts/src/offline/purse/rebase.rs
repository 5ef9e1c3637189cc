//! A purse goes on under another key, certificate and pseudonym, and begins its hops and limits anew.
//!
//! The key comes first, so that the issuer can register the successor and the ledger load it in the transaction that
//! redeems what this purse has. The purse becomes its successor only when it has nothing left: no lots, no open
//! requests, and an empty log, which is the issuer's word that all it spent and redeemed is settled. Until then it is
//! what it was, whatever becomes of the successor, and its key is drawn once.

use super::{
    PurseRefusal, PurseState, Step,
    refusal::PurseLimit,
    state::{Counters, Seed, within},
};
use crate::{
    codec,
    keys::{PublicKey, SecretKey, Signature},
    money::Amount,
    offline::{
        ids::{LoadCounter, MessageId, Nonce16, RequestSeq, Seq},
        messages::{Certificate, LoadRequest},
        registration::RegistrationTerms,
        signed::Signed,
    },
};

const TAG: &str = "dofp/successor/1/";

impl PurseState {
    /// Draws the successor's key, once, and gives it. Who brings the 32 random bytes does not learn the secret key by it.
    pub fn begin_rebase(&self, entropy: &[u8; 32]) -> Result<Step<PublicKey>, PurseRefusal> {
        if let Some(key) = self.successor_key() {
            return Ok(Step::unchanged(key.public_key()));
        }
        let seed = Seed(codec::hash(TAG, &[&self.seed.0, entropy]));
        let key = SecretKey::from_seed(&seed.0).public_key();
        Ok(self.step(key, |next| next.successor = Some(seed)))
    }

    /// The key that [`PurseState::begin_rebase`] has drawn.
    pub fn successor(&self) -> Option<PublicKey> {
        self.successor_key().map(|key| key.public_key())
    }

    /// Shows that the successor's key is this purse's, so that the issuer may register it.
    pub fn successor_signature(&self, terms: &RegistrationTerms) -> Result<Step<Signature>, PurseRefusal> {
        let key = self.successor_key().ok_or(PurseRefusal::NoSuccessor)?;
        if terms.public_key != key.public_key() || terms.class.class() != self.own().class {
            return Err(PurseRefusal::NotTheSuccessors);
        }
        Ok(Step::unchanged(terms.sign(&key)))
    }

    /// Asks for the successor's first load, by its key.
    pub fn successor_load_request(
        &self,
        certificate: &Signed<Certificate>,
        amount: Amount,
        nonce: Nonce16,
    ) -> Result<Step<Signed<LoadRequest>>, PurseRefusal> {
        let key = self.check_successor(certificate)?;
        within(PurseLimit::Balance, amount, certificate.body.balance_max)?;
        let request = LoadRequest {
            purse: certificate.body.purse,
            load_counter: LoadCounter(1),
            amount,
            currency: certificate.body.currency,
            nonce,
        };
        Ok(Step::unchanged(Signed::sign(request, &key)?))
    }

    /// Becomes the successor, which has this certificate. The hour, the revocation list, the PIN and what was taken
    /// from each payer stay. The same certificate again changes nothing.
    pub fn finish_rebase(&self, certificate: &Signed<Certificate>) -> Result<Step<()>, PurseRefusal> {
        if certificate.body == self.certificate.body {
            return Ok(Step::unchanged(()));
        }
        self.check_successor(certificate)?;
        if !self.has_nothing_left() {
            return Err(PurseRefusal::NotEmpty);
        }
        let seed = self.successor.clone().ok_or(PurseRefusal::NoSuccessor)?;
        Ok(self.step((), |next| {
            next.seed = seed;
            next.successor = None;
            next.certificate = certificate.clone();
            next.counters = Counters {
                load_counter: LoadCounter(1),
                seq: Seq(0),
                request_seq: RequestSeq(0),
                epoch: self.counters.epoch,
                log_head: MessageId::NONE,
                paid: Amount::ZERO,
                received: Amount::ZERO,
                payments: 0,
            };
            next.answered.clear();
        }))
    }

    /// Nothing that is money, or may become money again, or is owed to the issuer as evidence.
    pub(super) fn has_nothing_left(&self) -> bool {
        self.lots.is_empty() && self.requests.is_empty() && self.log.is_empty()
    }

    fn successor_key(&self) -> Option<SecretKey> {
        self.successor.as_ref().map(|seed| SecretKey::from_seed(&seed.0))
    }

    fn check_successor(&self, certificate: &Signed<Certificate>) -> Result<SecretKey, PurseRefusal> {
        self.check_issuer(certificate)?;
        let key = self.successor_key().ok_or(PurseRefusal::NoSuccessor)?;
        let (own, next) = (self.own(), &certificate.body);
        let is_successors = next.key == key.public_key()
            && next.purse != own.purse
            && next.currency == own.currency
            && next.class == own.class;
        is_successors.then_some(key).ok_or(PurseRefusal::NotTheSuccessors)
    }
}
