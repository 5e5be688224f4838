# Everything starts here: `make demo` and `make test` set up what they need.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' benchmark/__init__.py)
IMAGE ?= manifoldbench:$(VERSION)
GPU_TESTS = $(shell grep -rl --include='test_*.py' 'mark\.gpu' tests)

.PHONY: demo test lint bench image cheats site serve gpu-check lock clean

demo: $(STAMP)  ## set up, evaluate the baselines on the smoke suite, build the leaderboard
	$(BIN)/manifoldbench data get breastmnist pneumoniamnist mnist --optional
	$(BIN)/manifoldbench run --suite smoke --results demo/results
	$(BIN)/manifoldbench site --results demo/results --out demo/site

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest

lint: $(STAMP)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## speed, side by side with peers in the same run
	$(BIN)/python -m pytest --benchmark-enable --benchmark-only --benchmark-group-by=group --benchmark-columns=median,iqr,rounds

image:  ## build the container image; BASE_IMAGE=... for another base
	docker build --tag $(IMAGE) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse HEAD) .

cheats: $(STAMP)  ## record how misbehaving submissions end, for the page that shows it (needs the image)
	rm -rf results/cheats
	MANIFOLDBENCH_RECORD=results $(BIN)/python -m pytest tests/sandbox/test_cheats.py

site: $(STAMP)  ## build the leaderboard from the committed results
	$(BIN)/manifoldbench site

serve: site  ## build it, and show it on this machine
	$(BIN)/manifoldbench serve

gpu-check: $(STAMP)  ## the checks that need an NVIDIA GPU
	$(BIN)/python -m pytest -m gpu $(GPU_TESTS) --benchmark-enable --benchmark-group-by=group --benchmark-columns=median,iqr,rounds

lock: $(STAMP)  ## resolve requirements.lock again (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --upgrade -o requirements.lock
	uv pip compile pyproject.toml --extra image --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --constraints requirements.lock -o requirements-image.lock

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:  ## remove what this file made
	rm -rf .venv demo site/build
