//! What a trace says of a message.

use std::fmt;

use causeway_consensus::Message;

/// A message in a line.
pub struct Brief<'a>(pub &'a Message);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (height, round) = (self.0.height(), self.0.round());
        match self.0 {
            Message::Vote(vote) => match vote.block {
                Some(id) => write!(f, "{:?} {height}/{round} {id}", vote.kind),
                None => write!(f, "{:?} {height}/{round} nil", vote.kind),
            },
            Message::Proposal(proposal) => {
                let lock = proposal.lock_round;
                write!(f, "proposal {height}/{round} {} of round {lock:?}", proposal.block.id())
            }
            Message::Polka(polka) => write!(f, "polka {height}/{round} {}", polka.block),
            Message::Round(certificate) => write!(f, "{:?} certificate {height}/{round}", certificate.kind),
        }
    }
}
