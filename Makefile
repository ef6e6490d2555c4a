# Thin wrappers; each line can be typed by hand. The same words are used in CI.
.PHONY: setup check test flow faults bench docs demo lock

setup:
	@sh infra/setup.sh

check: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: setup
	.venv/bin/pytest

flow: setup
	.venv/bin/pytest tests/flow

faults: setup
	.venv/bin/pytest -m faults

bench: setup
	.venv/bin/hub bench

docs: setup
	.venv/bin/hub schemas build

demo: setup
	.venv/bin/hub demo $(if $(ONCE),--once)

# Pins again what requirements/*.in ask for; the outputs name no package host.
lock: setup
	cd requirements && for name in uv server connectors dev bench; do \
	    ../.venv/bin/uv pip compile -q --upgrade --generate-hashes --universal --python-version 3.11 \
	        --no-emit-index-url --no-header $$name.in -o $$name.txt || exit 1; \
	done
