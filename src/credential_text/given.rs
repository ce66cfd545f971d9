//! A credential whose parts are given one by one: in variables, or typed.

use zeroize::Zeroizing;

use super::draft::{Draft, Field, Names};
use super::found::{Found, SectionFault};
use super::shell_lines::{EXPIRIES, NAMES, OLD_TOKEN};

const TYPED: Names = Names { id: "the access key id", secret: "the secret access key", token: "the session token" };

/// A part and its value.
type Part = (&'static str, Zeroizing<String>);

/// The credential that the variables of an environment hold; nothing where none of them has a part of one.
pub(super) fn of_variables(value: impl Fn(&str) -> Option<Zeroizing<String>>) -> Option<Result<Found, SectionFault>> {
    let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, value(name)?)));
    let key = [first(&[NAMES.id]), first(&[NAMES.secret]), first(&[NAMES.token, OLD_TOKEN])];
    draft(&NAMES, key, first(&EXPIRIES)).finish()
}

/// The credential that a person has typed; nothing where that is empty.
pub(super) fn typed(
    id: Zeroizing<String>,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
) -> Option<Result<Found, SectionFault>> {
    let key = [Some((TYPED.id, id)), Some((TYPED.secret, secret)), token.map(|token| (TYPED.token, token))];
    draft(&TYPED, key, None).finish()
}

fn draft(names: &'static Names, [id, secret, token]: [Option<Part>; 3], expiry: Option<Part>) -> Draft {
    let field = |part: Option<Part>| part.map(|(name, text)| Field { name: name.to_owned(), line: None, text });
    Draft {
        names,
        section: None,
        line: None,
        id: field(id),
        secret: field(secret),
        token: field(token),
        expiry: field(expiry),
        region: None,
        mfa_serial: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<Result<Found, String>> {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| Zeroizing::new((*value).to_owned()))
        };
        of_variables(value).map(|found| found.map_err(|fault| fault.to_string()))
    }

    #[test]
    fn variables_keep_the_session_token_and_its_end() {
        let found = of(&[
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_CREDENTIAL_EXPIRATION", "2030-01-01T00:00:00Z"),
        ]);
        let found = found.unwrap().unwrap();
        assert_eq!((found.session_token.unwrap().as_str(), found.expires_at), ("token", Some(1_893_456_000)));
        assert!(of(&[]).is_none());
    }

    #[test]
    fn what_is_missing_or_does_not_go_together_is_named_by_its_variable() {
        let id = ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
        for (variables, says) in [
            (&[id][..], "AWS_SECRET_ACCESS_KEY is missing"),
            (&[("AWS_SESSION_TOKEN", "token")], "AWS_ACCESS_KEY_ID is missing"),
            (&[id, ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_SECURITY_TOKEN", "t")], "remove AWS_SECURITY_TOKEN"),
            (&[("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hush")], "AWS_SESSION_TOKEN"),
        ] {
            let fault = of(variables).unwrap().unwrap_err();
            assert!(fault.contains(says) && !fault.contains("hush"), "{fault}");
        }
    }
}
