use std::{
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
};

use csv::StringRecord;

use super::list::{EntryId, ListName, ListedName, NAMES_MAX, SanctionsList, TooManyNames};
use crate::names::NameFault;

/// Of each file. The list of specially designated nationals has some megabytes.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What OFAC has where there is nothing.
const NULL: &str = "-0-";

/// The end of a file in DOS, which some of OFAC's have.
const END_OF_FILE: u8 = 0x1a;

/// Where the two files of a list are: SDN.CSV and ALT.CSV, or CONS_PRIM.CSV and CONS_ALT.CSV. Their form is in OFAC's
/// "SDN data formats and data schema": no header, commas, double quotes, and `-0-` for nothing.
#[derive(Debug, Clone, Copy)]
pub struct OfacFiles<'a> {
    /// A party per line, of twelve columns: its number first, then its name.
    pub parties: &'a Path,
    /// An alias per line, of five columns: the party's number, the alias's own, its kind, the alias.
    pub aliases: &'a Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    Parties,
    Aliases,
}

impl File {
    fn columns(self) -> usize {
        match self {
            Self::Parties => 12,
            Self::Aliases => 5,
        }
    }

    /// The first is 0.
    fn name_column(self) -> usize {
        match self {
            Self::Parties => 1,
            Self::Aliases => 3,
        }
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parties => "the file of parties (SDN.CSV)",
            Self::Aliases => "the file of aliases (ALT.CSV)",
        })
    }
}

/// Why two files are no list. A line that cannot be read makes the list unusable: a party would be missing.
#[derive(Debug, thiserror::Error)]
pub enum OfacFault {
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", path.display())]
    TooLong { path: PathBuf },
    #[error("{file} is not CSV in UTF-8: {source}")]
    Csv {
        file: File,
        #[source]
        source: csv::Error,
    },
    #[error("record {record} of {file} has {found} columns, not {}", file.columns())]
    Columns { file: File, record: usize, found: usize },
    #[error("record {record} of {file} does not begin with the number of a party")]
    Entry { file: File, record: usize },
    #[error("record {record} of {file} has no name")]
    NoName { file: File, record: usize },
    #[error("record {record} of {file} has a name that cannot be compared: {source}")]
    Name {
        file: File,
        record: usize,
        #[source]
        source: NameFault,
    },
    #[error("{0} is empty: it has to have a party in it, or nobody would ever be found")]
    Empty(File),
    #[error(transparent)]
    TooManyNames(#[from] TooManyNames),
}

impl SanctionsList {
    pub fn read_ofac(name: ListName, files: &OfacFiles<'_>) -> Result<Self, OfacFault> {
        Self::parse_ofac(name, &read(files.parties)?, &read(files.aliases)?)
    }

    /// From the content of the two files: first all parties' names, then all aliases. Left out are the weak aliases
    /// in remarks, which OFAC itself does not expect to be screened for.
    pub fn parse_ofac(name: ListName, parties: &[u8], aliases: &[u8]) -> Result<Self, OfacFault> {
        let mut names = Vec::new();
        add(&mut names, File::Parties, parties)?;
        if names.is_empty() {
            return Err(OfacFault::Empty(File::Parties));
        }
        // An alias of a party that is not in the other file stays: the two may be of different days.
        add(&mut names, File::Aliases, aliases)?;
        Ok(Self::new(name, names)?)
    }
}

fn add(names: &mut Vec<ListedName>, file: File, content: &[u8]) -> Result<(), OfacFault> {
    let content = content.strip_suffix(&[END_OF_FILE]).unwrap_or(content);
    // Columns are counted here, the first record's too.
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(content);
    for (row, record) in reader.records().zip(1..) {
        let row = row.map_err(|source| OfacFault::Csv { file, source })?;
        if names.len() == NAMES_MAX {
            return Err(TooManyNames.into());
        }
        names.push(listed(&row, file, record)?);
    }
    Ok(())
}

fn listed(row: &StringRecord, file: File, record: usize) -> Result<ListedName, OfacFault> {
    let found = row.len();
    if found != file.columns() {
        return Err(OfacFault::Columns { file, record, found });
    }
    let entry = row[0].trim().parse().map_err(|_| OfacFault::Entry { file, record })?;
    let name = row[file.name_column()].trim();
    if name.is_empty() || name == NULL {
        return Err(OfacFault::NoName { file, record });
    }
    ListedName::new(EntryId(entry), name).map_err(|source| OfacFault::Name { file, record, source })
}

fn read(path: &Path) -> Result<Vec<u8>, OfacFault> {
    let fault = |source| OfacFault::Read {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(OfacFault::TooLong { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
