//! Many at once: AWS's answers are waited for side by side.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::bringing::caller_by;
use super::guard::{Together, needs_word};
use super::outage::Outage;
use super::{ResolveError, Resolved, Resolver, Why};
use crate::credential_text::Found;
use crate::identity::plan;
use crate::identity::request::Request;
use crate::progress::Counted;
use crate::prompt::Never;
use crate::sts::{Caller, OfProfile, Sts, StsError};

/// How many are asked at once.
const AT_ONCE: usize = 16;

impl Resolver<'_> {
    /// Gets a credential for each name, in their order. Those for which a person must be asked come first, one after the
    /// other; no hop is called twice, whoever else is at work.
    ///
    /// # Errors
    /// The person said no, or nothing opens the store: then the others are not gone on with.
    pub fn resolve_all(
        &mut self,
        names: &[String],
        request: &Request,
    ) -> Result<Vec<Result<Resolved, ResolveError>>, ResolveError> {
        self.together = self.of_protected_accounts(names, request);
        let done = self.resolve_each(names, request);
        self.together = Together::default();
        done
    }

    fn resolve_each(
        &mut self,
        names: &[String],
        request: &Request,
    ) -> Result<Vec<Result<Resolved, ResolveError>>, ResolveError> {
        let mut done: Vec<Option<Result<Resolved, ResolveError>>> = names.iter().map(|_| None).collect();
        for (name, done) in names.iter().zip(&mut done) {
            // Looked at anew each time: one code may serve many.
            if self.needs_person(name, request) {
                *done = Some(unless_no(self.resolve(name, request))?);
            }
        }
        self.catalogue.keep_profiles();
        let rest: Vec<usize> = (0..names.len()).filter(|index| done[*index].is_none()).collect();
        for (index, result) in rest.iter().zip(self.resolve_rest(&rest, names, request)?) {
            // A person may be needed after all, where something has ended meanwhile.
            let result = match result {
                Err(ResolveError::Prompt(_)) => self.resolve(&names[*index], request),
                Err(ResolveError::Unconfirmed(refused)) if matches!(refused.why, Why::Unaskable(_)) => {
                    self.resolve(&names[*index], request)
                }
                result => result,
            };
            done[*index] = Some(unless_no(result)?);
        }
        Ok(done.into_iter().map(|one| one.unwrap_or(Err(ResolveError::CredentialGone))).collect())
    }

    fn resolve_rest(
        &mut self,
        rest: &[usize],
        names: &[String],
        request: &Request,
    ) -> Result<Vec<Result<Resolved, ResolveError>>, ResolveError> {
        if let [] | [_] = rest {
            return Ok(rest.iter().map(|index| self.resolve(&names[*index], request)).collect());
        }
        // Nobody is asked for a passphrase twice.
        self.unlock()?;
        let (context, path) = (self.context, self.store_path().to_owned());
        let vaults: Vec<_> = (0..AT_ONCE.min(rest.len())).map(|_| self.vault.for_another_thread()).collect();
        let start = |vault| {
            let mut resolver = Resolver::new(context, path.clone(), Box::new(Never), None)?;
            (resolver.vault, resolver.is_one_of_many) = (vault, true);
            Ok(resolver)
        };
        let outage = Outage::of(vaults.len());
        let work = |resolver: &mut Result<Resolver<'_>, ResolveError>, index: usize| match resolver {
            Ok(resolver) => outage.unless(index, || resolver.resolve(&names[rest[index]], request)),
            Err(error) => outage.unless(index, || Err(ResolveError::Worker(error.to_string()))),
        };
        let progress = Counted::start(context, "obtaining credentials", rest.len());
        Ok(side_by_side(vaults, rest.len(), &start, &work, &|| progress.step()))
    }

    fn needs_person(&self, name: &str, request: &Request) -> bool {
        self.destination_of(name, request).is_ok_and(|destination| {
            let request = destination.adjust(request);
            let plan = || plan::plan(&destination.route, &request, self.context.now());
            needs_word(&destination, &request) || plan().is_ok_and(|plan| plan.coded().next().is_some())
        })
    }

    /// Those of whom a person has to say once for all that they want to be them.
    fn of_protected_accounts(&self, names: &[String], request: &Request) -> Together {
        let mut together = Together::default();
        for destination in names.iter().filter_map(|name| self.destination_of(name, request).ok()) {
            let is_asked = needs_word(&destination, &destination.adjust(request));
            if let Some(account) = self.catalogue.protected_account(&destination).ok().flatten().filter(|_| is_asked) {
                together.add(&account, &destination.shown);
            }
        }
        together
    }

    /// Asks AWS whose each credential is; in their order.
    ///
    /// # Errors
    /// The environment's settings cannot be used.
    pub fn callers(&self, all: &[&Found]) -> Result<Vec<Result<Caller, ResolveError>>, ResolveError> {
        let settings = self.sts_settings(&OfProfile::default())?;
        let connections: Vec<()> = vec![(); AT_ONCE.min(all.len())];
        let start = |()| Sts::new(settings.clone());
        let outage = Outage::of(connections.len());
        let work = |sts: &mut Result<Sts, StsError>, index: usize| {
            outage.unless(index, || match sts {
                Ok(sts) => caller_by(sts, all[index], None),
                Err(error) => Err(error.clone().into()),
            })
        };
        let progress = Counted::start(self.context, "verifying keys", all.len());
        Ok(side_by_side(connections, all.len(), &start, &work, &|| progress.step()))
    }
}

/// What was cancelled is meant for all.
fn unless_no(result: Result<Resolved, ResolveError>) -> Result<Result<Resolved, ResolveError>, ResolveError> {
    match result {
        Err(error) if error.is_no() => Err(error),
        result => Ok(result),
    }
}

/// Does `count` pieces of work in as many threads as there are `seeds`, each with a worker of its own made of its seed.
fn side_by_side<S: Send, W, T: Send>(
    seeds: Vec<S>,
    count: usize,
    start: &(impl Fn(S) -> W + Sync),
    work: &(impl Fn(&mut W, usize) -> T + Sync),
    one_more: &(impl Fn() + Sync),
) -> Vec<T> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new((0..count).map(|_| None).collect::<Vec<Option<T>>>()));
    std::thread::scope(|scope| {
        for seed in seeds {
            let (next, results) = (&next, &results);
            scope.spawn(move || {
                let mut worker = start(seed);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let result = work(&mut worker, index);
                    results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
                    one_more();
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
}
