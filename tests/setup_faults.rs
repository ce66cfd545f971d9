//! `setup`, `refresh` and `unsetup` killed before and after each of their writes, with each of them failing, and killed at
//! any moment: no key is lost, no file is half written, and the same command again does the rest.

mod trial;

use trial::Trial;

#[test]
fn a_setup_killed_around_every_write_loses_no_key() {
    Trial::setup(&[]).survives_kills(15);
}

#[test]
fn a_setup_with_temporary_keys_killed_around_every_write_loses_no_key() {
    Trial::setup(&["--temporary"]).survives_kills(15);
}

#[test]
fn a_refresh_killed_around_every_write_loses_no_key() {
    Trial::refresh().survives_kills(5);
    Trial::of_one_key(&[&["setup", "--yes", "--temporary"]], &["refresh"]).survives_kills(8);
}

#[test]
fn an_unsetup_killed_around_every_write_loses_no_key() {
    Trial::unsetup(&[]).survives_kills(10);
}

#[test]
fn an_unsetup_of_temporary_keys_killed_around_every_write_loses_no_key() {
    Trial::unsetup(&["--temporary"]).survives_kills(10);
}

#[test]
fn a_first_setup_killed_around_every_write_loses_no_key() {
    Trial::first_setup(&[]).survives_kills(30);
}

#[test]
fn a_first_setup_of_one_temporary_key_killed_around_every_write_loses_no_key() {
    Trial::of_one_key(&[], &["setup", "--yes", "--temporary"]).survives_kills(30);
}

#[test]
fn a_refresh_that_takes_a_new_key_in_killed_around_every_write_loses_neither() {
    Trial::adoption(&[]).survives_kills(10);
    Trial::adoption(&["--temporary"]).survives_kills(10);
}

#[test]
fn killed_while_aws_works_none_of_them_loses_a_key() {
    Trial::first_setup(&["--temporary"]).survives_a_kill_while_aws_works("GetCallerIdentity");
    Trial::first_setup(&["--temporary"]).survives_a_kill_while_aws_works("GetSessionToken");
    Trial::refresh().survives_a_kill_while_aws_works("GetSessionToken");
    Trial::adoption(&[]).survives_a_kill_while_aws_works("GetCallerIdentity");
    Trial::adoption(&["--temporary"]).survives_a_kill_while_aws_works("GetSessionToken");
}

#[test]
fn on_a_full_or_read_only_disk_no_key_is_lost() {
    for trial in [Trial::setup(&[]), Trial::refresh(), Trial::unsetup(&["--temporary"])] {
        trial.survives_a_full_disk();
    }
}

#[test]
#[ignore = "each write of all of them: make test-long"]
fn on_a_full_or_read_only_disk_none_of_them_loses_a_key() {
    for trial in Trial::each() {
        trial.survives_a_full_disk();
    }
}

#[test]
fn kills_at_any_moment_lose_no_key() {
    for trial in Trial::each() {
        trial.survives_kills_at_any_moment(3);
    }
}

#[test]
#[ignore = "300 runs: make test-long"]
fn three_hundred_kills_at_any_moment_lose_no_key() {
    for trial in Trial::each() {
        trial.survives_kills_at_any_moment(50);
    }
}
