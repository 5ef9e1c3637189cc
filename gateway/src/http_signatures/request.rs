use super::{base::BaseFault, component::Component, target::TargetUri};

/// What is signed of a request, apart from its body, which is signed by its digest.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// As sent; it is case-sensitive.
    pub method: &'a str,
    pub target: &'a TargetUri,
    /// Names, in any case, and values of the header fields, in the order in which they were sent.
    pub fields: &'a [(&'a str, &'a str)],
}

impl Request<'_> {
    pub fn has_field(&self, name: &str) -> bool {
        self.lines(name).next().is_some()
    }

    fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self
            .fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim_matches([' ', '\t']))
    }

    /// All lines of a field as one value, at most `bytes_max` long (RFC 9421, section 2.1). `None` if there is
    /// none; the error says that it is longer.
    pub(super) fn field(&self, name: &str, bytes_max: usize) -> Result<Option<String>, TooLong> {
        let mut lines = self.lines(name);
        let Some(first) = lines.next() else {
            return Ok(None);
        };
        let mut value = String::new();
        for line in std::iter::once(first).chain(lines.flat_map(|line| [", ", line])) {
            if value.len() + line.len() > bytes_max {
                return Err(TooLong);
            }
            value.push_str(line);
        }
        Ok(Some(value))
    }

    /// The component's value (RFC 9421, section 2), at most `bytes_max` long.
    pub(super) fn value(&self, component: &Component, bytes_max: usize) -> Result<String, BaseFault> {
        let value = match component {
            Component::Method => self.method.to_owned(),
            Component::TargetUri => self.target.to_string(),
            Component::Authority => self.target.authority().to_owned(),
            Component::Path => self.target.path().to_owned(),
            Component::Query => format!("?{}", self.target.query().unwrap_or_default()),
            Component::Field(_) => self
                .field(component.as_str(), bytes_max)
                .map_err(|TooLong| BaseFault::TooLong)?
                .ok_or_else(|| BaseFault::Absent {
                    component: component.clone(),
                })?,
        };
        // A line break in a value would be one in the base, which could then be that of another request.
        if !value
            .bytes()
            .all(|byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic())
        {
            return Err(BaseFault::Character {
                component: component.clone(),
            });
        }
        Ok(value)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;
