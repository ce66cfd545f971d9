//! Resolving without a trace.

use super::{ResolveError, Resolved, Resolver};
use crate::identity::request::Request;

impl Resolver<'_> {
    /// Gets a credential, and nothing is written down: neither what AWS gives for it, nor that it was asked.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve); and where a code would be needed, which is used up.
    pub fn resolve_reading(&mut self, name: &str, request: &Request) -> Result<Resolved, ResolveError> {
        self.only_reads = true;
        let resolved = self.resolve(name, request);
        self.only_reads = false;
        resolved
    }
}
