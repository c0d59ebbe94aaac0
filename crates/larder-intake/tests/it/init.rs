//! Encoders with random weights, and the tokenizer made for them.

use larder_data::Content;
use larder_intake::{
    Encoder, EncoderError, InitRequest, LengthOrigin, Outcome, PooledKind, SourceKind, TOLERANCE, init,
};
use larder_tokens::TokenizeSettings;

use crate::support::{Bench, TINY, chain};

#[test]
fn an_encoder_from_a_seed_is_whole() {
    let Some(bench) = Bench::new() else { return };
    let added = bench.init("tiny", 7, TINY).expect("a tiny BERT");
    assert_eq!(added.outcome, Outcome::Added);
    let encoder = Encoder::open(&bench.home, "tiny").expect("is there");
    assert_eq!(encoder, added.encoder);
    assert_eq!(bench.left(), [".lock", "tiny"]);

    let manifest = encoder.manifest();
    assert_eq!(manifest.family.map(|family| family.as_str()), Some("bert"));
    assert_eq!(
        (manifest.hidden_size, manifest.num_hidden_layers, manifest.num_attention_heads),
        (32, Some(2), Some(4))
    );
    assert_eq!((manifest.vocabulary_size, encoder.max_tokens()), (300, 64));
    assert_eq!(manifest.max_positions_from, LengthOrigin::Declared);
    assert_eq!(manifest.hidden_states.len(), 3);
    assert_eq!((manifest.source.kind, manifest.source.seed), (SourceKind::Init, Some(7)));
    assert_eq!(manifest.source.files[0].name, "config.json");
    let special = &manifest.special_tokens;
    let ids = [special.pad_id, special.unk_id, special.cls_id, special.sep_id, special.mask_id];
    assert_eq!(ids, [0, 1, 2, 3, 4].map(Some));

    assert!(manifest.mask_honoured && !encoder.needs_exact_lengths());
    let probe = &manifest.probe;
    assert!(probe.batch_deviation < TOLERANCE && probe.padding_deviation.expect("is finite") < TOLERANCE, "{probe:?}");
    // A freshly drawn BERT's vectors come out of a normalisation with scale 1.
    assert!((probe.scale - 1.0).abs() < 0.01 && probe.spread > 0.1, "{probe:?}");
    assert_eq!((probe.longest_read, probe.unknown_tokens), (64, 0));
    assert_eq!(probe.pooled.len(), 1);
    assert_eq!(probe.pooled[0].kind, PooledKind::Tanh);

    assert_eq!(encoder.model().expect("loads").outputs().len(), 2);
    let text = std::fs::read_to_string(encoder.folder().join("encoder.json")).expect("is there");
    assert!(!text.contains(&bench.path("").display().to_string()), "no path of this machine: {text}");
}

#[test]
fn the_seed_decides_everything_and_the_name_nothing() {
    let Some(bench) = Bench::new() else { return };
    let [a, b, c] =
        [("a", 7), ("b", 7), ("c", 8)].map(|(name, seed)| bench.init(name, seed, TINY).expect(name).encoder);
    assert_eq!(a.manifest().digest, b.manifest().digest);
    assert_eq!(a.manifest().tokenizer_digest, b.manifest().tokenizer_digest);
    assert_ne!(a.manifest().digest, c.manifest().digest);
    assert_eq!(a.manifest().tokenizer_digest, c.manifest().tokenizer_digest);
}

#[test]
fn the_made_tokenizer_spells_english() {
    let Some(bench) = Bench::new() else { return };
    let encoder = bench.tiny("tiny");
    let tokenizer = encoder.tokenizer().expect("loads");
    assert_eq!(tokenizer.vocabulary_size(), 300);
    let content = Content::Text { text: "The LARDER's 3 jars; café!".to_owned(), text_b: None };
    let tokens = tokenizer.encode(&content, &TokenizeSettings::default()).expect("is text");
    let spelled: Vec<String> = tokens.input_ids.iter().map(|id| tokenizer.token(*id).expect("is known")).collect();
    assert_eq!(
        (spelled.first().map(String::as_str), spelled.last().map(String::as_str)),
        (Some("[CLS]"), Some("[SEP]"))
    );
    assert_eq!(spelled[1..spelled.len() - 1].concat().replace("##", ""), "thelarder's3jars;cafe!");
}

#[test]
fn a_small_vocabulary_is_refused_and_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    let error = bench.init("tiny", 7, &TINY.replace("300", "60")).expect_err("cannot be spelled");
    assert!(matches!(error, EncoderError::VocabularyTooSmall { vocab_size: 60, .. }), "{error}");
    assert!(!bench.left().contains(&"tiny".to_owned()));
}

#[test]
fn a_tokenizer_that_is_given_must_fit() {
    let Some(bench) = Bench::new() else { return };
    let tokenizer = bench.tiny("tiny").tokenizer_path();
    let with = |name: &str, config: &str| {
        let config = bench.write(&format!("{name}/config.json"), config);
        let request = InitRequest { config, tokenizer: Some(tokenizer.clone()), ..InitRequest::default() };
        init(&bench.home, &bench.runtime, &request, &mut |_| ())
    };
    let fits = with("large", &TINY.replace("300", "512")).expect("rows to spare").encoder;
    assert_eq!(fits.name(), "large-random");
    assert_eq!(fits.manifest().source.files[1].name, "tokenizer.json");
    let error = chain(&with("small", &TINY.replace("300", "200")).expect_err("too few rows"));
    assert!(error.contains("does not belong to the encoder"), "{error}");
    assert!(error.contains("299") && error.contains("200"), "{error}");
    assert_eq!(bench.left(), [".lock", "large-random", "tiny"]);
}

#[test]
fn sizes_that_do_not_go_together_are_named_with_their_file() {
    let Some(bench) = Bench::new() else { return };
    let error = chain(&bench.init("odd", 1, &TINY.replace("32", "30")).expect_err("4 heads of 30"));
    assert!(error.contains("config.json") && error.contains("num_attention_heads"), "{error}");
    let error =
        chain(&bench.init("flat", 1, &TINY.replace('}', ", \"initializer_range\": 0.0}")).expect_err("constant"));
    assert!(error.contains("is the same for every probe text"), "{error}");
    let error = chain(&bench.init("other", 1, &TINY.replace("bert", "gpt2")).expect_err("not a BERT"));
    assert!(error.contains("gpt2") && error.contains("supported: bert"), "{error}");
}
