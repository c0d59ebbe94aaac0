//! Checking what a `tokenizer.json` puts around a text, where its reader takes the file's word for it.

use serde_json::Value;

/// Returns the problem with a template of special tokens, if there is one: it must know every token that it names, and
/// ask for no second text where there is one.
pub(crate) fn problem(post_processor: &Value) -> Option<String> {
    match post_processor.get("type").and_then(Value::as_str) {
        // The reader takes one without a type for whatever its entries fit.
        Some("Sequence" | "TemplateProcessing") | None => {
            let mut nested = post_processor.get("processors").and_then(Value::as_array).into_iter().flatten();
            let template = || ["single", "pair"].into_iter().find_map(|key| of_template(post_processor, key));
            nested.find_map(problem).or_else(template)
        }
        Some(_) => None,
    }
}

fn of_template(template: &Value, key: &str) -> Option<String> {
    let known = |id: &str| template.get("special_tokens").is_some_and(|tokens| tokens.get(id).is_some());
    template.get(key)?.as_array()?.iter().find_map(|piece| {
        let id = |kind: &str| piece.get(kind)?.get("id")?.as_str();
        match (id("SpecialToken"), id("Sequence")) {
            (Some(token), _) if !known(token) => {
                Some(format!("its \"{key}\" names {token:?}, which it does not define"))
            }
            (_, Some("B")) if key == "single" => Some("its \"single\" names a second text, \"B\"".to_owned()),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_name_what_there_is() {
        let special = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
        let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
        let template = |single: Vec<Value>, pair: Vec<Value>| {
            json!({"type": "TemplateProcessing", "single": single, "pair": pair,
                "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}}})
        };
        let fine = template(vec![special("[CLS]"), text("A")], vec![text("A"), text("B")]);
        assert_eq!(problem(&fine), None);
        assert_eq!(problem(&Value::Null), None);
        let unknown = template(vec![text("A")], vec![text("A"), special("[SEP]"), text("B")]);
        assert_eq!(problem(&unknown).as_deref(), Some("its \"pair\" names \"[SEP]\", which it does not define"));
        let mut untyped = unknown;
        untyped.as_object_mut().unwrap().remove("type");
        assert!(problem(&untyped).is_some(), "found by fuzzing: the reader panics on it");
        let second = template(vec![text("A"), text("B")], vec![]);
        let nested = json!({"type": "Sequence", "processors": [fine, second]});
        assert_eq!(problem(&nested).as_deref(), Some("its \"single\" names a second text, \"B\""));
    }
}
