//! Encoders published without `tokenizer.json`: the files of their vocabulary, and the `tokenizer.json` made of them.
//!
//! The files present determine the word splitting (WordPiece, byte-level BPE, Unigram), the tokenizer's family the cleaning and
//! framing of texts. The result is the file that the `transformers` library would write.

mod byte_level;
mod classes;
mod error;
mod sentencepiece;
mod settings;
mod special;
mod unigram;
mod vocab_txt;

pub use error::BrokenVocabulary;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::EncoderError;
use crate::files::{read, read_optional};
use classes::Class;
use settings::{Settings, Style};

const SETTINGS_FILE: &str = "tokenizer_config.json";
const SPECIAL_FILE: &str = "special_tokens_map.json";
const ADDED_FILE: &str = "added_tokens.json";

/// The files of a published vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Vocabulary {
    /// WordPiece: one token a line.
    WordPiece(PathBuf),
    /// Byte-level BPE: ids by token, and merges in order.
    BytePairs { vocab: PathBuf, merges: PathBuf },
    /// A SentencePiece model.
    SentencePiece(PathBuf),
}

/// A `tokenizer.json` that was made, and the files that it was made of.
#[derive(Debug)]
pub(crate) struct MadeTokenizer {
    pub json: Vec<u8>,
    /// With their content.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// An assumption that no file confirms.
    pub guess: Option<String>,
}

impl Vocabulary {
    /// The files in a folder, if it has any of these kinds.
    pub fn in_folder(folder: &Path) -> Option<Self> {
        let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        let pieces = || ["spiece.model", "sentencepiece.bpe.model", "spm.model"].into_iter().find_map(file);
        match (file("vocab.txt"), file("vocab.json"), file("merges.txt")) {
            (Some(vocab), ..) => Some(Self::WordPiece(vocab)),
            (None, Some(vocab), Some(merges)) => Some(Self::BytePairs { vocab, merges }),
            _ => pieces().map(Self::SentencePiece),
        }
    }

    /// The file that messages and notes name.
    pub fn path(&self) -> &Path {
        match self {
            Self::WordPiece(path) | Self::BytePairs { vocab: path, .. } | Self::SentencePiece(path) => path,
        }
    }

    /// Makes the `tokenizer.json`. `config` is the text of the model's `config.json`.
    ///
    /// # Errors
    /// [`EncoderError::TokenizerClass`] where the publisher's class is not among those whose rules are known here;
    /// [`EncoderError::Vocabulary`], [`EncoderError::Read`], [`EncoderError::Json`].
    pub fn make(&self, config: Option<&[u8]>) -> Result<MadeTokenizer, EncoderError> {
        let path = self.path();
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut files = vec![(path.to_path_buf(), read(path)?)];
        if let Self::BytePairs { merges, .. } = self {
            files.push((merges.clone(), read(merges)?));
        }
        let mut beside = |name: &str| -> Result<Json, EncoderError> {
            let path = folder.join(name);
            let Some(bytes) = read_optional(&path)? else { return Ok(Json::Null) };
            let json =
                serde_json::from_slice(&bytes).map_err(|source| EncoderError::Json { path: path.clone(), source })?;
            files.push((path, bytes));
            Ok(json)
        };
        let (own, special, added) = (beside(SETTINGS_FILE)?, beside(SPECIAL_FILE)?, beside(ADDED_FILE)?);
        // A configuration that is none is the model's own trouble, told where the model is read.
        let config = config.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or(Json::Null);
        let (style, guess) = match Class::of(&own, &config) {
            Class::Known(style) => (style, None),
            Class::Unsaid => (self.usual(), Some(self.guess())),
            Class::Unknown { class, said_by } => {
                let (path, folder) = (path.to_path_buf(), folder.to_path_buf());
                return Err(EncoderError::TokenizerClass { path, folder, class, said_by });
            }
        };
        let settings = Settings::new(style, own, special, added);
        let made = settings.check().and_then(|()| match (self, settings.style) {
            (Self::WordPiece(_), Style::Bert | Style::Funnel | Style::MpNet) => {
                vocab_txt::tokenizer(&files[0].1, &settings)
            }
            (Self::BytePairs { .. }, Style::Roberta) => {
                let entries = serde_json::from_slice(&files[0].1).map_err(BrokenVocabulary::Malformed)?;
                byte_level::tokenizer(entries, &files[1].1, &settings)
            }
            (Self::SentencePiece(_), Style::Albert | Style::XlmRoberta | Style::DebertaV2 | Style::Sentences) => {
                unigram::tokenizer(&files[0].1, &settings)
            }
            (_, style) => Err(BrokenVocabulary::OtherStyle { files: self.kind(), style: style.name() }),
        });
        let json = made.map_err(|problem| {
            // A merge is a line of the second file.
            let at = usize::from(matches!(problem, BrokenVocabulary::Merge { .. }));
            EncoderError::Vocabulary { path: files[at].0.clone(), folder: folder.to_path_buf(), problem }
        })?;
        let mut json = serde_json::to_vec(&json).expect("strings and numbers can be written as JSON");
        json.push(b'\n');
        Ok(MadeTokenizer { json, files, guess })
    }

    /// The family of tokenizers that usually has such files.
    fn usual(&self) -> Style {
        let named = |path: &Path, name: &str| path.file_name().is_some_and(|file| file == name);
        match self {
            Self::WordPiece(_) => Style::Bert,
            Self::BytePairs { .. } => Style::Roberta,
            Self::SentencePiece(path) if named(path, "sentencepiece.bpe.model") => Style::XlmRoberta,
            Self::SentencePiece(path) if named(path, "spm.model") => Style::DebertaV2,
            Self::SentencePiece(_) => Style::Albert,
        }
    }

    /// A note for the user: no file names the family, so the usual one is assumed.
    fn guess(&self) -> String {
        format!(
            "no file says which tokenizer {} is for: it is read by {} rules; name the publisher's class as \
             \"tokenizer_class\" in {SETTINGS_FILE} if it is another's",
            self.path().display(),
            self.usual().name()
        )
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::WordPiece(_) => "WordPiece's (vocab.txt)",
            Self::BytePairs { .. } => "byte-level BPE's (vocab.json, merges.txt)",
            Self::SentencePiece(_) => "SentencePiece's",
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_data::Content;
    use larder_tokens::{TokenizeSettings, Tokenizer, Tokens};
    use proptest::prelude::*;

    use super::*;

    /// Published vocabularies, each beside the `tokenizer.json` that transformers makes of it:
    /// `tests/goldens/encoder/recipe_tokenizers.py`.
    const GOLDENS: [&str; 12] = [
        "albert",
        "data2vec-text",
        "distilbert",
        "electra",
        "ernie",
        "gte",
        "mpnet",
        "neobert",
        "new",
        "nomic_bert",
        "roberta",
        "xlm-roberta",
    ];

    const NASTY: [&str; 18] = [
        "",
        " ",
        " \t\r\n ",
        "A larder is a cool room where food is kept until it is wanted.",
        "  She  READ the\tletter\n\ntwice; it's hers, isn't it?  ",
        "7, 1997, and 7,5 or 3.5 % of 1,250; 7,",
        "na\u{ef}ve caf\u{e9} de\u{301}ja\u{300} \u{212b}ngstr\u{f6}m \u{df} \u{130}stanbul",
        "\u{ff21}\u{ff42} \u{fb01}ne \u{2460} \u{bd} a\u{3000}b\u{a0}c\u{200b}d\u{feff}",
        "\u{65e5}\u{672c}\u{8a9e}\u{306e}\u{6587}\u{7ae0}and\u{4e2d}\u{6587}words",
        "\u{1f642}\u{1f469}\u{200d}\u{1f4bb} \u{1f1e9}\u{1f1ea} emoji",
        "\u{41f}\u{440}\u{43e}\u{445}\u{43b}\u{430}\u{434}\u{43d}\u{430}\u{44f} \u{643}\u{62a}\u{627}\u{628} \u{5d0}",
        "[CLS] [MASK] [SEP]<mask></s> <s><pad>[PAD]<unk>[UNK]",
        "the <mask>the  <mask> [MASK]bread [MASK] .",
        "``quoted'' (aside) \u{201c}curly\u{201d} \u{2014} '' ( ) ((",
        "nul\u{0}bell\u{7}delete\u{7f}\u{85}line\u{2028}para\u{fffd}",
        "\u{2581}under \u{2581}\u{2581} the \u{2581}",
        "##ing ## the##re \u{120}the \u{c4}\u{a0}",
        "don'T 'S he'LL  '  I'm",
    ];

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/encoder").join(name)
    }

    /// The tokenizer made of the golden's vocabulary, and the one that transformers made.
    fn both(name: &str) -> (Tokenizer, Tokenizer) {
        let folder = folder(name);
        let config = read(&folder.join("config.json")).expect("is there");
        let files = Vocabulary::in_folder(&folder).expect("the golden has a vocabulary");
        let made = files.make(Some(&config)).expect("the golden's vocabulary is whole");
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("tokenizer.json");
        std::fs::write(&path, made.json).expect("can be written");
        let load = |path: &Path| Tokenizer::load(path).expect("is a tokenizer");
        (load(&path), load(&folder.join("tokenizer.json")))
    }

    fn tokens(tokenizer: &Tokenizer, text: &str, text_b: Option<&str>) -> Tokens {
        let content = Content::Text { text: text.to_owned(), text_b: text_b.map(str::to_owned) };
        tokenizer.encode(&content, &TokenizeSettings::default()).expect("is text")
    }

    #[test]
    fn made_tokenizers_cut_as_transformers_does() {
        for name in GOLDENS {
            let (made, expected) = both(name);
            assert_eq!(made.special_tokens(), expected.special_tokens(), "{name}");
            assert_eq!(made.vocabulary_size(), expected.vocabulary_size(), "{name}");
            for text in NASTY {
                assert_eq!(tokens(&made, text, None), tokens(&expected, text, None), "{name}: {text:?}");
                let pair = Some("who slept?");
                assert_eq!(tokens(&made, text, pair), tokens(&expected, text, pair), "{name}: {text:?}");
            }
            let long = "larder ".repeat(300) + &"a".repeat(300);
            assert_eq!(tokens(&made, &long, None), tokens(&expected, &long, None), "{name}");
            let known = tokens(&made, "the bread was cold", None).input_ids;
            let distinct: std::collections::BTreeSet<i32> = known.iter().copied().collect();
            assert!(distinct.len() > 5, "{name} spells nothing: {known:?}");
        }
    }

    /// SentencePiece's own ids, which DeBERTa's vocabulary leaves everything to; spelled by `recipe_tokenizers.py`.
    #[test]
    fn made_tokenizers_cut_as_sentencepiece_does() {
        let (made, _) = both("deberta-v2");
        let cut: Json =
            serde_json::from_slice(&read(&folder("deberta-v2").join("sentencepiece.json")).expect("is there"))
                .expect("is JSON");
        let (texts, ids) = (cut["texts"].as_array().expect("a list"), cut["ids"].as_array().expect("a list"));
        assert_eq!((texts.len(), ids.len()), (24, 24));
        for (text, ids) in texts.iter().zip(ids) {
            let found = tokens(&made, text.as_str().expect("a text"), None).input_ids;
            let expected = ids.as_array().expect("a list").iter().map(|id| id.as_i64().expect("an id") as i32);
            let expected: Vec<i32> = [1].into_iter().chain(expected).chain([2]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn made_tokenizers_cut_any_text_as_transformers_does(text in "(\\PC|[ a-z,.0-9\u{300}\u{fb01}\u{2581}\t\n]){0,40}") {
            thread_local! {
                static TOKENIZERS: Vec<(Tokenizer, Tokenizer)> = GOLDENS.map(both).into();
            }
            TOKENIZERS.with(|all| {
                for (name, (made, expected)) in GOLDENS.iter().zip(all) {
                    assert_eq!(tokens(made, &text, None), tokens(expected, &text, None), "{name}");
                }
            });
        }
    }

    /// A folder with a copy of a golden's vocabulary, and what the golden's model says.
    fn copy(name: &str, change: impl FnOnce(&Path)) -> Result<MadeTokenizer, EncoderError> {
        let place = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(folder(name)).expect("the golden is checked in") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, place.path().join(path.file_name().expect("a name"))).expect("a copy");
        }
        change(place.path());
        let config = std::fs::read(place.path().join("config.json")).ok();
        Vocabulary::in_folder(place.path()).expect("has a vocabulary").make(config.as_deref())
    }

    #[test]
    fn the_publisher_s_settings_are_heard() {
        let write = |name: &'static str, text: &'static str| {
            move |folder: &Path| std::fs::write(folder.join(name), text).expect("can be written")
        };
        let json = |made: Result<MadeTokenizer, EncoderError>| -> Json {
            serde_json::from_slice(&made.expect("is whole").json).expect("is JSON")
        };
        let cased = json(copy("electra", write(SETTINGS_FILE, r#"{"do_lower_case": false, "strip_accents": true}"#)));
        let found = cased["normalizer"].clone();
        assert_eq!((&found["lowercase"], &found["strip_accents"]), (&Json::from(false), &Json::from(true)));

        let mask = r#"{"mask_token": {"content": "the", "lstrip": true, "normalized": false}}"#;
        let other = json(copy("electra", write(SPECIAL_FILE, mask)));
        let added = other["added_tokens"].as_array().expect("is a list");
        assert!(added.iter().any(|token| token["content"] == "the" && token["lstrip"] == true), "{added:?}");
        let more = json(copy("roberta", write(ADDED_FILE, r#"{"<e1>": 500, "<e2>": 501}"#)));
        let added = more["added_tokens"].as_array().expect("is a list");
        assert!(added.iter().any(|token| token["content"] == "<e2>" && token["id"] == 501), "{added:?}");

        // A model of one family may read another's pieces: what the publisher says of the tokenizer comes first.
        let class = r#"{"tokenizer_class": "XLMRobertaTokenizerFast"}"#;
        let foreign = json(copy("xlm-roberta", |folder| {
            write("config.json", r#"{"model_type": "bert"}"#)(folder);
            write(SETTINGS_FILE, class)(folder);
        }));
        assert_eq!(foreign["model"]["vocab"][1][0], "<pad>");
        let made = copy("xlm-roberta", |_| ()).expect("is whole");
        assert_eq!(made.files[0].0.file_name().expect("a name"), "sentencepiece.bpe.model");
    }

    #[test]
    fn what_cannot_be_made_says_how_to_make_it() {
        let message = |name: &str, file: &str, content: &[u8]| {
            let change = |folder: &Path| std::fs::write(folder.join(file), content).expect("can be written");
            let error = copy(name, change).expect_err("is broken").to_string();
            assert!(error.contains(file), "{error}");
            error
        };
        let empty = message("electra", "vocab.txt", b"");
        assert!(empty.contains("holds no tokens") && empty.contains("AutoTokenizer.from_pretrained"), "{empty}");
        assert!(message("electra", "vocab.txt", b"[PAD]\n[UNK]\n").contains("no cls token \"[CLS]\""));
        assert!(message("electra", "vocab.txt", b"\xff\xfe").contains("no UTF-8"));
        assert!(message("roberta", "vocab.json", b"[]").contains("malformed"));
        let merge = message("roberta", "merges.txt", b"#version: 0.2\nt h\nnot there\n");
        assert!(merge.contains("line 2") || merge.contains("line 3"), "{merge}");
        assert!(message("albert", "spiece.model", b"\xff\xff\xff\xff").contains("no SentencePiece model"));
        let mut bpe = read(&folder("albert").join("spiece.model")).expect("is there");
        // A later field of a message takes the earlier one's place: trainer_spec { model_type: 2 }.
        bpe.extend([0x12, 2, 0x18, 2]);
        assert!(message("albert", "spiece.model", &bpe).contains("kind 2"));
        let wrong = copy("roberta", |folder| {
            std::fs::write(folder.join("config.json"), r#"{"model_type": "albert"}"#).expect("can be written");
        });
        assert!(wrong.expect_err("no pieces").to_string().contains("ALBERT's tokenizers are not made of these"));
    }
}
