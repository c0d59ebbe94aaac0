"""Small vocabularies of every kind that encoders are published with, and the `tokenizer.json` that transformers makes of
each; `recipe.py` runs this.

- WordPiece, `vocab.txt`: ELECTRA (lower-casing), DistilBERT (cased, its `tokenizer_config.json` says so), MPNet;
- byte-level BPE, `vocab.json` and `merges.txt`: RoBERTa; `tokenizer.json` alone: ModernBERT, EuroBERT;
- Unigram, `spiece.model` (ALBERT), `sentencepiece.bpe.model` (XLM-R) and `spm.model` (DeBERTa), each with a small normalisation map of
  its own.
"""

import collections
import json
import tempfile

import sentencepiece
import tokenizers
import transformers
from sentencepiece import sentencepiece_model_pb2

CORPUS = """A larder is a cool room where food is kept until it is wanted, and where nobody sleeps.
She read the letter twice before she answered; he had read it once, in 1997, and never again.
Who has been to both Berlin and Paris, and which was warmer in the winter of 1962?
The bread was burnt, the butter was cold, the tea was weak: we ate and drank anyway.
The quick brown fox jumped over the lazy dog, least of all the dog, which slept on and on.
Prices rose by 3.5 % to 1,250 euros; shares fell. Naïve café owners déjà vu, über façade, Ångström.
Прохладная кладовая, 日本語の文章 and 中文 words, emoji 🙂 too. (An aside, in brackets.) It's hers; it isn't his.
""".splitlines()

# Characters that the Unigram models write otherwise: wide letters, a ligature, circled digits, odd spaces.
RULES = {"\uff21": "A", "\uff42": "b", "\ufb01": "fi", "\u2460": "1", "\u00bd": "1/2", "\u3000": " ", "\u00a0": " ",
         "\t": " ", "\n": " ", "\u200b": " "}

# Blanks of all kinds, accents in two forms, characters of the rules above, other scripts, control characters, the mark of blanks.
ODD = ["", " ", " \t\r\n ", "  She  READ the\tletter\n\ntwice; it's hers, isn't it?  ", "7, 1997, and 7,5 or 3.5 % of 1,250; 7,",
       "na\u00efve caf\u00e9 de\u0301ja\u0300 \u212bngstr\u00f6m \u00df \u0130stanbul",
       "\uff21\uff42 \ufb01ne \u2460 \u00bd a\u3000b\u00a0c\u200bd\ufeff", "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0and\u4e2d\u6587words",
       "\U0001f642\U0001f469\u200d\U0001f4bb \U0001f1e9\U0001f1ea emoji",
       "\u041f\u0440\u043e\u0445\u043b\u0430\u0434\u043d\u0430\u044f \u0643\u062a\u0627\u0628 \u05d0",
       "``quoted'' (aside) \u201ccurly\u201d \u2014 '' ( ) ((", "bell\x07delete\x7f\x85line\u2028para\ufffd",
       "\u2581under \u2581\u2581 the \u2581", "##ing ## the##re \u0120the \u00c4\u00a0", "don'T 'S he'LL  '  I'm",
       "\u3000\u00a0 the end \u00a0\u3000", "the<s>end</s>"]


def wordpiece(folder, special, lowercase):
    """Characters, then beginnings and ends of words, the frequent first: the library's trainer breaks ties by chance."""
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lowercase)
    split = tokenizers.pre_tokenizers.BertPreTokenizer()
    pieces = collections.Counter()
    for line in CORPUS:
        for word, _ in split.pre_tokenize_str(normalizer.normalize_str(line)):
            pieces.update([word, *(word[:n] for n in (1, 2, 3) if n < len(word))])
            pieces.update(f"##{word[-n:]}" for n in (2, 3) if n < len(word))
            pieces.update(f"##{letter}" for letter in word[1:])
    single = [piece for piece in pieces if len(piece.removeprefix("##")) == 1 and piece.isascii()]
    frequent = sorted(pieces, key=lambda piece: (-pieces[piece], piece))
    vocabulary = list(dict.fromkeys([*special, *sorted(single), *frequent]))[:190]
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))


def lower_wordpiece(folder):
    wordpiece(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], True)
    return transformers.BertTokenizer.from_pretrained(folder)


def named_wordpiece(folder):
    wordpiece(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], True)
    # transformers does not know these families: the file says which class it is.
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}, indent=2) + "\n")
    return transformers.BertTokenizer.from_pretrained(folder)


def distilbert(folder):
    wordpiece(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], False)
    settings = {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": False, "model_max_length": 40,
                "strip_accents": True, "tokenize_chinese_chars": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    return transformers.BertTokenizer.from_pretrained(folder)


def mpnet(folder):
    wordpiece(folder, ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], True)
    return transformers.MPNetTokenizer.from_pretrained(folder)


def roberta(folder):
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(CORPUS, vocab_size=330, min_frequency=2, special_tokens=special, show_progress=False)
    tokenizer.save_model(str(folder))
    return transformers.RobertaTokenizer.from_pretrained(folder)


def modernbert(folder):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=330, min_frequency=2, special_tokens=special, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def sentences(path, size, **settings):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        for found, written in RULES.items():
            codes = [" ".join(f"{ord(c):X}" for c in text) for text in (found, written)]
            rules.write("\t".join(codes) + "\n")
        rules.flush()
        with open(path, "wb") as out:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(CORPUS), model_writer=out, vocab_size=size, model_type="unigram",
                normalization_rule_tsv=rules.name, num_threads=1, minloglevel=2, character_coverage=1.0,
                hard_vocab_limit=False, **settings)
    model = sentencepiece_model_pb2.ModelProto.FromString(path.read_bytes())
    model.trainer_spec.ClearField("input")
    # The file of rules has another name each time.
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    model.trainer_spec.ClearField("model_prefix")
    return model


def albert(folder):
    path = folder / "spiece.model"
    model = sentences(path, 140, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]"],
                      user_defined_symbols=["[MASK]", "(", ")"])
    # A digit and a comma as one piece, which ALBERT's vocabulary has and its tokenizer splits.
    model.pieces[-1].piece, model.pieces[-1].score = "\u25817,", -2.0
    path.write_bytes(model.SerializeToString())
    # What transformers.convert_slow_tokenizer.AlbertConverter does to scores, as in the published tokenizer.json.
    split = lambda piece: len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
    vocabulary = [(p.piece, p.score - 100 if split(p.piece) else p.score) for p in model.pieces]
    return transformers.AlbertTokenizer(
        vocab=vocabulary, _spm_precompiled_charsmap=model.normalizer_spec.precompiled_charsmap)


def xlm_roberta(folder):
    path = folder / "sentencepiece.bpe.model"
    path.write_bytes(sentences(path, 140).SerializeToString())
    return transformers.XLMRobertaTokenizer.from_pretrained(folder)


def deberta_v2(folder):
    path = folder / "spm.model"
    model = sentences(path, 140, pad_id=0, pad_piece="[PAD]", bos_id=1, bos_piece="[CLS]", eos_id=2, eos_piece="[SEP]", unk_id=3,
                      unk_piece="[UNK]")
    path.write_bytes(model.SerializeToString())
    cut_by_sentencepiece(path)
    # What transformers.convert_slow_tokenizer.DebertaV2Converter does, as in the published tokenizer.json; DebertaV2Tokenizer of
    # transformers 5 leaves the model's map of characters out.
    tokenizer = transformers.DebertaV2Tokenizer.from_pretrained(folder)
    steps = [tokenizers.normalizers.Strip(), tokenizers.normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap),
             tokenizers.normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]
    tokenizer.backend_tokenizer.normalizer = tokenizers.normalizers.Sequence(steps)
    return tokenizer


def cut_by_sentencepiece(path):
    """Ids of odd texts as sentencepiece itself cuts them, without the marks, beside the model."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    texts = [*CORPUS, *ODD]
    cut = {"texts": texts, "ids": [processor.encode(text) for text in texts]}
    (path.parent / "sentencepiece.json").write_text(json.dumps(cut, ensure_ascii=True) + "\n")


KINDS = {"albert": albert, "data2vec-text": roberta, "deberta-v2": deberta_v2, "distilbert": distilbert, "electra": lower_wordpiece,
         "ernie": lower_wordpiece, "eurobert": modernbert, "gte": xlm_roberta, "modernbert": modernbert, "mpnet": mpnet,
         "neobert": named_wordpiece, "new": named_wordpiece, "nomic_bert": lower_wordpiece, "roberta": roberta, "roberta-prelayernorm": roberta,
         "xlm-roberta": xlm_roberta}


def write(name, folder):
    """Writes the vocabulary's files and `tokenizer.json` of the family; gives the number of tokens."""
    # A tokenizer.json that is there already would be read instead of the vocabulary.
    (folder / "tokenizer.json").unlink(missing_ok=True)
    tokenizer = KINDS[name](folder).backend_tokenizer
    (folder / "tokenizer.json").write_text(tokenizer.to_str() + "\n")
    return tokenizer.get_vocab_size()
