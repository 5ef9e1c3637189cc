//! Comes back without its sign record and log. Its program is honest, so it observes before it signs.

use super::Byzantine;

pub struct Amnesiac;

impl Byzantine for Amnesiac {
    fn forgets(&self) -> bool {
        true
    }
}
