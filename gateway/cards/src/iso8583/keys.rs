//! By what a message is known again, and by what an answer finds its request.

use serde::{Deserialize, Serialize};

use super::{Message, MessageType, view::text};

/// Messages with equal keys are the same message: the later ones get the answer to the first. Of network management only
/// the type, 7 and 11 count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DuplicateKey {
    /// Without its mark of being a repeat.
    pub message_type: MessageType,
    /// Fields 11, 12, 13, 32 and 41, or 7 and 11; empty where absent.
    pub fields: Vec<String>,
}

/// Fields 11 and 7: what a response shares with its request. Field 41 need not be in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchingKey {
    pub trace_number: String,
    pub transmission_time: String,
}

impl Message {
    pub fn duplicate_key(&self) -> DuplicateKey {
        let message_type = self.message_type().original();
        let fields: &[u8] = if message_type.is_network() {
            &[7, 11]
        } else {
            &[11, 12, 13, 32, 41]
        };
        let fields = fields.iter().map(|field| text(self, *field)).collect();
        DuplicateKey { message_type, fields }
    }

    pub fn matching_key(&self) -> MatchingKey {
        MatchingKey {
            trace_number: text(self, 11),
            transmission_time: text(self, 7),
        }
    }
}
