//! The parsed form of a person's AWS files, kept while the files stay as they were.
//!
//! This table knows nothing of the files' format: it keeps texts by name, and by the role they lead to.

use rusqlite::params;

use super::{Reading, StoreError, Writing};

/// A set of files whose parsed form is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileSource(i64);

impl ProfileSource {
    pub(super) fn id(self) -> i64 {
        self.0
    }
}

impl Reading<'_> {
    /// The kept form of these files, if their stamps are still these.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn profile_source(&self, files: &str, stamps: &str) -> Result<Option<ProfileSource>, StoreError> {
        let sql = "SELECT id FROM profile_source WHERE files = ?1 AND stamps = ?2";
        self.row(sql, [files, stamps], |row| row.get(0).map(ProfileSource))
    }

    /// The parsed form of one profile.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn profile(&self, source: ProfileSource, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT parsed FROM profile WHERE source = ?1 AND name = ?2";
        self.row(sql, params![source.0, name], |row| row.get(0))
    }

    /// The profiles that lead to a role (its [`crate::identity::Identity::key`]).
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn profiles_to(&self, source: ProfileSource, role: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT parsed FROM profile WHERE source = ?1 AND role = ?2 ORDER BY name";
        self.rows(sql, params![source.0, role], |row| row.get(0))
    }

    /// Every profile, by name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn profiles(&self, source: ProfileSource) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT parsed FROM profile WHERE source = ?1 ORDER BY name";
        self.rows(sql, [source.0], |row| row.get(0))
    }
}

impl Writing<'_> {
    /// Replaces the kept form of these files. Each profile is (name, role key, parsed form).
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn keep_profiles<'a>(
        &self,
        files: &str,
        stamps: &str,
        profiles: impl Iterator<Item = (&'a str, Option<String>, String)>,
    ) -> Result<(), StoreError> {
        self.execute("DELETE FROM profile_source WHERE files = ?1", [files])?;
        self.execute("INSERT INTO profile_source (files, stamps) VALUES (?1, ?2)", [files, stamps])?;
        let source = self.last_id();
        let failed = |error| StoreError::from_sqlite(self.path, error);
        let sql = "INSERT INTO profile (source, name, role, parsed) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = self.transaction.prepare(sql).map_err(failed)?;
        for (name, role, parsed) in profiles {
            insert.execute(params![source, name, role, parsed]).map_err(failed)?;
        }
        Ok(())
    }
}
