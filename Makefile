# Each verb is short; .ci/run calls these too.
TARGET := $(or $(CARGO_TARGET_DIR),target)
.PHONY: run test clients check bench bench-micro bench-compare fuzz leases differential crash demo generate

run: # the server on port 6379: make run ARGS="--port 7000"
	cargo run --release -p stateless-server -- $(ARGS)

test: clients # all tests; those that compare need redis-server 7.0: apt-get install redis-server
	cargo build -p stateless-server
	CARGO_BIN=$(abspath $(TARGET))/debug/stateless-server cargo test --workspace

clients: # redis-py, ioredis, node-redis and @upstash/redis for the tests, into the target folder
	compat-tests/clients/setup

check: # what must hold before a commit: format, lints, the rules of the house
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test -p stateless-server --lib tidy

bench: # the load generator on a running server: make bench ARGS="--rate 100000 --pipeline 16"
	cargo run --release -p benches --bin load -- run --preload 1 $(ARGS)

bench-micro: # parser and commands in process, nanoseconds each
	cargo run --release -p benches --bin micro -- $(ARGS)

bench-compare: # us and the peers side by side, into benches/compare/ (as root: it installs the peers)
	cargo build --release -p stateless-server -p benches
	$(TARGET)/release/compare install
	$(TARGET)/release/compare run --server $(TARGET)/release/stateless-server $(ARGS)

fuzz: # the fuzz targets and the models for minutes instead of seconds, on a stable toolchain
	cargo build -p stateless-server
	SEED=$${SEED:-$$(date +%s)} FUZZ_INPUTS=3000000 cargo test --profile fast -p compat-tests --test fuzz
	STEPS=100000 SEED=$${SEED:-$$(date +%s)} cargo run -p compat-tests --bin model -- ours redis $(ARGS)

leases: # random schedules of leases against a model, a million steps
	LEASE_STEPS=$${LEASE_STEPS:-1000000} SEED=$${SEED:-$$(date +%s)} cargo test --profile fast -p ownership --lib random_schedules -- --nocapture

differential: # random commands from the table, and rules of users, on us and a real server: make differential ARGS="ours 127.0.0.1:6380"
	cargo build --profile fast -p stateless-server -p compat-tests
	SEED=$${SEED:-$$(date +%s)} STEPS=$${STEPS:-500000} $(TARGET)/fast/differential $(or $(ARGS),ours redis)
	CARGO_BIN=$(abspath $(TARGET))/fast/stateless-server SETS=$${SETS:-1000} COMMANDS=$${COMMANDS:-1000} cargo test --profile fast -p compat-tests --test acl

crash: # the log: thousands of crash points on a simulated disk, then kill -9 under load, a thousand times for each policy
	SEED=$${SEED:-$$(date +%s)} CRASH_POINTS=$${CRASH_POINTS:-5000} cargo test --profile fast -p persistence --test crash
	cargo build --profile fast -p stateless-server
	CARGO_BIN=$(abspath $(TARGET))/fast/stateless-server CYCLES=$${CYCLES:-1000} cargo test --profile fast -p compat-tests --test kill -- --nocapture

demo: # stale pages on a plain redis-server under load, and none here, with counts
	cargo build --release -p stateless-server
	CARGO_BIN=$(abspath $(TARGET))/release/stateless-server OWNERSHIP_SECONDS=10 OWNERSHIP_THREADS=8 \
		cargo test -p compat-tests --test ownership -- --nocapture

generate: # rewrites the files that are made from tables in the code
	UPDATE=1 cargo test -p settings
	UPDATE=1 cargo test -p commands --test compatibility
	UPDATE=1 cargo test -p gateway --lib openapi
