//! The session policies of `AssumeRole` and `GetFederationToken`: a text, ARNs of managed policies, or both.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session>

use serde_json::Value;

use super::super::failure::Failure;
use super::super::principal::split_arn;
use super::super::validate::{Checked, members};
use super::Params;

/// Characters of the text and of all ARNs together.
const MOST_CHARACTERS: usize = 2_048;
const MOST_ARNS: usize = 10;

/// The policies of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    pub text: Option<String>,
    pub arns: Vec<String>,
}

impl Policies {
    /// Reads them and blames each that is out of its own bounds.
    pub fn read(checked: &mut Checked, params: &Params) -> Self {
        let text = params.get("Policy");
        if let Some(text) = text {
            checked.text("policy", text, (1, MOST_CHARACTERS), "[\\t\\n\\r\\x20-\\xFF]+", is_policy_letter);
        }
        let arns = members(params, "PolicyArns", Some("arn"));
        if arns.len() > MOST_ARNS {
            checked.too_many("policyArns", MOST_ARNS);
        }
        for (index, arn) in (1..).zip(&arns) {
            checked.text(&format!("policyArns.{index}.member.arn"), arn, (20, MOST_CHARACTERS), "", |_| true);
        }
        Self { text: text.cloned(), arns: arns.into_iter().map(str::to_owned).collect() }
    }

    /// Refuses a text that is no policy, ARNs that are no policies of this account or of AWS, and too much of both.
    pub fn check(&self, partition: &str, account: &str) -> Result<(), Failure> {
        if let Some(fault) = self.text.as_deref().and_then(malformation) {
            return Err(Failure::new(400, "MalformedPolicyDocument", fault));
        }
        if let Some(arn) = self.arns.iter().find(|arn| !is_policy(arn, partition, account)) {
            return Err(Failure::validation(format!("{arn} is invalid")));
        }
        let size: usize = self.text.iter().chain(&self.arns).map(|text| text.chars().count()).sum();
        if size > MOST_CHARACTERS {
            let percent = size * 100 / MOST_CHARACTERS;
            let message = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
            return Err(Failure::new(400, "PackedPolicyTooLarge", message));
        }
        Ok(())
    }
}

fn is_policy_letter(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')
}

/// Why a text is no policy: JSON, with a statement or a list of them, each with an effect.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
fn malformation(text: &str) -> Option<&'static str> {
    let Ok(Value::Object(policy)) = serde_json::from_str(text) else {
        return Some("The policy is not in the valid JSON format.");
    };
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => &statements[..],
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => return Some("Syntax errors in policy."),
    };
    let has_effect = |statement: &Value| statement["Effect"] == "Allow" || statement["Effect"] == "Deny";
    (!statements.iter().all(has_effect)).then_some("Syntax errors in policy.")
}

/// A managed policy: AWS's own, or one of this very account.
fn is_policy(arn: &str, partition: &str, account: &str) -> bool {
    let Some([_, in_partition, "iam", "", owner, resource]) = split_arn(arn) else {
        return false;
    };
    let name = resource.strip_prefix("policy/").unwrap_or_default();
    in_partition == partition && (owner == "aws" || owner == account) && !name.is_empty() && !name.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The error's code, or `ok`.
    fn verdict(sent: &Params) -> String {
        let mut checked = Checked::new(sent);
        let policies = Policies::read(&mut checked, sent);
        let result = checked.finish().and_then(|()| policies.check("aws", "111122223333"));
        result.map_or_else(|failure| failure.code, |()| "ok".to_owned())
    }

    #[test]
    fn a_policy_text_is_a_json_object_of_latin_characters_within_its_limit() {
        let policy = |id: &str| format!("{{\"Id\":\"{id}\",\"Statement\":[{{\"Effect\":\"Deny\"}}]}}");
        let padded = |length: usize| policy(&"x".repeat(length - policy("").len()));
        let cases = [
            ("\t{\r\n\"Id\":\"é\",\"Statement\":{\"Effect\":\"Allow\"}} ".to_owned(), "ok"),
            (padded(2_048), "ok"),
            (padded(2_049), "ValidationError"),
            (String::new(), "ValidationError"),
            (policy("\u{20ac}"), "ValidationError"),
            ("{}".to_owned(), "MalformedPolicyDocument"),
            ("{\"a\":1}".to_owned(), "MalformedPolicyDocument"),
            ("{\"Statement\":[]}".to_owned(), "MalformedPolicyDocument"),
            ("{\"Statement\":[{\"Effect\":\"Allow\"},{}]}".to_owned(), "MalformedPolicyDocument"),
            ("{\"Statement\":{\"Effect\":\"Perhaps\"}}".to_owned(), "MalformedPolicyDocument"),
            ("[]".to_owned(), "MalformedPolicyDocument"),
            ("{".to_owned(), "MalformedPolicyDocument"),
        ];
        for (text, wanted) in &cases {
            assert_eq!(verdict(&params(&[("Policy", text)])), *wanted, "{text:.40}");
        }
    }

    #[test]
    fn a_policy_arn_names_a_policy_of_aws_or_of_the_account() {
        for good in [
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/job-function/Billing",
            "arn:aws:iam::111122223333:policy/p",
        ] {
            assert_eq!(verdict(&params(&[("PolicyArns.member.1.arn", good)])), "ok", "{good}");
        }
        for bad in [
            "arn:aws:iam::444455556666:policy/p",
            "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
            "arn:aws:iam::aws:role/ReadOnlyAccess",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam:us-east-1:aws:policy/p",
            "ReadOnlyAccess",
        ] {
            assert_eq!(verdict(&params(&[("PolicyArns.member.1.arn", bad)])), "ValidationError", "{bad}");
        }
    }

    #[test]
    fn ten_policy_arns_are_the_most_and_they_share_the_limit_with_the_text() {
        let arns = |count: usize| -> Params {
            (1..=count)
                .map(|index| {
                    (format!("PolicyArns.member.{index}.arn"), format!("arn:aws:iam::aws:policy/{index:0>80}"))
                })
                .collect()
        };
        assert_eq!((verdict(&arns(10)), verdict(&arns(11))), ("ok".to_owned(), "ValidationError".to_owned()));
        let mut both = arns(10);
        both.insert(
            "Policy".to_owned(),
            format!("{{\"Id\":\"{}\",\"Statement\":{{\"Effect\":\"Deny\"}}}}", "x".repeat(1_000)),
        );
        assert_eq!(verdict(&both), "PackedPolicyTooLarge");
    }
}
