//! What hands out a role's credentials on machines of AWS: the metadata service of an instance (version 2 only) and
//! the credentials endpoint of a container, both on the loopback, as strict as the real ones.
//!
//! Sources: EC2 User Guide, "Use the Instance Metadata Service"; ECS Developer Guide, "Task IAM role"; AWS SDKs and
//! Tools Reference Guide, "Container credential provider".

mod container;
mod instance;
mod trouble;

pub use container::Container;
pub use instance::{At, Instance};
pub use trouble::{JUNK_SECRET, Trouble};

use super::sts::Credentials;

/// What an endpoint hands out, and which way it goes wrong.
#[derive(Debug, Clone)]
struct Offer {
    role_arn: String,
    credentials: Credentials,
}

impl Offer {
    fn new(role_arn: &str, credentials: &Credentials) -> Self {
        Self { role_arn: role_arn.to_owned(), credentials: credentials.clone() }
    }

    fn role_name(&self) -> &str {
        self.role_arn.rsplit('/').next().unwrap_or_default()
    }

    /// The fields that both kinds of endpoint have.
    fn fields(&self) -> serde_json::Map<String, serde_json::Value> {
        let Credentials { access_key_id, secret, session_token, .. } = &self.credentials;
        [
            ("AccessKeyId", access_key_id.as_str()),
            ("SecretAccessKey", secret),
            ("Token", session_token),
            ("Expiration", &self.credentials.expiration()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
    }
}

#[cfg(test)]
mod tests;
