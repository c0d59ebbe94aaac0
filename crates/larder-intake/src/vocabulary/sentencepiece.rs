//! The messages of a SentencePiece model file, as `sentencepiece_model.proto` defines them, cut to what a tokenizer needs
//! (Kudo and Richardson, 2018, <https://arxiv.org/abs/1808.06226>).

use prost::Message;

use super::error::BrokenVocabulary;

/// `model_type` of Unigram, and what a file means that says nothing.
const UNIGRAM: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pub pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    pub trainer_spec: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    pub normalizer_spec: Option<NormalizerSpec>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Piece {
    #[prost(string, optional, tag = "1")]
    pub piece: Option<String>,
    #[prost(float, optional, tag = "2")]
    pub score: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TrainerSpec {
    #[prost(int32, optional, tag = "3")]
    pub model_type: Option<i32>,
    #[prost(bool, optional, tag = "24")]
    pub treat_whitespace_as_suffix: Option<bool>,
    #[prost(bool, optional, tag = "35")]
    pub byte_fallback: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NormalizerSpec {
    #[prost(bytes = "vec", optional, tag = "2")]
    pub precompiled_charsmap: Option<Vec<u8>>,
    #[prost(bool, optional, tag = "3")]
    pub add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    pub remove_extra_whitespaces: Option<bool>,
}

/// Decodes a Unigram model.
pub(super) fn unigram(bytes: &[u8]) -> Result<ModelProto, BrokenVocabulary> {
    let model = ModelProto::decode(bytes).map_err(BrokenVocabulary::NotSentencePiece)?;
    let kind = model.trainer_spec.as_ref().and_then(|spec| spec.model_type).unwrap_or(UNIGRAM);
    if model.pieces.is_empty() {
        return Err(BrokenVocabulary::Empty);
    }
    if kind != UNIGRAM {
        return Err(BrokenVocabulary::NotUnigram { found: kind });
    }
    if model.trainer_spec.as_ref().and_then(|spec| spec.treat_whitespace_as_suffix) == Some(true) {
        return Err(BrokenVocabulary::BlanksBehind);
    }
    match model.pieces.iter().find(|piece| !piece.score().is_finite()) {
        Some(piece) => Err(BrokenVocabulary::Score { piece: piece.piece().to_owned() }),
        None => Ok(model),
    }
}
