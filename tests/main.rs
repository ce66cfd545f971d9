//! The integration tests: one program, so that what they share is compiled and linked once.
//!
//! They share its process too: a test leaves the process's own folder, environment, signals and limits alone, and starts
//! programs by [`support::process`]. One that needs a process of its own runs this program again, as a child.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a broken scene is a failed test"
)]
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "those rules are for the program under test")]
#![allow(unreachable_pub, reason = "nothing outside reaches into the tests")]

mod ini;
mod person;
mod profiles;
mod scene;
mod support;

mod account_names;
mod add;
mod agent;
mod agent_callers;
mod agent_keys;
mod agent_users;
mod aws_file;
mod aws_temporary;
mod backup;
mod backup_faults;
mod bad_input_answers;
mod bad_input_home;
mod bad_input_imports;
mod bad_input_key;
mod bad_input_names;
mod bad_input_profiles;
mod bad_input_settings;
mod bad_input_store;
mod clients;
mod clients_crowd;
mod coming_over;
mod coming_over_mentaws;
mod coming_over_vault;
mod command_line;
mod completions;
mod concurrency_hop;
mod concurrency_prompt;
mod concurrency_store;
mod config_endpoints;
mod config_faults;
mod config_layers;
mod config_mfa;
mod config_sessions;
mod config_vectors;
mod console;
mod containers;
mod credential_process;
mod credential_text;
mod differential;
mod docs;
mod doctor;
mod env_formats;
mod exec;
mod faults_errors;
mod faults_kill;
mod forget;
mod help;
mod history;
mod ini_document;
mod ini_document_edits;
mod kept_answers;
mod key_agent;
mod key_agent_midway;
mod key_concurrency;
mod key_damage;
mod key_first;
mod key_prompt;
mod key_recovery_shown;
mod key_remove;
mod key_rotate;
mod key_rotate_faults;
mod key_secrecy;
mod key_slots;
mod key_threats;
mod label;
mod layers;
mod link;
mod list;
mod live;
mod live_crowd;
mod live_ends;
mod live_http;
mod live_opening;
mod live_outage;
mod live_renewal;
mod live_shells;
mod live_truth;
mod man;
mod mfa_drivers;
mod moto;
mod outside_environment;
mod outside_process;
mod outside_sources;
mod outside_web_identity;
mod prompt_signals;
mod protected;
mod protected_shells;
mod remove;
mod restore;
mod restricted;
mod rotate;
mod rotate_faults;
mod rotate_kills;
mod rotate_room;
mod seal_keyring;
mod seal_ssh_agent;
mod serve;
mod serve_metadata;
mod serve_renewal;
mod shared_config_cases;
mod shell_by_hand;
mod shell_command_line;
mod shell_deactivate;
mod shell_hook;
mod shell_lint;
mod shell_nested;
mod shell_prompt;
mod shell_quoting;
mod shell_secrecy;
mod shell_switch;
mod shell_variables;
mod show;
mod stand_in;
mod stats;
mod store_migration;
mod sync;
mod sync_programs;
mod tables;
mod to_profile;
mod tree;
mod unlink;
mod vectors;
mod watch;
mod whoami;
