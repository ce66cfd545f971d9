//! Constraints of the STS model, refused in AWS's words and all at once, as AWS does.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::principal::split_arn;

/// Parameters of one call, and what was found wrong with them.
#[derive(Debug)]
pub struct Checked<'a> {
    params: &'a BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl<'a> Checked<'a> {
    pub fn new(params: &'a BTreeMap<String, String>) -> Self {
        Self { params, wrong: Vec::new() }
    }

    fn blame(&mut self, name: &str, value: &str, constraint: &str) {
        let mut field = name.to_owned();
        field[..1].make_ascii_lowercase();
        self.wrong.push(format!("Value {value} at '{field}' failed to satisfy constraint: Member must {constraint}"));
    }

    /// A parameter that may be absent, with a length in characters and a set of further characters beside
    /// letters, digits and `_` (the model's `\w`).
    pub fn optional(&mut self, name: &str, length: (usize, usize), further: &str) -> Option<&'a str> {
        let value = self.params.get(name)?;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || further.contains(letter);
        self.text(name, value, length, &format!("[\\w{further}]*"), fits);
        Some(value)
    }

    /// Blames a text that is out of these lengths (in characters) or has a character that does not fit the pattern.
    pub fn text(
        &mut self,
        name: &str,
        value: &str,
        length: (usize, usize),
        pattern: &str,
        fits: impl Fn(char) -> bool,
    ) {
        let shown = format!("'{value}'");
        let count = value.chars().count();
        if count < length.0 {
            self.blame(name, &shown, &format!("have length greater than or equal to {}", length.0));
        }
        if count > length.1 {
            self.blame(name, &shown, &format!("have length less than or equal to {}", length.1));
        }
        if !value.chars().all(fits) {
            self.blame(name, &shown, &format!("satisfy regular expression pattern: {pattern}"));
        }
    }

    /// Blames a member that was not sent.
    pub fn missing(&mut self, name: &str) {
        self.blame(name, "null", "not be null");
    }

    /// Blames a list that has more than `most` members.
    pub fn too_many(&mut self, name: &str, most: usize) {
        self.blame(name, "list", &format!("have length less than or equal to {most}"));
    }

    /// The same, and it may not be absent.
    pub fn required(&mut self, name: &str, length: (usize, usize), further: &str) -> &'a str {
        if !self.params.contains_key(name) {
            self.missing(name);
        }
        self.optional(name, length, further).unwrap_or_default()
    }

    /// `DurationSeconds`, or its default, within the limits of the model.
    pub fn duration(&mut self, default: i64, least: i64, most: i64) -> i64 {
        const NAME: &str = "DurationSeconds";
        let Some(text) = self.params.get(NAME) else {
            return default;
        };
        let Ok(seconds) = text.parse::<i64>() else {
            self.blame(NAME, &format!("'{text}'"), "be an integer");
            return default;
        };
        if seconds < least {
            self.blame(NAME, &format!("'{seconds}'"), &format!("have value greater than or equal to {least}"));
        }
        if seconds > most {
            self.blame(NAME, &format!("'{seconds}'"), &format!("have value less than or equal to {most}"));
        }
        seconds
    }

    /// Refuses when anything was wrong.
    pub fn finish(self) -> Result<(), Failure> {
        match self.wrong.len() {
            0 => Ok(()),
            1 => Err(Failure::validation(format!("1 validation error detected: {}", self.wrong[0]))),
            count => Err(Failure::validation(format!("{count} validation errors detected: {}", self.wrong.join("; ")))),
        }
    }
}

/// Refuses what is no role ARN.
pub fn role_arn(arn: &str) -> Result<(), Failure> {
    let account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = |text: &str| text.strip_prefix("role/").is_some_and(|rest| !rest.is_empty() && !rest.ends_with('/'));
    match split_arn(arn) {
        Some([_, partition, "iam", "", id, resource])
            if partition.starts_with("aws") && account(id) && name(resource) =>
        {
            Ok(())
        }
        _ => Err(Failure::validation(format!("{arn} is invalid"))),
    }
}

/// The values of `Name.member.1`, `Name.member.2`, …, each a leaf or (with `field`) a structure's member.
pub fn members<'a>(params: &'a BTreeMap<String, String>, list: &str, field: Option<&str>) -> Vec<&'a str> {
    let suffix = field.map(|field| format!(".{field}")).unwrap_or_default();
    (1..).map_while(|index| params.get(&format!("{list}.member.{index}{suffix}"))).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_fault_is_named_in_awss_words() {
        let sent = params(&[("RoleSessionName", "x y"), ("DurationSeconds", "100")]);
        let mut checked = Checked::new(&sent);
        checked.required("RoleArn", (20, 2048), ":/+=,.@-");
        checked.required("RoleSessionName", (2, 64), "+=,.@-");
        checked.duration(3600, 900, 43200);
        let message = checked.finish().map_err(|failure| failure.message);
        assert_eq!(
            message,
            Err("3 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; \
                Value 'x y' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*; \
                Value '100' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
                .to_owned())
        );
    }

    #[test]
    fn only_role_arns_are_role_arns() {
        assert!(role_arn("arn:aws:iam::111122223333:role/team/Admin").is_ok());
        for bad in [
            "arn:aws:iam::111122223333:user/alice",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::111122223333:role/",
            "role/x",
        ] {
            assert!(role_arn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn members_end_at_the_first_gap() {
        let sent = params(&[("Tags.member.1.Key", "a"), ("Tags.member.2.Key", "b"), ("Tags.member.4.Key", "d")]);
        assert_eq!(members(&sent, "Tags", Some("Key")), ["a", "b"]);
    }
}
