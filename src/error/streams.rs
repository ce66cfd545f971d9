//! What to do about an answer that nobody takes.

use super::{Exit, Failure};

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(
            Exit::Failure,
            format!("the answer cannot be written: {error}"),
            "send stdout to a place that takes it",
        )
    }
}
