//! XML, as much of it as messages need.
//!
//! Nothing of a document is believed before it is counted: its bytes, its depth, its elements and
//! their attributes are bounded by [`limits`], and there are no document type declarations, so that
//! nothing in it can be expanded or fetched.

mod attributes;
mod characters;
mod decode;
mod fault;
mod namespaces;
mod read;
mod tree;

pub mod limits {
    //! What a document may have. The largest published sample has 130 kB and is 17 elements deep.

    pub const DOCUMENT_BYTES_MAX: usize = 10 * 1024 * 1024;
    pub const ELEMENTS_MAX: usize = 200_000;
    pub const DEPTH_MAX: usize = 64;
    /// Of one element, namespace declarations among them.
    pub const ATTRIBUTES_MAX: usize = 32;
    pub const ATTRIBUTE_BYTES_MAX: usize = 4 * 1024;
    pub const NAME_BYTES_MAX: usize = 256;
    /// Different namespaces in a document.
    pub const NAMESPACES_MAX: usize = 256;
}

pub use self::{
    fault::{Malformed, XmlFault},
    read::read,
    tree::{Attribute, Document, Node, Place, Position},
};

#[cfg(test)]
mod tests;
