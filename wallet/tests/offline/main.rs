//! Two wallets that pay each other without a network, each command a process of its own. All that they share is the
//! medium: pictures, sound, or files.

#[path = "../issuer/mod.rs"]
mod issuer;

mod consent;
mod medium;
mod resumed;
mod taps;

use std::path::{Path, PathBuf};

use issuer::Person;

/// What passes from one to the other.
struct Media {
    folder: tempfile::TempDir,
}

impl Media {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn place(&self, name: &str) -> String {
        // Joined as text: a path would lose the `/` that says that it is a folder.
        format!("{}/{name}", self.folder.path().display())
    }
}

fn payer_and_payee() -> (Person, Person, Media) {
    (Person::new("anna", 1, 10_000), Person::new("shop", 2, 0), Media::new())
}

/// A whole payment: request, payment, receipt, by these places.
fn pay(payer: &Person, payee: &Person, media: &Media, amount: &str, [request, payment, receipt]: [&str; 3]) {
    let [request, payment, receipt] = [request, payment, receipt].map(|name| media.place(name));
    payee.does("request", &[amount, "--memo", "tea", "--out", &request]);
    payer.does("pay", &["--in", &request, "--out", &payment, "--yes"]);
    payee.does("receive", &["--in", &payment, "--out", &receipt]);
    payer.does("settle", &["--in", &receipt]);
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("it is there")
}
