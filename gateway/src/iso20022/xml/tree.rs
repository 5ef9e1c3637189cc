//! A document that was read: elements in the order in which they begin.

use std::rc::Rc;

use serde::Serialize;

/// Counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Where something is: an element by its path, such as `/Envelope/Document/FIToFICstmrCdtTrf`. An
/// element whose siblings have its name has its number among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    #[serde(flatten)]
    pub position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

#[derive(Debug)]
pub struct Attribute {
    pub namespace: Option<Rc<str>>,
    pub name: String,
    pub value: String,
}

#[derive(Debug)]
pub(super) struct Element {
    pub namespace: Option<Rc<str>>,
    pub name: String,
    pub attributes: Vec<Attribute>,
    /// All text directly in the element, joined.
    pub text: String,
    pub children: Vec<usize>,
    pub parent: Option<usize>,
    pub position: Position,
}

/// Has at least one element, the root.
#[derive(Debug)]
pub struct Document {
    pub(super) elements: Vec<Element>,
}

impl Document {
    pub fn root(&self) -> Node<'_> {
        Node {
            document: self,
            index: 0,
        }
    }
}

/// An element of a document.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document,
    index: usize,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.index == other.index
    }
}

impl<'a> Node<'a> {
    fn element(self) -> &'a Element {
        &self.document.elements[self.index]
    }

    fn at(self, index: usize) -> Self {
        Self {
            document: self.document,
            index,
        }
    }

    /// Without prefix.
    pub fn name(self) -> &'a str {
        &self.element().name
    }

    pub fn namespace(self) -> Option<&'a str> {
        self.element().namespace.as_deref()
    }

    pub fn attributes(self) -> &'a [Attribute] {
        &self.element().attributes
    }

    /// The value of an attribute that is in no namespace.
    pub fn attribute(self, name: &str) -> Option<&'a str> {
        let mut attributes = self.attributes().iter();
        let found = attributes.find(|attribute| attribute.namespace.is_none() && attribute.name == name);
        found.map(|attribute| attribute.value.as_str())
    }

    /// As written, spaces included.
    pub fn text(self) -> &'a str {
        &self.element().text
    }

    pub fn children(self) -> impl DoubleEndedIterator<Item = Self> + use<'a> {
        self.element().children.iter().map(move |index| self.at(*index))
    }

    pub fn has_children(self) -> bool {
        !self.element().children.is_empty()
    }

    pub fn parent(self) -> Option<Self> {
        self.element().parent.map(|index| self.at(index))
    }

    /// The elements at a path of names below this one, such as `GrpHdr/MsgId`.
    pub fn find(self, path: &str) -> Vec<Self> {
        let mut found = vec![self];
        for name in path.split('/') {
            found = found
                .into_iter()
                .flat_map(Node::children)
                .filter(|child| child.name() == name)
                .collect();
        }
        found
    }

    pub fn has(self, path: &str) -> bool {
        !self.find(path).is_empty()
    }

    /// This element and all below it.
    pub fn descendants(self) -> impl Iterator<Item = Self> + use<'a> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            waiting.extend(node.children().rev());
            Some(node)
        })
    }

    pub fn position(self) -> Position {
        self.element().position
    }

    pub fn place(self) -> Place {
        Place {
            position: self.position(),
            path: Some(self.path()),
        }
    }

    fn path(self) -> String {
        let mut steps = Vec::new();
        let mut next = Some(self);
        while let Some(node) = next {
            steps.push(node.step());
            next = node.parent();
        }
        steps.reverse();
        steps.concat()
    }

    fn step(self) -> String {
        let name = self.name();
        let Some(parent) = self.parent() else {
            return format!("/{name}");
        };
        let mut twins = parent.children().filter(|sibling| sibling.name() == name);
        let number = 1 + twins.by_ref().take_while(|twin| *twin != self).count();
        if number > 1 || twins.next().is_some() {
            format!("/{name}[{number}]")
        } else {
            format!("/{name}")
        }
    }
}
