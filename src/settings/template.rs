//! How role sessions are named, so that an audit trail says who it was.

use crate::identity::request::session_name_from;

/// A template: text, with places for names between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    User,
    Login,
    Host,
}

/// The names that a template may ask for.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    /// The IAM user at the root of the chain, where it is known.
    pub user: Option<&'a str>,
    /// The login name.
    pub login: Option<&'a str>,
    /// Tells the name of this machine.
    pub host: &'a dyn Fn() -> String,
}

impl Default for SessionName {
    fn default() -> Self {
        Self(vec![Piece::User])
    }
}

impl SessionName {
    /// Reads a template; `None` where its braces are none of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name {
                "user" => Piece::User,
                "login" => Piece::Login,
                "host" => Piece::Host,
                _ => return None,
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let has_stray = pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains('}')));
        (!has_stray && !text.is_empty()).then_some(Self(pieces))
    }

    /// The name, made such as AWS takes. Where the user is not known, the login name stands in.
    pub fn fill(&self, who: Who<'_>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::User => who.user.or(who.login).unwrap_or_default().to_owned(),
            Piece::Login => who.login.unwrap_or_default().to_owned(),
            Piece::Host => (who.host)(),
        };
        session_name_from(&self.0.iter().map(piece).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_and_its_name_is_one_that_aws_takes() {
        let who = Who { user: Some("alice"), login: Some("al ice"), host: &|| "box".to_owned() };
        let fill = |text: &str| SessionName::read(text).map(|template| template.fill(who));
        assert_eq!(fill("{user}").as_deref(), Some("alice"));
        assert_eq!(fill("x-{login}@{host}").as_deref(), Some("x-al-ice@box"));
        assert_eq!(fill("plain").as_deref(), Some("plain"));
        for bad in ["", "{", "}", "{nobody}", "a{user}}", "{{user}}"] {
            assert_eq!(fill(bad), None, "{bad}");
        }
        let unknown = Who { user: None, login: Some("bob"), host: &|| "box".to_owned() };
        assert_eq!(SessionName::default().fill(unknown), "bob");
    }
}
