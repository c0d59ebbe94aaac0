"""Peak memory and processor time of `larder embed` on one text of 8,192 tokens and on short ones: `just bench-long-memory`.

The encoder has random weights: four layers of ModernBERT's kind, of which the first and the last attend to all tokens, 384
features, six heads. Each file is embedded with one thread by a process of its own. Fails when the long text takes 1 GiB, which is
less than its attention scores alone would (6 heads x 8,192 x 8,192 floats: 1.5 GiB a layer). Standard library only.
"""

import random
import resource
import shutil
import sys

from generated import SEED, begin, command_line, measured

LIMIT_BYTES = 1 << 30
SIZES = {
    "model_type": "modernbert",
    "architectures": ["ModernBertModel"],
    "hidden_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "intermediate_size": 576,
    "hidden_activation": "gelu",
    "max_position_embeddings": 8192,
    "global_attn_every_n_layers": 3,
    "local_attention": 128,
    "norm_eps": 1e-5,
}
#: Words a text, and how many texts.
FILES = {"one of 8,192 tokens": [8190], "12 of about 1,100 tokens": [1100] * 12, "600 of 20 to 80 words": range(20, 80, 1)}
REPEATED = {"600 of 20 to 80 words": 10}


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    arguments = command_line(__doc__, "artifacts/bench/long-memory").parse_args()
    larder, words = begin(arguments, "long", SIZES)
    rng = random.Random(SEED)
    failed = False
    for name, lengths in FILES.items():
        file = arguments.home / "texts.txt"
        texts = [" ".join(rng.choices(words, k=length)) for length in list(lengths) * REPEATED.get(name, 1)]
        file.write_text("\n".join(texts) + "\n", encoding="utf-8")
        before = processor_seconds()
        peak, _ = measured([*larder, "embed", "-e", "long", "--threads", "1", "--input", str(file)])
        print(f"{name:<26} {peak / 2**20:8.0f} MiB {processor_seconds() - before:6.1f} processor seconds", flush=True)
        failed |= peak >= LIMIT_BYTES
    if not arguments.keep:
        shutil.rmtree(arguments.home)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
