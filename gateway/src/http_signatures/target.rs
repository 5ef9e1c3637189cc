use std::fmt;

use super::limits::TARGET_URI_BYTES_MAX;

/// The target URI of a request (RFC 9110, section 7.1), of scheme `https` or `http`.
///
/// In the form that RFC 9421 asks of `@authority` and `@path` (sections 2.2.3 and 2.2.6): host in lower case, no
/// default port, a path that is never empty. Percent-encoded bytes stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetUri {
    scheme: &'static str,
    authority: String,
    path: String,
    query: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    #[error("the target URI is longer than {TARGET_URI_BYTES_MAX} bytes")]
    TooLong,
    #[error("a URI has only visible ASCII characters")]
    Character,
    #[error("the target URI does not begin with https:// or http://")]
    Scheme,
    #[error("the target URI names no host")]
    NoHost,
    #[error("the target URI's port is not a colon and digits after the host")]
    Port,
    #[error("the target URI has a user name")]
    UserName,
    #[error("a target URI has no fragment")]
    Fragment,
}

impl TargetUri {
    /// From an absolute URI.
    pub fn parse(text: &str) -> Result<Self, TargetFault> {
        if text.len() > TARGET_URI_BYTES_MAX {
            return Err(TargetFault::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetFault::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(TargetFault::Scheme)?;
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "https" => ("https", ":443"),
            "http" => ("http", ":80"),
            _ => return Err(TargetFault::Scheme),
        };
        if rest.contains('#') {
            return Err(TargetFault::Fragment);
        }
        let (hierarchy, query) = match rest.split_once('?') {
            Some((hierarchy, query)) => (hierarchy, Some(query.to_owned())),
            None => (rest, None),
        };
        let path_at = hierarchy.find('/').unwrap_or(hierarchy.len());
        let (authority, path) = hierarchy.split_at(path_at);
        if authority.contains('@') {
            return Err(TargetFault::UserName);
        }
        let authority = authority.to_ascii_lowercase();
        let (host, port) = host_and_port(&authority)?;
        let authority = if port == ":" || port == default_port {
            host
        } else {
            &authority
        };
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            path: if path.is_empty() {
                "/".to_owned()
            } else {
                path.to_owned()
            },
            query,
        })
    }

    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// Without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }
}

/// The port with its colon, if there is one (RFC 3986, section 3.2).
fn host_and_port(authority: &str) -> Result<(&str, &str), TargetFault> {
    let host_bytes = if authority.starts_with('[') {
        authority.find(']').ok_or(TargetFault::NoHost)? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(host_bytes);
    if host.is_empty() {
        return Err(TargetFault::NoHost);
    }
    let digits = port.strip_prefix(':').unwrap_or(port);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || (digits == port && !port.is_empty()) {
        return Err(TargetFault::Port);
    }
    Ok((host, port))
}

impl fmt::Display for TargetUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_uri_has_one_form() {
        let check = |text: &str, expected: Result<&str, TargetFault>| {
            let found = TargetUri::parse(text).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected.as_ref().copied(), "{text}");
        };
        check(
            "https://www.example.com/path?param=value",
            Ok("https://www.example.com/path?param=value"),
        );
        check("HTTPS://WWW.Example.com:443/Path", Ok("https://www.example.com/Path"));
        check("http://example.com:80", Ok("http://example.com/"));
        check("https://example.com:/", Ok("https://example.com/"));
        check("http://example.com:443/", Ok("http://example.com:443/"));
        check("https://example.com?", Ok("https://example.com/?"));
        check(
            "https://[2001:DB8::1]:8443/a%2Fb",
            Ok("https://[2001:db8::1]:8443/a%2Fb"),
        );
        check(
            "https://example.com/?next=http://a@b",
            Ok("https://example.com/?next=http://a@b"),
        );
        check("https://example.com/a b", Err(TargetFault::Character));
        check("https://example.com/é", Err(TargetFault::Character));
        check("ftp://example.com/", Err(TargetFault::Scheme));
        check("/path", Err(TargetFault::Scheme));
        check("https://", Err(TargetFault::NoHost));
        check("https://:443/", Err(TargetFault::NoHost));
        check("https://:8443/", Err(TargetFault::NoHost));
        check("https:///path", Err(TargetFault::NoHost));
        for text in [
            "https://example.com::",
            "https://example.com:443:",
            "https://example.com:80a/",
            "https://[2001:db8::1]8443/",
        ] {
            check(text, Err(TargetFault::Port));
        }
        check("https://[2001:db8::", Err(TargetFault::NoHost));
        check("https://user@example.com/", Err(TargetFault::UserName));
        check("https://example.com/#part", Err(TargetFault::Fragment));
        check(
            &format!("https://example.com/{}", "a".repeat(TARGET_URI_BYTES_MAX)),
            Err(TargetFault::TooLong),
        );
    }
}
