//! XML Schema, as much of it as ISO 20022 uses: sequences and choices of elements with bounds on how
//! often they occur, simple types with facets, attributes on simple content, and `xs:any`.
//!
//! A schema with anything else in it is refused when it is loaded: what is not understood is never
//! passed over. Schemas are ISO's and not part of this repository; [`folder::Schemas`] finds them by
//! the name of the message.

mod decimal;
mod fault;
pub mod folder;
mod lexical;
mod load;
mod model;
mod pattern;
mod validate;
mod value;

pub use self::{
    decimal::Decimal,
    fault::SchemaFault,
    load::{Unsupported, load},
    model::Schema,
    validate::validate,
};

#[cfg(test)]
mod tests;
