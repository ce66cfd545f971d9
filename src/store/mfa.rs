//! MFA codes that have been sent: none is ever sent twice.

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::{StoreError, Writing};

/// Codes older than this cannot be valid any more: AWS accepts a few 30-second steps around its clock.
const REMEMBERED: i64 = 15 * 60;

impl Writing<'_> {
    /// Claims a code for one use; `false` where some process has already used it.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn claim_mfa_code(&self, serial: &str, code: &str, now: i64) -> Result<bool, StoreError> {
        self.execute("DELETE FROM mfa_use WHERE used_at < ?1", [now - REMEMBERED])?;
        let hash: [u8; 32] = Sha256::new().chain_update(serial).chain_update([0]).chain_update(code).finalize().into();
        let sql = "INSERT INTO mfa_use (serial, code_hash, used_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        Ok(self.execute(sql, params![serial, hash, now])? == 1)
    }
}
