#!/bin/sh
# Makes this checkout ready: .venv from requirements pinned with hashes, and Kafka's jars. Run it as often as you like:
# when nothing changed it only compares one stamp. It needs Python >= 3.11 with venv, and the network the first time.
set -eu
cd "$(dirname "$0")/.."

fail() { printf 'setup: %s\n  remedy: %s\n' "$1" "$2" >&2; exit 3; }
say() { printf 'setup: %s\n' "$1" >&2; }

python=${PYTHON:-python3}
stamp=.venv/.setup-stamp
inputs='requirements/uv.txt requirements/server.txt requirements/connectors.txt requirements/dev.txt
    requirements/bench.txt pyproject.toml
    infra/setup.sh infra/local/jars.py infra/local/kafka-jars.txt'

# A bare environment: neither uv nor requests knows the system's certificates.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -z "${REQUESTS_CA_BUNDLE:-}" ] && [ -r "$bundle" ]; then export REQUESTS_CA_BUNDLE="$bundle"; fi
done

command -v "$python" >/dev/null 2>&1 || fail "no $python found" "install Python 3.11 or later, or set PYTHON to it"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old" "install Python 3.11 or later, or set PYTHON to it"

# The checkout's place belongs to the stamp: a .venv that was moved or copied does not work.
# shellcheck disable=SC2086 # a list of files
wanted=$("$python" - $inputs <<'PY'
import hashlib, pathlib, sys
digest = hashlib.sha256(f"{pathlib.Path.cwd()} {sys.version}".encode())
for name in sys.argv[1:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PY
)
if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] &&
    .venv/bin/python -c 'import infra.local.jars as j, sys
sys.exit(not all((j.default_cache() / jar.filename).exists() for jar in j.pinned_jars()))' 2>/dev/null; then
    exit 0
fi

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    ! .venv/bin/python -c 'import pathlib, sys; sys.exit(pathlib.Path(sys.prefix).resolve() != pathlib.Path(".venv").resolve())'; then
    say "creating .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv ||
        fail "$python cannot create a virtual environment" "install its venv module (Debian, Ubuntu: apt install python3-venv)"
fi
rm -f "$stamp"

if ! .venv/bin/python -m uv --version >/dev/null 2>&1; then
    say "installing uv"
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip -q ||
        fail ".venv has no pip" "install Python's ensurepip (Debian, Ubuntu: apt install python3-venv), remove .venv, run again"
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt ||
        fail "uv could not be installed" "check the network, proxy and certificates of pip, then run again"
fi

say "installing pinned packages"
.venv/bin/python -m uv pip sync -q --compile-bytecode --python .venv/bin/python --require-hashes \
    requirements/uv.txt requirements/server.txt requirements/connectors.txt requirements/dev.txt \
    requirements/bench.txt ||
    fail "packages could not be installed" "check the network and free disk space (1.5 GB), then run again"
# No isolated build: setuptools is pinned with the rest. `compat` puts the checkout on the path, so new packages are seen.
.venv/bin/python -m uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation \
    --config-settings editable_mode=compat -e . ||
    fail "the project could not be installed into .venv" "remove .venv and run again"

.venv/bin/python -m infra.local.jars ||
    fail "Kafka's jars are not complete" "see above; or use servers of your own with HUB_KAFKA_BOOTSTRAP and HUB_DATABASE_URL"

printf '%s\n' "$wanted" >"$stamp"
say "ready (.venv/bin/hub)"
