//! What became of a credential, for people and for programs.

use serde_json::{Value, json};

use crate::context::Context;
use crate::credential_text::Found;
use crate::identity::request::say_duration;
use crate::resolve::bringing::{expiry, kind};
use crate::store::IdentityRow;

/// What became of one credential.
pub struct Answer {
    /// The name shown for its identity; `None` before anybody was asked.
    pub shown: Option<String>,
    /// The identity's ARN.
    pub arn: Option<String>,
    /// The identity's label.
    pub label: Option<String>,
    /// What it was called where it came from.
    pub section: Option<String>,
    /// Its name.
    pub access_key_id: String,
    /// `long-term` or `imported`.
    pub kind: &'static str,
    /// Epoch seconds.
    pub expires_at: Option<i64>,
    /// Whether nobody told that.
    pub expiry_is_guess: bool,
    /// Whether the store had it before.
    pub was_known: bool,
}

impl Answer {
    pub(super) fn of(found: &Found, row: &IdentityRow, was_known: bool, now: i64) -> Self {
        let (shown, arn, label) = (Some(row.shown()), Some(row.arn()), row.label.clone());
        Self { shown, arn, label, ..Self::unasked(found, was_known, now) }
    }

    /// Of one that nobody was asked about.
    pub(super) fn unasked(found: &Found, was_known: bool, now: i64) -> Self {
        let (expires_at, expiry_is_guess) = expiry(found, now);
        Self {
            shown: None,
            arn: None,
            label: None,
            section: found.section.clone(),
            access_key_id: found.access_key_id.clone(),
            kind: kind(found).word(),
            expires_at,
            expiry_is_guess,
            was_known,
        }
    }

    /// One line.
    pub fn sentence(&self, context: &Context) -> String {
        let words: Vec<&str> = [&self.shown, &self.arn].into_iter().flatten().map(String::as_str).collect();
        let whose = if words.is_empty() { self.section.clone().unwrap_or_default() } else { words.join("  ") };
        let gap = if whose.is_empty() { "" } else { "  " };
        format!("{whose}{gap}{}", self.key(context))
    }

    /// Which key it is, of what kind, and for how long.
    pub fn key(&self, context: &Context) -> String {
        let life = self.expires_at.map_or(String::new(), |end| {
            let guess = if self.expiry_is_guess { ", a guess" } else { "" };
            format!(", {} left{guess}", say_duration(end - context.now()))
        });
        format!("{} ({}{life})", self.access_key_id, self.kind)
    }

    /// That the store had it before.
    pub fn known(&self) -> String {
        let whose = self.shown.as_deref().map_or(String::new(), |shown| format!(" of {shown}"));
        format!("{}{whose} is stored already", self.access_key_id)
    }

    /// All of it.
    pub fn json(&self) -> Value {
        json!({
            "identity": self.shown,
            "arn": self.arn,
            "section": self.section,
            "access_key_id": self.access_key_id,
            "kind": self.kind,
            "expires_at": self.expires_at,
            "expiry_is_guess": self.expiry_is_guess,
            "already_stored": self.was_known,
        })
    }
}
