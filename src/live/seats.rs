//! Whose credentials a live session hands out, and how the agent asks for new ones.

use super::Party;
use crate::agent::{Manner, Seat};
use crate::asking;
use crate::cli::{Asking, Global, wherever};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::identity::request::{MinTtl, Request};
use crate::prompt::Tty;
use crate::resolve::Resolved;

/// How a credential was asked for, so that the agent can ask again.
pub struct Question<'q> {
    /// The name.
    pub name: &'q str,
    /// The flags.
    pub asking: &'q Asking,
    /// What they came to.
    pub request: &'q Request,
    /// Whether as a switch asks, and not as a program.
    pub in_shell: bool,
}

/// For whom a session of this very process is opened: for whoever was asked for, and for others.
///
/// # Errors
/// One of the others gives no credential, or has no ARN to be asked for by.
pub fn party(
    context: &Context,
    global: &Global,
    question: &Question<'_>,
    somebody: &Resolved,
    also: &[String],
) -> Result<Party, Failure> {
    let mut seats = vec![seat(global, question, somebody)];
    // What restricts the one restricts the others.
    let Asking { policy_arn, policy, read_only, .. } = question.asking.clone();
    let asking = Asking { policy_arn, policy, read_only, ..Asking::default() };
    let policy = question.request.policy.clone();
    let request = Request { min_ttl: MinTtl::Program, policy, asker: question.request.asker, ..Request::default() };
    for name in also {
        let asked = asking::Question { what: "live", name, request: &request };
        let (other, _) = asking::answer(context, global, &asking, asked, Tty)?;
        if other.who.arn.is_none() {
            let fact = format!("the ARN of '{}' is not known: nobody could ask for it", name.escape_debug());
            return Err(Failure::new(Exit::Failure, fact, "leave it out of --also, or import it"));
        }
        seats.push(seat(global, &Question { name, asking: &asking, request: &request, in_shell: true }, &other));
    }
    let (owner, is_restricted) = (std::process::id(), somebody.who.restricted);
    Ok(Party { owner, manner: Manner::Container, region: None, seats, is_restricted })
}

/// A seat in a session.
fn seat(global: &Global, question: &Question<'_>, somebody: &Resolved) -> Seat {
    let Question { name, asking, request, in_shell } = question;
    let asking = Asking { no_session: request.no_session, region: request.region.clone(), ..(*asking).clone() };
    let store = global.store.iter().flat_map(|path| ["--store".to_owned(), wherever(path)]);
    let mut words: Vec<String> = store.chain(["agent", "fetch"].map(str::to_owned)).collect();
    words.extend(in_shell.then(|| "--in-shell".to_owned()));
    words.extend(asking.words(request));
    words.extend(somebody.who.arn.iter().flat_map(|arn| ["--expect".to_owned(), arn.clone()]));
    words.extend(["--".to_owned(), (*name).to_owned()]);
    Seat {
        shown: somebody.who.shown.clone(),
        arn: somebody.who.arn.clone(),
        account: somebody.who.account.clone(),
        credential: somebody.credential.clone(),
        renew_before: match request.min_ttl {
            // Nobody could be asked before its end either.
            _ if somebody.guarded => 0,
            MinTtl::Asked(seconds) => seconds,
            _ => u32::try_from(MinTtl::Program.seconds(i64::MAX)).unwrap_or(u32::MAX),
        },
        words,
    }
}
