//! What a publisher says beside the vocabulary: `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`.

use larder_onnx::Family;
use serde_json::Value as Json;

/// A family of tokenizers: what they do before and after the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// BERT, DistilBERT, ELECTRA: `[CLS] … [SEP] … [SEP]`.
    Bert,
    /// BERT's words in RoBERTa's frame.
    MpNet,
    /// `<s> … </s></s> … </s>`.
    Roberta,
    /// BERT's frame around Unigram's pieces.
    Albert,
    /// RoBERTa's frame around Unigram's pieces.
    XlmRoberta,
}

impl Style {
    /// By the `tokenizer_class` of `tokenizer_config.json`, with or without `Fast`.
    pub fn of_class(class: &str) -> Option<Self> {
        match class.strip_suffix("Fast").unwrap_or(class) {
            "BertTokenizer" | "DistilBertTokenizer" | "ElectraTokenizer" => Some(Self::Bert),
            "MPNetTokenizer" => Some(Self::MpNet),
            "RobertaTokenizer" => Some(Self::Roberta),
            "AlbertTokenizer" => Some(Self::Albert),
            "XLMRobertaTokenizer" => Some(Self::XlmRoberta),
            _ => None,
        }
    }

    /// The tokenizers that a family of models was published with.
    pub fn of_family(family: Family) -> Self {
        match family {
            Family::Bert | Family::DistilBert | Family::Electra => Self::Bert,
            Family::MpNet => Self::MpNet,
            Family::Roberta => Self::Roberta,
            Family::Albert => Self::Albert,
            Family::XlmRoberta => Self::XlmRoberta,
        }
    }

    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bert => "BERT's",
            Self::MpNet => "MPNet's",
            Self::Roberta => "RoBERTa's",
            Self::Albert => "ALBERT's",
            Self::XlmRoberta => "XLM-R's",
        }
    }
}

/// A special token's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Cls,
    Sep,
    Pad,
    Unk,
    Mask,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Cls, Self::Sep, Self::Pad, Self::Unk, Self::Mask];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Sep => "sep",
            Self::Pad => "pad",
            Self::Unk => "unk",
            Self::Mask => "mask",
        }
    }

    fn default(self, style: Style) -> &'static str {
        match (self, style) {
            (Self::Cls, Style::Bert | Style::Albert) => "[CLS]",
            (Self::Sep, Style::Bert | Style::Albert) => "[SEP]",
            (Self::Cls, _) => "<s>",
            (Self::Sep, _) => "</s>",
            (Self::Pad, Style::Bert) => "[PAD]",
            (Self::Pad, _) => "<pad>",
            (Self::Unk, Style::Bert | Style::MpNet) => "[UNK]",
            (Self::Unk, _) => "<unk>",
            (Self::Mask, Style::Bert | Style::Albert) => "[MASK]",
            (Self::Mask, _) => "<mask>",
        }
    }
}

/// How a token that is found in a text before any cutting is matched.
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

    /// The token that plays a part.
    pub fn token(&self, role: Role) -> Token {
        let key = format!("{}_token", role.name());
        let published = [&self.own, &self.special].into_iter().filter_map(|file| file.get(&key)).find_map(Token::of);
        published.unwrap_or_else(|| Token {
            // MPNet's mask takes the space before it along.
            lstrip: (role, self.style) == (Role::Mask, Style::MpNet),
            ..Token::special(role.default(self.style))
        })
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
