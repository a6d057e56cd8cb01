# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Needs git and Python 3.11, 3.12 or 3.13; everything else is installed with pip below .build/.
# Words for pytest or for a script: make sdk ARGS="tests/sdk -k bind"

PYTHON ?= python3
TOOLS := $(PYTHON) tests/tools
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-all browser test-matrix release unit sanity lint format integration playbooks sdk awx test-peers crash mutation coverage docs bench build pythons clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: ## Roll MFA out on a rehearsal cloud, to watch
	@$(TOOLS)/script.py tests/demo/demo.py $(ARGS)

test: ## Every promise once, in parallel, in less than half an hour on two cores
	@$(TOOLS)/steps.py test

test-all: ## Everything, twins, every death and the oldest ansible-core too: an hour or two (before a release)
	@$(TOOLS)/steps.py test-all

unit: ## Unit tests, on every Python found
	@$(TOOLS)/steps.py unit

sanity: ## ansible-test sanity, on the newest and the oldest ansible-core
	@$(TOOLS)/steps.py sanity

lint: ## ansible-lint, mypy, ruff, yamllint, changelog
	@$(TOOLS)/steps.py lint

format: ## Format the Python code, mend what ruff can mend
	@venv=$$($(TOOLS)/venvs.py lint) && "$$venv/bin/ruff" format --no-cache . && "$$venv/bin/ruff" check --no-cache --fix .

integration: ## Integration targets, on the newest and the oldest ansible-core
	@$(TOOLS)/steps.py integration

playbooks: ## Whole playbooks against the rehearsal cloud
	@$(TOOLS)/steps.py playbooks -- $(ARGS)

sdk: ## The rehearsal cloud against the vendor's own SDK
	@$(TOOLS)/steps.py sdk -- $(ARGS)

awx: ## What AWX does with the collection: credentials, jobs
	@$(TOOLS)/steps.py awx -- $(ARGS)

test-matrix: ## Sanity, units and integration on every supported ansible-core that this machine has a Python for: an hour or two
	@$(TOOLS)/steps.py test-matrix

release: ## Make a release, VERSION=1.2.3, try it, and take its commit and tag; pushes nothing
	@$(TOOLS)/release.py $(VERSION)

browser: ## Open the report's page in headless Chromium, which is fetched where the machine has none
	@$(TOOLS)/steps.py browser -- $(ARGS)

test-peers: ## Log in at a real Keystone, and keep seeds in a real OpenBao
	@$(TOOLS)/steps.py peers -- $(ARGS)

crash: ## End rollouts at each of their requests, let clouds go wrong, and start them again
	@$(TOOLS)/steps.py crash -- $(ARGS)

mutation: ## Change the code that decides in small ways, each of which a test should notice
	@$(TOOLS)/steps.py mutation -- $(ARGS)

coverage: ## Line coverage of plugins/ by units and integration
	@$(TOOLS)/steps.py coverage

docs: ## Check the documentation of plugins and pages, and build the site in .build/site
	@$(TOOLS)/steps.py docs

bench: ## Measure (tests/bench)
	@$(TOOLS)/script.py --venv test tests/bench/bench.py $(ARGS)

build: ## Build the tarball from the tracked files, install it offline as a check
	@$(TOOLS)/steps.py build

pythons: ## Show which Pythons were found and which ansible-core was chosen
	@$(TOOLS)/pythons.py

clean: ## Remove everything that was built
	rm -rf .build tests/output
