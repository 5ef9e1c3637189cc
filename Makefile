# `make help` says what there is. Everything is built with the release profile, into one folder
# outside the checkout, so that a second clone or a clean checkout starts from what is built.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export CARGO_TARGET_DIR ?= $(HOME)/.cache/causeway/target
# Where `make devnet`, `make demo`, `make chaos`, `make crash`, `make attack`, `make bench` and `make cards-bench` keep their networks.
DIR ?= devnet-data
# How long `make chaos` breaks things, and the seed that its faults are drawn from.
MINUTES ?= 2
SEED ?= 1
# Where CI keeps its own, so that it never touches yours.
TEST_DIR := $(abspath $(CARGO_TARGET_DIR))/test-devnet
TOOLS := $(abspath $(CARGO_TARGET_DIR))/tools
BIN := $(abspath $(CARGO_TARGET_DIR))/release
PEER_VENV := $(abspath $(CARGO_TARGET_DIR))/peer-venv

export PATH := $(TOOLS)/bin:$(HOME)/.cargo/bin:$(PATH)

CARGO := cargo
LOCKED := --release --locked
# The whole workspace, so that every target is built with the same features of its dependencies.
PROGRAMS := --workspace --bins

comma := ,
say = @printf '\n== %s\n' "$(1)"

.PHONY: help
help:
	@echo 'make demo            four validators, a payroll, one of them killed; money abroad, a merchant, offline; checks everything'
	@echo 'make devnet          the same network, running until Ctrl-C'
	@echo 'make chaos           the same under load, broken at random: MINUTES=2 SEED=1; checks every payment'
	@echo 'make crash           gateways and validators killed KILLS=500 times while money is sent abroad, as often while cards pay; SEED=1'
	@echo 'make attack          the same under load, its APIs attacked in eight ways; honest clients must not feel it'
	@echo 'make test            format, lints, dependencies, tests, README commands, and a demo'
	@echo 'make test-peers      independent programs check what the demo wrote, use the gateways, read QR codes and hear sound'
	@echo 'make bench           the highest rate of payments with p99 under 1 s (4 min or so); BENCH="--rate 2000"'
	@echo 'make cards-bench     how long an issuer takes to authorise cards, on an idle machine; CARDS_BENCH="--rate 300 --seconds 20"'
	@echo 'make bench-stages    criterion benches of the stages of a payment'
	@echo 'make simulate        seeded simulations of whole validators under faults; SEEDS=20000 HEIGHTS=15'
	@echo 'make fuzz            every decoder and the consensus validator, for FUZZ_SECONDS each (60)'
	@echo 'make mutants         the code broken on purpose in eight ways: the simulation must find each'
	@echo 'make build           the programs, into $(BIN)'
	@echo 'make fmt lint        the formatter; the linter'
	@echo 'make install-tools   cargo-deny, into $(TOOLS)'

.PHONY: setup
setup:
	@scripts/setup

.PHONY: build
build: setup
	$(call say,building (the first time takes a quarter of an hour or so: RocksDB is C++))
	$(CARGO) build $(LOCKED) $(PROGRAMS)

.PHONY: demo
demo: build
	$(call say,the demo (three minutes or so))
	$(BIN)/causeway-devnet demo --dir $(DIR)

.PHONY: devnet
devnet: build
	$(call say,a network of four validators until Ctrl-C)
	$(BIN)/causeway-devnet up --dir $(DIR)

.PHONY: chaos
chaos: build
	$(call say,faults drawn from seed $(SEED) for $(MINUTES) min$(comma) and then the check)
	$(BIN)/causeway-devnet chaos --dir $(DIR) --minutes $(MINUTES) --seed $(SEED)

# How often something is killed in `make crash`.
KILLS ?= 500

.PHONY: crash
crash: build
	$(call say,$(KILLS) kills drawn from seed $(SEED) while remittances are under way$(comma) as many kills and cuts while cards pay$(comma) and the checks)
	$(BIN)/causeway-devnet crash --dir $(DIR) --kills $(KILLS) --seed $(SEED)

.PHONY: attack
attack: build
	$(call say,eight attacks on the APIs while honest clients pay (8 min or so))
	$(BIN)/causeway-devnet attack --dir $(DIR)

.PHONY: fmt
fmt:
	$(CARGO) fmt --all

.PHONY: lint
lint:
	$(call say,lints)
	scripts/docs-test
	scripts/attacks-test
	scripts/mutants check
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy $(LOCKED) --manifest-path fuzz/Cargo.toml -- -D warnings

.PHONY: test
test: setup lint deny unit-tests readme-test demo-test

.PHONY: unit-tests
unit-tests:
	$(call say,tests)
	$(CARGO) test $(LOCKED) --workspace

.PHONY: deny
deny: install-tools
	$(call say,licences and sources of dependencies; advisories if their database can be had)
	cargo-deny check licenses bans sources
	@if cargo-deny fetch db 2>/dev/null; then \
	    cargo-deny check advisories; \
	else \
	    echo 'the advisory database cannot be fetched from here; advisories were not checked'; \
	fi

# Some minutes once; then it is there, beside what is built.
.PHONY: install-tools
install-tools:
	@if ! command -v cargo-deny >/dev/null; then \
	    echo '== installing cargo-deny into $(TOOLS) (some minutes, once)'; \
	    $(CARGO) install cargo-deny --version '^0.20' --locked --root $(TOOLS); \
	fi

.PHONY: readme-test
readme-test: build
	$(call say,the commands of the README)
	scripts/readme-test $(BIN)

.PHONY: demo-test
demo-test: build
	$(call say,the demo (two minutes or so))
	$(BIN)/causeway-devnet demo --dir $(TEST_DIR)
	$(call say,from purse to purse while all validators are stopped)
	$(BIN)/causeway-devnet offline --dir $(TEST_DIR)
	$(call say,a swap between two networks)
	$(BIN)/causeway-devnet swap --dir $(TEST_DIR)
	$(call say,gateways and validators killed 12 times while money is sent abroad$(comma) and 12 kills and cuts while cards pay)
	$(BIN)/causeway-devnet crash --dir $(TEST_DIR) --kills 12

$(TEST_DIR)/demo/demo.json:
	$(MAKE) demo-test

$(PEER_VENV)/made: peers/python/requirements-gateway.txt peers/python/requirements-offline.txt peers/python/requirements.txt
	$(call say,a Python environment for the peer)
	python3 -m venv $(PEER_VENV)
	$(PEER_VENV)/bin/pip install --quiet --disable-pip-version-check -r $< -r peers/python/requirements-offline.txt
	touch $@

# Of another language, and so not in the Python environment.
BC_UR := @ngraveio/bc-ur@1.1.13
ISO_8583 := iso_8583@2.6.7

.PHONY: test-media
test-media: build $(PEER_VENV)/made
	$(call say,other readers of QR codes and hearers of sound)
	@missing=(); for each in zbarimg:zbar-tools sox:sox node:nodejs npm:npm; do \
	    command -v "$${each%:*}" >/dev/null || missing+=("$${each#*:}"); \
	done; \
	if [ "$${#missing[@]}" -gt 0 ] && [ "$$(id -u)" = 0 ]; then \
	    echo "== installing $${missing[*]}"; DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$${missing[@]}" >/dev/null; \
	fi
	@if [ ! -e $(PEER_VENV)/$(BC_UR)/node_modules/@ngraveio/bc-ur/package.json ]; then \
	    npm install --silent --no-save --ignore-scripts --prefix $(PEER_VENV)/$(BC_UR) $(BC_UR); \
	fi
	cd peers/python && CAUSEWAY=$(BIN)/causeway NODE_PATH=$(PEER_VENV)/$(BC_UR)/node_modules \
	    $(PEER_VENV)/bin/python -m unittest discover --start-directory tests_offline

.PHONY: test-peers
test-peers: $(PEER_VENV)/made $(TEST_DIR)/demo/demo.json
	$(call say,an independent reader checks the receipts of the last demo)
	cd peers/python && $(PEER_VENV)/bin/python -m unittest
	cd peers/python && $(PEER_VENV)/bin/python -m causeway_peer.audit $(TEST_DIR)/demo
	$(MAKE) test-media
	$(call say,what gateways store$(comma) on a PostgreSQL)
	$(CARGO) test $(LOCKED) --workspace --lib --no-run 2>&1 | tee $(PEER_VENV)/tests.log | tail -n 1
	scripts/postgres-trial "$$(grep -o '[^(]*/causeway_gateway-[0-9a-f]*' $(PEER_VENV)/tests.log)" --test-threads 4 store:: service::records
	$(call say,two instances of a gateway on one PostgreSQL$(comma) of which one is killed (two minutes or so))
	scripts/postgres-trial $(BIN)/causeway-devnet instances --dir $(TEST_DIR)
	$(call say,a card in a reader of pcscd$(comma) read by OpenSC too)
	@if ! command -v opensc-tool >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo '== installing OpenSC'; DEBIAN_FRONTEND=noninteractive apt-get install -y -q opensc >/dev/null; \
	fi
	$(CARGO) test $(LOCKED) --workspace --test card --no-run 2>&1 | tee $(PEER_VENV)/tests.log | tail -n 1
	scripts/card-trial "$$(grep -o '[^(]*/card-[0-9a-f]*' $(PEER_VENV)/tests.log)" --ignored --nocapture
	$(call say,keys on a token of SoftHSM)
	$(CARGO) test $(LOCKED) --workspace --lib --no-run 2>&1 | tee $(PEER_VENV)/tests.log | tail -n 1
	scripts/softhsm-trial "$$(grep -o '[^(]*/causeway_gateway-[0-9a-f]*' $(PEER_VENV)/tests.log)" --ignored hsm::
	$(call say,a phone at a terminal in the same reader)
	$(CARGO) test $(LOCKED) --workspace --test contactless --no-run 2>&1 | tee $(PEER_VENV)/tests.log | tail -n 1
	scripts/card-trial "$$(grep -o '[^(]*/contactless-[0-9a-f]*' $(PEER_VENV)/tests.log)" --ignored --nocapture
	$(call say,independent clients of the gateways (three minutes or so))
	@if ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo '== installing Chromium'; DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium >/dev/null; \
	fi
	@if [ ! -e $(PEER_VENV)/$(ISO_8583)/node_modules/iso_8583/package.json ]; then \
	    npm install --silent --no-save --ignore-scripts --prefix $(PEER_VENV)/$(ISO_8583) $(ISO_8583); \
	fi
	cd peers/python && PATH=$(PEER_VENV)/bin:$$PATH PYTHONPATH=tests_gateway NODE_PATH=$(PEER_VENV)/$(ISO_8583)/node_modules \
	    ../../scripts/gateway-trial $(BIN) $(PEER_VENV)/bin/python -m unittest discover --start-directory tests_gateway

# More for `causeway-devnet bench`, such as BENCH="--rate 2000 --accounts 1M".
BENCH ?=
BENCH_OUT := $(abspath $(CARGO_TARGET_DIR))/bench

.PHONY: bench
bench: build
	$(call say,payments end to end$(comma) on an idle machine)
	$(BIN)/causeway-devnet bench --dir $(DIR) --out $(BENCH_OUT) \
	    --record benches/RESULTS.md --commit "$$(git describe --always --dirty 2>/dev/null || echo unknown)" $(BENCH)

# More for `causeway-devnet cards-bench`, such as CARDS_BENCH="--rate 300 --seconds 20".
CARDS_BENCH ?=

.PHONY: cards-bench
cards-bench: build
	$(call say,authorisations of cards beside plain payments$(comma) on an idle machine)
	$(BIN)/causeway-devnet cards-bench --dir $(DIR) $(CARDS_BENCH)

.PHONY: bench-stages
bench-stages: setup
	$(call say,criterion benches of the stages of a payment)
	$(CARGO) bench --locked --workspace --bench codec --bench commit --bench ledger --bench offline --bench proof --bench settlement --bench signatures \
	    --bench iso8583 --bench iso8583_host --bench pictures

# Seeds of the simulation, and heights that each comes to at least.
SEEDS ?= 20000
HEIGHTS ?= 15

.PHONY: simulate
simulate: setup
	$(call say,$(SEEDS) simulated networks under faults (4 minutes or so on two cores for 20000))
	$(CARGO) build $(LOCKED) --package causeway-simulation
	$(BIN)/causeway-simulate --seeds $(SEEDS) --heights $(HEIGHTS)

.PHONY: mutants
mutants: setup
	$(call say,the code broken on purpose in eight ways; the simulation must find each (10 minutes or so))
	scripts/mutants

# Of each fuzz target.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := answers apdu batch bulk card cpm element frame iso20022 iso8583 journal log message mpm offline payments \
    picture purse qr_frames signed_requests snapshot sound stored submission taps texts tokens tr31 transaction \
    validator webhooks wire

.PHONY: fuzz
fuzz: setup
	@if ! cargo fuzz --version >/dev/null 2>&1; then \
	    echo '== installing cargo-fuzz into $(TOOLS) (some minutes, once)'; \
	    $(CARGO) install cargo-fuzz --version '^0.13' --locked --root $(TOOLS); \
	fi
	scripts/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)
