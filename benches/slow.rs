//! For `make bench`: `slow HOME USERS MILLISECONDS`. A pretend STS that takes as long for each answer, and that many users
//! whose keys stand in the home's credentials file; its address is then in the file `address`. It answers until it is
//! ended.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::pedantic)]

#[path = "../tests/support/sts/mod.rs"]
#[allow(dead_code, unused_imports, reason = "what the tests use of it is more")]
mod sts;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sts::{Fault, StrictSts, World};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let home = PathBuf::from(arguments.next().expect("slow HOME USERS MILLISECONDS"));
    let mut number = || arguments.next().and_then(|text| text.parse().ok()).expect("a number");
    let (users, milliseconds): (u64, u64) = (number(), number());
    let mut world = World::new();
    let section = |number| {
        let key = world.user("111122223333", &format!("user{number}"));
        let (id, secret) = (key.access_key_id, key.secret);
        format!("[user{number}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\n")
    };
    let text: String = (1..=users).map(section).collect();
    fs::create_dir_all(home.join(".aws")).expect("a home");
    fs::write(home.join(".aws/credentials"), text).expect("the keys");
    let sts = StrictSts::start(world);
    sts.fault_always("*", Fault::Delay(Duration::from_millis(milliseconds)));
    fs::write(home.join("address"), sts.url().trim_start_matches("http://")).expect("a file for the address");
    loop {
        std::thread::park();
    }
}
