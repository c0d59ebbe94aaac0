//! The text of every error, as users read it.

use std::path::PathBuf;

use hf_hub::api::sync::ApiError;
use larder_errors::testing::texts;
use larder_hub::HubError;

#[test]
fn hubs() {
    use HubError::*;
    let (endpoint, model) = ("https://hub.example".to_owned(), "org/model".to_owned());
    let (name, path) = ("model.safetensors".to_owned(), PathBuf::from("hub/model.safetensors"));
    let refused = || Box::new(ApiError::IoError(std::io::ErrorKind::ConnectionRefused.into()));
    let examples = [
        BadName { found: "hf:model".to_owned(), reason: "it has no owner" },
        NoCache,
        Cache { path: "hub".into(), source: std::io::ErrorKind::PermissionDenied.into() },
        Unreachable { endpoint: endpoint.clone(), model: model.clone(), source: refused() },
        CutOff { name: name.clone(), model: model.clone(), attempts: 5, source: refused() },
        BadAnswer { endpoint: endpoint.clone(), model: model.clone(), found: "a page".to_owned() },
        Unauthorised { endpoint: endpoint.clone(), model: model.clone(), token: "none was sent" },
        Gated {
            endpoint: endpoint.clone(),
            model: model.clone(),
            repo: "org/model".to_owned(),
            token: "none was sent",
        },
        NoModel { endpoint, model: model.clone() },
        NoRevision { model: model.clone(), revision: "v2".to_owned() },
        NoFile {
            model: model.clone(),
            name: "tokenizer.json".to_owned(),
            commit: "0123abc".to_owned(),
            known: "config.json".to_owned(),
        },
        NotCached { model: model.clone(), cache: "hub".into() },
        FileNotCached { model: model.clone(), name: name.clone(), folder: "hub".into() },
        Short { name: name.clone(), path: path.clone(), expected: 20, found: 10 },
        Changed { name: name.clone(), path, expected: "aa".to_owned(), found: "bb".to_owned() },
        Busy { name, model },
    ];
    let class = |error: &HubError| vec![format!("class: {:?}", error.class())];
    insta::assert_snapshot!(texts(include_str!("../../src/error.rs"), &examples, class));
}
