//! What each object has to be (MPM tables 3.1 to 3.8), as a table, and which of it a code breaks.

use super::{
    Object, Violation,
    amount::{check_amount, check_percentage},
    is_ans, object, objects,
};

/// The form of a value. Lengths count characters.
pub enum Form {
    /// One of these.
    Is(&'static [&'static str]),
    Digits(usize),
    CapitalLetters(usize),
    HexDigits(usize),
    /// Of the common character set, up to so many.
    Ans(usize),
    /// Of any characters, up to so many.
    Any(usize),
    Amount,
    Percentage,
    /// Which of A (address), M (mobile number) and E (e-mail) the payer is asked for.
    Requests,
    /// Objects that begin with a globally unique identifier of up to 32 characters.
    Guided,
    /// Objects by a table of their own.
    Template(&'static [Field]),
    /// Objects or not, whatever who made them likes.
    Free,
}

/// A row of the table.
pub struct Field {
    /// The first and the last id that it is about.
    pub ids: (u8, u8),
    pub name: &'static str,
    pub form: Form,
    pub is_required: bool,
}

const fn field(first: u8, last: u8, name: &'static str, form: Form, is_required: bool) -> Field {
    Field {
        ids: (first, last),
        name,
        form,
        is_required,
    }
}

/// The outermost level.
pub const ROOT: &[Field] = &[
    field(0, 0, "payload_format", Form::Is(&["01"]), true),
    field(1, 1, "point_of_initiation", Form::Is(&["11", "12"]), false),
    field(2, 3, "visa_account", Form::Ans(99), false),
    field(4, 5, "mastercard_account", Form::Ans(99), false),
    field(6, 8, "emvco_account", Form::Ans(99), false),
    field(9, 10, "discover_account", Form::Ans(99), false),
    field(11, 12, "amex_account", Form::Ans(99), false),
    field(13, 14, "jcb_account", Form::Ans(99), false),
    field(15, 16, "unionpay_account", Form::Ans(99), false),
    field(17, 25, "emvco_account", Form::Ans(99), false),
    field(26, 51, "merchant_account", Form::Guided, false),
    field(52, 52, "category", Form::Digits(4), true),
    field(53, 53, "currency", Form::Digits(3), true),
    field(54, 54, "amount", Form::Amount, false),
    field(55, 55, "tip", Form::Is(&["01", "02", "03"]), false),
    field(56, 56, "tip_fixed", Form::Amount, false),
    field(57, 57, "tip_percentage", Form::Percentage, false),
    field(58, 58, "country", Form::CapitalLetters(2), true),
    field(59, 59, "name", Form::Ans(25), true),
    field(60, 60, "city", Form::Ans(15), true),
    field(61, 61, "postal_code", Form::Ans(10), false),
    field(62, 62, "additional_data", Form::Template(ADDITIONAL), false),
    field(63, 63, "crc", Form::HexDigits(4), true),
    field(64, 64, "language_template", Form::Template(LANGUAGE), false),
    field(80, 99, "unreserved", Form::Free, false),
];

/// Within object 62; `***` has the payer asked.
pub const ADDITIONAL: &[Field] = &[
    field(1, 1, "bill", Form::Ans(25), false),
    field(2, 2, "mobile", Form::Ans(25), false),
    field(3, 3, "store", Form::Ans(25), false),
    field(4, 4, "loyalty", Form::Ans(25), false),
    field(5, 5, "reference", Form::Ans(25), false),
    field(6, 6, "customer", Form::Ans(25), false),
    field(7, 7, "terminal", Form::Ans(25), false),
    field(8, 8, "purpose", Form::Ans(25), false),
    field(9, 9, "request", Form::Requests, false),
    field(50, 99, "payment_system", Form::Guided, false),
];

/// Within object 64.
pub const LANGUAGE: &[Field] = &[
    field(0, 0, "language", Form::Ans(2), true),
    field(1, 1, "name", Form::Any(25), true),
    field(2, 2, "city", Form::Any(15), false),
];

/// Within templates that a globally unique identifier begins, and nothing else of them is known.
const GUIDED: &[Field] = &[field(0, 0, "guid", Form::Ans(32), true)];

/// Merchants' accounts, of which a code has at least one.
const ACCOUNTS: std::ops::RangeInclusive<u8> = 2..=51;

pub fn find(table: &'static [Field], id: u8) -> Option<&'static Field> {
    table.iter().find(|field| (field.ids.0..=field.ids.1).contains(&id))
}

impl Form {
    /// The table of what is inside, where the form says that there are objects inside.
    pub fn inside(&self) -> Option<&'static [Field]> {
        match self {
            Self::Guided => Some(GUIDED),
            Self::Template(table) => Some(table),
            _ => None,
        }
    }

    /// What is wrong with a value that is no template.
    fn complaint(&self, value: &str) -> Option<String> {
        let count = value.chars().count();
        let all = |length: usize, is: fn(&u8) -> bool| count == length && value.as_bytes().iter().all(is);
        let (is_right, form) = match self {
            Self::Is(values) => (values.contains(&value), values.join(" or ")),
            Self::Digits(length) => (all(*length, u8::is_ascii_digit), format!("{length} digits")),
            Self::CapitalLetters(length) => (
                all(*length, u8::is_ascii_uppercase),
                format!("{length} capital letters"),
            ),
            Self::HexDigits(length) => (
                all(*length, u8::is_ascii_hexdigit),
                format!("{length} hexadecimal digits"),
            ),
            Self::Ans(max) => (
                (1..=*max).contains(&count) && is_ans(value),
                format!("1 to {max} printable characters of ASCII"),
            ),
            Self::Any(max) => ((1..=*max).contains(&count), format!("1 to {max} characters")),
            Self::Amount => return check_amount(value).err().map(|error| error.to_string()),
            Self::Percentage => return check_percentage(value).err().map(|error| error.to_string()),
            Self::Requests => (is_request(value), "up to three of A, M and E, each once".to_owned()),
            Self::Guided | Self::Template(_) | Self::Free => (true, String::new()),
        };
        (!is_right).then(|| format!("it is to be {form}"))
    }
}

fn is_request(value: &str) -> bool {
    let once = |letter| value.matches(letter).count() <= 1;
    !value.is_empty() && value.chars().all(|letter| "AME".contains(letter)) && ['A', 'M', 'E'].iter().all(|&l| once(l))
}

/// Every rule that the objects of a code break, in the order of the code, then what is missing.
pub fn violations(objects: &[Object<'_>]) -> Vec<Violation> {
    let mut found = Found::default();
    if objects.first().is_none_or(|first| first.id != 0) {
        found.add("format_not_first", "00", "object 00 comes first");
    }
    if objects.last().is_none_or(|last| last.id != 63) {
        found.add("crc_not_last", "63", "object 63 comes last");
    }
    found.level(objects, ROOT, "");
    if !objects.iter().any(|object| ACCOUNTS.contains(&object.id)) {
        found.add(
            "no_merchant_account",
            "",
            "there is no merchant's account, one of objects 02 to 51",
        );
    }
    found.tip(objects);
    found.violations
}

#[derive(Default)]
struct Found {
    violations: Vec<Violation>,
}

impl Found {
    fn add(&mut self, code: &'static str, place: impl Into<String>, message: impl Into<String>) {
        self.violations.push(Violation {
            code,
            place: place.into(),
            message: message.into(),
        });
    }

    /// Objects side by side, below the place `above`.
    fn level(&mut self, objects: &[Object<'_>], table: &'static [Field], above: &str) {
        let mut seen = [false; 100];
        for object in objects {
            let place = place(above, object.id);
            if std::mem::replace(&mut seen[usize::from(object.id)], true) {
                self.add("duplicate_id", &place, "an id comes once on its level");
            }
            if let Some(field) = find(table, object.id) {
                self.value(object.value, field, place);
            }
        }
        for field in table.iter().filter(|field| field.is_required) {
            if !seen[usize::from(field.ids.0)] {
                let place = place(above, field.ids.0);
                self.add("missing", place, format!("there is no object for {}", field.name));
            }
        }
    }

    fn value(&mut self, value: &str, field: &'static Field, place: String) {
        if let Some(message) = field.form.complaint(value) {
            self.add("wrong_form", place, format!("{}: {message}", field.name));
        } else if let Some(table) = field.form.inside() {
            match objects(value) {
                Ok(inner) => {
                    if table.len() == 1 && inner.first().is_none_or(|first| first.id != 0) {
                        self.add("guid_not_first", &place, "its object 00 comes first");
                    }
                    self.level(&inner, table, &place);
                }
                Err(error) => self.add("not_a_template", place, format!("{}: {error}", field.name)),
            }
        }
    }

    /// Objects 56 and 57 are there exactly when object 55 says so.
    fn tip(&mut self, objects: &[Object<'_>]) {
        let said = object::find(objects, 55);
        for (id, place, meaning) in [(56, "56", "02"), (57, "57", "03")] {
            let is_there = object::find(objects, id).is_some();
            if is_there && said != Some(meaning) {
                self.add(
                    "tip_not_announced",
                    place,
                    format!("it is there only when object 55 is {meaning}"),
                );
            } else if !is_there && said == Some(meaning) {
                self.add("tip_missing", place, format!("it is there when object 55 is {meaning}"));
            }
        }
    }
}

pub fn place(above: &str, id: u8) -> String {
    if above.is_empty() {
        format!("{id:02}")
    } else {
        format!("{above}.{id:02}")
    }
}
