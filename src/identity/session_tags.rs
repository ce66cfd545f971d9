//! Session tags: names and values that go with a role session, for policies and audit trails.
//!
//! Source: IAM User Guide, "Pass session tags in AWS STS"; API reference, `Tag`.

/// The most tags of one session.
const MOST_TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// The tags of one session, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionTags(Vec<(String, String)>);

/// Why tags cannot be those of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Not `key=value`.
    #[error("'{0}' is not a session tag: write KEY=VALUE")]
    NoPair(String),
    /// A key that AWS refuses.
    #[error("'{0}' cannot be the key of a session tag: 1 to {LONGEST_KEY} letters, digits, spaces and _.:/=+-@")]
    Key(String),
    /// A key that AWS keeps for itself.
    #[error("'{0}' cannot be the key of a session tag: aws: is kept for AWS's own")]
    Reserved(String),
    /// A value that AWS refuses.
    #[error(
        "the value of the session tag {0} is refused by AWS: at most {LONGEST_VALUE} letters, digits, spaces and _.:/=+-@"
    )]
    Value(String),
    /// One key twice; AWS ignores case here.
    #[error("the session tag {0} is given twice (AWS ignores the case of keys)")]
    Twice(String),
    /// More than fifty.
    #[error("{0} session tags are too many: AWS takes at most {MOST_TAGS}")]
    TooMany(usize),
}

impl SessionTags {
    /// Reads `key=value` pairs.
    ///
    /// # Errors
    /// Says what AWS would refuse.
    pub fn read<S: AsRef<str>>(pairs: &[S]) -> Result<Self, TagError> {
        let mut tags = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let pair = pair.as_ref();
            let (key, value) = pair.split_once('=').ok_or_else(|| TagError::NoPair(shown(pair)))?;
            check(key, value)?;
            tags.push((key.to_owned(), value.to_owned()));
        }
        if tags.len() > MOST_TAGS {
            return Err(TagError::TooMany(tags.len()));
        }
        tags.sort_by_cached_key(|(key, _)| key.to_lowercase());
        match tags.windows(2).find(|pair| is_same_key(&pair[0].0, &pair[1].0)) {
            Some(pair) => Err(TagError::Twice(shown(&pair[0].0))),
            None => Ok(Self(tags)),
        }
    }

    /// Reads a setting of a config file: `key = value, key = value`. White space around keys and values does not count,
    /// and an empty list is none.
    ///
    /// # Errors
    /// Says what AWS would refuse; also a comma with nothing behind it.
    pub fn of_setting(text: &str) -> Result<Self, TagError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let trimmed = |pair: &str| match pair.split_once('=') {
            Some((key, value)) => format!("{}={}", key.trim(), value.trim()),
            None => pair.trim().to_owned(),
        };
        Self::read(&text.split(',').map(trimmed).collect::<Vec<_>>())
    }

    /// The tags whose keys are not among these; AWS ignores the case of keys.
    #[must_use]
    pub fn without(self, keys: &[String]) -> Self {
        let is_among = |key: &str| keys.iter().any(|other| is_same_key(other, key));
        Self(self.0.into_iter().filter(|(key, _)| !is_among(key)).collect())
    }

    /// The value of a key, whose case AWS ignores.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(known, _)| is_same_key(known, key)).map(|(_, value)| value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each key and value, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Reads the keys of transitive tags from a setting: separated by commas, empty places left out.
///
/// # Errors
/// A key that AWS refuses.
pub fn transitive_keys(text: &str) -> Result<Vec<String>, TagError> {
    let keys: Vec<String> = text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
    if keys.len() > MOST_TAGS {
        return Err(TagError::TooMany(keys.len()));
    }
    keys.iter().try_for_each(|key| check(key, ""))?;
    Ok(keys)
}

/// Whether two keys are one to AWS, which ignores their case.
pub fn is_same_key(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn check(key: &str, value: &str) -> Result<(), TagError> {
    let fits = |text: &str, most: usize| text.chars().count() <= most && text.chars().all(is_tag_character);
    if key.is_empty() || !fits(key, LONGEST_KEY) {
        return Err(TagError::Key(shown(key)));
    }
    if key.to_lowercase().starts_with("aws:") {
        return Err(TagError::Reserved(shown(key)));
    }
    if fits(value, LONGEST_VALUE) { Ok(()) } else { Err(TagError::Value(shown(key))) }
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_ends_the_key_and_the_order_makes_no_difference() {
        let tags = SessionTags::read(&["b=1", "a=x=y", "Équipe=quai 7"]).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("a", "x=y"), ("b", "1"), ("Équipe", "quai 7")]);
        assert_eq!(SessionTags::read(&["a=", "b=1"]), SessionTags::read(&["b=1", "a="]));
    }

    #[test]
    fn what_aws_refuses_is_refused_before_the_call() {
        let one = |pair: &str| SessionTags::read(&[pair]);
        assert!(matches!(one("a"), Err(TagError::NoPair(_))));
        assert!(matches!(one("=x"), Err(TagError::Key(_))));
        assert!(matches!(one("a$=x"), Err(TagError::Key(_))));
        assert!(matches!(one("a=x\n"), Err(TagError::Value(_))));
        assert!(matches!(one("AWS:a=x"), Err(TagError::Reserved(_))));
        assert!(matches!(one(&format!("{}=x", "k".repeat(129))), Err(TagError::Key(_))));
        assert!(matches!(one(&format!("k={}", "v".repeat(257))), Err(TagError::Value(_))));
        assert!(matches!(SessionTags::read(&["Team=a", "team=b"]), Err(TagError::Twice(_))));
        let many: Vec<String> = (0..51).map(|n| format!("k{n}=v")).collect();
        assert_eq!(SessionTags::read(&many), Err(TagError::TooMany(51)));
    }

    #[test]
    fn a_setting_is_a_list_whose_outer_spaces_do_not_count() {
        // Where the forerunners differ, a comma with nothing behind it is refused.
        let tags = SessionTags::of_setting(" tagA = v ,  tagB  = w ").unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("tagA", "v"), ("tagB", "w")]);
        assert_eq!(tags.get("TAGA"), Some("v"));
        for bad in ["a=b,", "a=b,c", ",a=b", "=b"] {
            assert!(SessionTags::of_setting(bad).is_err(), "{bad}");
        }
        assert_eq!(SessionTags::of_setting("  ").unwrap(), SessionTags::default());
        assert_eq!(transitive_keys(",tagA").unwrap(), ["tagA"]);
        assert_eq!(transitive_keys(" tagA , tagB").unwrap(), ["tagA", "tagB"]);
        assert!(transitive_keys(",").unwrap().is_empty());
        assert!(transitive_keys("a$").is_err());
        assert_eq!(tags.without(&["TagA".to_owned()]).iter().collect::<Vec<_>>(), [("tagB", "w")]);
    }
}
