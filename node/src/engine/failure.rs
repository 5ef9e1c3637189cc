//! Why the process ends, and with which status.

use crate::{
    actors::{api::ServeError, network::NetworkError},
    exit::ExitStatus,
    log::{FilesError, FolderError, JournalError},
    store::{StoreError, check::CheckError, snapshot::SnapshotError},
};

/// Why the process ends, with its exit status.
#[derive(Debug)]
pub struct Failure {
    pub status: ExitStatus,
    pub reason: anyhow::Error,
}

impl Failure {
    pub fn config(reason: impl Into<anyhow::Error>) -> Self {
        Self {
            status: ExitStatus::Config,
            reason: reason.into(),
        }
    }

    pub(super) fn genesis(reason: impl Into<anyhow::Error>) -> Self {
        Self {
            status: ExitStatus::Genesis,
            reason: reason.into(),
        }
    }

    pub(super) fn bug(reason: impl Into<anyhow::Error>) -> Self {
        Self {
            status: ExitStatus::Bug,
            reason: reason.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            status: error.exit_status(),
            reason: error.into(),
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Store(error) => error.into(),
            CheckError::Validators(error) => Self::genesis(error),
        }
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        Self {
            status: error.exit_status(),
            reason: error.into(),
        }
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        let status = match error {
            FilesError::Journal(JournalError::Foreign { .. }) => ExitStatus::Genesis,
            _ => ExitStatus::Database,
        };
        Self {
            status,
            reason: error.into(),
        }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        Self {
            status: ExitStatus::Database,
            reason: error.into(),
        }
    }
}

impl From<prometheus::Error> for Failure {
    fn from(error: prometheus::Error) -> Self {
        Self::bug(error)
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self {
            status: error.exit_status(),
            reason: error.into(),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let status = match error {
            ServeError::Listen { .. } => ExitStatus::Listen,
            ServeError::Metrics(_) => ExitStatus::Bug,
        };
        Self {
            status,
            reason: anyhow::Error::from(error)
                .context("choose another address in the configuration, or stop what uses it"),
        }
    }
}
