# larder's recipes. `just` lists them; each line of help is the comment above the recipe.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

python := if os_family() == "windows" { "python" } else { "python3" }
fetch := python + " crates/larder-runtime/setup/fetch.py"
larder := env("CARGO_TARGET_DIR", "target") / "release/larder"

# rustup puts cargo where a shell that was open before does not look; the tools of `lint` are the repository's.
tools := justfile_directory() / ".larder/tools"
export PATH := env("HOME", "") / ".cargo/bin:" + tools / "bin:" + env("PATH")

# What the stages use unless told: the dataset file, the encoder's name and where it comes from.
default_dataset := "data/intents/intents.toml"
default_encoder := "all-MiniLM-L6-v2"
default_source := ".larder/models/all-MiniLM-L6-v2"

# List the recipes
_list:
    @"{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# Install ONNX Runtime and the default encoder into .larder (108 MB, pinned and checked)
[group('set-up')]
setup:
    @{{ fetch }} setup

# Install ONNX Runtime for CUDA and NVIDIA's libraries into .larder (1.6 GB to download, Linux x86_64)
[group('set-up')]
setup-cuda:
    @{{ fetch }} setup-cuda

# Install an ONNX encoder that somebody else exported into .larder (63 MB)
[group('set-up')]
setup-third-party-onnx:
    @{{ fetch }} third-party-onnx

# Fetch CoLA into data/external (needs the internet, checked); then set LARDER_DATA to its full path
[group('set-up')]
fetch-cola:
    @{{ python }} data/fetch_cola.py

# Build the binary, target/release/larder unless CARGO_TARGET_DIR says otherwise
[group('set-up')]
build: _rust
    cargo build --release --locked --package larder

# Build a wheel, which `pip install` takes, with the binary in it: target/wheels
[group('set-up')]
wheel profile="release": _rust
    test -x "{{ tools }}/maturin-1.16.0/bin/maturin" || PIP_ROOT_USER_ACTION=ignore {{ python }} -m pip install --quiet \
        --disable-pip-version-check --target "{{ tools }}/maturin-1.16.0" maturin==1.16.0
    rm -rf "${CARGO_TARGET_DIR:-target}/wheels"
    "{{ tools }}/maturin-1.16.0/bin/maturin" build --manifest-path crates/larder/Cargo.toml --profile "{{ profile }}" --locked \
        --out "${CARGO_TARGET_DIR:-target}/wheels"

# Take an encoder in: a folder or an ONNX file, under a name
[group('stages')]
encoder-add source=default_source name=default_encoder: setup build
    {{ larder }} encoder add "{{ source }}" --name "{{ name }}"

# Tokenize a dataset with an encoder's tokenizer
[group('stages')]
tokenize dataset=default_dataset encoder=default_encoder: build
    {{ larder }} tokenize "{{ dataset }}" --encoder "{{ encoder }}"

# Encode a dataset once, into Parquet features
[group('stages')]
encode dataset=default_dataset encoder=default_encoder *options: build
    {{ larder }} encode "{{ dataset }}" --encoder "{{ encoder }}" "${@:3}"

# Cut a split into shards for workers that share the store `to`, a folder or s3://BUCKET/PREFIX; prints the plan's name
[group('stages')]
plan dataset to encoder=default_encoder *options: build
    {{ larder }} plan "{{ dataset }}" --to "{{ to }}" --encoder "{{ encoder }}" "${@:4}"

# Encode shards of a plan: `--shard K`, or `--next-missing I/N`
[group('stages')]
work plan *options: build
    {{ larder }} work "{{ plan }}" "${@:2}"

# Make the features of a plan exist, once all its shards are done; `--to FILE` joins them
[group('stages')]
collect plan *options: build
    {{ larder }} collect "{{ plan }}" "${@:2}"

# How far a plan is
[group('stages')]
status plan *options: build
    {{ larder }} status "{{ plan }}" "${@:2}"

# Give the missing shards of a plan to an engine: slurm, k8s or ray; `--dry-run` prints what it would be given
[group('stages')]
submit engine plan *options: build
    {{ larder }} submit "{{ engine }}" "{{ plan }}" "${@:3}"

# Remove what nothing in a store names
[group('stages')]
gc store *options: build
    {{ larder }} gc "{{ store }}" "${@:2}"

# Train a head on cached features
[group('stages')]
train dataset=default_dataset encoder=default_encoder *options: build
    {{ larder }} train "{{ dataset }}" --encoder "{{ encoder }}" "${@:3}"

# All stages of one dataset; fresh ones are skipped
[group('stages')]
run dataset=default_dataset encoder=default_encoder *options: build
    {{ larder }} run "{{ dataset }}" --encoder "{{ encoder }}" "${@:3}"

# Train the encoder itself with a head, then evaluate; options as `larder finetune --help` has them
[group('stages')]
finetune dataset=default_dataset encoder=default_encoder *options: build
    {{ larder }} finetune "{{ dataset }}" --encoder "{{ encoder }}" "${@:3}"

# Write the training graphs of an encoder and a dataset, for any ONNX Runtime
[group('stages')]
graphs dataset=default_dataset encoder=default_encoder *options: build
    {{ larder }} graphs "{{ dataset }}" --encoder "{{ encoder }}" "${@:3}"

# Encoders on one dataset, side by side: scores, costs, and which differences are real
[group('stages')]
compare dataset encoders *options: build
    {{ larder }} compare "{{ dataset }}" --encoders "{{ encoders }}" "${@:3}"

# Scores of a run beside the baseline
[group('stages')]
eval run *options: build
    {{ larder }} eval "{{ run }}" "${@:2}"

# Predict texts with a run; without texts it reads standard input
[group('stages')]
predict run *texts: build
    {{ larder }} predict "{{ run }}" "${@:2}"

# Rows of an unlabelled pool that are worth a label
[group('stages')]
suggest run pool *options: build
    {{ larder }} suggest "{{ run }}" "{{ pool }}" "${@:3}"

# Runs on one HTML page that needs no network: artifacts/report.html
[group('stages')]
report *runs: build
    {{ larder }} report "$@" --output artifacts/report.html

# Inspect a Parquet file: its contents and the statistics of its vectors
[group('stages')]
inspect file *options: build
    {{ larder }} inspect "{{ file }}" "${@:2}"

# A run as one ONNX file with tokenizer, configuration and model card, checked against the run
[group('stages')]
export run output *options: build
    {{ larder }} export "{{ run }}" --output "{{ output }}" "${@:3}"

# Check this machine: runtime, devices (each tried), encoders, memory, disk, speed
[group('set-up')]
doctor *options: build
    {{ larder }} doctor "$@"

# Texts of a features file encoded again and compared
[group('stages')]
verify file *options: build
    {{ larder }} verify "{{ file }}" "${@:2}"

# Scores of anybody's gold and predictions: tags in a CoNLL file; --task multilabel|regression: columns of a table
[group('stages')]
score file *options: build
    {{ larder }} score "{{ file }}" "${@:2}"

# The main job from nothing: set up, build, encode three datasets once, train, judge
[group('show')]
quickstart: encoder-add (run "data/intents/intents.toml") (run "data/acceptability/acceptability.toml") (run "data/acceptability/acceptability.toml" default_encoder "--layers" "all") (run "data/ner/ner.toml") (run "data/ner/ner.toml" default_encoder "--head" "crf" "--layers" "-1,-2,-3,-4")
    @echo
    @echo "Now try:  {{ larder }} predict intents-{{ default_encoder }}-1 'wake me up at seven'"

# The quick start's encoder beside a smaller one that somebody else exported, on three datasets
[group('show')]
compare-encoders: setup-third-party-onnx encoder-add
    {{ larder }} encoder add .larder/models/paraphrase-MiniLM-L3-v2 --name paraphrase-MiniLM-L3-v2 \
        --tokenizer "{{ default_source }}/tokenizer.json"
    {{ larder }} compare data/intents/intents.toml --encoders all-MiniLM-L6-v2,paraphrase-MiniLM-L3-v2
    {{ larder }} compare data/acceptability/acceptability.toml --encoders all-MiniLM-L6-v2,paraphrase-MiniLM-L3-v2 --layers all
    {{ larder }} compare data/ner/ner.toml --encoders all-MiniLM-L6-v2,paraphrase-MiniLM-L3-v2 --layers -1,-2,-3

# The documentation as a book, with mdBook: target/book
[group('show')]
book: (_cargo-tool "mdbook" "0.5.4")
    mdbook build crates/larder --dest-dir "${CARGO_TARGET_DIR:-$PWD/target}/book"

# The question this project began with, replayed beside what larder does (needs CoLA)
[group('show')]
story: _cola encoder-add
    cargo build --release --locked --package larder --package larder-pipeline --example story
    LARDER_DATA="$(cd "$LARDER_DATA" && pwd)" "${CARGO_TARGET_DIR:-target}/release/examples/story"

# All tests, with what they run on set up first
[group('check')]
test: _rust setup
    cargo test --locked --workspace --no-fail-fast

# The tests that need a GPU, on this machine's
[group('check')]
test-cuda: _rust setup-cuda setup
    LARDER_TEST_CUDA=1 cargo test --locked --workspace cuda

# What a GPU makes of larder, in nine minutes: right or wrong, how fast beside PyTorch and the bars; LARDER_DEVICE=cpu tries it in one
[group('check')]
gpu-check *options: setup (_gpu-check-runtime env("LARDER_DEVICE", "cuda")) gpu-check-files
    #!/usr/bin/env bash
    set -euo pipefail
    files="${CARGO_TARGET_DIR:-target}/gpu-check"
    runtime=.larder/cuda/onnxruntime
    if [ "${LARDER_DEVICE:-cuda}" != cuda ]; then runtime=.larder/onnxruntime; fi
    {{ python }} -B tests/bench/gpu/check.py --larder "$files/larder" --tests "$files/tests" --onnxruntime "$runtime" "$@"

# Build what `gpu-check` takes to a machine that has no Rust: target/gpu-check
[group('check')]
gpu-check-files: _rust
    #!/usr/bin/env bash
    set -euo pipefail
    built="${CARGO_TARGET_DIR:-target}"
    mkdir -p "$built/gpu-check/tests"
    cargo build --release --locked --package larder
    cargo test --release --locked --no-run --package larder-runtime --package larder-finetune --test it --message-format json \
        | {{ python }} -c '
    import json, pathlib, shutil, sys
    for message in map(json.loads, filter(lambda line: line.startswith("{"), sys.stdin)):
        if message.get("executable") and message["profile"]["test"]:
            shutil.copy2(message["executable"], pathlib.Path(sys.argv[1], pathlib.Path(message["manifest_path"]).parent.name))
    ' "$built/gpu-check/tests"
    cp "$built/release/larder" "$built/gpu-check/larder"
    if command -v strip >/dev/null; then strip "$built/gpu-check/larder" "$built"/gpu-check/tests/*; fi
    ls -l "$built/gpu-check/larder" "$built"/gpu-check/tests/*

_gpu-check-runtime device:
    @if [ "{{ device }}" = cuda ]; then {{ fetch }} setup-cuda; fi

# The wheel in a clean virtual environment, without checkout, Rust or just: quick start, prediction, set-up (84 MB to download)
[group('check')]
test-wheel profile="release": (wheel profile)
    {{ python }} -B tests/wheel/check.py "${CARGO_TARGET_DIR:-target}"/wheels/larder-*.whl

# Parquet as pyarrow, polars and DuckDB read it, in a virtual environment under .larder
[group('check')]
test-interop: _rust setup
    test -x .larder/interop/bin/python || {{ python }} -m venv .larder/interop
    .larder/interop/bin/python -m pip install --quiet --disable-pip-version-check \
        pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.0 pandas==3.1.1
    LARDER_INTEROP_PYTHON="$PWD/.larder/interop/bin/python" cargo test --locked --package larder --package larder-tests interop

# Pages of runs in a headless Chromium, wide, dark and on a phone; screenshots go to target/report
[group('check')]
test-report: _rust setup
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null; then
        echo "there is no Chromium to open pages in: install it (Debian: apt install chromium)" >&2
        exit 1
    fi
    cargo build --locked --workspace
    LARDER_TEST_BROWSER=1 LARDER_SCREENSHOTS=target/report \
        cargo test --locked --workspace --test it report:: -- --nocapture
    ls target/report

# Exported runs, answered by the Python of their own cards beside `larder predict`: the quick start's, and CoLA's where it is
[group('check')]
test-export: quickstart
    #!/usr/bin/env bash
    set -euo pipefail
    work=.larder/export
    test -x "$work/bin/python" || {{ python }} -m venv "$work"
    "$work/bin/python" -m pip install --quiet --disable-pip-version-check \
        onnxruntime==1.31.1 tokenizers==0.23.3 numpy==2.4.6 transformers==5.23.0
    check() { # RUN FILE [OPTIONS of predict]
        echo "$1"
        {{ larder }} export "$1" --output "$work/$1" --force
        {{ larder }} predict "$1" --json --input "$2" "${@:3}" >"$work/$1.jsonl"
        "$work/bin/python" -B tests/goldens/export/check.py "$work/$1" "$work/$1.jsonl"
    }
    "$work/bin/python" -c 'import csv; [print(row["text"]) for row in csv.DictReader(open("data/intents/dev.csv", encoding="utf-8"))]' \
        >"$work/intents.txt"
    cut -f 4 data/acceptability/*_dev.tsv >"$work/acceptability.txt"
    check "intents-{{ default_encoder }}-1" "$work/intents.txt"
    check "acceptability-{{ default_encoder }}-1" "$work/acceptability.txt"
    check "acceptability-{{ default_encoder }}-2" "$work/acceptability.txt"
    check "ner-{{ default_encoder }}-1" data/ner/dev.conll --input-format conll
    check "ner-{{ default_encoder }}-2" data/ner/dev.conll --input-format conll
    for set in topics stars; do
        for head in linear mlp; do
            options=(--encoder "{{ default_encoder }}" --layers all --run "$set-$head-export")
            if [ "$head" = mlp ]; then options+=(--head mlp); fi
            {{ larder }} run "data/$set/$set.toml" "${options[@]}"
            check "$set-$head-export" "$work/intents.txt"
        done
    done
    if [ ! -f "${LARDER_DATA:-}/cola/in_domain_train.tsv" ]; then
        echo "SKIPPED: CoLA, which LARDER_DATA does not have: see data/README.md"
        exit
    fi
    cut -f 4 "$LARDER_DATA"/cola/*_dev.tsv >"$work/cola.txt"
    {{ larder }} run data/cola.toml --encoder "{{ default_encoder }}" --layers all --run cola-export
    check cola-export "$work/cola.txt"

# Kill commands at random moments, that many times over all stages, and compare what they leave with what undisturbed ones do
[group('check')]
kills count="1000" seed="1": _rust setup
    cargo build --locked --package larder
    LARDER_KILLS="{{ count }}" LARDER_KILL_SEED="{{ seed }}" cargo test --locked --package larder-tests --test it -- kill_campaign --nocapture

# Fuzz every reader of files and names, for that many seconds in all (needs nightly Rust; sanitizer: address or none, which is faster)
[group('check')]
fuzz seconds="600" sanitizer="address": (_cargo-tool "cargo-fuzz" "0.13.2")
    #!/usr/bin/env bash
    set -euo pipefail
    if ! cargo +nightly --version >/dev/null 2>&1; then
        echo "nightly Rust is missing, whose sanitizers fuzzing needs: installing it with rustup"
        rustup toolchain install nightly --profile minimal
    fi
    crate=tests/fuzz
    built="${CARGO_TARGET_DIR:-$PWD/target}/fuzz"
    unset CARGO_TARGET_DIR
    state="$PWD/.larder/fuzz"
    host="$(rustc -vV | sed -n 's/^host: //p')"
    mapfile -t targets < <(ls "$crate/targets" | sed 's/\.rs$//')
    cargo +nightly fuzz build --sanitizer "{{ sanitizer }}" --fuzz-dir "$crate" --target-dir "$built"
    # Where it starts: seeds/, and the models and weights that are checked in for other tests.
    mkdir -p "$state"/seeds/{model,weights}
    for model in tests/exports/*/model.onnx crates/larder-onnx/tests/data/*.onnx; do
        cp "$model" "$state/seeds/model/$(echo "$model" | tr / -)"
    done
    for folder in tests/goldens/encoder/*/; do
        { cat "$folder/config.json"; printf '\0'; cat "$folder/model.safetensors"; } >"$state/seeds/weights/$(basename "$folder")"
    done
    # Files of targets lie in memory where there is a place for them.
    if [ -d /dev/shm ]; then export TMPDIR=/dev/shm; fi
    TMPDIR="$(mktemp -d)"
    export TMPDIR
    trap 'rm -rf "$TMPDIR"' EXIT
    each=$(( {{ seconds }} / ${#targets[@]} ))
    found=0
    table=""
    all=0
    for target in "${targets[@]}"; do
        mkdir -p "$state/corpus/$target" "$state/crashes/$target"
        # The first folder is the one that grows.
        arguments=("$state/corpus/$target")
        for seeds in "$crate/seeds/$target" "$state/seeds/$target"; do
            if [ -d "$seeds" ]; then arguments+=("$seeds"); fi
        done
        if [ -f "$crate/dictionaries/$target.dict" ]; then arguments+=("-dict=$crate/dictionaries/$target.dict"); fi
        length=131072
        found_as="*"
        case "$target" in
            tags | names) length=128 ;;
            # Parquet's own reader counts for seconds through a page header that lies: such a timeout is no finding of ours.
            table | undescribed | tokens | features | inspect) found_as="[!t]*" ;;
        esac
        executions=0
        end=$(( SECONDS + each ))
        # A run ends with its first finding; the next one goes on.
        while left=$(( end - SECONDS )) && [ "$left" -gt 0 ]; do
            # One input may take 10 seconds and 2 GiB: what a file of 128 KiB asks for beyond that is a finding.
            "$built/$host/release/$target" "${arguments[@]}" -artifact_prefix="$state/crashes/$target/" \
                -max_total_time="$left" -max_len="$length" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
                -print_final_stats=1 >"$state/$target.log" 2>&1 || true
            ran="$(sed -n 's/^#\([0-9][0-9]*\).*/\1/p' "$state/$target.log" | tail -n 1)"
            [ -n "$ran" ] || break
            executions=$(( executions + ran ))
        done
        crashes="$(find "$state/crashes/$target" -type f -name "$found_as" | wc -l)"
        line="$target: $executions executions, $each seconds, $crashes crashes"
        echo "$line"
        table+="$line"$'\n'
        all=$(( all + executions ))
        [ "$crashes" -eq 0 ] && [ "$executions" -gt 0 ] || { found=1; tail -n 40 "$state/$target.log"; }
    done
    printf '\n%s' "$table"
    echo "$all executions; the inputs of crashes are in $state/crashes"
    exit "$found"

# Before every commit: `lint`, then `test`
[group('check')]
ready: lint test

# Everything but the tests, cheap checks first; each is a recipe of its own
[group('check')]
lint: fmt-check typos goldens-check unused deny advisories clippy doc

# Is the code formatted? (`cargo fmt --all` formats it)
[group('check')]
fmt-check: _rust
    cargo fmt --all --check

# Misspelt words; `typos.toml` has those that are meant
[group('check')]
typos:
    test -x "{{ tools }}/typos-1.52.0/bin/typos" || PIP_ROOT_USER_ACTION=ignore {{ python }} -m pip install --quiet \
        --disable-pip-version-check --target "{{ tools }}/typos-1.52.0" typos==1.52.0
    "{{ tools }}/typos-1.52.0/bin/typos"

# Dependencies that nothing uses
[group('check')]
unused: (_cargo-tool "cargo-machete" "0.9.2")
    cargo machete

# Licences, sources and second versions of the dependencies, as `deny.toml` allows them
[group('check')]
deny: (_cargo-tool "cargo-deny" "0.20.2")
    cargo deny --locked check --deny warnings bans licenses sources

# Security advisories about the dependencies; skipped where their database cannot be fetched
[group('check')]
advisories: (_cargo-tool "cargo-deny" "0.20.2")
    #!/usr/bin/env bash
    set -euo pipefail
    if ! cargo deny --log-level off fetch db; then
        echo "SKIPPED: advisories, whose database (github.com/RustSec/advisory-db) cannot be fetched"
        exit
    fi
    cargo deny --locked check advisories

# Clippy on everything, tests too; a warning fails
[group('check')]
clippy: _rust
    cargo clippy --locked --workspace --all-targets -- -D warnings

# The documentation builds without a warning
[group('check')]
doc: _rust
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

# Do the recipes that need nothing but Python still make the files that are checked in?
[group('check')]
goldens-check:
    {{ python }} -B crates/larder-runtime/tests/fixtures/make.py --check
    {{ python }} -B data/generate.py --check

# Encoding in float32, bfloat16 and 8 bits against ONNX Runtime and OpenVINO in Python, interleaved (needs CoLA)
[group('bench')]
bench-encode *options: _cola setup build
    test -x .larder/bench/bin/python || {{ python }} -m venv .larder/bench
    .larder/bench/bin/python -m pip install --quiet --disable-pip-version-check \
        onnxruntime==1.31.1 openvino==2026.4.1 numpy==2.4.6 tokenizers==0.23.3 pyarrow==26.0.1
    .larder/bench/bin/python -B tests/bench/encode.py --larder {{ larder }} --source "{{ default_source }}" \
        --texts "$LARDER_DATA/cola/in_domain_train.tsv" "$@"

# The start of `larder predict` against a plain ONNX Runtime script in Python, interleaved: seconds, processor seconds, memory
[group('bench')]
bench-startup *options: setup build
    test -x .larder/bench/bin/python || {{ python }} -m venv .larder/bench
    .larder/bench/bin/python -m pip install --quiet --disable-pip-version-check \
        onnxruntime==1.31.1 numpy==2.4.6 tokenizers==0.23.3
    .larder/bench/bin/python -B tests/bench/startup.py --larder {{ larder }} --source "{{ default_source }}" "$@"

# Reading and tokenizing against Hugging Face tokenizers in Python, interleaved, on all cores (needs CoLA)
[group('bench')]
bench-reading *options: _cola setup build
    test -x .larder/bench/bin/python || {{ python }} -m venv .larder/bench
    .larder/bench/bin/python -m pip install --quiet --disable-pip-version-check tokenizers==0.23.3
    .larder/bench/bin/python -B tests/bench/reading.py --larder {{ larder }} --source "{{ default_source }}" \
        --cola "$LARDER_DATA/cola" "$@"

# An encoder as exported, as larder rebuilds it, and in 8-bit integers, interleaved (needs CoLA; torch's exports where torch is)
[group('bench')]
bench-graphs *options: _cola setup setup-third-party-onnx build
    LARDER_DATA="$(cd "$LARDER_DATA" && pwd)" {{ python }} -B tests/bench/graphs.py --larder {{ larder }} \
        --dataset data/cola.toml --source "{{ default_source }}" --export .larder/models/paraphrase-MiniLM-L3-v2 \
        --tokenizer "{{ default_source }}/tokenizer.json" --work .larder/bench/graphs "$@"

# A step of `larder finetune` against transformers and PyTorch, interleaved: time, processor time, memory (needs CoLA)
[group('bench')]
bench-finetune *options: _cola setup build
    test -x .larder/bench-finetune/bin/python || {{ python }} -m venv .larder/bench-finetune
    .larder/bench-finetune/bin/python -m pip install --quiet --disable-pip-version-check \
        torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0 numpy==2.4.6 pyarrow==26.0.1
    .larder/bench-finetune/bin/python -B tests/bench/finetune.py --larder {{ larder }} --source "{{ default_source }}" \
        --cola "$LARDER_DATA/cola" "$@"

# Matrix products in bfloat16 beside float32, one thread, GFLOP/s; an option: how many rounds
[group('bench')]
bench-kernels *options: _rust
    cargo run --release --locked --package larder-kernels --example product_rates -- "$@"

# Seconds and peak memory of a plan of 10,000 shards and a billion rows, its status and its end; options: rows, shards
[group('bench')]
bench-plan *options: _rust
    cargo run --locked --package larder-scale --example many_shards -- tests/exports/optimum_bert_O2/tokenizer.json "$@"

# A plan of forty shards on a real Slurm of two nodes on this machine, tasks and daemons killed (needs Debian's Slurm)
[group('check')]
scale-slurm *options: setup build
    {{ python }} -B tests/scale/on_slurm.py --larder {{ larder }} "$@"

# Plans on an S3 store that fails, worked by processes that are killed: a thousand events, and the same manifest
[group('check')]
scale-s3 *options: setup build
    test -x .larder/moto/bin/python || {{ python }} -m venv .larder/moto
    .larder/moto/bin/python -m pip install --quiet --disable-pip-version-check "moto[server]==5.2.5"
    .larder/moto/bin/python -B tests/scale/on_s3.py --larder {{ larder }} "$@"

# A plan of forty shards on a real Ray cluster of three nodes on this machine, nodes lost and added
[group('check')]
scale-ray *options: setup build
    test -x .larder/ray/bin/python || {{ python }} -m venv .larder/ray
    .larder/ray/bin/python -m pip install --quiet --disable-pip-version-check "ray==2.60.0"
    .larder/ray/bin/python -B tests/scale/on_ray.py --larder {{ larder }} "$@"

# Peak memory of tokenizing and encoding 200,000 and 1,000,000 sentences
[group('bench')]
bench-memory *options: setup build
    {{ python }} -B tests/bench/memory.py "$@"

# Bytes, scores and training seconds of vectors in float32, float16 and 8-bit integers
[group('bench')]
bench-dtypes *options: _cola setup build
    {{ python }} -B tests/bench/dtypes.py --larder {{ larder }} --source "{{ default_source }}" "$@"

# Seconds and peak memory of encoding a small file beside 1,000,000 rows that are cached (--rows N)
[group('bench')]
bench-reuse *options: setup build
    {{ python }} -B tests/bench/reuse.py "$@"

# Time and peak memory of taking in an encoder of 438 MB, beside the file's size (needs 3 GB of disk)
[group('bench')]
bench-intake *options: setup build
    {{ python }} -B tests/bench/intake.py "$@"

# Peak memory and processor time of embedding a text of 8,192 tokens
[group('bench')]
bench-long-memory *options: setup build
    {{ python }} -B tests/bench/long_memory.py "$@"

# Heads trained on 5 GB of word features in less than 1 GiB of memory (needs 12 GB of disk)
[group('bench')]
bench-large-cache *options: setup build
    {{ python }} -B tests/bench/large_cache.py "$@"

# Seconds and peak memory of inspecting a features file of 10 GB (needs 20 GB of disk; --gigabytes N, or --file FILE that is there)
[group('bench')]
bench-inspect *options: setup build
    {{ python }} -B tests/bench/inspect_file.py "$@"

# scikit-learn and seqeval on the word vectors cached by `just run data/wnut17.toml` (needs WNUT-17)
[group('bench')]
peer-wnut17 *options:
    test -x .larder/peer/bin/python || {{ python }} -m venv .larder/peer
    .larder/peer/bin/python -m pip install --quiet --disable-pip-version-check \
        scikit-learn==1.9.1 seqeval==1.2.2 pyarrow==26.0.1
    .larder/peer/bin/python -B tests/bench/wnut17.py artifacts/features/wnut17/{{ default_encoder }}/word-first-f32 "$@"

# scikit-learn's one-vs-rest logistic regressions on the vectors cached by `just run data/goemotions.toml` (needs GoEmotions)
[group('bench')]
peer-goemotions *options: build
    test -x .larder/peer/bin/python || {{ python }} -m venv .larder/peer
    .larder/peer/bin/python -m pip install --quiet --disable-pip-version-check \
        scikit-learn==1.9.1 seqeval==1.2.2 pyarrow==26.0.1
    .larder/peer/bin/python -B tests/bench/goemotions.py --larder {{ larder }} --encoder {{ default_encoder }} "$@"

# larder's heads beside scikit-learn's on the same vectors, strengths and folds (needs CoLA and GoEmotions)
[group('bench')]
bench-heads *options: setup build
    test -x .larder/peer/bin/python || {{ python }} -m venv .larder/peer
    .larder/peer/bin/python -m pip install --quiet --disable-pip-version-check \
        scikit-learn==1.9.1 seqeval==1.2.2 pyarrow==26.0.1
    .larder/peer/bin/python -B tests/bench/heads.py --larder {{ larder }} --encoder {{ default_encoder }} "$@"

# Heads on a few rows a class, ten draws each: intents, and emotions of GoEmotions' rows with one label (needs GoEmotions)
[group('bench')]
bench-shots *options: setup build
    {{ python }} -B tests/bench/shots.py --larder {{ larder }} --source "{{ default_source }}" "$@"

# larder's CRF beside sklearn-crfsuite on the same word vectors (needs WNUT-17)
[group('bench')]
bench-crf *options: setup build
    test -x .larder/peer/bin/python || {{ python }} -m venv .larder/peer
    .larder/peer/bin/python -m pip install --quiet --disable-pip-version-check \
        scikit-learn==1.9.1 seqeval==1.2.2 pyarrow==26.0.1 sklearn-crfsuite==0.5.0
    .larder/peer/bin/python -B tests/bench/crf.py --larder {{ larder }} --encoder {{ default_encoder }} "$@"

# All benches
[group('bench')]
bench: bench-encode bench-memory bench-large-cache

# Rust, or how to get it.
_rust:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v cargo >/dev/null; then
        if ! command -v curl >/dev/null; then
            echo "cargo is missing, and so is curl to fetch it: install Rust as https://rustup.rs says" >&2
            exit 1
        fi
        echo "cargo is missing: installing Rust with rustup into ~/.cargo and ~/.rustup"
        if ! curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs \
            | sh -s -- -y --profile minimal --component clippy,rustfmt --no-modify-path; then
            echo "rustup could not be installed: install Rust as https://rustup.rs says, then run this again" >&2
            exit 1
        fi
    fi
    needed="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)"
    found="$(cargo --version | cut -d ' ' -f 2)"
    if [ "$(printf '%s\n' "$needed" "${found%%-*}" | sort -V | head -n 1)" != "$needed" ]; then
        echo "cargo is $found, $needed or later is needed: run \`rustup update stable\`" >&2
        exit 1
    fi
    if ! command -v cc >/dev/null && ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
        echo "there is no C compiler, which Rust links with: install gcc (Debian, Ubuntu: apt install gcc)" >&2
        exit 1
    fi

# A command of cargo's, built unoptimised: it answers in seconds either way.
_cargo-tool name version: _rust
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v "{{ name }}" >/dev/null; then
        echo "{{ name }} is missing, building it into .larder/tools (a minute or two)"
        unset CARGO_TARGET_DIR
        CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "{{ tools }}" "{{ name }}@{{ version }}"
    fi

# CoLA, or how to get it.
_cola:
    #!/usr/bin/env bash
    if [ ! -f "${LARDER_DATA:-}/cola/in_domain_train.tsv" ]; then
        echo "CoLA is not in this repository, and LARDER_DATA names no folder that has cola/in_domain_train.tsv:" >&2
        echo "run \`just fetch-cola\` (needs the internet), then set LARDER_DATA=$PWD/data/external" >&2
        exit 1
    fi
