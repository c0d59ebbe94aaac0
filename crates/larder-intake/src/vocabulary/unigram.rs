//! Unigram (Kudo, 2018, <https://arxiv.org/abs/1804.10959>) from a SentencePiece model: as ALBERT and XLM-R have it, which
//! prepare texts in ways of their own, and as SentencePiece itself does, which DeBERTa-v2, FNet and BigBird leave it to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::error::BrokenVocabulary;
use super::sentencepiece::{ModelProto, unigram};
use super::settings::{Role, Settings, Style};
use super::special::Special;

/// Pieces of SentencePiece's own special tokens, `<unk>`, `<s>`, `</s>`, in whose place fairseq put four of its own.
const REPLACED: usize = 3;

/// The penalty on the score of a number with a comma behind it: ALBERT reads those as two pieces.
const NUMBER_COMMA: f64 = 100.0;

pub(super) fn tokenizer(bytes: &[u8], settings: &Settings) -> Result<Json, BrokenVocabulary> {
    let model = unigram(bytes)?;
    let own_rules = matches!(settings.style, Style::DebertaV2 | Style::Sentences);
    let pieces = match settings.style {
        Style::XlmRoberta => fairseq_pieces(&model, settings),
        Style::Albert => albert_pieces(&model),
        _ => scored(&model).collect(),
    };
    let special = Special::new(settings, pieces.len(), |token| pieces.iter().position(|(piece, _)| piece == token))?;
    let unknown = settings.token(Role::Unk).content;
    // `Special` has found it, in the vocabulary or among the added tokens; Unigram needs it in the vocabulary.
    let unk_id = pieces.iter().position(|(piece, _)| *piece == unknown);
    let unk_id = unk_id.ok_or(BrokenVocabulary::NoToken { role: "unk", token: unknown })?;

    let dummy_prefix = model.normalizer_spec.as_ref().is_none_or(|spec| spec.add_dummy_prefix.unwrap_or(true));
    let usual = if own_rules { dummy_prefix } else { true };
    let prepend = if settings.flag("add_prefix_space").unwrap_or(usual) { "always" } else { "never" };
    let metaspace = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": prepend, "split": true});
    let pre_tokenizer = match own_rules {
        // The normaliser puts it there, also before a text that begins with one.
        true => json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": true}),
        false => json!({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}),
    };
    let byte_fallback = model.trainer_spec.as_ref().and_then(|spec| spec.byte_fallback).unwrap_or(false);
    let table = json!({"type": "Unigram", "unk_id": unk_id, "vocab": pieces, "byte_fallback": byte_fallback});
    let precompiled = precompiled(&model);
    let normalizer = match settings.style {
        Style::XlmRoberta => precompiled.unwrap_or(Json::Null),
        Style::Albert => albert_normalizer(precompiled, settings),
        _ => own_normalizer(&model, precompiled, settings, prepend == "always"),
    };
    Ok(special.file(settings.style, normalizer, pre_tokenizer, metaspace, table))
}

fn scored(model: &ModelProto) -> impl Iterator<Item = (String, f64)> {
    model.pieces.iter().map(|piece| (piece.piece().to_owned(), f64::from(piece.score())))
}

/// fairseq's ids: four special tokens, SentencePiece's pieces behind its own three, the mask at the end.
fn fairseq_pieces(model: &ModelProto, settings: &Settings) -> Vec<(String, f64)> {
    let special = |role| (settings.token(role).content, 0.0);
    let first = [Role::Cls, Role::Pad, Role::Sep, Role::Unk].map(special);
    first.into_iter().chain(scored(model).skip(REPLACED)).chain([special(Role::Mask)]).collect()
}

fn albert_pieces(model: &ModelProto) -> Vec<(String, f64)> {
    let number_comma = |piece: &str| {
        let mut last = piece.chars().rev();
        last.next() == Some(',') && last.next().is_some_and(char::is_numeric)
    };
    scored(model)
        .map(|(piece, score)| if number_comma(&piece) { (piece, score - NUMBER_COMMA) } else { (piece, score) })
        .collect()
}

/// The model's own map of characters.
fn precompiled(model: &ModelProto) -> Option<Json> {
    let map = model.normalizer_spec.as_ref()?.precompiled_charsmap.as_ref().filter(|map| !map.is_empty())?;
    Some(json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(map)}))
}

/// SentencePiece's normalisation: its map of characters, then runs of blanks collapsed, and none at the ends, where its mark of a
/// blank counts as one behind the text; then the blank before all.
fn own_normalizer(model: &ModelProto, precompiled: Option<Json>, settings: &Settings, prepends: bool) -> Json {
    let mut steps = Vec::new();
    if settings.flag("do_lower_case").unwrap_or(false) {
        steps.push(json!({"type": "Lowercase"}));
    }
    steps.extend(precompiled);
    if model.normalizer_spec.as_ref().is_none_or(|spec| spec.remove_extra_whitespaces.unwrap_or(true)) {
        steps.push(json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}));
        steps.push(json!({"type": "Replace", "pattern": {"Regex": "^ +|[ ▁]+$"}, "content": ""}));
    }
    if prepends {
        steps.push(json!({"type": "Prepend", "prepend": "▁"}));
    }
    json!({"type": "Sequence", "normalizers": steps})
}

fn albert_normalizer(precompiled: Option<Json>, settings: &Settings) -> Json {
    let quote = |found: &str| json!({"type": "Replace", "pattern": {"String": found}, "content": "\""});
    let mut steps = vec![quote("``"), quote("''")];
    if !settings.flag("keep_accents").unwrap_or(false) {
        steps.extend([json!({"type": "NFKD"}), json!({"type": "StripAccents"})]);
    }
    if settings.flag("do_lower_case").unwrap_or(true) {
        steps.push(json!({"type": "Lowercase"}));
    }
    steps.extend(precompiled);
    json!({"type": "Sequence", "normalizers": steps})
}
