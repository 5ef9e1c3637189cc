//! What is sent about an authorisation (0100) later, by which its issuer pays what it holds or gives it back. Nothing of it is of
//! the card, so that it can be stored.

use std::error::Error;

use causeway_cards::iso8583::{Message, MessageType, Spec};
use causeway_contracts::money::Amount;

use super::{client::Reversal, purchase::Stamp};

/// Fields that a completion has of its original: how it was entered, who acquired it where, its reference and currency.
const REPEATED: [u8; 8] = [3, 22, 25, 32, 37, 41, 42, 49];

/// Bytes that are no message of ours.
type Unreadable = Box<dyn Error + Send + Sync>;

/// What is stored of an authorisation: the advice (0420) that undoes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored(Message);

impl Stored {
    /// `None` if it asks for nothing that could be undone.
    pub fn of(authorization: &Message) -> Option<Self> {
        let bytes = Reversal::of(authorization)?.to_bytes();
        Self::from_bytes(&bytes).ok()
    }

    /// # Errors
    /// They are not such an advice.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        Ok(Self(Spec::a().parse(bytes)?))
    }

    /// In variant A.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(&self.0)
    }

    /// The advice (0420) by which all of it is given back. It has the authorisation's own fields 7 and 11: one that the link has sent
    /// already, after a time-out, is the same.
    pub fn void(&self) -> &Message {
        &self.0
    }

    /// The advice (0220) by which so much is paid, and the rest given back.
    ///
    /// # Errors
    /// An amount of more than 12 digits, or an approval of more than 6 characters.
    pub fn capture(&self, capture: &Capture<'_>) -> Result<Message, Unreadable> {
        let mut message = Message::new(MessageType::FINANCIAL_ADVICE);
        message.copy_from(&self.0, &REPEATED)?;
        let Stamp { date, clock } = Stamp::of(capture.now_ms);
        let texts = [
            (48, capture.memo),
            (4, &format!("{:012}", capture.amount.0)),
            (7, &format!("{date}{clock}")),
            (11, &format!("{:06}", capture.trace)),
            (12, &clock),
            (13, &date),
        ];
        let approval = capture.approval.map(|approval| (38, approval));
        for (field, text) in texts.into_iter().chain(approval) {
            message.set(field, text.as_bytes())?;
        }
        Ok(message)
    }
}

/// What a completion says of its own.
#[derive(Debug, Clone, Copy)]
pub struct Capture<'a> {
    pub amount: Amount,
    /// Field 11.
    pub trace: u32,
    /// Field 38 of the authorisation's answer.
    pub approval: Option<&'a str>,
    /// Field 48.
    pub memo: &'a str,
    pub now_ms: u64,
}

/// To be stored: a message that has nothing of a card, in variant A.
pub fn to_bytes(message: &Message) -> Vec<u8> {
    Spec::a().to_bytes(message).expect("fields that were set")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acquiring::host::elements_of;

    fn authorization() -> Message {
        let mut message = Message::new(MessageType::AUTHORIZATION);
        let fields = [
            (2, "9900010000000018"),
            (3, "000000"),
            (4, "000000001000"),
            (7, "1130011500"),
            (11, "000007"),
            (12, "011500"),
            (13, "1130"),
            (18, "5812"),
            (22, "072"),
            (32, "12345"),
            (35, "9900010000000018=30122010000012345"),
            (37, "633401000007"),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (48, "order AZr7Cf3jcQKjjt3zRQ8hPw"),
            (49, "978"),
        ];
        for (field, text) in fields {
            message.set(field, text.as_bytes()).expect("it fits");
        }
        message.set(55, &[0x9f, 0x02, 1, 0]).expect("it fits");
        message
    }

    #[test]
    fn what_is_stored_names_the_authorisation_and_nothing_of_the_card() {
        let asked = authorization();
        let stored = Stored::of(&asked).expect("it is to be undone");
        assert_eq!(Stored::from_bytes(&stored.to_bytes()).ok(), Some(stored.clone()));
        let void = stored.void();
        assert_eq!(void.message_type(), MessageType::REVERSAL_ADVICE);
        assert_eq!(void.text(90), Some(&*elements_of(&asked).to_field()));
        assert_eq!(void.matching_key(), asked.matching_key());
        let capture = Capture {
            amount: Amount(950),
            trace: 8,
            approval: Some("7KQ2ZM"),
            memo: "order AZr7Cf3jcQKjjt3zRQ8hPw",
            now_ms: 1_800_000_000_000,
        };
        let capture = stored.capture(&capture).expect("a message");
        assert_eq!(capture.message_type(), MessageType::FINANCIAL_ADVICE);
        let expected = [
            (3, "000000"),
            (4, "000000000950"),
            (7, "0115080000"),
            (11, "000008"),
            (12, "080000"),
            (13, "0115"),
            (22, "072"),
            (32, "12345"),
            (37, "633401000007"),
            (38, "7KQ2ZM"),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (48, "order AZr7Cf3jcQKjjt3zRQ8hPw"),
            (49, "978"),
        ];
        let found: Vec<_> = capture
            .fields()
            .map(|field| (field, capture.text(field).unwrap_or_default()))
            .collect();
        assert_eq!(found, expected);
        for message in [void, &capture] {
            assert!([2, 35, 55].iter().all(|field| !message.has(*field)));
        }
    }

    #[test]
    fn what_moves_no_money_is_not_stored() {
        assert_eq!(Stored::of(&Message::new(MessageType::NETWORK)), None);
        assert!(Stored::from_bytes(b"no message").is_err());
    }
}
