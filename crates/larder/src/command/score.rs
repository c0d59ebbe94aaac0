//! `score`: entity scores of any CoNLL file.

use larder_data::ScoredColumns;
use larder_evaluate::{ScoreOptions, score_file};

use super::Context;
use crate::cli::ScoreArgs;
use crate::failure::Failure;
use crate::tables;

pub fn score(context: &Context, args: &ScoreArgs) -> Result<(), Failure> {
    let columns = match (args.gold, args.predicted) {
        (Some(gold), Some(predicted)) => ScoredColumns::At { gold, predicted },
        _ => ScoredColumns::LastTwo,
    };
    let options = ScoreOptions { columns, separator: args.separator, scheme: args.scheme };
    let scores = score_file(&args.file, &options)?;
    if context.json {
        return context.print_json(&scores);
    }
    context.print(&tables::file_scores(&scores))
}
