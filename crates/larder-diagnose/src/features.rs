//! The options left to try, on which a remedy depends.

use std::collections::BTreeSet;

use crate::losses::Tuning;

/// The options that a head on frozen features was offered.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// The names of all columns offered, chosen or not.
    pub columns: &'a [String],
    /// The metric that the head was chosen by: `mcc`.
    pub metric: &'a str,
    /// The settings besides the columns that were chosen by that: `the strength`, `the threshold`; empty if there were
    /// none.
    pub chosen: &'a [&'a str],
}

/// The layers of columns as they are named: `mean` is of the last layer, for which `None` stands, `mean_l4` of layer 4.
fn layers(columns: &[String]) -> BTreeSet<Option<i64>> {
    let layer = |column: &String| {
        let (pooling, layer) = column.rsplit_once("_l")?;
        layer.parse().ok().filter(|_| !pooling.is_empty())
    };
    columns.iter().map(layer).collect()
}

/// Returns true if only columns of the last layer were read.
pub(crate) fn only_last_layer(columns: &[String]) -> bool {
    layers(columns).iter().all(Option::is_none)
}

/// Returns true if columns of more than one layer were read.
pub(crate) fn several_layers(columns: &[String]) -> bool {
    layers(columns).len() > 1
}

impl Tried<'_> {
    /// Returns the next thing to try for features that tell the classes apart better.
    pub(crate) fn better_features(&self) -> String {
        if several_layers(self.columns) {
            return "several layers were tried: another encoder may know more (`--encoder`)".to_owned();
        }
        let layer = if only_last_layer(self.columns) { "from the last layer" } else { "from one layer" };
        let others = if only_last_layer(self.columns) { "earlier ones" } else { "others" };
        let were = if self.columns.len() > 1 { "were" } else { "was" };
        format!(
            "only {} {were} tried, {layer}, and what a task needs may be clearer in {others}: try `--layers all`, which reads \
             them in the same pass over the encoder",
            list(self.columns)
        )
    }

    /// Returns the next thing to try when the features tell nothing about the classes.
    pub(crate) fn any_features(&self) -> String {
        if several_layers(self.columns) {
            format!("{}, or the labels may not belong to the texts", self.better_features())
        } else {
            self.better_features()
        }
    }

    /// `the strength and the threshold were chosen for mcc`; `None` where nothing was chosen.
    pub(crate) fn chosen_in_words(&self) -> Option<String> {
        let (last, others) = self.chosen.split_last()?;
        let words = match others {
            [] => format!("{last} was"),
            others => format!("{} and {last} were", others.join(", ")),
        };
        Some(format!("{words} chosen for {}", self.metric))
    }
}

/// The method that produced the judged answers.
#[derive(Debug, Clone, Copy)]
pub enum Method<'a> {
    /// A head on frozen features.
    Frozen(Tried<'a>),
    /// An encoder trained with its head.
    Tuned(Tuning<'a>),
}

impl Method<'_> {
    /// Returns the next thing to try when nothing was learned.
    pub(crate) fn any_remedy(&self) -> String {
        match self {
            Self::Frozen(tried) => tried.any_features(),
            Self::Tuned(tuning) => tuning.better_training(),
        }
    }
}

pub(crate) fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn several_layers_are_those_of_several_layers() {
        assert!(only_last_layer(&names(&["cls", "mean"])) && !several_layers(&names(&["cls", "mean"])));
        assert!(!only_last_layer(&names(&["mean_l4"])) && !several_layers(&names(&["mean_l4", "cls_l4"])));
        assert!(
            several_layers(&names(&["mean", "mean_l4"])) && several_layers(&names(&["embedding_l2", "embedding_l3"]))
        );
        let (columns, chosen) = (names(&["mean_l4"]), ["the strength"]);
        let tried = Tried { columns: &columns, metric: "mcc", chosen: &chosen };
        assert!(tried.better_features().starts_with("only `mean_l4` was tried, from one layer"));
        assert_eq!(tried.chosen_in_words().unwrap(), "the strength was chosen for mcc");
        assert_eq!(Tried { chosen: &[], ..tried }.chosen_in_words(), None);
    }
}
