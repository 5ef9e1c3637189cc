//! Namespaces in XML 1.0: which prefix means what, where.

use std::{collections::HashMap, rc::Rc};

use super::{XmlFault, attributes::Written, characters, limits};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The declarations in force, each with the depth of the element that made it.
pub struct Namespaces {
    bindings: Vec<Binding>,
    /// Each namespace once, however often it is declared.
    known: HashMap<String, Rc<str>>,
}

struct Binding {
    depth: usize,
    prefix: String,
    /// `None` where the default namespace is taken back.
    namespace: Option<Rc<str>>,
}

impl Namespaces {
    pub fn new() -> Self {
        Self {
            bindings: vec![Binding {
                depth: 0,
                prefix: "xml".to_owned(),
                namespace: Some(XML.into()),
            }],
            known: HashMap::new(),
        }
    }

    /// Takes the declarations among an element's attributes.
    pub fn enter(&mut self, depth: usize, attributes: &[Written<'_>]) -> Result<(), XmlFault> {
        for attribute in attributes {
            let prefix = match attribute.name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) => match rest.strip_prefix(':') {
                    Some(prefix) => prefix,
                    None => continue,
                },
                None => continue,
            };
            let value = attribute.value.as_str();
            let named = !prefix.is_empty();
            let wrong = named && (value.is_empty() || prefix == "xmlns" || !characters::is_unprefixed_name(prefix));
            if wrong || (prefix == "xml") != (value == XML) || value == XMLNS {
                return Err(XmlFault::NamespaceDeclaration {
                    name: attribute.name.to_owned(),
                });
            }
            let namespace = if value.is_empty() {
                None
            } else {
                Some(self.once(value)?)
            };
            self.bindings.push(Binding {
                depth,
                prefix: prefix.to_owned(),
                namespace,
            });
        }
        Ok(())
    }

    fn once(&mut self, namespace: &str) -> Result<Rc<str>, XmlFault> {
        if let Some(known) = self.known.get(namespace) {
            return Ok(known.clone());
        }
        if self.known.len() == limits::NAMESPACES_MAX {
            return Err(XmlFault::TooManyNamespaces);
        }
        let new: Rc<str> = namespace.into();
        self.known.insert(namespace.to_owned(), new.clone());
        Ok(new)
    }

    pub fn leave(&mut self, depth: usize) {
        while self.bindings.last().is_some_and(|binding| binding.depth >= depth) {
            self.bindings.pop();
        }
    }

    /// Namespace and local name of an element.
    pub fn element<'a>(&self, name: &'a str) -> Result<(Option<Rc<str>>, &'a str), XmlFault> {
        let (prefix, local) = split(name)?;
        Ok((self.meaning(prefix)?, local))
    }

    /// Namespace and local name of an attribute: without a prefix it is in none.
    pub fn attribute<'a>(&self, name: &'a str) -> Result<(Option<Rc<str>>, &'a str), XmlFault> {
        let (prefix, local) = split(name)?;
        let namespace = if prefix.is_empty() { None } else { self.meaning(prefix)? };
        Ok((namespace, local))
    }

    fn meaning(&self, prefix: &str) -> Result<Option<Rc<str>>, XmlFault> {
        match self.bindings.iter().rev().find(|binding| binding.prefix == prefix) {
            Some(binding) => Ok(binding.namespace.clone()),
            None if prefix.is_empty() => Ok(None),
            None => Err(XmlFault::PrefixUnknown {
                prefix: prefix.to_owned(),
            }),
        }
    }
}

fn split(name: &str) -> Result<(&str, &str), XmlFault> {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let prefixed = name.contains(':');
    if name.len() > limits::NAME_BYTES_MAX {
        return Err(XmlFault::NameTooLong);
    }
    if !characters::is_unprefixed_name(local) || (prefixed && !characters::is_unprefixed_name(prefix)) {
        return Err(XmlFault::Name { name: name.to_owned() });
    }
    Ok((prefix, local))
}
