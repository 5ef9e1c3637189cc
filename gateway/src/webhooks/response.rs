/// What the answer to an attempt means for the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// The receiver wants no more webhooks at this endpoint, which is to be disabled.
    Gone,
    Failed(FailureKind),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Not followed: it would lead past the checks of the address.
    Redirect,
    /// Another status than a success.
    Status,
    /// No answer: no connection, or none within the time.
    NoAnswer,
}

/// Of an HTTP status (RFC 9110, section 15), or of none if no answer came. 2xx is a success, 410 disables, all else
/// is a failure.
pub fn outcome(status: Option<u16>) -> Outcome {
    match status {
        Some(200..=299) => Outcome::Delivered,
        Some(410) => Outcome::Gone,
        Some(300..=399) => Outcome::Failed(FailureKind::Redirect),
        Some(_) => Outcome::Failed(FailureKind::Status),
        None => Outcome::Failed(FailureKind::NoAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_one_outcome() {
        for status in 0..=u16::MAX {
            let expected = match status / 100 {
                2 => Outcome::Delivered,
                3 => Outcome::Failed(FailureKind::Redirect),
                _ if status == 410 => Outcome::Gone,
                _ => Outcome::Failed(FailureKind::Status),
            };
            assert_eq!(outcome(Some(status)), expected, "{status}");
        }
        assert_eq!(outcome(None), Outcome::Failed(FailureKind::NoAnswer));
    }
}
