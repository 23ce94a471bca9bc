# The two commands are `make run` and `make test`. Everything they install stays in .venv and frontend/node_modules.

# Empty: python3, or the distribution's of the same version where that is quicker.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt
STATIC := src/yitong/web/static/.built
FRONT_SOURCES := $(shell find frontend/src frontend/public -type f 2>/dev/null) frontend/index.html frontend/vite.config.ts frontend/tsconfig.json

.PHONY: run test soak bench screens prompts trace messages clean ready tools

run: $(VENV)/.run $(STATIC)  ## install what is missing and start everything
	@$(BIN)/yitong run

test:  ## everything: lint, types, contracts, front end, unit, journeys, real phones and browsers
	@$(MAKE) --no-print-directory -j3 ready
	@scripts/test.sh

soak:  ## kills, fuzz, long walks, speech; the report goes below docs/
	@$(MAKE) --no-print-directory -j3 ready
	@$(MAKE) --no-print-directory $(VENV)/.speech
	@scripts/soak.sh

ready: $(VENV)/.collected $(STATIC) tools  # what tests need; the three wait for the network at once

tools:
	@scripts/tools.sh

bench: $(VENV)/.test  ## the load figures, with the machine they were measured on
	@$(BIN)/python -m bench

screens: $(VENV)/.test $(STATIC)  ## pictures of the pages, below docs/
	@$(BIN)/python scripts/screens.py

prompts: $(VENV)/.speech  ## render the demo's prompts with the speech extra
	@$(BIN)/python scripts/make_prompts.py

trace:  ## which requirements have a passing test (each as it last ran)
	@$(or $(PYTHON),python3) scripts/trace.py

messages: $(VENV)/.run  ## write docs/messages.md from the code
	@$(BIN)/python scripts/messages_page.py

clean:  ## remove what was installed and built; data in var/ stays
	rm -rf $(VENV) frontend/node_modules src/yitong/web/static build

$(VENV)/.uv: scripts/bootstrap.py
	@$(or $(PYTHON),python3) scripts/bootstrap.py $(VENV) $(if $(PYTHON),,--better)
	@touch $@

$(VENV)/.run: $(VENV)/.uv pyproject.toml constraints.txt
	@echo "Installing Yitong's packages ..."
	@$(UV) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Installing what the tests need ..."
	@$(UV) --editable . --group dev
	@touch $@

# Collected once before many test processes do it at the same time: they find everything compiled, the large tables of numbers too.
$(VENV)/.collected: $(VENV)/.test
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --collect-only --quiet tests > /dev/null 2>&1 || true
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import phonenumbers.geodata'
	@touch $@

$(VENV)/.speech: $(VENV)/.run
	@$(UV) --editable '.[speech]'
	@touch $@

frontend/node_modules/.installed: frontend/package-lock.json frontend/package.json
	@echo "Installing the front end's packages ..."
	@cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STATIC): frontend/node_modules/.installed $(FRONT_SOURCES)
	@echo "Building the front end ..."
	@cd frontend && npm run --silent build -- --logLevel warn
	@touch $@
