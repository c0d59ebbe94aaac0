"""Token ids, spans and words from transformers: writes small tokenizers and the expected values of each tokenizer.

Made with transformers 5.23.0 and tokenizers 0.23; run: python recipe.py FOLDER_OF_ALL_MINILM_L6_V2
Without the folder the goldens of the small tokenizers alone are written.

Given words that transformers gives no token get the unknown token here, in their place: larder loses no word.

wordpiece.json asks for fixed padding and truncation, like published files do: larder must obey neither.
"""

import json
import sys
from pathlib import Path

import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

assert transformers.__version__ == "5.23.0", transformers.__version__
here = Path(__file__).parent

# A small vocabulary: every ASCII letter and digit alone and as a continuation, some words and endings.
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PUNCTUATION = ".,:;!?'\"-/()[]#@&%$_=+*"
WORDS = "the a cat sat on mat un able larder is cool store food ahead i did not know who read this it was never"
ENDINGS = "s ing ed er ly able ation ness un hand ead ore 's"
OTHERS = "日 本 語 ß é 😀 й о с т р"


def wordpiece():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += list(CHARACTERS) + ["##" + c for c in CHARACTERS] + list(PUNCTUATION)
    vocabulary += WORDS.split() + ["##" + e for e in ENDINGS.split()] + OTHERS.split()
    vocabulary = list(dict.fromkeys(vocabulary))
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary.index("[CLS]")), ("[SEP]", vocabulary.index("[SEP]"))],
    )
    tokenizer.enable_padding(length=24, pad_id=0, pad_token="[PAD]")
    tokenizer.enable_truncation(max_length=24)
    tokenizer.save(str(here / "wordpiece.json"))


def byte_level():
    """RoBERTa's arrangement, with the prefix space off."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [" ".join([WORDS, WORDS, "the cat sat on the mat, the larder is a cool store."])]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    tokenizer.save(str(here / "bytelevel.json"))


def unigram():
    """XLM-RoBERTa's arrangement over a hand-made vocabulary: the frequent words are the likely ones."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -6.0)]
    pieces += [("▁" + word, -3.0 - i / 8) for i, word in enumerate(dict.fromkeys(WORDS.split()))]
    pieces += [(ending, -5.0 - i / 8) for i, ending in enumerate(ENDINGS.split())]
    pieces += [(c, -9.0 - i / 16) for i, c in enumerate(CHARACTERS + CHARACTERS[:26].upper() + PUNCTUATION)]
    pieces += [(c, -10.0 - i / 16) for i, c in enumerate(OTHERS.split())]
    seen = set()
    pieces = [(piece, score) for piece, score in pieces if not (piece in seen or seen.add(piece))]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.save(str(here / "unigram.json"))


def trained(tokenizer, special):
    """The same for byte-level BPE of other arrangements."""
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360, special_tokens=special, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    lines = [f"{WORDS} {WORDS}, the cat's mat; I've 1234 and 1999 of them, café über naïve.\n\n  The larder isn't cool?"] * 3
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def modernbert():
    """ModernBERT's arrangement: NFC, BERT's marks, a mask that takes the blank before it, and added tokens for runs of blanks."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = trained(tokenizer, ["[UNK]", "[CLS]", "[SEP]", "[PAD]"])
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, normalized=False)])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ["|||IP_ADDRESS|||", *(" " * n for n in range(7, 1, -1))]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.save(str(here / "modernbert.json"))


def eurobert():
    """EuroBERT's arrangement, which is that of Llama 3: words by an expression, numbers in threes, whole words before merges."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    words = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
             r"|\s+(?!\S)|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(words), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer = trained(tokenizer, ["<|begin_of_text|>", "<|end_of_text|>", "<|mask|>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A <|end_of_text|>", pair="<|begin_of_text|> $A <|end_of_text|> $B:1 <|end_of_text|>:1",
        special_tokens=[("<|begin_of_text|>", 0), ("<|end_of_text|>", 1)])
    tokenizer.save(str(here / "eurobert.json"))


# text, or (text, text_b), or a list of words; then max_tokens or None; then how often the first text is repeated.
CASES = [
    ("", None),
    (" ", None),
    ("   \t\n  ", None),
    ("a", None),
    ("The cat sat on the mat.", None),
    ("  The   cat\tsat\n on the mat .  ", None),
    ("UNABLE unhandled UnAbLe!", None),
    ("I didn't know who'd read this... it was never-ending?!", None),
    ("Crème brûlée, naïve café, Ångström, İstanbul, Straße", None),
    ("e\u0301 a\u0308 decomposed", None),
    ("日本語のテキスト and 漢字 mixed", None),
    ("한국어 텍스트", None),
    ("строки текста, ещё", None),
    ("مرحبا بالعالم שלום", None),
    ("हिन्दी में पाठ", None),
    ("😀 smile 👩‍👩‍👧 family 🇩🇪 flag 👍🏽", None),
    ("a😀b", None),
    ("https://example.org/a/b?c=d&e=%20f#g user@example.com", None),
    ("null\x00inside bell\x07 escape\x1b[31m del\x7f", None),
    ("zero\u200bwidth\u200djoiner\ufeffbom soft\u00adhyphen", None),
    ("non\u00a0breaking\u2003em\u3000ideographic", None),
    ("replacement \ufffd character", None),
    ("line one\r\nline two\u2028line three", None),
    ("[CLS] typed [SEP] special [MASK] tokens [PAD]", None),
    ("<s> typed </s> special <mask> tokens", None),
    ("I'VE  [MASK]  and <|mask|>, |||IP_ADDRESS||| or <|end_of_text|>\r\n\r\n    four  blanks", None),
    ("12345678 1999th 3,141 x2y22z222   \n\n \t end  ", None),
    ("1234567890 3.14 1,000,000 $5 50%", None),
    ("𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒻𝑜𝓃𝓉 ﬁ ligature Ⅳ ½", None),
    ("ʼn apostrophe ﬀ ǆ", None),
    ("x" * 120 + " after a word too long for the model", None),
    ("the cat sat on the mat ", 16, 300),
    ("日本語😀 the ", 12, 100),
    ("The cat sat on the mat.", 3),
    ("The cat sat on the mat.", 9),
    ("The cat sat on the mat.", 8),
    (("The cat sat.", "It was cool."), None),
    # Blank and not empty: the Python class takes an empty second text for none at all.
    ((" ", " "), None),
    (("a", " "), None),
    (("", "a"), None),
    (("Café 😀", "日本 café"), None),
    (("the cat sat on the mat and the larder", "a cat"), 9),
    (("a cat", "the cat sat on the mat and the larder"), 9),
    (("the cat sat on the mat", "a cool store is the larder"), 10),
    (("the cat sat on the mat", "a cool store is the larder"), 9),
    (("the cat sat on a store", "it was never cool food"), 6),
    (["The", "cat", "sat", "."], None),
    (["I", "did", "n't", "know", "café", "😀", "日本語", "!"], None),
    (["the", "\u200b", "cat", "\x07", "sat", "\ufe0f"], None),
    (["\u200d"], None),
    (["\x07", "\u200b", "the", "cat"], None),
    (["the", "👩\u200d👩\u200d👧", "❤\ufe0f", "🇩🇪", "👍🏽", "e\u0301", "\u0301", "क्षि", "\u200f", "\x00", "the\x07"], None),
    (["two words", "in-one", "U.S.A.", "http://t.co/x", "@user", "#tag"], None),
    # No word with a leading space: the Python class keeps it in the span here, although it trims it elsewhere.
    (["cat", "Cat ", "<mask>", "[MASK]"], None),
    (["unhandled"] * 40, None),
    (["e\u0301", "Straße", "ﬁ"], None),
]


def loaded(path):
    """Transformers' class over the file, and over the file with the prefix space that given words need."""
    text = path.read_text()
    as_published = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(text))
    for off, on in [('"add_prefix_space":false', '"add_prefix_space":true'),
                    ('"add_prefix_space": false', '"add_prefix_space": true')]:
        text = text.replace(off, on)
    if '"Split"' in text:
        # There the prefix would stand before every piece of a word, not before the word.
        published = json.loads(path.read_text())
        text = json.dumps(published | {"normalizer": {"type": "Prepend", "prepend": " "}})
    for_words = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(text))
    return as_published, for_words


def without_prefix(cut, offsets, words):
    """Spans of given words without the blank before them: where that is a token of its own, transformers may give it the word's
    first character, which is the next token's."""
    ids, tokens = cut.word_ids(), cut.tokens()
    for at in range(1, len(ids)) if words else []:
        if ids[at] is not None and ids[at] != ids[at - 1] and tokens[at] == "\u0120":
            offsets[at] = (0, 0)
    return offsets


def with_unknown(cut, words, unknown):
    """The tokens with the unknown token for each word that has none; -1 for no word."""
    ids = [-1 if word is None else word for word in cut.word_ids()]
    offsets = without_prefix(cut, list(cut["offset_mapping"]), words)
    rows = list(zip(cut["input_ids"], cut["token_type_ids"], offsets, ids))
    for index, word in enumerate(words):
        if index not in ids:
            # All these templates have one special token in front.
            at = max((i + 1 for i, row in enumerate(rows) if 0 <= row[3] < index), default=1)
            rows.insert(at, (unknown, 0, (0, len(word)), index))
    return [list(column) for column in zip(*rows)]


def expected(path):
    as_published, for_words = loaded(path)
    for content, limit, *repeat in CASES:
        words = isinstance(content, list)
        first, second = content if isinstance(content, tuple) else (content, None)
        first = first * repeat[0] if repeat else first
        options = dict(is_split_into_words=words, padding=False)
        options |= dict(return_offsets_mapping=True, return_token_type_ids=True)
        tokenizer = for_words if words else as_published
        whole = tokenizer(first, second, truncation=False, **options)
        cut = whole
        if limit:
            cut = tokenizer(first, second, truncation="longest_first", max_length=limit, **options)
        known = (tokenizer.convert_tokens_to_ids(name) for name in ("[UNK]", "<unk>") if name in tokenizer.vocab)
        unknown = next(known, None)
        ids, types, offsets, word_ids = with_unknown(cut, first if words else [], unknown)
        entry = {"words": first} if words else {"text": content[0] if second is not None else content, "text_b": second}
        yield entry | {
            "repeat": repeat[0] if repeat else 1,
            "max_tokens": limit,
            "input_ids": ids,
            "type_ids": types,
            "offsets": offsets,
            "word_ids": word_ids,
            "truncated_tokens": len(whole["input_ids"]) - len(cut["input_ids"]),
        }


def write(name, path):
    lines = ",\n".join(json.dumps(entry) for entry in expected(path))
    (here / f"{name}.expected.json").write_text("[\n" + lines + "\n]\n")


wordpiece()
byte_level()
unigram()
modernbert()
eurobert()
write("wordpiece", here / "wordpiece.json")
write("bytelevel", here / "bytelevel.json")
write("unigram", here / "unigram.json")
write("modernbert", here / "modernbert.json")
write("eurobert", here / "eurobert.json")
if len(sys.argv) > 1:
    write("minilm", Path(sys.argv[1]) / "tokenizer.json")
