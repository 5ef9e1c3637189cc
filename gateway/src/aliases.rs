//! Aliases by which people and merchants are paid, and what a payer is shown before paying: whether the name that was
//! typed is the payee's (confirmation of payee), and that name, masked. Who has an alias is a directory's to know.

mod alias;
mod confirmation;
mod mask;

pub use alias::{Alias, AliasFault, AliasKind};
pub use confirmation::NameMatch;
pub use mask::{MASKED_CHARACTERS_MAX, masked};
