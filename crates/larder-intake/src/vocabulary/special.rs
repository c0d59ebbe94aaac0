//! The special tokens of a `tokenizer.json`: where they stand, and how they frame a text.

use serde_json::{Value as Json, json};

use super::error::BrokenVocabulary;
use super::settings::{Role, Settings, Style, Token};

/// The type of the token that opens a text, in Funnel Transformer.
const FUNNEL_CLS_TYPE: usize = 2;

/// The special tokens with their ids.
pub(super) struct Special {
    tokens: Vec<(usize, Token)>,
    /// Text and id of what opens a text.
    cls: (String, usize),
    /// Text and id of what closes one.
    sep: (String, usize),
}

impl Special {
    /// Gives every special token its id: that of the vocabulary, else the published one, else the next free one.
    ///
    /// # Errors
    /// [`BrokenVocabulary::NoToken`] where a token that every text needs is in neither.
    pub fn new(
        settings: &Settings,
        size: usize,
        id_of: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, BrokenVocabulary> {
        let published = settings.added();
        let mut next = published.iter().map(|(id, _)| id + 1).max().unwrap_or(0).max(size);
        let mut tokens: Vec<(usize, Token)> = Vec::new();
        let mut ends = [None, None];
        for &role in Role::ALL {
            let token = settings.token(role);
            let there = published.iter().find(|(_, added)| added.content == token.content);
            let known = id_of(&token.content).or(there.map(|(id, _)| *id));
            if known.is_none() && matches!(role, Role::Cls | Role::Sep | Role::Unk) {
                return Err(BrokenVocabulary::NoToken { role: role.as_str(), token: token.content });
            }
            let id = known.unwrap_or(next);
            next = next.max(id + 1);
            match role {
                Role::Cls => ends[0] = Some((token.content.clone(), id)),
                Role::Sep => ends[1] = Some((token.content.clone(), id)),
                Role::Pad | Role::Unk | Role::Mask => {}
            }
            if tokens.iter().all(|(other, _)| *other != id) {
                tokens.push((id, there.map_or(token, |(_, added)| Token { special: true, ..added.clone() })));
            }
        }
        for (token, is_new) in settings.additional() {
            let there = published.iter().find(|(_, added)| added.content == token.content).map(|(id, _)| *id);
            let known = id_of(&token.content).or(there);
            let Some(id) = known.or(is_new.then_some(next)) else { continue };
            next = next.max(id + 1);
            if tokens.iter().all(|(other, _)| *other != id) {
                tokens.push((id, Token { special: true, ..token }));
            }
        }
        for (id, token) in published {
            if tokens.iter().all(|(other, _)| *other != id) {
                tokens.push((id, token));
            }
        }
        tokens.sort_by_key(|(id, _)| *id);
        let [Some(cls), Some(sep)] = ends else { unreachable!("both roles are among all roles") };
        Ok(Self { tokens, cls, sep })
    }

    /// The list `added_tokens`.
    pub fn added(&self) -> Json {
        let entry = |(id, token): &(usize, Token)| {
            json!({
                "id": id,
                "content": token.content,
                "single_word": token.single_word,
                "lstrip": token.lstrip,
                "rstrip": token.rstrip,
                "normalized": token.normalized,
                "special": token.special,
            })
        };
        self.tokens.iter().map(entry).collect()
    }

    /// The frame around one text and around a pair.
    pub fn post_processor(&self, style: Style) -> Json {
        let ((cls, cls_id), (sep, sep_id)) = (&self.cls, &self.sep);
        let token = |text: &str, segment: usize| json!({"SpecialToken": {"id": text, "type_id": segment}});
        let text = |name: &str, segment: usize| json!({"Sequence": {"id": name, "type_id": segment}});
        let (single, pair) = match style {
            Style::Bert | Style::Albert | Style::DebertaV2 | Style::Sentences | Style::Funnel => {
                let first = if style == Style::Funnel { FUNNEL_CLS_TYPE } else { 0 };
                let single = vec![token(cls, first), text("A", 0), token(sep, 0)];
                let pair = single.iter().cloned().chain([text("B", 1), token(sep, 1)]).collect::<Vec<_>>();
                (single, pair)
            }
            Style::XlmRoberta => {
                let single = vec![token(cls, 0), text("A", 0), token(sep, 0)];
                let pair = single.iter().cloned().chain([token(sep, 0), text("B", 0), token(sep, 0)]);
                (single.clone(), pair.collect())
            }
            Style::MpNet | Style::Roberta => {
                return json!({
                    "type": "RobertaProcessing",
                    "sep": [sep, sep_id],
                    "cls": [cls, cls_id],
                    "trim_offsets": true,
                    "add_prefix_space": false,
                });
            }
        };
        json!({
            "type": "TemplateProcessing",
            "single": single,
            "pair": pair,
            "special_tokens": {
                cls.as_str(): {"id": cls, "ids": [cls_id], "tokens": [cls]},
                sep.as_str(): {"id": sep, "ids": [sep_id], "tokens": [sep]},
            },
        })
    }

    /// The whole file.
    pub fn file(&self, style: Style, normalizer: Json, pre_tokenizer: Json, decoder: Json, model: Json) -> Json {
        json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": self.added(),
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": self.post_processor(style),
            "decoder": decoder,
            "model": model,
        })
    }
}
