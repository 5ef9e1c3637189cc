//! What undoes a request that nobody answered.

use std::error::Error;

use causeway_cards::iso8583::{MatchingKey, Message, MessageType, Refusal, Spec};

use crate::acquiring::host::elements_of;

/// Fields that a reversal has of its original: none of these is of the card or its holder, so that it can be stored.
const REPEATED: [u8; 17] = [3, 4, 7, 11, 12, 13, 22, 25, 32, 33, 37, 38, 41, 42, 49, 90, 95];
const BALANCE_INQUIRY: u8 = 31;

/// A reversal advice (0420) of a request, with the request's own numbers (fields 7 and 11), so that it can be made at any time and is always
/// the same. It names no card: field 90 does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    key: String,
    pub(super) message: Message,
}

impl Reversal {
    /// What undoes this request if it is not answered: 0100 and 0200 by their reversal, 0400 and 0420 by themselves, as an
    /// advice. `None` if nothing is to be undone: a balance, an advice of what was done (0220), network management.
    pub fn of(request: &Message) -> Option<Self> {
        let message_type = request.message_type().original();
        let is_reversal = [MessageType::REVERSAL, MessageType::REVERSAL_ADVICE].contains(&message_type);
        let asks_for_money = [MessageType::AUTHORIZATION, MessageType::FINANCIAL].contains(&message_type)
            && !matches!(request.processing_code(), Ok(Some(code)) if code.transaction == BALANCE_INQUIRY);
        if !is_reversal && !asks_for_money {
            return None;
        }
        let mut message = Message::new(MessageType::REVERSAL_ADVICE);
        message.copy_from(request, &REPEATED).expect("a part fits");
        let key = elements_of(request).to_field();
        if asks_for_money {
            message.set(90, key.as_bytes()).expect("42 digits fit");
        }
        Some(Self { key, message })
    }

    /// By which it is stored and removed: 42 digits, as field 90 would name the request.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// To be stored: the message in variant A.
    pub fn to_bytes(&self) -> Vec<u8> {
        Spec::a()
            .to_bytes(&self.message)
            .expect("fields of a request that could be written")
    }

    /// # Errors
    /// The bytes are no message of variant A.
    pub fn from_bytes(key: String, bytes: &[u8]) -> Result<Self, Box<Refusal>> {
        let message = Spec::a().parse(bytes)?;
        Ok(Self { key, message })
    }

    pub(super) fn numbers(&self) -> MatchingKey {
        self.message.matching_key()
    }
}

/// Why a store cannot keep, remove or load.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// Where reversals are kept, so that they outlive the process. A request's is stored before the request is sent, and removed when the request
/// or the reversal is answered.
pub trait Reversals: Send + Sync + 'static {
    /// When this is done, the reversal is there also after a loss of power. One with an equal key is replaced.
    fn store(&self, reversal: &Reversal) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Its request was answered, by this: it is removed, together with whatever the answer means to who asked.
    fn answered(&self, key: &str, answer: &Message) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// It was answered itself, or its request was not sent. One that is not there is no error.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
    fn load(&self) -> impl Future<Output = Result<Vec<Reversal>, StoreError>> + Send;
}
