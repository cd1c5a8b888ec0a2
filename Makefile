# All commands for people. Each target first makes .venv from the hashed lock if it is missing or out of date.
PYTHON ?= python3.11
CONFIG ?= config/demo.yaml
PEOPLE ?= 100000
TEST_PROCESSES ?= 2
BILL ?= data/audit/bill-of-materials.json
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
SPARK  := $(VENV)/.spark

# LightGBM needs libgomp.so.1. If the system has none, scikit-learn's copy is linked here (see $(READY)).
export LD_LIBRARY_PATH := $(CURDIR)/$(VENV)/native:$(LD_LIBRARY_PATH)
export PYTHONDONTWRITEBYTECODE :=
# Waiting threads must not spin: on a busy machine that costs several times the work itself.
export OMP_WAIT_POLICY := passive
export GX_ANALYTICS_ENABLED := false
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false

.PHONY: help install spark demo run check-extract reproduce tidy defects test check audit regression regression-accept structure fuzz-inputs chaos ui docs bench bench-compare bench-month bench-postgres lock clean
help:            ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

install: $(READY) ## make .venv from requirements.lock

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Strata needs Python 3.11, and '$(PYTHON)' was not found. Set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@mkdir -p $(VENV)/native
	@$(BIN)/python -c "import ctypes; ctypes.CDLL('libgomp.so.1')" 2>/dev/null || \
	  ln -sf "$$(ls $(CURDIR)/$(VENV)/lib/python3.11/site-packages/scikit_learn.libs/libgomp*.so* | head -1)" $(VENV)/native/libgomp.so.1
	@touch $(READY)

spark: $(SPARK)  ## add Spark to .venv, for `engine: spark` (needs Java 17)

# pyspark is published only as source. It is built with the setuptools of the lock, not with a downloaded one.
$(SPARK): requirements-spark.lock $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation -r requirements-spark.lock
	@touch $(SPARK)

demo: $(READY)   ## run the whole pipeline on a synthetic ICB of 20,000 people
	@$(BIN)/strata run config/demo.yaml

run: $(READY)    ## run the whole pipeline: make run CONFIG=config/x.yaml
	@$(BIN)/strata run $(CONFIG)

check-extract: $(READY) ## ingest and validate only: make check-extract CONFIG=config/x.yaml
	@$(BIN)/strata check-extract $(CONFIG)

reproduce: $(READY) ## score a past run again and compare: make reproduce RUN=<run_id> CONFIG=config/x.yaml
	@$(BIN)/strata reproduce $(CONFIG) $(RUN)

tidy: $(READY)   ## delete what retention no longer keeps
	@$(BIN)/strata tidy $(CONFIG)

defects: $(READY) ## count planted defects of a synthetic board: detected, missed and falsely reported
	@$(BIN)/strata defects $(CONFIG)

test: $(READY)   ## run every check and every test
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --no-loadscope-reorder -r fE

check: $(READY)  ## check lint, formatting, types, import contracts, language and conventions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -n 0 tests/unit/test_language.py tests/unit/test_conventions.py

# Strict: a package that could not be checked must not count as safe.
audit: $(READY)  ## check the lock for known vulnerabilities and write a bill of materials (CycloneDX): make audit BILL=path.json; needs a network
	@mkdir -p $(dir $(BILL)) && rm -f $(BILL)
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock --progress-spinner off -f cyclonedx-json -o $(BILL); code=$$?; \
	if [ ! -s $(BILL) ]; then echo "The public package index did not answer, so nothing was audited. make audit needs a network: connect and run it again."; exit 2; fi; \
	echo "Bill of materials: $(BILL)"; exit $$code

regression: $(READY) ## compare the results of three small runs with the stored results
	@PYTHONPATH=tests $(BIN)/python -W ignore -m regression compare

regression-accept: $(READY) ## store today's results: make regression-accept REASON="why they change"
	@PYTHONPATH=tests $(BIN)/python -W ignore -m regression accept --reason "$(REASON)"

structure: $(READY) ## measure the structure and language of the code
	@$(BIN)/python -m benchmarks.structure

fuzz-inputs: $(READY) ## run hostile extracts, and damaged deliveries from the files to features and labels
	@PYTHONPATH=tests $(BIN)/python -W ignore -m hostile

chaos: $(READY)  ## disturb every stage while readers read: kills, full disks, lost connections, two at once
	@PYTHONPATH=tests $(BIN)/python -W ignore -m chaos

ui: $(READY)     ## serve Dagster on 127.0.0.1:3000 and MLflow on 127.0.0.1:5000
	@$(BIN)/strata ui $(CONFIG)

docs: $(READY)   ## write the generated pages from the declarations: dictionary, features, code lists, gates, runbooks, contracts, stages
	@$(BIN)/python -m expectations.data_dictionary
	@$(BIN)/python -m features.feature_page
	@$(BIN)/python -m features.code_list_page
	@$(BIN)/python -m models.gate_page
	@$(BIN)/python -m pipelines.alerts.runbook_index
	@$(BIN)/python -m expectations.data_contracts
	@$(BIN)/python -m pipelines.stages.stages_page

bench: $(READY)  ## time the stages: make bench PEOPLE=2500000
	@$(BIN)/python -m benchmarks.stages --people $(PEOPLE)
	@$(BIN)/python -m benchmarks.evaluation --rows $(PEOPLE)
	@$(BIN)/python -m benchmarks.models --rows $(PEOPLE)

bench-compare: $(READY) ## compare the kernel with DuckDB and Polars on the lake of make bench
	@$(BIN)/python -m benchmarks.compare --people $(PEOPLE)

bench-month: $(READY) ## time a second monthly delivery on the board of make bench
	@$(BIN)/python -m benchmarks.next_month --people $(PEOPLE)

bench-postgres: $(READY) ## compare publishing in PostgreSQL with a plain COPY: make bench-postgres PEOPLE=2500000
	@$(BIN)/python -m benchmarks.postgres --rows $(PEOPLE)

lock: $(READY)   ## resolve requirements.lock and requirements-spark.lock again
	@$(BIN)/uv pip compile -q -U --generate-hashes --no-emit-index-url --no-header --no-strip-extras --extra dev --python-version 3.11 pyproject.toml -o requirements.lock
	@$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['spark'])" | \
	  $(BIN)/uv pip compile -q -U --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c requirements.lock \
	    $$(sed -nE 's/^([A-Za-z0-9._-]+)(\[[^]]*\])?==.*/--no-emit-package \1/p' requirements.lock) - -o requirements-spark.lock

clean:           ## delete what runs and tests wrote (not .venv)
	rm -rf data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
