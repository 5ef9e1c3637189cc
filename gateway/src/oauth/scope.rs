use std::{collections::BTreeSet, fmt, str::FromStr};

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    QuotesWrite,
    RemittancesRead,
    RemittancesWrite,
    /// As the beneficiary's operator.
    RemittancesAccept,
    AccountsRead,
    CustomersWrite,
    AliasesRead,
    EventsRead,
    WebhooksWrite,
    Iso20022Write,
    OrdersRead,
    OrdersWrite,
    MerchantsWrite,
    CardsRead,
    CardsWrite,
    /// Whole numbers of cards.
    CardsReveal,
    Admin,
}

impl Scope {
    pub const ALL: [Self; 17] = [
        Self::QuotesWrite,
        Self::RemittancesRead,
        Self::RemittancesWrite,
        Self::RemittancesAccept,
        Self::AccountsRead,
        Self::CustomersWrite,
        Self::AliasesRead,
        Self::EventsRead,
        Self::WebhooksWrite,
        Self::Iso20022Write,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::MerchantsWrite,
        Self::CardsRead,
        Self::CardsWrite,
        Self::CardsReveal,
        Self::Admin,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QuotesWrite => "quotes:write",
            Self::RemittancesRead => "remittances:read",
            Self::RemittancesWrite => "remittances:write",
            Self::RemittancesAccept => "remittances:accept",
            Self::AccountsRead => "accounts:read",
            Self::CustomersWrite => "customers:write",
            Self::AliasesRead => "aliases:read",
            Self::EventsRead => "events:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::Iso20022Write => "iso20022:write",
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::MerchantsWrite => "merchants:write",
            Self::CardsRead => "cards:read",
            Self::CardsWrite => "cards:write",
            Self::CardsReveal => "cards:reveal",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// All scopes are shorter together, each once.
const TEXT_BYTES_MAX: usize = 512;

/// A set of scopes; as text, separated by spaces (RFC 6749, section 3.3), in the order of [`Scope::ALL`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeFault {
    #[error("the scopes are longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    #[error("there is no scope in the list, or more than a space between two")]
    Empty,
    #[error("the scope {name:?} is not known")]
    Unknown { name: String },
}

impl Scopes {
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether each of these is also in `others`.
    pub fn is_within(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl FromStr for Scopes {
    type Err = ScopeFault;

    /// One at least, in any order, perhaps twice.
    fn from_str(text: &str) -> Result<Self, ScopeFault> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ScopeFault::TooLong);
        }
        let scope = |name: &str| match Scope::ALL.into_iter().find(|scope| scope.as_str() == name) {
            Some(scope) => Ok(scope),
            None if name.is_empty() => Err(ScopeFault::Empty),
            None => Err(ScopeFault::Unknown { name: name.to_owned() }),
        };
        text.split(' ').map(scope).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            let before = if at == 0 { "" } else { " " };
            write!(f, "{before}{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scopes_are_read_as_a_set() {
        let check = |text: &str, expected: Result<&str, ScopeFault>| {
            let found = text.parse::<Scopes>().map(|scopes| scopes.to_string());
            assert_eq!(found.as_deref(), expected.as_ref().copied(), "{text}");
        };
        check("admin", Ok("admin"));
        check("events:read quotes:write events:read", Ok("quotes:write events:read"));
        check("", Err(ScopeFault::Empty));
        check("admin  admin", Err(ScopeFault::Empty));
        check("admin ", Err(ScopeFault::Empty));
        let name = "Admin".to_owned();
        check("Admin", Err(ScopeFault::Unknown { name }));
        check(&"admin ".repeat(90), Err(ScopeFault::TooLong));
        let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        let all = all.join(" ");
        check(&all, Ok(&all));
    }

    #[test]
    fn a_set_is_within_another() {
        let few: Scopes = [Scope::EventsRead].into_iter().collect();
        let all: Scopes = Scope::ALL.into_iter().collect();
        assert!(few.is_within(&all) && !all.is_within(&few));
        assert!(few.contains(Scope::EventsRead) && !few.contains(Scope::Admin));
    }

    proptest! {
        #[test]
        fn invariant_scopes_are_read_back(scopes in proptest::sample::subsequence(Scope::ALL.as_slice(), 1..=Scope::ALL.len())) {
            let scopes: Scopes = scopes.into_iter().collect();
            prop_assert_eq!(scopes.to_string().parse(), Ok(scopes));
        }
    }
}
