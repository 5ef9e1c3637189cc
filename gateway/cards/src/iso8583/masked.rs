//! Messages in logs.

use std::fmt;

use super::Message;
use crate::pan;

/// Fields that hold nothing of a card or its holder, so that logs may show them. All others are shown by their length.
const SHOWN: [u8; 43] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 37,
    38, 39, 40, 41, 42, 43, 49, 50, 51, 54, 70, 90, 95,
];

/// A message without what must not be in a log; see [`Message::masked`].
pub struct Masked<'a>(pub(super) &'a Message);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.message_type())?;
        for field in self.0.fields() {
            let value = self.0.get(field).unwrap_or_default();
            write!(f, " {field}=")?;
            match field {
                2 => f.write_str(&pan::mask(value))?,
                _ if SHOWN.contains(&field) => write!(f, "{}", String::from_utf8_lossy(value).escape_default())?,
                _ => write!(f, "[{} bytes]", value.len())?,
            }
        }
        Ok(())
    }
}
