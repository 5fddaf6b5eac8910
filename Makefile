# make demo    from nothing to a verdict on patches/vm_refcnt
# make check   from nothing through lint, types and all tests but the long ones
# make check-long   the tests that are too long for it: every hang, chance on both kernels, each sabotage, clusters
# make check-arch   kernels and guests of other architectures: a kernel is built for each
# make check-fast   lint, types, unit and contract tests: no kernel, no guest, below three minutes
# make fuzz    mutated input for every reader, a million times (MUTATIONS=N, READER="NAME")
# make setup   just .venv/bin/orchestrate

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo check check-long check-arch check-fast fuzz setup tools dev browser mailer lint types test schemas code-functions clean

demo: tools
	$(BIN)/orchestrate test --patch patches/vm_refcnt

check: dev tools lint types test

check-fast: lint types
	$(BIN)/pytest -n 2 tests/unit tests/contract

setup: $(VENV)/.installed

# Debian's python3 cannot make virtual environments until python3-venv is there
$(VENV)/.installed: pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "installing python3-venv"; $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install -y --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[watch]'
	@touch $@

dev: $(VENV)/.installed-dev

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[dev]'
	@touch $@

# what the host lacks (QEMU, compiler, busybox, ...), named and installed by the doctor
tools: setup
	$(BIN)/orchestrate doctor --install

# for the tests of report.html: 350 MB, half a minute, once. They are skipped where it cannot be installed
browser:
	@command -v chromium >/dev/null || { \
	  echo "installing chromium"; $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install -y --no-install-recommends chromium; } || \
	  echo "no chromium: the tests of report.html in a browser are skipped"

# for the tests of what is sent by mail, which are skipped without it
mailer:
	@test -x "$$(git --exec-path)/git-send-email" || { \
	  echo "installing git-email"; $(SUDO) apt-get -qq update && $(SUDO) apt-get -qq install -y --no-install-recommends git-email libmailtools-perl; } || \
	  echo "no git-email: the tests of mail are skipped"

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev
	$(BIN)/mypy

# The kernel and its source first, which the tests with guests and some others need. Tests with guests run one after the
# other: they look at the clock.
test: dev tools browser mailer
	$(BIN)/orchestrate build --patch patches/vm_refcnt
	$(BIN)/pytest -n 2 tests/unit tests/contract tests/integration -m "not long"
	$(BIN)/pytest tests/e2e -m "not long"

check-long: dev tools
	$(BIN)/orchestrate build --patch patches/vm_refcnt
	$(BIN)/pytest tests/integration tests/e2e -m long

check-arch: dev tools
	$(BIN)/orchestrate doctor --arch arm64 --arch riscv64 --install
	$(BIN)/pytest tests/arch

# What breaks a reader is kept in fuzz-findings/. `python -m tests.fuzz.guided READER` is guided by coverage.
MUTATIONS ?= 1000000
fuzz: dev
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[fuzz]'
	nice $(BIN)/python -m tests.fuzz.run --mutations $(MUTATIONS) $(if $(READER),--reader "$(READER)")

# the JSON Schema files, after a change of what report.json or matrix.json hold
schemas: setup
	$(BIN)/python -m orchestrator.reporters.json_schema

# whose code the functions of kernel sources are, for the titles of kernel reports: make code-functions TREES="DIR ..."
code-functions: setup
	$(BIN)/python -m orchestrator.source.code_functions $(TREES)
	$(BIN)/python -m orchestrator.source.asked_functions $(TREES)

clean:
	rm -rf $(VENV) *.egg-info

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
