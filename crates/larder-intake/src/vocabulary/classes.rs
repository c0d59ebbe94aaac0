//! The tokenizer classes of `transformers` whose rules are implemented here.

use serde_json::Value as Json;

use super::settings::Style;

/// Names the class in `tokenizer_config.json` and in `config.json`.
const CLASS_KEY: &str = "tokenizer_class";

/// Each class, without `Fast`, beside the rules that it has. Classes on one line differ in nothing but their names.
const CLASSES: [(Style, &[&str]); 8] = [
    (
        Style::Bert,
        &[
            "BertTokenizer",
            "ConvBertTokenizer",
            "DPRContextEncoderTokenizer",
            "DPRQuestionEncoderTokenizer",
            "DistilBertTokenizer",
            "ElectraTokenizer",
            "LayoutLMTokenizer",
            "LxmertTokenizer",
            "MobileBertTokenizer",
            "RealmTokenizer",
            "RetriBertTokenizer",
            "SqueezeBertTokenizer",
        ],
    ),
    (Style::Funnel, &["FunnelTokenizer"]),
    (Style::MpNet, &["MPNetTokenizer"]),
    (Style::Roberta, &["RobertaTokenizer", "BartTokenizer", "LEDTokenizer", "LongformerTokenizer", "MvpTokenizer"]),
    (Style::Albert, &["AlbertTokenizer"]),
    (Style::XlmRoberta, &["XLMRobertaTokenizer"]),
    (Style::DebertaV2, &["DebertaV2Tokenizer"]),
    (Style::Sentences, &["FNetTokenizer", "BigBirdTokenizer"]),
];

/// The `model_type` of models that name no class, beside the class that transformers takes for it.
const MODELS: [(&str, &[&str]); 34] = [
    (
        "BertTokenizer",
        &[
            "bert",
            "distilbert",
            "electra",
            "convbert",
            "dpr",
            "ernie",
            "layoutlm",
            "lxmert",
            "megatron-bert",
            "mobilebert",
            "nezha",
            "nomic_bert",
            "qdqbert",
            "realm",
            "retribert",
            "squeezebert",
            "visual_bert",
        ],
    ),
    ("FunnelTokenizer", &["funnel"]),
    ("MPNetTokenizer", &["mpnet"]),
    (
        "RobertaTokenizer",
        &[
            "roberta",
            "bart",
            "data2vec-text",
            "ibert",
            "led",
            "lilt",
            "longformer",
            "mra",
            "mvp",
            "roberta-prelayernorm",
        ],
    ),
    ("AlbertTokenizer", &["albert", "yoso"]),
    ("XLMRobertaTokenizer", &["xlm-roberta", "xlm-roberta-xl", "gte", "jina_embeddings_v3", "xmod"]),
    ("DebertaV2Tokenizer", &["deberta-v2"]),
    ("FNetTokenizer", &["fnet"]),
    ("BigBirdTokenizer", &["big_bird"]),
    // Those below have rules that are not known here.
    ("BertGenerationTokenizer", &["bert-generation"]),
    ("BertJapaneseTokenizer", &["bert-japanese"]),
    ("BertweetTokenizer", &["bertweet"]),
    ("CLIPTokenizer", &["clip", "clipseg"]),
    ("CTRLTokenizer", &["ctrl"]),
    ("CamembertTokenizer", &["camembert"]),
    ("DebertaTokenizer", &["deberta"]),
    ("EsmTokenizer", &["esm"]),
    ("FlaubertTokenizer", &["flaubert"]),
    ("GPT2Tokenizer", &["gpt2", "gpt_neo", "gptj", "opt"]),
    ("HerbertTokenizer", &["herbert"]),
    ("LukeTokenizer", &["luke"]),
    ("MLukeTokenizer", &["mluke"]),
    ("MBartTokenizer", &["mbart"]),
    ("OpenAIGPTTokenizer", &["openai-gpt"]),
    ("PhobertTokenizer", &["phobert"]),
    ("ProphetNetTokenizer", &["prophetnet"]),
    ("RemBertTokenizer", &["rembert"]),
    ("RoCBertTokenizer", &["roc_bert"]),
    ("RoFormerTokenizer", &["roformer"]),
    ("SplinterTokenizer", &["splinter"]),
    ("T5Tokenizer", &["t5", "mt5", "longt5", "umt5"]),
    ("TapasTokenizer", &["tapas"]),
    ("XLMTokenizer", &["xlm"]),
    ("XLNetTokenizer", &["xlnet"]),
];

/// The tokenizer class that a folder names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// One whose rules are known.
    Known(Style),
    /// One whose rules are not, and what says so.
    Unknown { class: String, said_by: String },
    /// Nothing is said, or of a type of models that is not known.
    Unsaid,
}

impl Class {
    /// By `tokenizer_config.json`, else by `config.json`, else by the model's type, which is the order of transformers.
    pub fn of(settings: &Json, config: &Json) -> Self {
        for (file, json) in [("tokenizer_config.json", settings), ("config.json", config)] {
            if let Some(code) = own_code(json) {
                return Self::Unknown { class: code, said_by: format!("`auto_map` in {file}") };
            }
            if let Some(class) = json.get(CLASS_KEY).and_then(Json::as_str) {
                return Self::named(class, format!("`{CLASS_KEY}` in {file}"));
            }
        }
        let Some(model_type) = config.get("model_type").and_then(Json::as_str) else { return Self::Unsaid };
        let class = MODELS.iter().find(|(_, types)| types.contains(&model_type));
        class.map_or(Self::Unsaid, |(class, _)| {
            Self::named(class, format!("the tokenizer of `model_type` {model_type:?} in config.json"))
        })
    }

    fn named(class: &str, said_by: String) -> Self {
        let plain = class.strip_suffix("Fast").unwrap_or(class);
        match CLASSES.iter().find(|(_, classes)| classes.contains(&plain)) {
            Some((style, _)) => Self::Known(*style),
            None => Self::Unknown { class: class.to_owned(), said_by },
        }
    }
}

/// A tokenizer that is code beside the model: `module.Class`, or `[slow, fast]` of these.
fn own_code(json: &Json) -> Option<String> {
    match json.get("auto_map")?.get("AutoTokenizer")? {
        Json::String(code) => Some(code.clone()),
        Json::Array(codes) => codes.iter().find_map(Json::as_str).map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn classes_come_before_the_model_s_type_and_unknown_ones_are_no_guess() {
        let of = |settings: Json, config: Json| Class::of(&settings, &config);
        let class = |name: &str| json!({"tokenizer_class": name});
        let bert = json!({"model_type": "bert"});
        assert_eq!(of(Json::Null, bert.clone()), Class::Known(Style::Bert));
        assert_eq!(of(class("XLMRobertaTokenizerFast"), bert.clone()), Class::Known(Style::XlmRoberta));
        assert_eq!(of(json!({"tokenizer_class": null}), bert.clone()), Class::Known(Style::Bert));
        for name in ["BertJapaneseTokenizer", "CamembertTokenizerFast", "MyOwnTokenizer", "PreTrainedTokenizerFast", ""]
        {
            let Class::Unknown { class: found, said_by } = of(class(name), bert.clone()) else { panic!("{name}") };
            assert_eq!((found.as_str(), said_by.as_str()), (name, "`tokenizer_class` in tokenizer_config.json"));
            let config = json!({"model_type": "bert", "tokenizer_class": name});
            assert!(matches!(of(json!({"do_lower_case": true}), config), Class::Unknown { .. }), "{name}");
        }
        assert!(matches!(of(Json::Null, json!({"model_type": "camembert"})), Class::Unknown { .. }));
        assert_eq!(of(Json::Null, json!({"model_type": "never-heard-of"})), Class::Unsaid);
        assert_eq!(of(Json::Null, Json::Null), Class::Unsaid);
        let code =
            json!({"auto_map": {"AutoTokenizer": ["mine.MyTokenizer", null]}, "tokenizer_class": "BertTokenizer"});
        let Class::Unknown { class, said_by } = of(code, bert.clone()) else { panic!("runs code") };
        assert!(class == "mine.MyTokenizer" && said_by.contains("auto_map"), "{class} {said_by}");
        // A model with code of its own may have a tokenizer without.
        let config = json!({"model_type": "bert", "auto_map": {"AutoModel": "mine.Model"}});
        assert_eq!(of(Json::Null, config), Class::Known(Style::Bert));
    }

    #[test]
    fn every_class_has_one_place() {
        let mut classes: Vec<&str> = CLASSES.iter().flat_map(|(_, classes)| classes.iter().copied()).collect();
        let mut types: Vec<&str> = MODELS.iter().flat_map(|(_, types)| types.iter().copied()).collect();
        for names in [&mut classes, &mut types] {
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
