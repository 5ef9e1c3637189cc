//! From values to XML.

use std::{
    fmt::Display,
    io::{self, Write},
};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use time::{Date, UtcDateTime, macros::format_description};

use super::amount::Money;

/// Writes elements, and nothing that has to be remembered but their depth.
pub(super) struct Xml<W: Write> {
    writer: Writer<W>,
}

impl<W: Write> Xml<W> {
    pub fn new(out: W) -> Self {
        Self {
            writer: Writer::new(out),
        }
    }

    pub fn declaration(&mut self) -> io::Result<()> {
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        self.writer.write_event(Event::Decl(declaration))
    }

    pub fn begin(&mut self, name: &str) -> io::Result<()> {
        self.writer.write_event(Event::Start(BytesStart::new(name)))
    }

    pub fn begin_in(&mut self, name: &str, namespace: &str) -> io::Result<()> {
        let start = BytesStart::new(name).with_attributes([("xmlns", namespace)]);
        self.writer.write_event(Event::Start(start))
    }

    pub fn end(&mut self, name: &str) -> io::Result<()> {
        self.writer.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element with others in it; `path` may name several, each in the one before.
    pub fn parent(&mut self, path: &str, inside: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        path.split('/').try_for_each(|name| self.begin(name))?;
        inside(self)?;
        path.rsplit('/').try_for_each(|name| self.end(name))
    }

    /// An element with a value; `path` may name those around it.
    pub fn leaf(&mut self, path: &str, value: impl Display) -> io::Result<()> {
        self.parent(path, |xml| {
            let text = value.to_string();
            xml.writer.write_event(Event::Text(BytesText::new(&text)))
        })
    }

    pub fn maybe(&mut self, path: &str, value: Option<impl Display>) -> io::Result<()> {
        value.map_or(Ok(()), |value| self.leaf(path, value))
    }

    pub fn each(&mut self, path: &str, values: &[impl Display]) -> io::Result<()> {
        values.iter().try_for_each(|value| self.leaf(path, value))
    }

    pub fn money(&mut self, name: &str, money: Money) -> io::Result<()> {
        self.amount(name, money.currency_code().as_str(), money)
    }

    pub fn amount(&mut self, name: &str, currency: &str, amount: impl Display) -> io::Result<()> {
        let start = BytesStart::new(name).with_attributes([("Ccy", currency)]);
        self.writer.write_event(Event::Start(start))?;
        let text = amount.to_string();
        self.writer.write_event(Event::Text(BytesText::new(&text)))?;
        self.end(name)
    }

    pub fn date(&mut self, path: &str, date: Date) -> io::Result<()> {
        self.leaf(path, written_date(date))
    }

    pub fn time(&mut self, path: &str, time: UtcDateTime) -> io::Result<()> {
        self.leaf(path, written_time(time))
    }

    pub fn out(self) -> W {
        self.writer.into_inner()
    }
}

fn written_date(date: Date) -> String {
    let format = format_description!("[year]-[month]-[day]");
    date.format(format).expect("a date has year, month and day")
}

/// CBPR_DateTime: with an offset in digits, not Z. Three digits of a fraction, where there is one.
fn written_time(time: UtcDateTime) -> String {
    let written = if time.millisecond() == 0 {
        time.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second]+00:00"
        ))
    } else {
        time.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+00:00"
        ))
    };
    written.expect("a time has all of these")
}
