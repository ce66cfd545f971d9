//! Profiles that nobody here thought of, generated from seeds: the calls that multicred makes for one are those that
//! boto3 makes, seen from AWS's side, and where they are not, the reason is on a list.
//!
//! A reason is a rule. Where it can be, it says the config again in words that boto3 understands as multicred
//! understands the config's own, and boto3 is asked once more; else it changes boto3's calls, by what the config says.
//! What comes out must be exactly what multicred does, call by call and parameter by parameter.

mod boto3;
mod case;
mod expectation;
mod faults;
mod files;
mod generate;
mod layout;
mod on_files;
mod on_ways;
mod random;
mod reasons;
mod run;
mod tags;
mod twists;
mod way;

use std::sync::LazyLock;

use boto3::Boto3;
use case::Case;
use reasons::Reason;
use run::Played;

const SEEDS: u64 = 200;

/// Played once for all tests here.
static PLAYED: LazyLock<Vec<Played>> = LazyLock::new(|| {
    let mut boto3 = Boto3::start();
    (0..SEEDS).map(|seed| run::play(seed, &mut boto3)).collect()
});

fn told(what: &str, cases: &[&Played]) -> String {
    let seeds: Vec<u64> = cases.iter().map(|played| played.seed).collect();
    let all: String = cases.iter().map(|played| played.tell()).collect();
    format!("{what} in {} of {SEEDS} cases:\n{all}seeds {seeds:?}", cases.len())
}

#[test]
fn a_seed_gives_the_same_case_every_time() {
    for seed in 0..SEEDS {
        let [one, other] = [(); 2].map(|()| Case::generate(seed).0);
        assert_eq!(one, other, "seed {seed}");
    }
}

#[test]
fn multicred_goes_the_way_of_boto3_but_for_listed_reasons() {
    let is_as_expected = |played: &Played| way::is_same(&played.expectation.multicred, &played.multicred);
    let others: Vec<&Played> = PLAYED.iter().filter(|played| !is_as_expected(played)).collect();
    assert!(others.is_empty(), "{}", told("another way", &others));
}

#[test]
fn each_listed_reason_is_needed_by_some_profile() {
    let needed = |reason: &Reason| PLAYED.iter().any(|played| played.expectation.needed.contains(reason));
    let idle: Vec<&str> = Reason::ALL.iter().filter(|reason| !needed(reason)).map(|reason| reason.because()).collect();
    assert!(idle.is_empty(), "no profile needs these reasons: {idle:#?}");
}

#[test]
fn a_quarter_of_the_profiles_need_no_reason_but_the_harmless_ones() {
    let is_plain = |played: &&Played| played.expectation.needed.iter().all(|reason| Reason::HARMLESS.contains(reason));
    let goes_somewhere = |played: &&Played| played.expectation.multicred.is_ok();
    let plain = PLAYED.iter().filter(is_plain).filter(goes_somewhere).count();
    assert!(plain >= 50, "only {plain} of {SEEDS}");
}
