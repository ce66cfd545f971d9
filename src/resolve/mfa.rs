//! MFA codes: where one comes from, and that none is ever sent twice.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use super::outside::not_handed_on;
use super::{ResolveError, Resolver};
use crate::identity::plan::Stage;
use crate::identity::route::Script;
use crate::prompt::{Dialog, PromptError, Prompter, Unaskable, is_code};
use crate::secret::Secret;
use crate::settings::{Driver, Settings};
use crate::store::{Durability, Writing};
use crate::subprocess::Program;

/// A code is valid for one step of this length, in seconds (RFC 6238).
const STEP: i64 = 30;
/// As long the program that prints the code, and the call that carries it, may take.
const LAST_CALL: Duration = Duration::from_secs(5);
/// As often a generator is asked again for a code that nobody has used.
const TRIES: u32 = 3;

/// What gives codes.
enum Source {
    /// `--mfa-code`
    Flag(Secret),
    /// The profile's `mfa_process`.
    Script(Script),
    /// A `YubiKey`.
    Ykman,
    /// A person.
    Person,
}

impl Resolver<'_> {
    /// Whether a person would have to answer for this call, and cannot.
    ///
    /// # Errors
    /// Nobody can be asked, or the settings cannot be followed.
    pub(super) fn check_can_ask(&self, stage: &Stage) -> Result<(), ResolveError> {
        let Some(serial) = &stage.mfa_serial else { return Ok(()) };
        if self.mfa_code.is_some() || stage.mfa_script.is_some() {
            return Ok(());
        }
        let impossible = |why| PromptError::Impossible { serial: serial.clone(), why };
        match self.catalogue.settings()?.driver() {
            Driver::Terminal => Ok(self.prompter.can_ask().map_err(impossible)?),
            Driver::Ykman => self.driver_program("ykman").map(drop),
            _ if !self.context.may_prompt => Err(impossible(Unaskable::NoTerminal).into()),
            driver => self.driver_program(self.dialog_program(driver)?).map(drop),
        }
    }

    /// Whether a code for this call can be had without asking anybody.
    pub(super) fn is_generated(&self, stage: &Stage) -> bool {
        let driver = || self.catalogue.settings().map(Settings::driver);
        stage.mfa_script.is_some() || driver().is_ok_and(|driver| driver == Driver::Ykman)
    }

    /// Who or what is asked for the code of a call, in words.
    ///
    /// # Errors
    /// The settings cannot be followed.
    pub fn asks(&self, stage: &Stage) -> Result<String, ResolveError> {
        if let Some(script) = &stage.mfa_script {
            return Ok(script.place.clone());
        }
        let settings = self.catalogue.settings()?;
        Ok(match settings.driver() {
            Driver::Terminal => "on the terminal".to_owned(),
            _ => settings.driver_place(),
        })
    }

    /// A code that no process has sent yet, claimed for this one.
    pub(super) fn unused_code(&mut self, stage: &Stage, serial: &str) -> Result<Secret, ResolveError> {
        let (mut remark, mut tries) = (None, 0);
        loop {
            let source = self.code_source(stage)?;
            let code = match &source {
                Source::Flag(code) => code.clone(),
                Source::Script(script) => self.generated(Program::Shell(&script.command), &script.place)?,
                Source::Ykman => self.of_ykman(serial)?,
                Source::Person => self.typed(serial, remark)?,
            };
            if self.claim(serial, &code)? {
                return Ok(code);
            }
            tries += 1;
            remark = Some(match source {
                Source::Flag(_) => "the code given with --mfa-code has been used already: wait for the next one",
                // A program in a person's place may give the same code for ever; a person is shown the remark at once.
                Source::Person if tries >= TRIES && self.asks_by_program()? => {
                    return Err(ResolveError::MfaCodeUsed(serial.to_owned()));
                }
                Source::Person => {
                    if tries > 1 && self.asks_by_program()? && self.has_time_for_next_step() {
                        self.wait_for_next_step(serial);
                    }
                    "this code has been used already: wait for the next one"
                }
                Source::Script(_) | Source::Ykman if tries >= TRIES || !self.has_time_for_next_step() => {
                    return Err(ResolveError::MfaCodeUsed(serial.to_owned()));
                }
                Source::Script(_) | Source::Ykman => {
                    self.wait_for_next_step(serial);
                    "this code has been used already"
                }
            });
        }
    }

    /// In this order: the flag, the profile's own program, what the settings say.
    fn code_source(&mut self, stage: &Stage) -> Result<Source, ResolveError> {
        if let Some(code) = self.mfa_code.take() {
            return Ok(Source::Flag(code));
        }
        if let Some(script) = &stage.mfa_script {
            return Ok(Source::Script(script.clone()));
        }
        Ok(if self.catalogue.settings()?.driver() == Driver::Ykman { Source::Ykman } else { Source::Person })
    }

    /// Whether the person is asked by another program, and not on the terminal.
    fn asks_by_program(&self) -> Result<bool, ResolveError> {
        Ok(self.context.may_prompt && self.catalogue.settings()?.driver() != Driver::Terminal)
    }

    /// Synced: the same code must not be sent twice even across a crash.
    fn claim(&mut self, serial: &str, code: &Secret) -> Result<bool, ResolveError> {
        let now = self.context.now();
        let (store, _) = self.store_and_keys()?;
        let claim = |writing: &Writing<'_>| writing.claim_mfa_code(serial, code.expose(), now);
        Ok(store.write(Durability::Synced, claim)?)
    }

    fn generated(&self, program: Program<'_>, what: &str) -> Result<Secret, ResolveError> {
        let (answer, complaint) = self.run_program(program, what)?;
        let code = answer.expose().trim();
        if is_code(code) {
            return Ok(Secret::new(code));
        }
        let reason = "a code is six digits".to_owned();
        let reason = if complaint.is_empty() { reason } else { format!("{reason}; it said: {complaint}") };
        Err(ResolveError::BadAnswer { what: what.to_owned(), wanted: "MFA code", reason })
    }

    fn of_ykman(&self, serial: &str) -> Result<Secret, ResolveError> {
        let settings = self.catalogue.settings()?;
        let program = self.driver_program("ykman")?;
        let mut words = Vec::new();
        if let Some(device) = settings.ykman_device() {
            words.extend(["--device", device]);
        }
        words.extend(["oath", "accounts", "code", "--single", settings.ykman_account(serial)]);
        self.generated(Program::Words(program.as_os_str(), &words), &settings.driver_place())
    }

    fn typed(&mut self, serial: &str, remark: Option<&str>) -> Result<Secret, ResolveError> {
        let driver = self.catalogue.settings()?.driver();
        let answer = if self.asks_by_program()? {
            let program = self.driver_program(self.dialog_program(driver)?)?;
            let (term, without) = (self.context.variable("TERM"), not_handed_on(self.context));
            Dialog::new(driver.word(), program, &without, term, self.prompter.deadline()).mfa_code(serial, remark)
        } else {
            self.prompter.mfa_code(serial, remark)
        };
        match answer {
            Err(PromptError::Impossible { .. }) if remark.is_some() => {
                Err(ResolveError::MfaCodeUsed(serial.to_owned()))
            }
            answer => Ok(answer?),
        }
    }

    fn dialog_program(&self, driver: Driver) -> Result<&str, ResolveError> {
        Ok(match driver {
            Driver::Pinentry => self.catalogue.settings()?.pinentry(),
            driver => driver.word(),
        })
    }

    fn driver_program(&self, program: &str) -> Result<std::path::PathBuf, ResolveError> {
        let place = self.catalogue.settings()?.driver_place();
        let missing = |_| ResolveError::NoDriver { place, program: program.escape_debug().to_string() };
        which::which(OsStr::new(program)).map_err(missing)
    }

    /// Whether whoever waits for this process is still there when the next code begins, and has been sent.
    fn has_time_for_next_step(&self) -> bool {
        let next = Duration::from_secs(self.seconds_to_next_step()) + LAST_CALL;
        self.prompter.deadline().is_none_or(|deadline| Instant::now() + next < deadline)
    }

    fn seconds_to_next_step(&self) -> u64 {
        (STEP - self.context.now().rem_euclid(STEP)).unsigned_abs()
    }

    fn wait_for_next_step(&self, serial: &str) {
        let left = self.seconds_to_next_step();
        self.context
            .note(&format!("the MFA code of {serial} has been used already: waiting {left} s for the next one"));
        std::thread::sleep(Duration::from_secs(left));
    }
}
