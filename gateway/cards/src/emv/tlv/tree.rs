//! Reading down into constructed objects, within limits.

use super::{Reader, Tag, Tlv, TlvError};

/// Whether one template may hold the same primitive tag twice. Constructed tags may repeat either way: the `61` of a
/// directory does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    Allowed,
    Refused,
}

/// What reading may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of all that is read.
    pub bytes_max: usize,
    /// Templates within one another; 1 reads one level.
    pub levels_max: usize,
    /// Of all levels together.
    pub objects_max: usize,
    pub duplicates: Duplicates,
}

impl Limits {
    /// A response to a command is at most 256 bytes and a status word, DE55 at most 999: neither needs more.
    pub const STANDARD: Self = Self {
        bytes_max: 4096,
        levels_max: 8,
        objects_max: 256,
        duplicates: Duplicates::Allowed,
    };
}

/// An object and, when it is constructed, what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    pub object: Tlv<'a>,
    /// Empty for a primitive object.
    pub children: Vec<Node<'a>>,
}

/// Reads every object, going into constructed ones.
///
/// # Errors
/// The first fault in the order of the bytes; a whole that is too large is refused unread.
pub fn read_tree(bytes: &[u8], limits: Limits) -> Result<Vec<Node<'_>>, TlvError> {
    if bytes.len() > limits.bytes_max {
        return Err(TlvError::TooLarge {
            length: bytes.len(),
            max: limits.bytes_max,
        });
    }
    let mut objects_left = limits.objects_max;
    read_level(Reader::new(bytes), limits, 1, &mut objects_left)
}

/// The first object of a tag, at any level, in the order of the bytes.
pub fn find<'n, 'a>(nodes: &'n [Node<'a>], tag: Tag) -> Option<&'n Node<'a>> {
    nodes.iter().find_map(|node| {
        if node.object.tag == tag {
            Some(node)
        } else {
            find(&node.children, tag)
        }
    })
}

fn read_level<'a>(
    mut reader: Reader<'a>,
    limits: Limits,
    level: usize,
    objects_left: &mut usize,
) -> Result<Vec<Node<'a>>, TlvError> {
    let mut nodes: Vec<Node<'a>> = Vec::new();
    while let Some(object) = reader.next() {
        let object = object?;
        let Tlv { tag, offset, .. } = object;
        *objects_left = objects_left.checked_sub(1).ok_or(TlvError::TooMany {
            tag,
            offset,
            max: limits.objects_max,
        })?;
        let mut children = Vec::new();
        if tag.is_constructed() {
            if level == limits.levels_max {
                return Err(TlvError::TooDeep {
                    tag,
                    offset,
                    max: limits.levels_max,
                });
            }
            let inner = Reader::of(&object, reader.value_offset(&object));
            children = read_level(inner, limits, level + 1, objects_left)?;
        } else if limits.duplicates == Duplicates::Refused && nodes.iter().any(|node| node.object.tag == tag) {
            return Err(TlvError::Duplicate { tag, offset });
        }
        nodes.push(Node { object, children });
    }
    Ok(nodes)
}
