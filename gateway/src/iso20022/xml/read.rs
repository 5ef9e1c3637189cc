//! From bytes to a tree.
//!
//! quick-xml finds tags, text and comments. It does not look into them: names, attributes,
//! characters, namespaces and what may stand outside the root are checked here, so that what is read
//! is well-formed by XML 1.0 and Namespaces in XML 1.0.

use quick_xml::{
    Reader,
    events::{BytesDecl, Event},
};

use super::{
    attributes, characters,
    decode::{self, Encoding},
    fault::{Malformed, XmlFault},
    limits,
    namespaces::Namespaces,
    tree::{Attribute, Document, Element, Position},
};

/// Reads a document.
///
/// # Errors
/// The first reason why it is not well-formed, or exceeds one of [`limits`].
pub fn read(bytes: &[u8]) -> Result<Document, Malformed> {
    let start = Position { line: 1, column: 1 };
    let (text, encoding) = decode::decode(bytes).map_err(|fault| Malformed { fault, position: start })?;
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_comments = true;
    let mut builder = Builder::new(&text, encoding);
    loop {
        let at = byte_offset(reader.buffer_position());
        let event = reader.read_event().map_err(|error| Malformed {
            fault: XmlFault::Syntax(error),
            position: builder.lines.position(byte_offset(reader.error_position())),
        })?;
        let ended = matches!(event, Event::Eof);
        builder.take(event, at).map_err(|fault| Malformed {
            fault,
            position: builder.lines.position(at),
        })?;
        if ended {
            return Ok(Document {
                elements: builder.elements,
            });
        }
    }
}

/// The text is in memory, so that its offsets are of this machine.
fn byte_offset(offset: u64) -> usize {
    usize::try_from(offset).expect("an offset into text in memory")
}

struct Builder<'t> {
    text: &'t str,
    encoding: Encoding,
    lines: Lines<'t>,
    namespaces: Namespaces,
    elements: Vec<Element>,
    /// Elements that have not ended, the innermost last.
    open: Vec<usize>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, encoding: Encoding) -> Self {
        Self {
            text,
            encoding,
            lines: Lines::new(text),
            namespaces: Namespaces::new(),
            elements: Vec::new(),
            open: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, at: usize) -> Result<(), XmlFault> {
        match event {
            Event::Decl(declaration) => self.declaration(&declaration, at),
            Event::DocType(_) => Err(XmlFault::DocumentType),
            Event::Start(tag) => self.start(text_of(&tag), at),
            Event::Empty(tag) => {
                self.start(text_of(&tag), at)?;
                self.end();
                Ok(())
            }
            // quick-xml has compared its name with that of the start.
            Event::End(_) => {
                self.end();
                Ok(())
            }
            Event::Text(text) => {
                let text = text_of(&text);
                if text.contains("]]>") {
                    return Err(XmlFault::CdataEnd);
                }
                self.text(text)
            }
            Event::CData(_) if self.open.is_empty() => Err(XmlFault::TextOutside),
            Event::CData(text) => self.text(text_of(&text)),
            Event::GeneralRef(name) => {
                let name = text_of(&name);
                let character = characters::referenced(name).ok_or_else(|| XmlFault::entity(name))?;
                match self.open.last() {
                    Some(innermost) => self.elements[*innermost].text.push(character),
                    None => return Err(XmlFault::TextOutside),
                }
                Ok(())
            }
            Event::Comment(_) => Ok(()),
            Event::PI(instruction) => {
                let target = text_of(instruction.target());
                if target.eq_ignore_ascii_case("xml") || !characters::is_unprefixed_name(target) {
                    return Err(XmlFault::Instruction);
                }
                Ok(())
            }
            Event::Eof => match (self.open.last(), self.elements.is_empty()) {
                (Some(innermost), _) => Err(XmlFault::Unclosed {
                    name: self.elements[*innermost].name.clone(),
                }),
                (None, true) => Err(XmlFault::Empty),
                (None, false) => Ok(()),
            },
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>, at: usize) -> Result<(), XmlFault> {
        let content = text_of(declaration).strip_prefix("xml").ok_or(XmlFault::Declaration)?;
        let attributes = attributes::attributes(content).map_err(|_| XmlFault::Declaration)?;
        let names: Vec<_> = attributes.iter().map(|attribute| attribute.name).collect();
        let known = matches!(
            names.as_slice(),
            ["version"] | ["version", "encoding"] | ["version", "standalone"] | ["version", "encoding", "standalone"]
        );
        if at != 0 || !known || !attributes[0].value.starts_with("1.") {
            return Err(XmlFault::Declaration);
        }
        for attribute in &attributes {
            let value = attribute.value.as_str();
            if attribute.name == "encoding" && !self.encoding.goes_by(value, self.text) {
                return Err(XmlFault::Encoding {
                    declared: value.chars().take(40).collect(),
                });
            }
            if attribute.name == "standalone" && value != "yes" && value != "no" {
                return Err(XmlFault::Declaration);
            }
        }
        Ok(())
    }

    fn start(&mut self, tag: &str, at: usize) -> Result<(), XmlFault> {
        if self.open.is_empty() && !self.elements.is_empty() {
            return Err(XmlFault::SecondRoot);
        }
        if self.open.len() == limits::DEPTH_MAX {
            return Err(XmlFault::TooDeep);
        }
        if self.elements.len() == limits::ELEMENTS_MAX {
            return Err(XmlFault::TooManyElements);
        }
        let (name, rest) = tag.split_at(tag.find(characters::is_space).unwrap_or(tag.len()));
        if name.is_empty() {
            return Err(XmlFault::Name { name: String::new() });
        }
        let written = attributes::attributes(rest)?;
        self.namespaces.enter(self.open.len() + 1, &written)?;
        let (namespace, name) = self.namespaces.element(name)?;
        let mut attributes: Vec<Attribute> = Vec::new();
        for attribute in written {
            let (namespace, name) = self.namespaces.attribute(match attribute.name {
                "xmlns" => continue,
                name if name.starts_with("xmlns:") => continue,
                name => name,
            })?;
            // Two prefixes may mean one namespace.
            if attributes
                .iter()
                .any(|other| other.namespace == namespace && other.name == name)
            {
                return Err(XmlFault::AttributeTwice { name: name.to_owned() });
            }
            attributes.push(Attribute {
                namespace,
                name: name.to_owned(),
                value: attribute.value,
            });
        }
        let index = self.elements.len();
        let parent = self.open.last().copied();
        if let Some(parent) = parent {
            self.elements[parent].children.push(index);
        }
        self.elements.push(Element {
            namespace,
            name: name.to_owned(),
            attributes,
            text: String::new(),
            children: Vec::new(),
            parent,
            position: self.lines.position(at),
        });
        self.open.push(index);
        Ok(())
    }

    fn end(&mut self) {
        self.namespaces.leave(self.open.len());
        self.open.pop();
    }

    /// XML 1.0, 2.11: a line ends with one character, however it was written.
    fn text(&mut self, text: &str) -> Result<(), XmlFault> {
        match self.open.last() {
            Some(innermost) => {
                let target = &mut self.elements[*innermost].text;
                if text.contains('\r') {
                    target.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
                } else {
                    target.push_str(text);
                }
                Ok(())
            }
            None if text.chars().all(characters::is_space) => Ok(()),
            None => Err(XmlFault::TextOutside),
        }
    }
}

/// What quick-xml gives are pieces of the text that it was given, cut at ASCII characters.
fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("a piece of text, cut at ASCII")
}

/// Counts lines and columns as the reader goes on, so that one line of ten megabytes is counted once.
struct Lines<'t> {
    text: &'t str,
    offset: usize,
    position: Position,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            offset: 0,
            position: Position { line: 1, column: 1 },
        }
    }

    fn position(&mut self, offset: usize) -> Position {
        if offset < self.offset {
            *self = Self::new(self.text);
        }
        let passed = self.text.get(self.offset..offset).unwrap_or_default();
        for character in passed.chars() {
            if character == '\n' {
                self.position.line += 1;
                self.position.column = 1;
            } else {
                self.position.column += 1;
            }
        }
        self.offset = offset;
        self.position
    }
}
