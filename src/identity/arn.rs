//! ARNs of IAM and STS principals, in every partition.
//!
//! Source: IAM User Guide, "IAM identifiers" and "IAM and AWS STS quotas".

use super::{Identity, Kind};

/// What an ARN of a principal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalArn {
    /// The identity it names.
    pub identity: Identity,
    /// The IAM path, `/` or `/team/`; unknown for an assumed-role session, whose ARN omits it.
    pub path: Option<String>,
    /// The session name of an assumed-role session.
    pub session_name: Option<String>,
}

/// Why a text is not the ARN of a principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// It has not the six fields of an ARN, or a wrong service or partition.
    #[error("it is not of the form arn:PARTITION:iam::ACCOUNT:RESOURCE")]
    Form,
    /// The account field is not twelve digits.
    #[error("its account id is not twelve digits")]
    Account,
    /// The resource is none of role, assumed-role, user, root and federated-user.
    #[error("its resource is not a role, an assumed role, a user, a federated user or root")]
    Resource,
    /// The name has a character that IAM does not allow, or a wrong length.
    #[error("its name is not one that IAM allows (letters, digits and _+=,.@-, at most 64)")]
    Name,
}

/// Reads the ARN of a principal.
///
/// # Errors
/// Says which part is wrong.
pub fn parse(text: &str) -> Result<PrincipalArn, ArnError> {
    let mut fields = text.splitn(6, ':');
    let mut field = || fields.next().ok_or(ArnError::Form);
    let (arn, partition, service, region) = (field()?, field()?, field()?, field()?);
    let (account, resource) = (field()?, field()?);
    if arn != "arn" || !is_partition(partition) || !matches!(service, "iam" | "sts") || !region.is_empty() {
        return Err(ArnError::Form);
    }
    if !is_account_id(account) {
        return Err(ArnError::Account);
    }
    let (kind, name, path, session_name) = parse_resource(resource)?;
    let identity =
        Identity { partition: partition.to_owned(), account: account.to_owned(), kind, name: name.to_owned() };
    Ok(PrincipalArn { identity, path, session_name })
}

/// Whether this is the ARN of a role itself, not of one of its sessions.
pub fn is_role(text: &str) -> bool {
    parse(text).is_ok_and(|arn| arn.identity.kind == Kind::Role && arn.session_name.is_none())
}

type Resource<'a> = (Kind, &'a str, Option<String>, Option<String>);

fn parse_resource(resource: &str) -> Result<Resource<'_>, ArnError> {
    if resource == "root" {
        return Ok((Kind::Root, "", None, None));
    }
    let (word, rest) = resource.split_once('/').ok_or(ArnError::Resource)?;
    match word {
        "role" => named(Kind::Role, rest),
        "user" => named(Kind::User, rest),
        "federated-user" => named(Kind::Federated, rest),
        "assumed-role" => {
            let (role, session) = rest.split_once('/').ok_or(ArnError::Resource)?;
            if !is_iam_name(role) || !is_iam_name(session) {
                return Err(ArnError::Name);
            }
            Ok((Kind::Role, role, None, Some(session.to_owned())))
        }
        _ => Err(ArnError::Resource),
    }
}

/// Splits `team/ops/Admin` into the path `/team/ops/` and the name `Admin`.
fn named(kind: Kind, path_and_name: &str) -> Result<Resource<'_>, ArnError> {
    let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
    // IAM paths are printable ASCII without spaces (API reference, CreateRole, Path).
    if !is_iam_name(name) || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ArnError::Name);
    }
    let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
    Ok((kind, name, Some(path), None))
}

/// Whether this is a partition's name: `aws`, `aws-cn`, `aws-us-gov`, and those still to come.
pub fn is_partition(text: &str) -> bool {
    text == "aws"
        || text
            .strip_prefix("aws-")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
}

/// Whether this is an account id: exactly twelve digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this is a user or role name (or session name) in IAM's character set, 1 to 64 characters.
pub fn is_iam_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(is_iam_name_byte)
}

/// `[\w+=,.@-]`, the character set of names, session names and source identities.
pub fn is_iam_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<String, ArnError> {
        parse(text).map(|arn| arn.identity.key())
    }

    #[test]
    fn a_role_with_a_path_and_its_sessions_are_one_identity() {
        let role = "aws:111122223333:role:r".to_owned();
        assert_eq!(key("arn:aws:iam::111122223333:role/path/r"), Ok(role.clone()));
        assert_eq!(key("arn:aws:sts::111122223333:assumed-role/r/s"), Ok(role));
    }

    #[test]
    fn a_user_and_a_deeper_role_are_others() {
        assert_eq!(key("arn:aws:iam::111122223333:user/r"), Ok("aws:111122223333:user:r".into()));
        assert_eq!(key("arn:aws:iam::111122223333:role/r/s"), Ok("aws:111122223333:role:s".into()));
    }

    #[test]
    fn root_and_federated_users_are_read_in_every_partition() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"] {
            let root = format!("arn:{partition}:iam::111122223333:root");
            assert_eq!(key(&root), Ok(format!("{partition}:111122223333:root:")));
            let federated = format!("arn:{partition}:sts::111122223333:federated-user/x");
            assert_eq!(key(&federated), Ok(format!("{partition}:111122223333:federated:x")));
        }
    }

    #[test]
    fn other_resources_and_hostile_names_are_refused() {
        assert_eq!(key("arn:aws:iam::111122223333:invalid/x"), Err(ArnError::Resource));
        assert_eq!(key("arn:aws:iam::111122223333:role/$(touch pwned)"), Err(ArnError::Name));
        assert_eq!(key("arn:aws:iam::111122223333:role/"), Err(ArnError::Name));
        assert_eq!(key("arn:aws:iam::11112222333:role/x"), Err(ArnError::Account));
        assert_eq!(key("arn:aws:s3:::bucket"), Err(ArnError::Form));
        assert_eq!(key("arn:AWS$:iam::111122223333:role/x"), Err(ArnError::Form));
        assert_eq!(key("arn:aws:iam"), Err(ArnError::Form));
    }

    #[test]
    fn an_arn_survives_reading_and_writing() {
        for text in [
            "arn:aws:iam::111122223333:role/team/Admin",
            "arn:aws-cn:iam::111122223333:user/alice",
            "arn:aws:iam::111122223333:root",
            "arn:aws:sts::111122223333:federated-user/bob",
        ] {
            let arn = parse(text).expect(text);
            assert_eq!(arn.identity.arn(arn.path.as_deref()), text);
        }
    }
}
