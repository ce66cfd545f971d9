//! Protected accounts: whoever wants to be somebody of one types its alias first, and what they get has a short lease.

use super::{Catalogue, Destination, ResolveError, Resolver, write_down};
use crate::history::Event;
use crate::identity::name::account_of_key;
use crate::identity::plan::{self, Plan};
use crate::identity::request::{Asker, MinTtl, Request};
use crate::identity::route::Held;
use crate::prompt::{PromptError, Unaskable};
use crate::store::{AccountRow, IdentityRow};

/// Something about a protected account that nobody has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, and {why}")]
pub struct Unconfirmed {
    /// What is protected, as the beginning of a sentence.
    pub what: String,
    /// Whom that is about, as shown.
    pub shown: String,
    /// Why nobody has.
    pub why: Why,
    /// Who asks; `None` where the protection itself was to be taken away.
    pub asker: Option<Asker>,
}

/// Why nobody has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Nobody can be asked.
    #[error("{0}")]
    Unaskable(Unaskable),
    /// Nobody answered while the asking process could wait.
    #[error("nobody typed its alias in the {0} s that an SDK surely waits")]
    Unanswered(u64),
    /// Something else was typed, which may be anything: it is not repeated.
    #[error("what was typed is not its alias")]
    OtherWord,
    /// Nobody is there who could be asked.
    #[error("its live session is not renewed without a question")]
    Unattended,
}

/// What stands between a request and its answer.
pub(super) enum Passage {
    /// Nothing, or what did was confirmed.
    Open,
    /// Nothing where it is answered with the credential that this very shell has had since that was confirmed.
    OfShell(Box<Plan>),
    /// A person has confirmed it just now: all may be otherwise by the time that took.
    Confirmed,
}

/// What a question is about.
struct Subject<'s> {
    what: String,
    shown: &'s str,
    arn: Option<&'s str>,
    account: &'s AccountRow,
    asker: Option<Asker>,
}

impl Catalogue<'_> {
    /// The request as a protected account allows it.
    ///
    /// # Errors
    /// The person's settings cannot be followed.
    pub fn leased(&self, destination: &Destination, request: Request) -> Result<Request, ResolveError> {
        let lease = destination.protected.then(|| Ok::<u32, ResolveError>(self.settings()?.protected_lease()));
        Ok(Request { lease: lease.transpose()?, ..request })
    }

    /// What has to be typed before somebody can be whom this leads to; `None` where nothing has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn word_for(&self, destination: &Destination) -> Result<Option<String>, ResolveError> {
        Ok(self.protected_account(destination)?.map(|account| word(&account).to_owned()))
    }

    fn protected_account(&self, destination: &Destination) -> Result<Option<AccountRow>, ResolveError> {
        match destination.identity() {
            _ if !destination.protected => Ok(None),
            Some(identity) => self.account_of(identity),
            None => self.protected_by_key(&destination.route.target().held),
        }
    }

    /// The protected account of somebody of whom nothing is known but access key ids: nobody has imported that key, or a
    /// program prints it.
    pub(super) fn protected_by_key(&self, held: &[Held]) -> Result<Option<AccountRow>, ResolveError> {
        let Some(store) = self.store() else { return Ok(None) };
        for account in held.iter().filter_map(|held| account_of_key(&held.access_key_id)) {
            let protected = store.read().accounts_named(&account)?.into_iter().find(|row| row.protected);
            if protected.is_some() {
                return Ok(protected);
            }
        }
        Ok(None)
    }
}

impl Resolver<'_> {
    /// Asks where it must be asked, before AWS is.
    pub(super) fn pass(
        &mut self,
        destination: &Destination,
        request: &Request,
        now: i64,
    ) -> Result<Passage, ResolveError> {
        if !needs_word(destination, request) {
            return Ok(Passage::Open);
        }
        if let Some(plan) = self.plan_of_shell(destination, request, now) {
            return Ok(Passage::OfShell(Box::new(plan)));
        }
        let Some(account) = self.catalogue.protected_account(destination)? else { return Ok(Passage::Open) };
        let identity = destination.identity().map_or_else(|| destination.shown.clone(), ToString::to_string);
        let key = Some(format!("{}\n{identity}", account.account_id));
        if self.confirmed == key {
            return Ok(Passage::Open);
        }
        // What cannot be had is nothing to ask about.
        plan::plan(&destination.route, request, now)?;
        let shown = destination.shown.as_str();
        let of_account = say(&account);
        self.ask_for_word(&Subject {
            what: format!("{shown} is of the protected account {of_account}"),
            shown,
            arn: destination.arn.as_deref(),
            account: &account,
            asker: Some(request.asker),
        })?;
        self.confirmed = key;
        Ok(Passage::Confirmed)
    }

    /// Asks before something is done as an identity of a protected account for which nothing is resolved.
    ///
    /// # Errors
    /// Nobody has confirmed it.
    pub fn confirm_protected(&mut self, row: &IdentityRow) -> Result<(), ResolveError> {
        if !row.protected {
            return Ok(());
        }
        let Some(account) = self.catalogue.account_of(&row.identity)? else { return Ok(()) };
        let key = Some(format!("{}\n{}", account.account_id, row.identity));
        if self.confirmed == key {
            return Ok(());
        }
        let (shown, arn) = (row.shown(), row.arn());
        self.ask_for_word(&Subject {
            what: format!("{shown} is of the protected account {}", say(&account)),
            shown: &shown,
            arn: Some(&arn),
            account: &account,
            asker: None,
        })?;
        self.confirmed = key;
        Ok(())
    }

    /// Asks before an account's protection is taken away: no script shall do that in passing.
    ///
    /// # Errors
    /// Nobody has confirmed it.
    pub fn confirm_unprotected(&mut self, account: &AccountRow) -> Result<(), ResolveError> {
        let what = format!("the account {} is protected", say(account));
        self.ask_for_word(&Subject { what, shown: &account.account_id, arn: None, account, asker: None })
    }

    /// The same for what a program printed, or the machine handed out: whose that is was not known before.
    pub(super) fn pass_unknown(
        &mut self,
        destination: &mut Destination,
        request: &Request,
        now: i64,
    ) -> Result<(), ResolveError> {
        let target = destination.route.target();
        if destination.protected || target.holder.identity().is_some() || target.hop.is_some() {
            return Ok(());
        }
        if self.catalogue.protected_by_key(&target.held)?.is_some() {
            destination.protected = true;
            destination.colour = Some("red".to_owned());
            self.pass(destination, request, now)?;
        }
        Ok(())
    }

    fn ask_for_word(&mut self, subject: &Subject<'_>) -> Result<(), ResolveError> {
        let refused = |why| {
            let (what, shown, asker) = (subject.what.clone(), subject.shown.to_owned(), subject.asker);
            ResolveError::Unconfirmed(Unconfirmed { what, shown, why, asker })
        };
        if subject.asker == Some(Asker::Agent) {
            return Err(refused(Why::Unattended));
        }
        if let Some(store) = self.catalogue.store() {
            // Nobody knows how long a person takes.
            store.end_snapshot();
        }
        let word = word(subject.account);
        let arn = subject.arn.map(|arn| format!(" ({arn})")).unwrap_or_default();
        let remark = match subject.asker {
            Some(_) => format!("{}{arn} is of the protected account {}", subject.shown, say(subject.account)),
            None => subject.what.clone(),
        };
        let typed = self.prompter.word(&format!("Type the account's alias, {word}, to go on"), Some(&remark));
        let answer = match typed {
            Ok(typed) if typed == word => Ok(()),
            Ok(typed) if typed.is_empty() => Err(PromptError::Cancelled.into()),
            Ok(_) => Err(refused(Why::OtherWord)),
            Err(PromptError::NoWord(why)) => return Err(refused(Why::Unaskable(why))),
            Err(PromptError::WordUnanswered(seconds)) => Err(refused(Why::Unanswered(seconds))),
            Err(error) => Err(error.into()),
        };
        self.record_answer(subject, &answer);
        answer
    }

    fn record_answer(&self, subject: &Subject<'_>, answer: &Result<(), ResolveError>) {
        let outcome = match answer {
            Ok(()) => "ok".to_owned(),
            Err(ResolveError::Unconfirmed(refused)) => refused.why.to_string(),
            Err(error) => error.outcome(),
        };
        let event = Event {
            time: self.context.now(),
            what: "confirm",
            shell_pid: self.context.shell_pid(),
            identity: subject.shown,
            detail: None,
            arn: subject.arn,
            action: None,
            request_id: None,
            outcome: &outcome,
        };
        write_down(self.context, self.store_path(), &event);
    }

    /// A program may have what its shell was confirmed to be: the very credential that the shell holds, so that no chain
    /// of programs outlives its lease. One that was had before the account was protected is none of these: its request
    /// was another one.
    fn plan_of_shell(&self, destination: &Destination, request: &Request, now: i64) -> Option<Plan> {
        let is_asked_by_program = request.asker == Asker::Program && !request.fresh;
        let holds = is_asked_by_program && self.context.holds_switched_key();
        let key = self.context.variable("AWS_ACCESS_KEY_ID").filter(|_| holds)?;
        let mut route = destination.route.clone();
        let target = route.nodes.last_mut()?;
        target.held.retain(|held| held.access_key_id == key && held.kind.is_obtainable());
        let plan = plan::frugal_plan(&route, request, now).ok().filter(|plan| plan.calls.is_empty())?;
        let left = plan.start.as_ref()?.held.seconds_left(now);
        let is_enough = !matches!(request.min_ttl, MinTtl::Asked(least) if left <= i64::from(least));
        is_enough.then_some(plan)
    }
}

/// Whether a person has to say so first. What only reads needs nobody's word.
pub(super) fn needs_word(destination: &Destination, request: &Request) -> bool {
    destination.protected && !request.policy.is_read_only()
}

/// What nothing can shorten, and lasts longer than the lease.
pub(super) fn over_lease(held: &Held, request: &Request, shown: &str, now: i64) -> Option<String> {
    let lasts_longer = request.lease.is_some_and(|lease| held.seconds_left(now) > i64::from(lease));
    let said =
        || format!("the credential of {shown}, a protected identity, outlasts its lease: nothing can shorten it");
    (lasts_longer && !held.kind.is_obtainable()).then(said)
}

/// What is to be typed: the alias, which an account has when it is protected.
fn word(account: &AccountRow) -> &str {
    account.alias.as_deref().unwrap_or(&account.account_id)
}

fn say(account: &AccountRow) -> String {
    match &account.alias {
        Some(alias) => format!("{alias} ({})", account.account_id),
        None => account.account_id.clone(),
    }
}
