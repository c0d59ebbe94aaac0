//! Tokenizer settings beside the vocabulary: `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`.

use larder_errors::spelled_enum;
use serde_json::Value as Json;

use super::error::BrokenVocabulary;

/// A family of tokenizers: what they do before and after the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// BERT, DistilBERT, ELECTRA: `[CLS] … [SEP] … [SEP]`.
    Bert,
    /// BERT's words in a frame whose first token has a type of its own.
    Funnel,
    /// BERT's words in RoBERTa's frame.
    MpNet,
    /// `<s> … </s></s> … </s>`.
    Roberta,
    /// BERT's frame around Unigram's pieces.
    Albert,
    /// RoBERTa's frame around Unigram's pieces.
    XlmRoberta,
    /// BERT's frame, and BERT's spelling of it, around the pieces that SentencePiece itself makes.
    DebertaV2,
    /// FNet, BigBird: BERT's frame around the pieces that SentencePiece itself makes.
    Sentences,
}

impl Style {
    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bert => "BERT's",
            Self::Funnel => "Funnel's",
            Self::MpNet => "MPNet's",
            Self::Roberta => "RoBERTa's",
            Self::Albert => "ALBERT's",
            Self::XlmRoberta => "XLM-R's",
            Self::DebertaV2 => "DeBERTa-v2's",
            Self::Sentences => "SentencePiece's own",
        }
    }
}

/// The value of a setting with which it changes nothing.
enum Usual {
    Yes,
    No,
    Nothing,
    Word(&'static str),
}

/// Settings of the classes whose rules are known, and of their kin, that are followed with their usual value alone.
const UNUSUAL: [(&str, Usual); 10] = [
    ("do_basic_tokenize", Usual::Yes),
    ("do_word_tokenize", Usual::Yes),
    ("do_subword_tokenize", Usual::Yes),
    ("word_tokenizer_type", Usual::Word("basic")),
    ("subword_tokenizer_type", Usual::Word("wordpiece")),
    ("never_split", Usual::Nothing),
    ("remove_space", Usual::Yes),
    ("sp_model_kwargs", Usual::Nothing),
    ("split_by_punct", Usual::No),
    ("vocab_type", Usual::Word("spm")),
];

spelled_enum! {
    /// A special token's part.
    pub(super) enum Role {
        Cls = "cls",
        Sep = "sep",
        Pad = "pad",
        Unk = "unk",
        Mask = "mask",
    }
}

impl Role {
    fn default(self, style: Style) -> &'static str {
        match (self, style) {
            (Self::Cls, Style::Bert | Style::Albert | Style::DebertaV2 | Style::Sentences) => "[CLS]",
            (Self::Sep, Style::Bert | Style::Albert | Style::DebertaV2 | Style::Sentences) => "[SEP]",
            (Self::Cls, Style::Funnel) => "<cls>",
            (Self::Sep, Style::Funnel) => "<sep>",
            (Self::Cls, _) => "<s>",
            (Self::Sep, _) => "</s>",
            (Self::Pad, Style::Bert | Style::DebertaV2) => "[PAD]",
            (Self::Pad, _) => "<pad>",
            (Self::Unk, Style::Bert | Style::MpNet | Style::DebertaV2) => "[UNK]",
            (Self::Unk, _) => "<unk>",
            (Self::Mask, Style::Bert | Style::Albert | Style::DebertaV2 | Style::Sentences) => "[MASK]",
            (Self::Mask, _) => "<mask>",
        }
    }
}

/// Matching rules of a token that is found in the text before it is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub content: String,
    pub single_word: bool,
    pub lstrip: bool,
    pub rstrip: bool,
    pub normalized: bool,
    pub special: bool,
}

impl Token {
    fn special(content: &str) -> Self {
        let content = content.to_owned();
        Self { content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
    }

    /// A token as published: its text, or an object with its text and how it is matched.
    fn of(json: &Json) -> Option<Self> {
        if let Some(text) = json.as_str() {
            return Some(Self::special(text));
        }
        let flag = |name: &str, default| json.get(name).and_then(Json::as_bool).unwrap_or(default);
        Some(Self {
            single_word: flag("single_word", false),
            lstrip: flag("lstrip", false),
            rstrip: flag("rstrip", false),
            normalized: flag("normalized", false),
            special: flag("special", true),
            ..Self::special(json.get("content")?.as_str()?)
        })
    }
}

/// Everything the publisher says.
#[derive(Debug)]
pub(super) struct Settings {
    pub style: Style,
    own: Json,
    special: Json,
    added: Json,
}

impl Settings {
    /// `null` for a file that is not there.
    pub fn new(style: Style, own: Json, special: Json, added: Json) -> Self {
        Self { style, own, special, added }
    }

    /// A yes or no of `tokenizer_config.json`; `None` where it says nothing.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.own.get(key).and_then(Json::as_bool)
    }

    /// A text of `tokenizer_config.json`; `None` where it says nothing.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.own.get(key).and_then(Json::as_str)
    }

    /// Looks for settings of `tokenizer_config.json` that change what a text becomes, and that the rules made here lack.
    ///
    /// # Errors
    /// [`BrokenVocabulary::Setting`].
    pub fn check(&self) -> Result<(), BrokenVocabulary> {
        let is_empty = |value: &Json| {
            value.is_null()
                || value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(serde_json::Map::is_empty)
        };
        for (key, usual) in UNUSUAL {
            let Some(value) = self.own.get(key).filter(|value| !is_empty(value)) else { continue };
            let is_usual = match usual {
                Usual::Yes => value == true,
                Usual::No => value == false,
                Usual::Nothing => false,
                Usual::Word(word) => value == word,
            };
            if !is_usual {
                return Err(BrokenVocabulary::Setting { key: key.to_owned(), value: value.to_string() });
            }
        }
        Ok(())
    }

    /// The token that plays a part.
    pub fn token(&self, role: Role) -> Token {
        let key = format!("{}_token", role);
        let published = [&self.own, &self.special].into_iter().filter_map(|file| file.get(&key)).find_map(Token::of);
        published.unwrap_or_else(|| Token {
            // MPNet's mask takes the space before it along.
            lstrip: (role, self.style) == (Role::Mask, Style::MpNet),
            ..Token::special(role.default(self.style))
        })
    }

    /// Special tokens without a part in every text, which are matched in texts all the same; and whether the publisher's
    /// library gives one an id of its own where it has none: not those that a family spells without having them.
    pub fn additional(&self) -> Vec<(Token, bool)> {
        let of = |key: &'static str| [&self.own, &self.special].into_iter().filter_map(move |file| file.get(key));
        let lists = of("additional_special_tokens").chain(of("extra_special_tokens"));
        let listed = lists.filter_map(Json::as_array).flatten().map(|token| (token, true));
        let ends = of("bos_token").chain(of("eos_token")).map(|token| (token, false));
        ends.chain(listed).filter_map(|(token, is_new)| Some((Token::of(token)?, is_new))).collect()
    }

    /// Tokens with ids of their own beside the vocabulary: `added_tokens_decoder`, and older `added_tokens.json`.
    pub fn added(&self) -> Vec<(usize, Token)> {
        let decoder = self.own.get("added_tokens_decoder").and_then(Json::as_object);
        let decoder = decoder.into_iter().flatten();
        let newer = decoder.filter_map(|(id, token)| {
            let token = Token { special: token.get("special")?.as_bool()?, ..Token::of(token)? };
            Some((id.parse().ok()?, token))
        });
        let older = self.added.as_object().into_iter().flatten().filter_map(|(content, id)| {
            let token = Token { special: false, normalized: true, ..Token::special(content) };
            Some((usize::try_from(id.as_u64()?).ok()?, token))
        });
        let mut tokens: Vec<(usize, Token)> = newer.chain(older).collect();
        tokens.sort_by_key(|(id, _)| *id);
        tokens.dedup_by(|b, a| a.0 == b.0);
        tokens
    }
}
