//! Session policies: what a role session or a federated user may do at most.
//!
//! Source: IAM User Guide, "Session policies" and "IAM and AWS STS quotas"; API reference, `AssumeRole`.

use serde::de::IgnoredAny;

use super::arn::{is_account_id, is_partition};

/// The most managed policies that one session can have.
const MOST_ARNS: usize = 10;
/// The most characters of the inline policy and the ARNs together.
const MOST_CHARACTERS: usize = 2_048;

/// The policies of one session. AWS allows what the identity itself may do *and* any of these allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPolicy {
    /// ARNs of managed policies, sorted.
    arns: Vec<String>,
    /// An inline policy, without needless white space.
    document: Option<String>,
    /// AWS's `ReadOnlyAccess`, in the partition of whom it is for.
    read_only: bool,
}

/// Why policies cannot be those of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No ARN of a managed policy.
    #[error("'{0}' is not the ARN of a managed policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess")]
    NotAPolicyArn(String),
    /// More than ten ARNs.
    #[error("{0} policy ARNs are too many: AWS takes at most {MOST_ARNS} for a session")]
    TooManyArns(usize),
    /// Over 2,048 characters.
    #[error("the policies of the session have {0} characters in all: AWS takes at most {MOST_CHARACTERS}")]
    TooLong(usize),
    /// The inline policy is no JSON object.
    #[error("the policy is not a JSON object{0}")]
    NotJson(String),
    /// A character that AWS refuses in a policy.
    #[error("the policy has the character U+{0:04X}, which AWS does not take: write it as \\u{0:04x}")]
    Character(u32),
}

impl SessionPolicy {
    /// AWS's `ReadOnlyAccess` alone. Nothing can be added to it: another policy would widen it.
    pub fn read_only() -> Self {
        Self { read_only: true, ..Self::default() }
    }

    /// These managed policies and this inline policy; the default, which restricts nothing, where there are none.
    ///
    /// # Errors
    /// Says what AWS would refuse.
    pub fn new(arns: &[String], document: Option<&str>) -> Result<Self, PolicyError> {
        if let Some(bad) = arns.iter().find(|arn| !is_policy_arn(arn)) {
            return Err(PolicyError::NotAPolicyArn(bad.escape_debug().to_string()));
        }
        let mut arns = arns.to_vec();
        arns.sort();
        arns.dedup();
        if arns.len() > MOST_ARNS {
            return Err(PolicyError::TooManyArns(arns.len()));
        }
        let document = document.map(compact).transpose()?;
        let length = arns.iter().chain(&document).map(|text| text.chars().count()).sum();
        if length > MOST_CHARACTERS {
            return Err(PolicyError::TooLong(length));
        }
        Ok(Self { arns, document, read_only: false })
    }

    /// Whether it is AWS's `ReadOnlyAccess` alone.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether it restricts nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The ARNs of the managed policies, for an identity of this partition.
    pub fn arns(&self, partition: &str) -> Vec<String> {
        let mut arns = self.arns.clone();
        if self.read_only {
            arns.push(format!("arn:{partition}:iam::aws:policy/ReadOnlyAccess"));
        }
        arns
    }

    /// The inline policy.
    pub fn document(&self) -> Option<&str> {
        self.document.as_deref()
    }
}

/// `arn:PARTITION:iam::ACCOUNT:policy/PATH/NAME`; the account of AWS's own policies is `aws`.
fn is_policy_arn(text: &str) -> bool {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = fields[..] else { return false };
    let is_owner = account == "aws" || is_account_id(account);
    let name = resource.strip_prefix("policy/").unwrap_or_default();
    is_partition(partition) && is_owner && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A policy without the white space between its tokens, which would count against AWS's limit.
fn compact(text: &str) -> Result<String, PolicyError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Err(PolicyError::NotJson(format!(": {error}")));
    }
    if !text.starts_with('{') {
        return Err(PolicyError::NotJson(String::new()));
    }
    let (mut compact, mut in_string, mut escaped) = (String::with_capacity(text.len()), false, false);
    for character in text.chars() {
        if in_string || !character.is_ascii_whitespace() {
            compact.push(character);
        }
        match character {
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && character == '\\' && !escaped;
    }
    // API reference, `Policy`: [\u0009\u000A\u000D\u0020-\u00FF]+
    match compact.chars().find(|character| u32::from(*character) > 0xff) {
        Some(character) => Err(PolicyError::Character(u32::from(character))),
        None => Ok(compact),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(number: usize) -> String {
        format!("arn:aws:iam::111122223333:policy/team/p{number}")
    }

    #[test]
    fn white_space_goes_and_strings_stay() {
        let policy = SessionPolicy::new(&[], Some("{ \"a b\\\" \" : [ 1 ,\n 2 ] }\n")).unwrap();
        assert_eq!(policy.document(), Some("{\"a b\\\" \":[1,2]}"));
    }

    #[test]
    fn the_limits_of_aws_are_checked_before_the_call() {
        let arns: Vec<String> = (0..11).map(arn).collect();
        assert_eq!(SessionPolicy::new(&arns, None), Err(PolicyError::TooManyArns(11)));
        assert!(SessionPolicy::new(&arns[..10], None).is_ok());
        let filled = |length: usize| format!("{{\"{}\":1}}", "x".repeat(length - 6));
        assert!(SessionPolicy::new(&[], Some(&filled(2_048))).is_ok());
        assert_eq!(SessionPolicy::new(&[], Some(&filled(2_049))), Err(PolicyError::TooLong(2_049)));
        let both = SessionPolicy::new(&arns[..1], Some(&filled(2_048)));
        assert!(matches!(both, Err(PolicyError::TooLong(_))), "the quota is for both together: {both:?}");
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for bad in ["", "[]", "{", "\"x\"", "{} {}"] {
            assert!(matches!(SessionPolicy::new(&[], Some(bad)), Err(PolicyError::NotJson(_))), "{bad}");
        }
        assert_eq!(SessionPolicy::new(&[], Some("{\"a\":\"\u{20ac}\"}")), Err(PolicyError::Character(0x20ac)));
        for bad in ["ReadOnlyAccess", "arn:aws:iam::aws:policy/", "arn:aws:iam::1:policy/x", "arn:aws:s3:::b", ""] {
            assert!(matches!(SessionPolicy::new(&[bad.into()], None), Err(PolicyError::NotAPolicyArn(_))), "{bad}");
        }
    }

    #[test]
    fn read_only_is_the_policy_of_the_partition() {
        let arns = SessionPolicy::read_only().arns("aws-cn");
        assert_eq!(arns, ["arn:aws-cn:iam::aws:policy/ReadOnlyAccess"]);
        assert!(!SessionPolicy::read_only().is_empty() && SessionPolicy::default().is_empty());
    }

    #[test]
    fn the_order_of_arns_makes_no_difference() {
        let (one, other) = ([arn(1), arn(2)], [arn(2), arn(1), arn(2)]);
        assert_eq!(SessionPolicy::new(&one, None), SessionPolicy::new(&other, None));
    }
}
