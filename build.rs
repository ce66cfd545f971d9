//! Links the unwinder into the program, where it would be a shared library of its own.
//!
//! multicred runs at every switch and for every call of an SDK, and ends within two milliseconds. Finding, mapping and
//! binding `libgcc_s`, which is needed for backtraces alone, takes a tenth of one.
#![allow(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment and stdout")]
#![allow(clippy::disallowed_macros, reason = "cargo speaks to build scripts through the environment and stdout")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The same code as `libgcc_s` has (GCC Runtime Library Exception).
const ARCHIVE: &str = "libgcc_eh.a";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CC");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let is_native = std::env::var("HOST") == std::env::var("TARGET");
    // Only release builds: a build that is debugged should be like any other program.
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") || !is_native || !is("DEBUG", "false")
    {
        return;
    }
    if let Some(folder) = find(ARCHIVE).as_deref().and_then(Path::parent) {
        println!("cargo:rustc-link-search=native={}", folder.display());
        println!("cargo:rustc-link-lib=static:-bundle,+verbatim={ARCHIVE}");
    }
}

/// Where the C compiler has an archive; it echoes the bare name of one that it does not have.
fn find(archive: &str) -> Option<PathBuf> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let output = Command::new(compiler).arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    (path.is_absolute() && path.exists()).then_some(path)
}
