//! Who a credential speaks for.

/// An AWS principal with what its names are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    Root {
        partition: String,
        account: String,
    },
    User {
        partition: String,
        account: String,
        path: String,
        name: String,
        unique_id: String,
    },
    /// An assumed role; `role_arn` has the role's path, the session's own ARN has not.
    RoleSession {
        partition: String,
        account: String,
        role_arn: String,
        role_name: String,
        unique_id: String,
        session_name: String,
    },
    Federated {
        partition: String,
        account: String,
        name: String,
    },
}

impl Principal {
    /// The ARN that `GetCallerIdentity` answers.
    pub fn arn(&self) -> String {
        match self {
            Self::Root { partition, account } => format!("arn:{partition}:iam::{account}:root"),
            Self::User { partition, account, path, name, .. } => {
                format!("arn:{partition}:iam::{account}:user{path}{name}")
            }
            Self::RoleSession { partition, account, role_name, session_name, .. } => {
                format!("arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}")
            }
            Self::Federated { partition, account, name } => {
                format!("arn:{partition}:sts::{account}:federated-user/{name}")
            }
        }
    }

    /// The `UserId` of `GetCallerIdentity`.
    pub fn user_id(&self) -> String {
        match self {
            Self::Root { account, .. } => account.clone(),
            Self::User { unique_id, .. } => unique_id.clone(),
            Self::RoleSession { unique_id, session_name, .. } => format!("{unique_id}:{session_name}"),
            Self::Federated { account, name, .. } => format!("{account}:{name}"),
        }
    }

    pub fn account(&self) -> &str {
        match self {
            Self::Root { account, .. }
            | Self::User { account, .. }
            | Self::RoleSession { account, .. }
            | Self::Federated { account, .. } => account,
        }
    }

    pub fn partition(&self) -> &str {
        match self {
            Self::Root { partition, .. }
            | Self::User { partition, .. }
            | Self::RoleSession { partition, .. }
            | Self::Federated { partition, .. } => partition,
        }
    }

    /// Whether a principal of a trust policy means this one: `*`, an account id, the ARN of an account's root
    /// (anyone of that account), of a user, of a role (any session of it), of one session.
    pub fn is_meant_by(&self, trusted: &str) -> bool {
        let account_root = format!("arn:{}:iam::{}:root", self.partition(), self.account());
        let is_role = matches!(self, Self::RoleSession { role_arn, .. } if role_arn == trusted);
        trusted == "*" || trusted == self.account() || trusted == account_root || trusted == self.arn() || is_role
    }
}

/// The parts of `arn:partition:service:region:account:resource`; `None` where there are fewer.
pub fn split_arn(arn: &str) -> Option<[&str; 6]> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.try_into().ok().filter(|parts: &[&str; 6]| parts[0] == "arn")
}

/// The partition whose regions are named like this one.
pub fn partition_of_region(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}
